"""The metrics of this process, from the one table of them, as OpenTelemetry's instruments.

Counters and gauges are read when somebody collects, from the exact numbers of the process, so a
call pays nothing for them. A histogram wants each value by itself, which costs the SDK longer than
all of Holdfast takes for a call; so that is done afterwards, by a subscriber on a thread of its
own, and each collection first waits a moment for what that thread has left to do.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from weakref import WeakKeyDictionary

from opentelemetry.metrics import (
    CallbackOptions,
    Histogram,
    Meter,
    MeterProvider,
    Observation,
    get_meter,
)
from opentelemetry.util.types import AttributeValue

from holdfast._version import __version__
from holdfast.engine import CallEnded, FaultClass
from holdfast.forks import in_each_child
from holdfast.observe import tally
from holdfast.observe.labels import NONE, OTHER
from holdfast.observe.levels import read_levels
from holdfast.observe.measuring import Measurer
from holdfast.observe.metrics import ATTEMPT_DURATION, METRICS, Instrument, Metric
from holdfast.observe.opentelemetry import spans
from holdfast.observe.shared import Shared
from holdfast.observe.tally import Number, Numbers
from holdfast.stream import Subscription, Wanted, subscribe

Attributes = dict[str, AttributeValue]

# How long a collection waits for the histograms to be complete, in seconds.
_PATIENCE = 1.0


class Metrics:
    """The instruments of one provider. They stay there; between `begin` and `end` they measure.

    Args:
        provider: where they are; None for the global provider, also if that is set only later.
    """

    def __init__(self, provider: MeterProvider | None) -> None:
        meter = get_meter("holdfast", __version__, provider, spans.SCHEMA)
        self._readings = _Readings(self._complete)
        self._recorder = HistogramRecorder()
        self._subscription: Subscription | None = None
        self._detach: Callable[[], object] = lambda: None
        for metric in METRICS:
            self._make(meter, metric)

    def begin(self) -> None:
        """Measure from now on."""
        self._detach = tally.attach()
        self._subscription = subscribe(self._recorder, only=Wanted.ENDS)
        self._readings.begin()

    def end(self) -> None:
        """Measure no more, and show nothing."""
        self._complete()
        self._readings.end()
        self._detach()
        if self._subscription is not None:
            self._subscription.close()

    def begin_anew(self) -> None:
        """In a forked child: nobody else reads."""
        self._readings.begin_anew()

    def _make(self, meter: Meter, metric: Metric) -> None:
        match metric.instrument:
            case Instrument.HISTOGRAM:
                self._recorder.histograms[metric] = meter.create_histogram(
                    metric.otel,
                    metric.unit,
                    metric.about,
                    explicit_bucket_boundaries_advisory=metric.buckets,
                )
            case Instrument.COUNTER:
                read = self._readings.reader(metric)
                meter.create_observable_counter(metric.otel, [read], metric.unit, metric.about)
            case Instrument.GAUGE:
                read = self._readings.reader(metric)
                meter.create_observable_gauge(metric.otel, [read], metric.unit, metric.about)

    def _complete(self) -> None:
        if self._subscription is not None:
            self._subscription.flush(_PATIENCE)


class _Readings:
    """Where the counters and gauges stand: one reading for all of them in a collection.

    Args:
        before: what a reading begins with.
    """

    def __init__(self, before: Callable[[], object]) -> None:
        self._before = before
        self._is_on = False
        self.begin_anew()

    def begin_anew(self) -> None:
        self._mutex = threading.Lock()
        self._taken: dict[Metric, Numbers] = {}

    def begin(self) -> None:
        self._is_on = True

    def end(self) -> None:
        self._is_on = False

    def reader(self, metric: Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
        """What OpenTelemetry asks for the metric."""

        def read(_: CallbackOptions) -> Iterator[Observation]:
            for labels, number in self._take(metric).items():
                if isinstance(number, Number):
                    yield Observation(number.value, attributes_of(metric, labels))

        return read

    def _take(self, metric: Metric) -> Numbers:
        if not self._is_on:
            return {}
        with self._mutex:
            # A collection asks for each metric once: who asks again begins the next one.
            if metric not in self._taken:
                self._before()
                self._taken = {**tally.process_tally().read(), **read_levels()}
            return self._taken.pop(metric, {})


class HistogramRecorder:
    """The subscriber that puts times into the histograms."""

    __slots__ = ("_measurer", "histograms")

    def __init__(self) -> None:
        self._measurer = Measurer()
        self.histograms: dict[Metric, Histogram] = {}

    def __call__(self, event: object) -> None:
        """Record the times of a call that has ended, in the context of which it is called."""
        if not isinstance(event, CallEnded):
            return
        receipt = event.receipt
        attempts = iter(receipt.attempts)
        for metric, labels, value, _ in self._measurer.times_of_call(receipt):
            if metric is ATTEMPT_DURATION:
                attempt = next(attempts)
                attributes = _of_attempt(labels, receipt.server, attempt.status, attempt.fault)
            else:
                attributes = attributes_of(metric, labels)
            self.histograms[metric].record(value, attributes)


@lru_cache(maxsize=4096)
def attributes_of(metric: Metric, labels: tuple[str, ...]) -> Attributes:
    """The attributes of a series, from the values of its labels."""
    attributes: Attributes = {}
    for name, value in zip(metric.attributes, labels, strict=True):
        if name == spans.STATUS_CODE:
            if value != NONE:
                attributes[name] = int(value) if value.isdigit() else value
        elif name == spans.METHOD and value == OTHER:
            attributes[name] = "_OTHER"
        else:
            attributes[name] = value
    return attributes


@lru_cache(maxsize=4096)
def _of_attempt(
    labels: tuple[str, ...], server: str, status: int | None, fault: FaultClass
) -> Attributes:
    """What the conventions want of http.client.request.duration: more than the table's labels."""
    address, port, _ = spans.server_of(server)
    attributes = {
        **attributes_of(ATTEMPT_DURATION, labels),
        spans.SERVER_ADDRESS: address,
        spans.SERVER_PORT: port,
    }
    if status is not None:
        attributes[spans.STATUS_CODE] = status
    error = spans.error_type(status, fault)
    if error is not None:
        attributes[spans.ERROR_TYPE] = error
    return attributes


class _Global:
    """Stands for the global provider, whichever that is or will be."""


_GLOBAL = _Global()
_made: "WeakKeyDictionary[object, Metrics]" = WeakKeyDictionary()


def _begin(provider: MeterProvider | None) -> Callable[[], object]:
    key = _GLOBAL if provider is None else provider
    if key not in _made:
        _made[key] = Metrics(provider)
    _made[key].begin()
    return _made[key].end


def _after_fork() -> None:
    for made in list(_made.values()):
        made.begin_anew()


in_each_child(_after_fork)

measured = Shared(_begin)
"""The metrics that are measured, by provider."""
