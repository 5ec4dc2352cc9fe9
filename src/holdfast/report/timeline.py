"""How one request went, from when it was taken up to its end.

What a line tells exactly are the exchanges, and for each cause how long was waited altogether. A
span between two exchanges is named after a cause only where no other can have been in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from holdfast.report.ending import Ending, Exchange
from holdfast.report.words import short

_NOTHING = 5e-4  # seconds; less is the machine's own time


class Waited(StrEnum):
    """What a request did while it was not on the wire."""

    LANE = "lane"
    LIMITER = "limiter"
    BACKOFF = "backoff"
    MIXED = "limiter and backoff"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a request's time.

    Attributes:
        at: where it begins, in seconds from when the request was taken up.
        seconds: how long it is.
        waited: what for, if it was not on the wire.
        exchange: the attempt, if it was.
        number: the attempt's, counted from 1; 0 for a wait.
    """

    at: float
    seconds: float
    waited: Waited | None = None
    exchange: Exchange | None = None
    number: int = 0

    @property
    def name(self) -> str:
        """What it was, in a few words."""
        if self.exchange is None:
            return f"waited: {self.waited}"
        parts = [f"attempt {self.number}: {self.exchange.fault}"]
        if self.exchange.status is not None:
            parts.append(f"{self.exchange.status}")
        if self.exchange.error_code is not None:
            parts.append(self.exchange.error_code)
        if self.exchange.replayed:
            parts.append("(replayed)")
        return " ".join(parts)


def spans(ending: Ending) -> list[Span]:
    """The parts of a request's time, in order; none if the line does not tell."""
    if ending.exchanges is None or ending.seconds is None:
        return []
    found: list[Span] = []
    now = 0.0
    left = dict(ending.waits)
    for number, exchange in enumerate(ending.exchanges, 1):
        found += _before(exchange.at, now, left) if number == 1 else _between(exchange, now, left)
        found.append(Span(exchange.at, exchange.seconds, exchange=exchange, number=number))
        now = exchange.until
    found += _before(ending.seconds, now, left) if not ending.exchanges else []
    return found


def in_brief(ending: Ending) -> str:
    """Its waits and attempts in one short line: `lane 40 ms, locked 100 ms`."""
    parts = spans(ending)
    if not parts:
        return ", ".join(ending.faults)
    return ", ".join(
        f"{part.waited or (part.exchange and part.exchange.fault)} {short(part.seconds)}"
        for part in parts
    )


def _before(until: float, now: float, left: dict[str, float]) -> Iterator[Span]:
    """The waits before the first exchange: first its lanes, then the limiter, else unknown."""
    for cause in (Waited.LANE, Waited.LIMITER):
        seconds = min(left.get(cause, 0.0), until - now)
        if seconds >= _NOTHING:
            left[cause] -= seconds
            yield Span(now, seconds, cause)
            now += seconds
    if until - now >= _NOTHING:
        yield Span(now, until - now, Waited.OTHER)


def _between(exchange: Exchange, now: float, left: dict[str, float]) -> Iterator[Span]:
    """The wait between two exchanges."""
    seconds = exchange.at - now
    if seconds < _NOTHING:
        return
    could = [c for c in (Waited.LIMITER, Waited.BACKOFF) if left.get(c, 0.0) >= _NOTHING]
    match could:
        case [cause]:
            yield Span(now, seconds, cause)
        case []:
            yield Span(now, seconds, Waited.OTHER)
        case _:
            yield Span(now, seconds, Waited.MIXED)
