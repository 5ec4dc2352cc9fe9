"""A running Celery app: what its tasks repeat, and when it cuts them off."""

import inspect
from collections.abc import Iterator
from typing import Any

from holdfast.doctor import rules
from holdfast.doctor.finding import Finding
from holdfast.doctor.wrapped import Loop, clients_of, factors_of, loops_of


def examine_celery(app: Any, subject: str) -> Iterator[Finding]:
    """Find tasks around Stripe whose retries multiply, never end, or are cut off.

    Args:
        app: the Celery app.
        subject: what findings call it.
    """
    for name, task in sorted(app.tasks.items()):
        if not name.startswith("celery."):
            yield from _task(task, f"{subject} task {name}", app)


def _task(task: Any, subject: str, app: Any) -> Iterator[Finding]:
    function = getattr(task, "_orig_run", task.run)
    inner = loops_of(function)
    own = _own_loop(task)
    layers = [*inner, *([] if own is None else [own])]
    clients = clients_of(function)
    if not clients:
        return  # it has nothing to do with Stripe, as far as its names tell
    factors = factors_of(clients, [layer for layer in layers if not layer.endless])
    for layer in layers:
        if layer.endless:
            yield rules.endless(subject, layer.what)
    found = rules.product(subject, "A request", factors)
    if found is not None:
        yield found
    longest = max(client.longest for client in clients)
    yield from _time_limit(task, subject, app, longest)


def _own_loop(task: Any) -> Loop | None:
    """How often Celery runs a task that repeats by `autoretry_for` or by calling `self.retry`."""
    if not getattr(task, "autoretry_for", None) and not _retries_by_hand(task):
        return None
    told = (getattr(task, "retry_kwargs", None) or {}).get("max_retries", task.max_retries)
    return Loop("the Celery task", None if told is None else told + 1, endless=told is None)


def _retries_by_hand(task: Any) -> bool:
    plain = inspect.unwrap(getattr(task.run, "__func__", task.run))
    return inspect.isfunction(plain) and "retry" in plain.__code__.co_names


def _time_limit(task: Any, subject: str, app: Any, longest: float) -> Iterator[Finding]:
    conf = app.conf
    limits = [
        (seconds, what)
        for what, seconds in (
            ("its soft_time_limit", task.soft_time_limit or conf.task_soft_time_limit),
            ("its time_limit", task.time_limit or conf.task_time_limit),
        )
        if seconds
    ]
    if limits:
        seconds, what = min(limits)
        found = rules.time_limit(subject, what, float(seconds), longest, jobs=True)
        if found is not None:
            yield found
