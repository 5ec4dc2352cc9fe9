"""The figures of a run, added up while its results are read; a million of them need no more memory
than a thousand."""

import heapq
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from holdfast.batch.conclusion import Status
from holdfast.report.ending import Ending
from holdfast.report.failures import Failures
from holdfast.report.heat import Heat
from holdfast.report.histogram import Histogram
from holdfast.report.series import Series

CAUSES = ("lane", "limiter", "backoff")
SLOWEST = 10


@dataclass(slots=True)
class Times:
    """Where the time of the requests went, in seconds over all of them.

    Attributes:
        waits: by cause.
        server: on the wire.
        whole: from when each was taken up to its end.
        known: requests of which all of this is known; others count in `waits_alone` only.
        waits_alone: the waits of these others, by cause.
    """

    waits: dict[str, float] = field(default_factory=lambda: dict.fromkeys(CAUSES, 0.0))
    server: float = 0.0
    whole: float = 0.0
    known: int = 0
    waits_alone: dict[str, float] = field(default_factory=lambda: dict.fromkeys(CAUSES, 0.0))

    def add(self, ending: Ending) -> None:
        """Add a request's."""
        server = ending.server_seconds
        if server is None or ending.seconds is None:
            into = self.waits_alone
        else:
            into = self.waits
            self.known += 1
            self.server += server
            self.whole += ending.seconds
        for cause in CAUSES:
            into[cause] += ending.waits.get(cause, 0.0)

    @property
    def other(self) -> float:
        """What is none of these: the machine's own time, the journal's disk."""
        rest = self.whole - self.server - sum(self.waits.values())
        # Sums of millions of fractions miss zero by a little.
        return rest if rest > 1e-6 * self.whole else 0.0


@dataclass(slots=True)
class Figures:
    """What became of the requests of a run.

    Attributes:
        statuses: requests by status.
        attempts: how often anything was sent.
        faults: attempts by fault class.
        retries: attempts that another followed, by fault class.
        times: where their time went.
        durations: of whole requests.
        exchanges: of single attempts.
        lane_waits: how long requests waited in lanes.
        ended: requests over time, by status.
        retried: retries over time, by fault class.
        retried_count: how many these are.
        heat: by object.
        failures: the requests that are not ok.
        began_at: when the first was taken up, in unix seconds; None if unknown.
        ended_at: when the last ended; None if unknown.
    """

    statuses: Counter[Status] = field(default_factory=Counter)
    attempts: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    times: Times = field(default_factory=Times)
    durations: Histogram = field(default_factory=Histogram)
    exchanges: Histogram = field(default_factory=Histogram)
    lane_waits: Histogram = field(default_factory=Histogram)
    ended: Series = field(default_factory=Series)
    retried: Series = field(default_factory=Series)
    retried_count: int = 0
    heat: Heat = field(default_factory=Heat)
    failures: Failures = field(default_factory=Failures)
    began_at: float | None = None
    ended_at: float | None = None
    _slowest: list[tuple[float, int, Ending]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=itertools.count)

    def add(self, ending: Ending) -> None:
        """Add one request's ending."""
        self.statuses[ending.status] += 1
        self.attempts += len(ending.faults)
        self.faults.update(ending.faults)
        self.retries.update(ending.faults[:-1])
        self.times.add(ending)
        self.lane_waits.add(ending.waits.get("lane", 0.0))
        self.heat.add(ending)
        self._add_times(ending)
        if ending.status is not Status.OK:
            self.failures.add(ending)

    @property
    def done(self) -> int:
        """How many requests ended."""
        return self.statuses.total()

    @property
    def span(self) -> float | None:
        """From the first's beginning to the last's end, in seconds; None if unknown."""
        if self.began_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.began_at

    @property
    def timed(self) -> int:
        """Of how many requests it is known when they ended."""
        return self.durations.count

    @property
    def slowest(self) -> list[Ending]:
        """The requests that took longest, the slowest first."""
        return [ending for _, _, ending in sorted(self._slowest, key=lambda one: (-one[0], one[1]))]

    def _add_times(self, ending: Ending) -> None:
        ended_at = ending.ended_at
        if ending.began_at is None or ending.seconds is None or ended_at is None:
            return
        self.began_at = _earlier(self.began_at, ending.began_at)
        self.ended_at = max(self.ended_at or 0.0, ended_at)
        self.durations.add(ending.seconds)
        self.ended.add(ended_at, ending.status.value)
        exchanges = ending.exchanges or ()
        for exchange in exchanges:
            self.exchanges.add(exchange.seconds)
        for exchange in exchanges[:-1]:
            self.retried.add(ending.began_at + exchange.until, exchange.fault)
        self.retried_count += max(len(exchanges) - 1, 0)
        self._keep_if_slow(ending, ending.seconds)

    def _keep_if_slow(self, ending: Ending, seconds: float) -> None:
        entry = (seconds, next(self._order), ending)
        if len(self._slowest) < SLOWEST:
            heapq.heappush(self._slowest, entry)
        elif seconds > self._slowest[0][0]:
            heapq.heapreplace(self._slowest, entry)


def _earlier(one: float | None, other: float) -> float:
    return other if one is None else min(one, other)
