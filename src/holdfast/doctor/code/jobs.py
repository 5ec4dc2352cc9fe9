"""Which functions are jobs of a queue, how often it repeats them, and how long they may take."""

import ast

from holdfast.doctor.code.facts import Layer, TimeLimit
from holdfast.doctor.code.layers import (
    ARQ_TRIES,
    Reading,
    arq_job,
    celery_task,
    huey_task,
    rq_retry,
    wrapper_of,
)
from holdfast.doctor.code.names import chain_of, keyword
from holdfast.doctor.code.scopes import AnyFunction, Scope

_CELERY_WORDS = frozenset(
    "autoretry_for acks_late bind default_retry_delay max_retries retry_backoff retry_kwargs "
    "soft_time_limit time_limit".split()
)
_HUEY_WORDS = frozenset({"retries", "retry_delay"})
_ENQUEUE = frozenset({"enqueue", "enqueue_in", "enqueue_at", "enqueue_call"})


def layer_of_decorator(
    decorator: ast.expr, function: AnyFunction, scope: Scope, reading: Reading
) -> Layer | None:
    """The layer that a decorator is, if it is one that repeats.

    Args:
        decorator: the decorator.
        function: what it is put on.
        scope: where the function is defined.
        reading: what the names stand for.
    """
    found = wrapper_of(decorator, reading)
    if found is not None:
        return found
    queue = _queue_of(decorator, scope, reading)
    if queue == "celery":
        return celery_task(decorator, function, reading)
    if queue == "huey":
        call = decorator if isinstance(decorator, ast.Call) else None
        return huey_task(call, reading, Layer("the huey task", reading.place(decorator)))
    return None


def layer_of_function(function: AnyFunction, tree: ast.Module, reading: Reading) -> Layer | None:
    """The layer of a job that has no decorator, as arq's have none."""
    if not reading.names.imports("arq"):
        return None
    return arq_job(function, _arq_tries(tree, reading), reading)


def _queue_of(decorator: ast.expr, scope: Scope, reading: Reading) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    dotted = reading.names.dotted(called) or ""
    if dotted in ("celery.shared_task", "celery.task.task", "celery.app.shared_task"):
        return "celery"
    chain = chain_of(called)
    if chain is None or chain[-1] not in ("task", "periodic_task", "on_task"):
        return ""
    words = {word.arg for word in decorator.keywords} if isinstance(decorator, ast.Call) else set()
    made = _maker(chain[0], scope, reading)
    if made.startswith("huey.") or (words & _HUEY_WORDS and not words & _CELERY_WORDS):
        return "huey"
    known = made.startswith("celery.") or "celery" in dotted or reading.names.imports("celery")
    return "celery" if known or words & _CELERY_WORDS else ""


def _maker(name: str, scope: Scope, reading: Reading) -> str:
    """What made the object of a name, such as `celery.Celery`."""
    for value in scope.values_of(name):
        made = reading.names.called(value)
        if made is not None:
            return made
    return ""


def _arq_tries(tree: ast.Module, reading: Reading) -> int | None:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name.endswith("Settings"):
            for statement in node.body:
                match statement:
                    case ast.Assign(targets=[ast.Name(id="max_tries")], value=value):
                        tries = reading.values.number(value)
                        return None if tries is None else int(tries)
    return ARQ_TRIES


def enqueued(call: ast.Call, reading: Reading) -> tuple[ast.expr, Layer] | None:
    """The function that `queue.enqueue(f, retry=Retry(max=3))` enqueues, and its layer."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _ENQUEUE:
        return None
    given = keyword(call, "retry")
    if given is None or not call.args:
        return None
    index = 1 if call.func.attr in ("enqueue_in", "enqueue_at") else 0
    if index >= len(call.args):
        return None
    layer = Layer("the RQ job", reading.place(call))
    return call.args[index], rq_retry(given, reading, layer)


def time_limit_of(decorator: ast.expr, reading: Reading) -> TimeLimit | None:
    """The time limit that a job's decorator sets."""
    if not isinstance(decorator, ast.Call):
        return None
    if reading.names.dotted(decorator.func) == "dramatiq.actor":
        limit = reading.values.number(keyword(decorator, "time_limit"))
        if limit is None:
            return None
        return TimeLimit("the actor's time_limit", limit / 1000, reading.place(decorator), True)
    limits = [
        (seconds, word)
        for word in ("soft_time_limit", "time_limit")
        if (seconds := reading.values.number(keyword(decorator, word))) is not None
    ]
    if not limits:
        return None
    seconds, word = min(limits)
    return TimeLimit(f"the task's {word}", seconds, reading.place(decorator), True)
