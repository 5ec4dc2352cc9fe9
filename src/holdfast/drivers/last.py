"""The receipt of the call just made in this thread or task."""

from collections.abc import Callable
from contextvars import ContextVar

from holdfast.engine import Receipt

_last: ContextVar[Receipt | None] = ContextVar("holdfast_last_receipt", default=None)
_recorders: tuple[Callable[[Receipt], object], ...] = ()


def remember(receipt: Receipt) -> None:
    """Take note of a call that has ended."""
    _last.set(receipt)
    for recorder in _recorders:
        recorder(receipt)


def last_receipt() -> Receipt | None:
    """The receipt of the call that this thread or task made last, whether it succeeded or not.

    Returns:
        The receipt, or None before the first call. A task begins with what its creator had, and
        what it does itself does not show in its creator.
    """
    return _last.get()


def record(recorder: Callable[[Receipt], object]) -> None:
    """Have every receipt of the process told to a recorder, too; for tests."""
    global _recorders
    _recorders = (*_recorders, recorder)


def forget(recorder: Callable[[Receipt], object]) -> None:
    """End what `record` began."""
    global _recorders
    _recorders = tuple(one for one in _recorders if one != recorder)
