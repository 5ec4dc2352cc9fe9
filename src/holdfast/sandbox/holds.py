"""How long a request holds the locks of its objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite
from pathlib import Path
from random import Random
from typing import Protocol, TypeGuard

from holdfast.durations import parse_duration

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


def as_hold(value: float | Hold, option: str = "hold") -> Hold:
    """Read an option such as `hold`: seconds, or a distribution.

    Raises:
        ValueError: a number out of range, or something else; the message says what may be given.
    """
    if isinstance(value, int | float):
        return Fixed(check_seconds(option, value))
    if callable(getattr(value, "sample", None)):
        return value
    raise ValueError(
        f"{option} is {value!r}: give seconds from 0 to 3600, or Fixed, LogNormal or Sampled"
    )


def parse_hold(text: str) -> Hold:
    """Read a hold as the command line is given it.

    Args:
        text: a duration (`20ms`); `lognormal:MEDIAN,SIGMA` with the median as a duration; a list
            of durations, each as likely (`10ms,20ms`); or `list:FILE`, a file of durations
            separated by commas, blanks or line ends.

    Raises:
        ValueError: another form, out of range, or a file that cannot be read.
    """
    kind, colon, rest = text.partition(":")
    if colon and kind == "lognormal":
        return _parse_log_normal(text, rest)
    if colon and kind == "list":
        return _parse_list(text, rest)
    if "," in text:
        return Sampled(_durations(text))
    return Fixed(parse_duration(text))


def _parse_log_normal(text: str, rest: str) -> LogNormal:
    median, comma, sigma = rest.replace(":", ",").partition(",")
    if not comma:
        raise ValueError(f"{text!r} is no hold: write 20ms, lognormal:20ms,0.5 or list:FILE")
    try:
        spread = float(sigma)
    except ValueError:
        raise ValueError(f"{sigma!r} is no sigma: write a number such as 0.5") from None
    return LogNormal(parse_duration(median), spread)


def _parse_list(text: str, rest: str) -> Sampled:
    try:
        return Sampled(_durations(rest))
    except ValueError as no_list:
        path = Path(rest)
        if not rest or ("," in rest and not path.exists()):
            raise ValueError(f"{text!r} is no list: {no_list}") from None
    try:
        content = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{text!r}: {rest} cannot be read: {error}") from None
    try:
        return Sampled(_durations(content))
    except ValueError as error:
        raise ValueError(f"{rest}: {error}") from None


def _durations(text: str) -> list[float]:
    return [parse_duration(one) for one in text.replace(",", " ").split()]


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
