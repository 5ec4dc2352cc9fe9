"""The wrappers and job queues that repeat, and how often: a table by what the code calls them."""

import ast
import builtins
from collections.abc import Callable
from dataclasses import dataclass, replace

from holdfast.doctor.code.facts import Layer, Wait
from holdfast.doctor.code.names import Names, argument, keyword
from holdfast.doctor.code.values import Values
from holdfast.doctor.finding import Place

# How often they repeat when the code does not say.
CELERY_RETRIES = 3  # celery/app/task.py: Task.max_retries
DRAMATIQ_RETRIES = 20  # dramatiq/middleware/retries.py: Retries(max_retries=20)
ARQ_TRIES = 5  # arq/worker.py: Worker(max_tries=5)
STAMINA_ATTEMPTS = 10  # stamina/_core.py: retry(attempts=10)
HOLDFAST_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """What is needed to read a decorator or a wrapper: the code, and what its names stand for."""

    names: Names
    values: Values
    file: str

    def place(self, node: ast.AST) -> Place:
        """The place of a node."""
        return Place(self.file, getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1)

    def exceptions(self, node: ast.expr | None) -> frozenset[str] | None:
        """The names of an exception or a tuple of them; None if they cannot be seen."""
        match node:
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                found = [self.exceptions(element) for element in elements]
                if any(one is None for one in found):
                    return None
                return frozenset[str]().union(*(one for one in found if one))
            case ast.Constant(value=str(code)):
                return frozenset({code})
            case ast.Name(id=plain) if isinstance(getattr(builtins, plain, None), type):
                return frozenset({plain})
        name = self.names.dotted(node)
        return None if name is None else frozenset({name})


Reader = Callable[[ast.Call | None, Reading, Layer], Layer]


def wrapper_of(node: ast.expr, reading: Reading) -> Layer | None:
    """The layer that a decorator, or a call such as `tenacity.Retrying(...)`, stands for.

    Args:
        node: the decorator or the call.
        reading: what the names stand for.
    """
    name = reading.names.called(node)
    reader = WRAPPERS.get(name or "")
    if name is None or reader is None:
        return None
    call = node if isinstance(node, ast.Call) else None
    return reader(call, reading, Layer(f"`{name}`", reading.place(node)))


def _tenacity(call: ast.Call | None, reading: Reading, layer: Layer) -> Layer:
    if call is None:
        return replace(layer, endless=True, wait=Wait.NONE, catches=frozenset({"Exception"}))
    attempts, endless = _tenacity_stop(argument(call, 1, "stop"), reading)
    return replace(
        layer,
        attempts=attempts,
        endless=endless,
        catches=_tenacity_catches(argument(call, 3, "retry"), reading),
        wait=_tenacity_wait(argument(call, 2, "wait"), reading),
    )


def _tenacity_stop(node: ast.expr | None, reading: Reading) -> tuple[int | None, bool]:
    if node is None:
        return None, True
    if isinstance(node, ast.BinOp):
        sides = [_tenacity_stop(side, reading) for side in (node.left, node.right)]
        told = [attempts for attempts, _ in sides if attempts is not None]
        return (min(told) if told else None), all(endless for _, endless in sides)
    name = (reading.names.called(node) or "").rpartition(".")[2]
    if name == "stop_never":
        return None, True
    if name == "stop_any" and isinstance(node, ast.Call):
        sides = [_tenacity_stop(side, reading) for side in node.args]
        told = [attempts for attempts, _ in sides if attempts is not None]
        return (min(told) if told else None), False
    if name == "stop_after_attempt" and isinstance(node, ast.Call):
        return _whole(argument(node, 0, "max_attempt_number"), reading), False
    return None, False


def _tenacity_wait(node: ast.expr | None, reading: Reading) -> Wait:
    if node is None:
        return Wait.NONE
    if isinstance(node, ast.BinOp):
        waits = {_tenacity_wait(side, reading) for side in (node.left, node.right)}
        return Wait.VARIED if Wait.VARIED in waits else waits.pop()
    name = (reading.names.called(node) or "").rpartition(".")[2]
    if name.startswith(("wait_exponential", "wait_random", "wait_incrementing", "wait_chain")):
        return Wait.VARIED
    return {"wait_fixed": Wait.FIXED, "wait_none": Wait.NONE}.get(name, Wait.UNKNOWN)


