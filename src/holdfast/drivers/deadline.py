"""A deadline for everything inside a block, carried along by the context."""

import time
from contextvars import ContextVar

from holdfast.drivers.ambient import Ambient

ambient_deadline: ContextVar[float | None] = ContextVar("holdfast_deadline", default=None)


class deadline(Ambient[float]):  # noqa: N801 - used as a statement: `with holdfast.deadline(30):`
    """Bound every call inside the block: `with holdfast.deadline(30): ...`.

    A call that would pass it waits, sends and retries no longer, whatever its policy allows. A
    block inside another one can only be shorter. It goes with the context: into tasks that are
    made inside, not into threads, unless they are run with `contextvars.copy_context()`.

    Args:
        seconds: how long the block may take.

    Raises:
        ValueError: `seconds` is not above 0.
    """

    __slots__ = ("_seconds",)

    def __init__(self, seconds: float) -> None:
        if not seconds > 0:
            raise ValueError(f"deadline is {seconds}: it must be above 0 s")
        super().__init__(ambient_deadline)
        self._seconds = seconds

    def _inside(self, outer: float | None) -> float:
        ends = time.monotonic() + self._seconds
        return ends if outer is None else min(ends, outer)


def current_deadline() -> float | None:
    """When the innermost block must have ended, on `time.monotonic`; None outside of any."""
    return ambient_deadline.get()
