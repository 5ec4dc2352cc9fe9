"""A priority for everything inside a block, carried along by the context."""

from contextvars import ContextVar
from typing import Literal

from holdfast.drivers.ambient import Ambient
from holdfast.ratelimit import Priority

ambient_priority: ContextVar[Priority | None] = ContextVar("holdfast_priority", default=None)


class priority(Ambient[Priority]):  # noqa: N801 - used as a statement
    """Set the priority of every call inside the block: `with holdfast.priority("background"): ...`.

    It counts where calls wait for the rate limit of an account: `interactive` ones go first, and
    `background` ones have their share all the same (`RateLimits.interactive_share`). It goes with
    the context, like `holdfast.deadline`; the innermost block counts.

    Args:
        value: `interactive` or `background`.

    Raises:
        ValueError: it is neither.
    """

    __slots__ = ("_priority",)

    def __init__(self, value: Literal["interactive", "background"]) -> None:
        if value not in tuple(Priority):
            raise ValueError(f"priority is {value!r}: it must be one of {', '.join(Priority)}")
        super().__init__(ambient_priority)
        self._priority = Priority(value)

    def _inside(self, outer: Priority | None) -> Priority:  # noqa: ARG002 - the innermost counts
        return self._priority


def current_priority(usual: str) -> Priority:
    """The priority of the innermost block, or else the usual one."""
    return ambient_priority.get() or _BY_NAME[usual]


_BY_NAME = {priority.value: priority for priority in Priority}