def _tenacity_catches(node: ast.expr | None, reading: Reading) -> frozenset[str] | None:
    if node is None:
        return frozenset({"Exception"})
    if isinstance(node, ast.BinOp):
        sides = [_tenacity_catches(side, reading) for side in (node.left, node.right)]
        return None if None in sides else frozenset[str]().union(*(one for one in sides if one))
    name = (reading.names.called(node) or "").rpartition(".")[2]
    if name == "retry_if_exception_type" and isinstance(node, ast.Call):
        given = argument(node, 0, "exception_types")
        return frozenset({"Exception"}) if given is None else reading.exceptions(given)
    return frozenset() if name in ("retry_if_result", "retry_if_not_result") else None


def _backoff(call: ast.Call | None, reading: Reading, layer: Layer) -> Layer:
    if call is None:
        return layer
    generator = reading.names.dotted(argument(call, 0, "wait_gen"))
    jitter = reading.values.of(keyword(call, "jitter"))
    steady = generator == "backoff.constant" and jitter is None
    tries = keyword(call, "max_tries")
    timed = keyword(call, "max_time")
    return replace(
        layer,
        attempts=_whole(tries, reading),
        endless=_is_none(tries, reading) and _is_none(timed, reading),
        catches=reading.exceptions(argument(call, 1, "exception")),
        wait=Wait.FIXED if steady else Wait.VARIED,
    )


def _backoff_on_result(call: ast.Call | None, reading: Reading, layer: Layer) -> Layer:
    return replace(_backoff(call, reading, layer), catches=frozenset())


def _stamina(call: ast.Call | None, reading: Reading, layer: Layer) -> Layer:
    if call is None:
        return layer
    given, timed = argument(call, 1, "attempts"), argument(call, 2, "timeout")
    attempts = STAMINA_ATTEMPTS if given is None else _whole(given, reading)
    return replace(
        layer,
        attempts=attempts,
        # Its `timeout` of 45 s ends it unless that is switched off, too.
        endless=reading.values.of(given) is None and reading.values.of(timed) is None,
        catches=reading.exceptions(argument(call, 0, "on")),
        wait=Wait.VARIED,
    )


def _retrying(call: ast.Call | None, reading: Reading, layer: Layer) -> Layer:
    if call is None:
        return replace(layer, endless=True, wait=Wait.NONE)
    tries, timed = keyword(call, "stop_max_attempt_number"), keyword(call, "stop_max_delay")
    named = {word.arg for word in call.keywords}
    wait = Wait.UNKNOWN
    if any(name and name.startswith(("wait_exponential", "wait_random")) for name in named):
        wait = Wait.VARIED
    elif "wait_fixed" in named:
        wait = Wait.FIXED
    return replace(
        layer,
        attempts=_whole(tries, reading),
        endless=tries is None and timed is None and "stop" not in named,
        wait=wait,
    )


def _holdfast(call: ast.Call | None, reading: Reading, layer: Layer) -> Layer:
    if call is None:
        return layer
    given = keyword(call, "attempts")
    return replace(
        layer,
        attempts=HOLDFAST_ATTEMPTS if given is None else _whole(given, reading),
        catches=reading.exceptions(argument(call, 0, "on")),
        wait=Wait.VARIED,
        reads_code=True,
        shares=True,
    )


def _dramatiq(call: ast.Call | None, reading: Reading, layer: Layer) -> Layer:
    given = None if call is None else keyword(call, "max_retries")
    throws = None if call is None else reading.exceptions(keyword(call, "throws"))
    return replace(
        layer,
        what="the dramatiq actor",
        attempts=DRAMATIQ_RETRIES + 1 if given is None else _plus_one(_whole(given, reading)),
        endless=given is not None and reading.values.of(given) is None,
        catches=None if throws else frozenset({"Exception"}),
        wait=Wait.VARIED,
        is_job=True,
    )


def _rq_job(call: ast.Call | None, reading: Reading, layer: Layer) -> Layer:
    given = None if call is None else keyword(call, "retry")
    return rq_retry(given, reading, replace(layer, what="the RQ job"))


def rq_retry(given: ast.expr | None, reading: Reading, layer: Layer) -> Layer:
    """The layer of an RQ job that is given `retry=Retry(max=...)`; without one it runs once."""
    if given is None:
        return replace(layer, attempts=1, is_job=True)
    named = reading.names.called(given) or ""
    retries = None
    if isinstance(given, ast.Call) and named.startswith("rq.") and named.endswith(".Retry"):
        retries = _whole(argument(given, 0, "max"), reading)
    return replace(
        layer,
        attempts=_plus_one(retries),
        catches=frozenset({"Exception"}),
        is_job=True,
    )


