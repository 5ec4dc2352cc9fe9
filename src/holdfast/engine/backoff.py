"""How long to wait before a retry: exponential backoff with jitter.

Full and equal jitter are those of "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Jitter(StrEnum):
    """How a wait is spread."""

    FULL = "full"
    """Anywhere between 0 and the whole span: collided clients part at the first retry."""
    EQUAL = "equal"
    """Half of the span, plus anywhere in the other half: never nothing."""
    QUARTER = "quarter"
    """Three quarters of the span, plus anywhere in the last one."""
    NONE = "none"
    """The whole span."""


# The part of a span that is waited for in any case.
_SURE = {Jitter.FULL: 0.0, Jitter.EQUAL: 0.5, Jitter.QUARTER: 0.75, Jitter.NONE: 1.0}


class Growth(StrEnum):
    """How spans grow from retry to retry."""

    EXPONENTIAL = "exponential"
    """By a factor each time."""
    QUADRATIC = "quadratic"
    """The base, plus the base times the square of the retries made."""


class Wait(Protocol):
    """How long to wait before a retry."""

    def wait(self, retry: int, random: Callable[[], float]) -> float:
        """The wait before a retry, in seconds; see `Backoff.wait`."""


@dataclass(frozen=True, slots=True)
class Progressive:
    """Waits that grow by the same step each time: 0.5, 1.0, 1.5 s.

    Attributes:
        step: the first wait, and what each later one is longer by, in seconds.
        cap: the longest wait, in seconds.
    """

    step: float
    cap: float = 60.0

    def __post_init__(self) -> None:
        if not 0 <= self.step <= self.cap <= 3600:
            raise ValueError(
                f"step is {self.step} s and cap is {self.cap} s: "
                "step must be from 0 to cap, and cap at most 3600 s"
            )

    def wait(self, retry: int, random: Callable[[], float]) -> float:  # noqa: ARG002 - no jitter
        """The wait before a retry, in seconds."""
        return min(self.step * retry, self.cap)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that grow by a factor and are spread by jitter.

    Attributes:
        base: span before the first retry, in seconds.
        cap: the longest span, in seconds.
        factor: growth of the span from retry to retry.
        jitter: how a wait is drawn from its span.
        floor: the shortest wait, in seconds.
        growth: how the span grows; the factor counts for exponential growth alone.
    """

    base: float
    cap: float
    factor: float = 2.0
    jitter: Jitter = Jitter.FULL
    floor: float = 0.0
    growth: Growth = Growth.EXPONENTIAL

    def __post_init__(self) -> None:
        if not 0 < self.base <= self.cap <= 3600:
            raise ValueError(
                f"base is {self.base} s and cap is {self.cap} s: "
                "they must be above 0, base at most cap, and cap at most 3600 s"
            )
        if not 1 <= self.factor <= 16:
            raise ValueError(f"factor is {self.factor}: it must be from 1 to 16")
        if not 0 <= self.floor <= self.cap:
            raise ValueError(f"floor is {self.floor} s: it must be from 0 to the cap, {self.cap} s")
        object.__setattr__(self, "jitter", Jitter(self.jitter))
        object.__setattr__(self, "growth", Growth(self.growth))

    def wait(self, retry: int, random: Callable[[], float]) -> float:
        """The wait before a retry.

        Args:
            retry: 1 for the first retry, and so on.
            random: draws from [0, 1).

        Returns:
            Seconds.
        """
        # Past 64 doublings the cap has long been reached; the float must not overflow.
        made = min(retry - 1, 64)
        if self.growth is Growth.EXPONENTIAL:
            span = min(self.base * self.factor**made, self.cap)
        else:
            span = min(self.base * (1 + made * made), self.cap)
        sure = _SURE[self.jitter]
        if sure < 1.0:
            span *= sure + (1.0 - sure) * random()
        return max(span, self.floor)
