"""The exact numbers of this process: every call that ended while somebody exports metrics.

Counted on a thread of its own, so that calls pay for no more than a place in a queue; what does not
fit in there is counted by the call itself, for nothing may be lost. Nobody waits for that: who
finds the numbers in use by another thread leaves the event to that one.
"""

import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from holdfast.engine import CallEnded
from holdfast.forks import in_each_child
from holdfast.observe.exemplars import Exemplar, current_span
from holdfast.observe.measuring import Measure, Measurer
from holdfast.observe.metrics import COUNTED, Metric
from holdfast.ratelimit import LimitCut
from holdfast.stream import Subscription, Wanted, subscribe

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """One series: a counter's or a gauge's.

    Attributes:
        value: where it stands.
        exemplar: a call that it counted, lately.
    """

    value: float
    exemplar: Exemplar | None = None


@dataclass(frozen=True, slots=True)
class Distribution:
    """One series of a histogram.

    Attributes:
        counts: how many were in each bucket alone, the last one without an upper bound.
        sum: of all observed values.
        exemplars: a call of each bucket, lately, where there was one.
    """

    counts: tuple[int, ...]
    sum: float
    exemplars: tuple[Exemplar | None, ...]

    @property
    def count(self) -> int:
        """How many were observed."""
        return sum(self.counts)


Numbers = Mapping[Labels, Number | Distribution]


class _Cell:
    """What is added up for one series; a counter has a single bucket."""

    __slots__ = ("counts", "exemplars", "readings", "sum")

    def __init__(self, metric: Metric) -> None:
        buckets = len(metric.buckets) + 1
        self.sum: float = 0
        self.counts = [0] * buckets
        self.exemplars: list[Exemplar | None] = [None] * buckets
        # At which reading each exemplar was taken: one for each will do.
        self.readings = [-1] * buckets

    def frozen(self, metric: Metric) -> Number | Distribution:
        """How it stands."""
        if metric.buckets:
            return Distribution(tuple(self.counts), self.sum, tuple(self.exemplars))
        return Number(self.sum, self.exemplars[0])


class Tally:
    """Adds up events.

    Args:
        clock: gives the unix time in seconds.
        complete: has everything counted that happened so far.

    Attributes:
        began: when it began to count, in unix seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        complete: Callable[[], object] = lambda: None,
    ) -> None:
        self._clock = clock
        self._complete = complete
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._mutex = threading.Lock()
        self._pending: deque[object] = deque()
        self._measurer = Measurer()
        self._readings = 0
        self._cells: dict[Metric, dict[Labels, _Cell]] = {
            metric: {labels: _Cell(metric) for labels in metric.known} for metric in COUNTED
        }
        self.began = self._clock()

    def __call__(self, event: object) -> None:
        """Count an event: exact, however many threads do it at once, and without waiting."""
        mutex = self._mutex
        if mutex.acquire(blocking=False):
            try:
                self._count(event, own=True)
            finally:
                mutex.release()
        else:
            self._pending.append(event)
        # Only after letting go: what came while it was held was left to this thread.
        while self._pending and mutex.acquire(blocking=False):
            try:
                self._count_pending()
            finally:
                mutex.release()

    def read(self) -> dict[Metric, Numbers]:
        """Where all metrics stand that are counted, in the order of the table."""
        self._complete()
        with self._mutex:
            self._count_pending()
            self._readings += 1
            return {
                metric: {labels: cell.frozen(metric) for labels, cell in cells.items()}
                for metric, cells in self._cells.items()
            }

    # Under the mutex.

    def _count_pending(self) -> None:
        while self._pending:
            self._count(self._pending.popleft(), own=False)

    def _count(self, event: object, *, own: bool) -> None:
        match event:
            case CallEnded():
                self._add(self._measurer.of_call(event.receipt), own)
            case LimitCut():
                self._add(self._measurer.of_cut(event.reason), own)

    def _add(self, measures: list[Measure], own: bool) -> None:
        all_cells, reading = self._cells, self._readings
        for metric, labels, value, request in measures:
            cells = all_cells[metric]
            cell = cells.get(labels)
            if cell is None:
                cell = cells[labels] = _Cell(metric)
            cell.sum += value
            buckets = metric.buckets
            if not buckets:
                bucket = 0
            else:
                bucket = bisect_left(buckets, value)
                cell.counts[bucket] += 1
            if request is not None and cell.readings[bucket] != reading:
                cell.readings[bucket] = reading
                span = current_span() if own else ("", "")
                cell.exemplars[bucket] = Exemplar(value, self._clock(), request, *span)


_mutex = threading.Lock()
_attached = 0
_subscription: Subscription | None = None
# So many events are soon counted, and take little room.
_LIMIT = 5000
# How long a reading waits for what still waits to be counted, in seconds.
_PATIENCE = 5.0


def _complete() -> None:
    subscription = _subscription
    if subscription is not None:
        subscription.flush(_PATIENCE)


_tally = Tally(complete=_complete)


def process_tally() -> Tally:
    """The numbers of this process. They grow while somebody has attached them."""
    return _tally


def attach() -> Callable[[], None]:
    """Have the calls of this process counted.

    Returns:
        Ends it, once nobody else wants them counted any more. The numbers stay as they are, so
        that they never go back. Calling it again does nothing.
    """
    global _attached, _subscription
    with _mutex:
        _attached += 1
        if _subscription is None:
            _subscription = subscribe(_tally, only=Wanted.ENDS, limit=_LIMIT, exact=True)
    attached = [True]

    def detach() -> None:
        global _attached, _subscription
        with _mutex:
            if not attached:
                return
            attached.clear()
            _attached -= 1
            if not _attached and _subscription is not None:
                _subscription.close()
                _subscription.flush(_PATIENCE)
                _subscription = None

    return detach


def _after_fork() -> None:
    global _mutex
    _mutex = threading.Lock()
    # A child's calls are its own; those of the parent are in the parent's numbers.
    _tally._begin_anew()


in_each_child(_after_fork)