def huey_task(call: ast.Call | None, reading: Reading, layer: Layer) -> Layer:
    """The layer of a huey task: once, unless `retries` says otherwise."""
    given = None if call is None else keyword(call, "retries")
    return replace(
        layer,
        what="the huey task",
        attempts=1 if given is None else _plus_one(_whole(given, reading)),
        catches=frozenset({"Exception"}),
        is_job=True,
    )


WRAPPERS: dict[str, Reader] = {
    "tenacity.retry": _tenacity,
    "tenacity.Retrying": _tenacity,
    "tenacity.AsyncRetrying": _tenacity,
    "backoff.on_exception": _backoff,
    "backoff.on_predicate": _backoff_on_result,
    "stamina.retry": _stamina,
    "stamina.retry_context": _stamina,
    "retrying.retry": _retrying,
    "holdfast.retrying": _holdfast,
    "holdfast.attempts": _holdfast,
    "holdfast.application.retrying": _holdfast,
    "holdfast.application.attempts": _holdfast,
    "dramatiq.actor": _dramatiq,
    "rq.decorators.job": _rq_job,
    "rq.job": _rq_job,
    "django_rq.job": _rq_job,
}


def _whole(node: ast.expr | None, reading: Reading) -> int | None:
    value = reading.values.number(node)
    return int(value) if value is not None and value == int(value) and value >= 0 else None


def _plus_one(retries: int | None) -> int | None:
    return None if retries is None else retries + 1


def _is_none(node: ast.expr | None, reading: Reading) -> bool:
    return node is None or reading.values.of(node) is None


def celery_task(
    decorator: ast.expr,
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    reading: Reading,
) -> Layer:
    """The layer of a Celery task: it repeats by `autoretry_for`, or where it calls `self.retry`.

    Args:
        decorator: `@app.task(...)` or `@shared_task(...)`.
        function: what it is put on.
        reading: what the names stand for.
    """
    layer = Layer("the Celery task", reading.place(decorator), attempts=1, is_job=True)
    call = decorator if isinstance(decorator, ast.Call) else None
    automatic = None if call is None else keyword(call, "autoretry_for")
    by_hand = _own_retry(function)
    if automatic is None and by_hand is None:
        return layer
    told = [] if call is None else [keyword(call, "max_retries"), _retry_kwargs(call)]
    if by_hand is not None:
        told.append(keyword(by_hand, "max_retries"))
    given = [node for node in told if node is not None]
    retries: int | None = CELERY_RETRIES
    endless = False
    if given:
        retries = _whole(given[-1], reading)
        endless = reading.values.of(given[-1]) is None
    varied = call is not None and keyword(call, "retry_backoff") is not None
    return replace(
        layer,
        attempts=_plus_one(retries),
        endless=endless,
        catches=None if automatic is None else reading.exceptions(automatic),
        wait=Wait.VARIED if varied else Wait.UNKNOWN,
    )


def celery_class(node: ast.ClassDef, reading: Reading) -> Layer | None:
    """The layer of `run` in a class of Celery's tasks; None if it is no such class."""
    bases = [(reading.names.dotted(base) or ast.unparse(base)) for base in node.bases]
    if not any(base.rpartition(".")[2] == "Task" for base in bases):
        return None
    told = {
        statement.targets[0].id: statement.value
        for statement in node.body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }
    run = next(
        (one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "run"), None
    )
    automatic = told.get("autoretry_for")
    layer = Layer("the Celery task", reading.place(node), attempts=1, is_job=True)
    if run is None or (automatic is None and _own_retry(run) is None):
        return layer
    given = told.get("max_retries")
    return replace(
        layer,
        attempts=CELERY_RETRIES + 1 if given is None else _plus_one(_whole(given, reading)),
        endless=given is not None and reading.values.of(given) is None,
        catches=None if automatic is None else reading.exceptions(automatic),
    )


def _retry_kwargs(call: ast.Call) -> ast.expr | None:
    given = keyword(call, "retry_kwargs")
    if isinstance(given, ast.Dict):
        for key, value in zip(given.keys, given.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "max_retries":
                return value
    return None


def _own_retry(function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.Call | None:
    names = {"self", "task", function.name, *(word.arg for word in function.args.args[:1])}
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="retry")):
                if name in names:
                    return node
    return None


def arq_job(
    function: ast.FunctionDef | ast.AsyncFunctionDef, tries: int | None, reading: Reading
) -> Layer | None:
    """The layer of an arq job: it repeats where it raises `arq.Retry`."""
    for node in ast.walk(function):
        if isinstance(node, ast.Raise):
            name = reading.names.called(node.exc) or ""
            if name in ("arq.Retry", "arq.worker.Retry"):
                return Layer("the arq job", reading.place(function), attempts=tries, is_job=True)
    return None
