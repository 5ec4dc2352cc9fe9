"""How long to wait before a retry: exponential backoff with jitter.

Full and equal jitter are those of "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Jitter(StrEnum):
    """How a wait is spread."""

    FULL = "full"
    """Anywhere between 0 and the whole span: collided clients part at the first retry."""
    EQUAL = "equal"
    """Half of the span, plus anywhere in the other half: never nothing."""
    NONE = "none"
    """The whole span."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that grow by a factor and are spread by jitter.

    Attributes:
        base: span before the first retry, in seconds.
        cap: the longest span, in seconds.
        factor: growth of the span from retry to retry.
        jitter: how a wait is drawn from its span.
    """

    base: float
    cap: float
    factor: float = 2.0
    jitter: Jitter = Jitter.FULL

    def __post_init__(self) -> None:
        if not 0 < self.base <= self.cap <= 3600:
            raise ValueError(
                f"base is {self.base} s and cap is {self.cap} s: "
                "they must be above 0, base at most cap, and cap at most 3600 s"
            )
        if not 1 <= self.factor <= 16:
            raise ValueError(f"factor is {self.factor}: it must be from 1 to 16")
        object.__setattr__(self, "jitter", Jitter(self.jitter))

    def wait(self, retry: int, random: Callable[[], float]) -> float:
        """The wait before a retry.

        Args:
            retry: 1 for the first retry, and so on.
            random: draws from [0, 1).

        Returns:
            Seconds.
        """
        # Past 64 doublings the cap has long been reached; the float must not overflow.
        span = min(self.base * self.factor ** min(retry - 1, 64), self.cap)
        if self.jitter is Jitter.FULL:
            return span * random()
        if self.jitter is Jitter.EQUAL:
            return span * (0.5 + 0.5 * random())
        return span
