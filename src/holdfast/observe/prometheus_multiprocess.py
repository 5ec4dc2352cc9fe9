"""The numbers of several processes for one Prometheus endpoint, as prometheus_client does it.

Each process writes to memory-mapped files in the folder PROMETHEUS_MULTIPROC_DIR, and the process
that is scraped adds them up. Only the package's own metrics can do that, so each call is counted
in these, at once: what a worker counted is there even if it is killed.
"""

import math
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Literal

from prometheus_client import Counter, Gauge, Histogram

from holdfast.engine import CallEnded
from holdfast.forks import in_each_child
from holdfast.observe import metrics as table
from holdfast.observe.labels import LEVELS
from holdfast.observe.levels import read_levels
from holdfast.observe.measuring import Measure, Measurer
from holdfast.observe.metrics import COUNTED, READ, Instrument, Metric
from holdfast.observe.shared import Shared
from holdfast.observe.tally import Labels, Number
from holdfast.ratelimit import LimitCut
from holdfast.stream import Wanted, subscribe

# How often levels are written, in seconds.
_INTERVAL = 2.0

# prometheus_client has one lock for all writing, and a child that is forked while another thread
# holds it would wait for it for ever. So a fork waits for this one, which is held around that one.
_writing = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_writing.acquire,
        after_in_parent=_writing.release,
        after_in_child=_writing.release,
    )

_Mode = Literal["livesum", "livemax", "livemin"]

# How the levels of processes go together; all others add up.
_MODES: dict[Metric, _Mode] = {
    table.LANE_LONGEST: "livemax",
    table.LIMITER_RATE: "livemin",
    table.LIMITER_CONCURRENCY: "livemin",
    table.BUILD: "livemax",
}


class Mirror:
    """Counts calls in metrics of prometheus_client, and writes the levels from time to time."""

    def __init__(self) -> None:
        self._metrics = {metric: _made(metric) for metric in (*COUNTED, *READ)}
        self._children: dict[tuple[Metric, Labels], Counter | Gauge | Histogram] = {}
        self._before: dict[tuple[Metric, Labels], float] = {}
        self._measurer = Measurer()
        self._begin_anew()
        for metric in COUNTED:
            for labels in metric.known:
                self._child(metric, labels)

    def _begin_anew(self) -> None:
        self._mutex = threading.Lock()
        self._pending: deque[list[Measure]] = deque()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def __call__(self, event: object) -> None:
        """Count an event."""
        match event:
            case CallEnded():
                self._add(self._measurer.of_call(event.receipt))
            case LimitCut():
                self._add(self._measurer.of_cut(event.reason))
        if self._thread is None:
            self._start()

    def write_levels(self) -> None:
        """Write how things stand now."""
        for metric, numbers in read_levels().items():
            for labels, number in numbers.items():
                if isinstance(number, Number):
                    self._write(metric, labels, number.value)
            # A file keeps what was written to it, so what is not there now has to be, too.
            if _MODES.get(metric) == "livemin":
                for level in LEVELS:
                    if (level,) not in numbers:
                        self._write(metric, (level,), math.inf)

    def close(self) -> None:
        """End the thread that writes the levels."""
        self._closed.set()
        thread = self._thread
        if thread is not None:
            thread.join()

    def _add(self, measures: list[Measure]) -> None:
        self._pending.append(measures)
        self._add_pending()

    def _add_pending(self) -> None:
        """Add what is to be added, and wait for nobody: whoever writes now does it afterwards.

        That may be this very thread, where the garbage collection ends a forgotten call.
        """
        while self._pending and _writing.acquire(blocking=False):
            try:
                while self._pending:
                    for metric, labels, value, _ in self._pending.popleft():
                        child = self._children.get((metric, labels)) or self._child(metric, labels)
                        if isinstance(child, Histogram):
                            child.observe(value)
                        else:
                            child.inc(value)
            finally:
                _writing.release()

    def _write(self, metric: Metric, labels: Labels, value: float) -> None:
        with _writing:
            child = self._children.get((metric, labels)) or self._child(metric, labels)
            if isinstance(child, Gauge):
                child.set(value)
            elif isinstance(child, Counter):
                before = self._before.get((metric, labels), 0.0)
                self._before[metric, labels] = value
                child.inc(max(0.0, value - before))
        self._add_pending()

    def _child(self, metric: Metric, labels: Labels) -> Counter | Gauge | Histogram:
        made = self._metrics[metric]
        child = self._children[metric, labels] = made.labels(*labels) if labels else made
        return child

    def _start(self) -> None:
        with self._mutex:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(
                    target=self._run, name="holdfast-prometheus", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while True:
            self.write_levels()
            if self._closed.wait(_INTERVAL):
                return


def _made(metric: Metric) -> Counter | Gauge | Histogram:
    # In no registry: what is scraped are the files.
    if metric.instrument is Instrument.HISTOGRAM:
        return Histogram(
            metric.name, metric.about, metric.labels, buckets=metric.buckets, registry=None
        )
    if metric.instrument is Instrument.COUNTER:
        return Counter(metric.name, metric.about, metric.labels, registry=None)
    mode = _MODES.get(metric, "livesum")
    return Gauge(metric.name, metric.about, metric.labels, registry=None, multiprocess_mode=mode)


_mirror: Mirror | None = None


def _begin(_: None) -> Callable[[], object]:
    global _mirror
    _mirror = mirror = Mirror()
    subscription = subscribe(mirror, only=Wanted.ENDS, inline=True)

    def end() -> None:
        global _mirror
        _mirror = None
        subscription.close()
        mirror.close()

    return end


_shared = Shared(_begin)


def share() -> Callable[[], None]:
    """Have the calls of this process, and of those that it forks, counted for all to see.

    Returns:
        Ends it, once nobody else wants it any more. Calling it again does nothing.
    """
    return _shared.hold(None)


def _after_fork() -> None:
    if _mirror is not None:
        _mirror._begin_anew()


in_each_child(_after_fork)
