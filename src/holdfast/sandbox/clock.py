"""The sandbox's clock: the wall clock, moved ahead as far as a test wants."""

from collections.abc import Callable, Mapping
from email.utils import formatdate
from math import isfinite
from typing import TypeGuard

from holdfast.durations import parse_duration

FURTHEST = 100 * 366 * 24 * 3600.0
"""The furthest move ahead, in seconds: a hundred years."""


class MovableClock:
    """Unix seconds. It runs as fast as the clock below it, which it is ahead of by an offset.

    Args:
        source: the clock below it, unix seconds.
        offset: how far it is ahead at the start, in seconds.
    """

    def __init__(self, source: Callable[[], float], offset: float = 0.0) -> None:
        self._source = source
        self.offset = offset

    def __call__(self) -> float:
        """The time, in unix seconds."""
        return self._source() + self.offset

    def offset_at(self, instant: float) -> float:
        """The offset that would make it show an instant (unix seconds) now."""
        return instant - self._source()


# The last second of the year 9999: what comes after it has no date in HTTP.
_LAST = 253_402_300_799


class HttpDate:
    """What a clock shows, as the `Date` header has it (RFC 9110, section 5.6.7).

    Args:
        clock: unix seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._second = 0
        self._text = formatdate(0, usegmt=True)

    def __call__(self) -> str:
        """The present second; written down once, since every answer has it."""
        second = min(int(self._clock()), _LAST)
        if second != self._second:
            self._text = formatdate(second, usegmt=True)
            self._second = second
        return self._text


def read_move(fields: Mapping[str, object], now: float) -> float:
    """Read how far the clock is to be moved: `{"advance": "25h"}` or `{"at": 1800000000}`.

    Args:
        fields: one of `advance` (seconds, or text such as 25h) and `at` (unix seconds).
        now: what the clock shows, in unix seconds.

    Returns:
        Seconds to move it ahead, not negative.

    Raises:
        ValueError: neither or both, not a time, or a move back; the message says which.
    """
    match sorted(fields):
        case ["advance"]:
            return check_advance(fields["advance"])
        case ["at"]:
            return check_instant(fields["at"], now) - now
        case _:
            raise ValueError('give one of {"advance": "25h"} and {"at": 1800000000}')


def check_advance(value: object) -> float:
    """Check how far the clock is to be moved.

    Raises:
        ValueError: no duration, negative, or more than a hundred years.
    """
    seconds = parse_duration(value) if isinstance(value, str) else value
    if not _is_number(seconds) or not 0 <= seconds <= FURTHEST:
        raise ValueError(
            f"advance is {value!r}: give seconds from 0 up to a hundred years, or text such as 25h"
        )
    return float(seconds)


def check_instant(value: object, now: float) -> float:
    """Check the instant that the clock is to be moved to.

    Raises:
        ValueError: no time, one that is past, or more than a hundred years ahead.
    """
    if not _is_number(value) or not now <= value <= now + FURTHEST:
        raise ValueError(
            f"at is {value!r}: the clock shows {now:.3f} and moves ahead only, so give unix "
            "seconds from there on"
        )
    return float(value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
