"""What calls have waited for already when they are made: whoever makes them keeps the order."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from holdfast.engine import Queued

_queued: ContextVar[Queued | None] = ContextVar("holdfast_queued", default=None)


def current_queued() -> Queued | None:
    """What the block around this code says that its call has waited for; None outside of one."""
    return _queued.get()


@contextmanager
def queued(lanes: tuple[str, ...], seconds: float) -> Iterator[None]:
    """Count a wait as that of the call that is made inside the block.

    Receipt, events and metrics of the call are then as if it had waited in its lanes itself.

    Args:
        lanes: the objects that it was for.
        seconds: how long it was.
    """
    token = _queued.set(Queued(lanes, seconds))
    try:
        yield
    finally:
        _queued.reset(token)
