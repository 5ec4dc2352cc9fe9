"""The receipt of the call just made in this thread or task."""

from contextvars import ContextVar

from holdfast.engine import Receipt

_last: ContextVar[Receipt | None] = ContextVar("holdfast_last_receipt", default=None)

remember = _last.set


def last_receipt() -> Receipt | None:
    """The receipt of the call that this thread or task made last, whether it succeeded or not.

    Returns:
        The receipt, or None before the first call. A task begins with what its creator had, and
        what it does itself does not show in its creator.
    """
    return _last.get()
