"""How long a request holds the locks of its objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite
from random import Random
from typing import Protocol, TypeGuard

LONGEST = 3600.0
"""The longest hold or wait, in seconds, that the sandbox accepts."""


class Hold(Protocol):
    """A distribution of hold times."""

    def sample(self, random: Random) -> float:
        """Draw one hold.

        Args:
            random: the source of randomness.

        Returns:
            Seconds, not negative.
        """


@dataclass(frozen=True, slots=True)
class Fixed:
    """Every hold takes the same time.

    Attributes:
        seconds: from 0 to 3600.

    Raises:
        ValueError: out of range.
    """

    seconds: float

    def __post_init__(self) -> None:
        check_seconds("hold", self.seconds)

    def sample(self, random: Random) -> float:  # noqa: ARG002 -- Hold's signature
        return self.seconds


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Holds with a long tail, as service times usually have.

    Attributes:
        median: seconds, above 0 and at most 3600.
        sigma: spread of the logarithm, from 0 to 5. At 0.5 one hold in twenty is over 2.3 medians.

    Raises:
        ValueError: out of range.
    """

    median: float
    sigma: float

    def __post_init__(self) -> None:
        if not _is_number(self.median) or not 0 < self.median <= LONGEST:
            raise ValueError(f"median is {self.median!r}: give seconds above 0 and at most 3600")
        if not _is_number(self.sigma) or not 0 <= self.sigma <= 5:
            raise ValueError(f"sigma is {self.sigma!r}: give a number from 0 to 5")

    def sample(self, random: Random) -> float:
        return min(self.median * exp(self.sigma * random.gauss(0.0, 1.0)), LONGEST)


@dataclass(frozen=True, slots=True)
class Sampled:
    """Holds drawn, each as likely, from measured ones.

    Attributes:
        seconds: at least one hold, each from 0 to 3600.

    Raises:
        ValueError: empty, or a hold out of range.
    """

    seconds: Sequence[float]

    def __post_init__(self) -> None:
        if not self.seconds:
            raise ValueError("seconds is empty: give at least one hold")
        for one in self.seconds:
            check_seconds("hold", one)
        object.__setattr__(self, "seconds", tuple(self.seconds))

    def sample(self, random: Random) -> float:
        return random.choice(self.seconds)


def as_hold(value: float | Hold) -> Hold:
    """Read the option `hold`: seconds, or a distribution.

    Raises:
        ValueError: a number out of range, or something else; the message says what may be given.
    """
    if isinstance(value, int | float):
        return Fixed(value)
    if callable(getattr(value, "sample", None)):
        return value
    raise ValueError(
        f"hold is {value!r}: give seconds from 0 to 3600, or Fixed, LogNormal or Sampled"
    )


def check_seconds(option: str, value: object) -> float:
    """Check an option that is a length of time.

    Args:
        option: its name, for the message.
        value: what was given.

    Returns:
        The value as seconds.

    Raises:
        ValueError: no number from 0 to 3600.
    """
    if not _is_number(value) or not 0 <= value <= LONGEST:
        raise ValueError(f"{option} is {value!r}: give seconds from 0 to 3600")
    return float(value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
