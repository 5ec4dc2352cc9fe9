"""The metrics of calls, with the real SDK: names, units, attributes, and exact numbers."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import stripe
from opentelemetry import metrics as api
from opentelemetry.sdk.metrics import Histogram, MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    InMemoryMetricReader,
)
from opentelemetry.sdk.metrics.export import Metric as Exported
from opentelemetry.sdk.metrics.view import DropAggregation, View
from opentelemetry.semconv.metrics.http_metrics import HTTP_CLIENT_REQUEST_DURATION
from opentelemetry.trace import NoOpTracerProvider
from scripted import ScriptedServer, answer, error, reset
from tracing import Spans, span_id

import holdfast
from holdfast import Backoff, Jitter, Policy, Receipt, StopReason
from holdfast.engine import CallEnded
from holdfast.lanes import MemoryLanes
from holdfast.observe import metrics as table
from holdfast.observe import tally, to_opentelemetry
from holdfast.sandbox import Sandbox
from holdfast.stream import publish

Serve = Callable[..., ScriptedServer]

QUICK = Backoff(0.001, 0.002)
POLICY = Policy(backoff=QUICK, locked_backoff=QUICK)
OK = answer(200, {"id": "cus_1", "object": "customer"})
NO_TRACES = NoOpTracerProvider()


@pytest.fixture(autouse=True)
def from_zero() -> None:
    """The numbers of the process begin with the test."""
    tally.process_tally()._begin_anew()


@dataclass
class Measured:
    """What a reader collects."""

    reader: InMemoryMetricReader

    def metrics(self) -> dict[str, Exported]:
        """All metrics, by name."""
        data = self.reader.get_metrics_data()
        if data is None:  # nothing was measured
            return {}
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
        return {metric.name: metric for scope in scopes for metric in scope.metrics}

    def points(self, name: str) -> dict[tuple[Any, ...], Any]:
        """The data points of a metric, by the values of their attributes."""
        return points_of(self.metrics().get(name))

    def values(self, name: str) -> dict[tuple[Any, ...], float]:
        """The values above 0 of a metric, by the values of their attributes."""
        points = self.points(name)
        return {key: point.value for key, point in points.items() if point.value}


def points_of(metric: Exported | None) -> dict[tuple[Any, ...], Any]:
    """The data points of a metric, by the values of their attributes."""
    points = [] if metric is None else metric.data.data_points
    return {tuple((point.attributes or {}).values()): point for point in points}


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def provider(reader: InMemoryMetricReader) -> Iterator[MeterProvider]:
    made = MeterProvider([reader], shutdown_on_exit=False)
    yield made
    made.shutdown()


@pytest.fixture
def measured(reader: InMemoryMetricReader, provider: MeterProvider) -> Iterator[Measured]:
    with to_opentelemetry(NO_TRACES, provider):
        yield Measured(reader)


def retrieve(server: ScriptedServer, mode: str = "sync", policy: Policy = POLICY) -> None:
    address: Any = {"api": server.url}
    client = holdfast.stripe_client(
        "sk_test_1", policy, base_addresses=address, lanes=MemoryLanes()
    )
    if mode == "sync":
        client.v1.customers.retrieve("cus_1")
    else:
        asyncio.run(client.v1.customers.retrieve_async("cus_1"))


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_an_attempt_is_measured_by_the_conventions(
    serve: Serve, measured: Measured, mode: str
) -> None:
    server = serve(error(500), reset, OK)
    retrieve(server, mode)
    metric = measured.metrics()[HTTP_CLIENT_REQUEST_DURATION]
    assert metric.unit == "s"
    where = {
        "http.request.method": "GET",
        "url.template": "/v1/customers/{id}",
        "server.address": "127.0.0.1",
        "server.port": int(server.url.rpartition(":")[2]),
    }
    points = [point for point in metric.data.data_points if isinstance(point, HistogramDataPoint)]
    assert [dict(point.attributes or {}) for point in points] == [
        {**where, "http.response.status_code": 500, "error.type": "500"},
        {**where, "error.type": "interrupted"},
        {**where, "http.response.status_code": 200},
    ]
    assert [point.count for point in points] == [1, 1, 1]
    # The bounds that the conventions advise.
    assert tuple(points[0].explicit_bounds) == (
        *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75),
        *(1, 2.5, 5, 7.5, 10),
    )


def test_a_call_is_counted_and_measured(serve: Serve, measured: Measured) -> None:
    slow = Policy(backoff=Backoff(0.002, 0.002, jitter=Jitter.NONE))
    retrieve(serve(error(500), OK), policy=slow)
    place = ("GET", "/v1/customers/{id}")
    assert measured.values("holdfast.calls") == {(*place, "ok"): 1}
    assert measured.values("holdfast.attempts") == {
        (*place, "server_error", 500): 1,
        (*place, "ok", 200): 1,
    }
    assert measured.values("holdfast.retries") == {("server_error",): 1}
    assert measured.points("holdfast.call.duration")[place].count == 1
    assert measured.points("holdfast.wait.duration")[("backoff",)].count == 1


def test_a_call_without_an_answer_has_no_status(serve: Serve, measured: Measured) -> None:
    with pytest.raises(stripe.APIConnectionError):
        retrieve(serve(reset), policy=Policy(max_retries=0))
    (key,) = measured.values("holdfast.attempts")
    assert key == ("GET", "/v1/customers/{id}", "interrupted")


def test_all_metrics_of_the_table_are_there_with_their_units(
    serve: Serve, measured: Measured
) -> None:
    retrieve(serve(error(500), OK))
    found = measured.metrics()
    for metric in table.METRICS:
        # These have no value unless there was something of the kind.
        if metric.labels and not metric.known and metric.otel not in found:
            assert metric.name in {
                "holdfast_unsure_calls_total",
                "holdfast_limiter_rate",
                "holdfast_limiter_concurrency",
                "holdfast_blocks_total",
                "holdfast_block_attempts_total",
            }
            continue
        if metric.instrument is not table.Instrument.HISTOGRAM:
            assert found[metric.otel].unit == metric.unit
            assert found[metric.otel].description == metric.about
    assert set(found) <= {metric.otel for metric in table.METRICS}


def test_blocks_are_counted(measured: Measured) -> None:
    runs = iter([KeyError("once")])

    @holdfast.retrying(KeyError, wait=QUICK, name="import")
    def block() -> None:
        for failure in runs:
            raise failure

    block()
    assert sum(measured.values("holdfast.blocks").values()) == 1


def test_who_asks_twice_is_told_once(
    serve: Serve, reader: InMemoryMetricReader, provider: MeterProvider
) -> None:
    server, measured = serve(OK), Measured(reader)
    first, second = to_opentelemetry(NO_TRACES, provider), to_opentelemetry(NO_TRACES, provider)
    retrieve(server)
    assert sum(measured.values("holdfast.calls").values()) == 1
    first.close()
    first.close()
    retrieve(server)
    (point,) = measured.points("http.client.request.duration").values()
    assert point.count == 2
    second.close()
    retrieve(server)
    assert measured.points("holdfast.calls") == {}
    assert next(iter(measured.points("http.client.request.duration").values())).count == 2
    with to_opentelemetry(NO_TRACES, provider):
        retrieve(server)
        assert sum(measured.values("holdfast.calls").values()) == 3
        assert next(iter(measured.points("http.client.request.duration").values())).count == 3


def test_deltas_add_up(serve: Serve) -> None:
    server = serve(OK)
    wanted: dict[type, AggregationTemporality] = {
        ObservableCounter: AggregationTemporality.DELTA,
        Histogram: AggregationTemporality.DELTA,
    }
    reader = InMemoryMetricReader(preferred_temporality=wanted)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    measured, calls, attempts = Measured(reader), 0.0, 0
    with to_opentelemetry(NO_TRACES, provider):
        for number in (1, 2, 3):
            for _ in range(number):
                retrieve(server)
            found = measured.metrics()
            calls += sum(one.value for one in points_of(found["holdfast.calls"]).values())
            durations = points_of(found["http.client.request.duration"])
            attempts += sum(one.count for one in durations.values())
    provider.shutdown()
    assert (calls, attempts) == (6, 6)


def test_several_readers_are_told_the_same(serve: Serve) -> None:
    readers = [InMemoryMetricReader(), InMemoryMetricReader()]
    provider = MeterProvider(readers, shutdown_on_exit=False)
    with to_opentelemetry(NO_TRACES, provider):
        for _ in range(2):
            retrieve(serve(OK))
            numbers = [Measured(one).values("holdfast.calls") for one in readers]
            assert numbers[0] == numbers[1] != {}
    provider.shutdown()


def test_a_view_may_drop_what_it_likes(serve: Serve, reader: InMemoryMetricReader) -> None:
    views = [View(instrument_name="holdfast.*", aggregation=DropAggregation())]
    provider = MeterProvider([reader], views=views, shutdown_on_exit=False)
    with to_opentelemetry(NO_TRACES, provider):
        retrieve(serve(OK))
        assert list(Measured(reader).metrics()) == ["http.client.request.duration"]
    provider.shutdown()


def test_exemplars_lead_to_the_span_of_the_call(
    serve: Serve, reader: InMemoryMetricReader, provider: MeterProvider
) -> None:
    spans = Spans()
    with to_opentelemetry(spans.provider, provider):
        retrieve(serve(OK))
        found = Measured(reader).metrics()
        for name in ("http.client.request.duration", "holdfast.call.duration"):
            (point,) = found[name].data.data_points
            assert isinstance(point, HistogramDataPoint)
            assert [one.span_id for one in point.exemplars] == [span_id(spans.calls[0])]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_contended_run_is_counted_to_the_last_attempt(measured: Measured, mode: str) -> None:
    policy = Policy(
        lanes="off", max_retries=100, locked_backoff=Backoff(0.005, 0.1), retry_budget=None
    )
    before = {
        *measured.values("holdfast.events.dropped"),
        *measured.values("holdfast.events.failed"),
    }
    with Sandbox(lock_wait=0.02, hold=0.002) as box:
        address: Any = {"api": box.url}
        client = holdfast.stripe_client("sk_test_1", policy, base_addresses=address)
        customer = client.v1.customers.create({"name": "Ada"}).id

        def work() -> None:
            for number in range(10):
                client.v1.customers.update(customer, {"name": f"Ada {number}"})

        async def work_async() -> None:
            for number in range(10):
                await client.v1.customers.update_async(customer, {"name": f"Ada {number}"})

        async def all_async() -> None:
            await asyncio.gather(*(work_async() for _ in range(32)))

        if mode == "async":
            asyncio.run(all_async())
        else:
            threads = [threading.Thread(target=work) for _ in range(32)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        stats, effects = box.stats(), len(box.ledger())
    assert effects == 321
    assert stats["lock_timeouts"] > 0
    assert sum(measured.values("holdfast.calls").values()) == effects
    assert sum(measured.values("holdfast.attempts").values()) == stats["requests"]
    assert sum(measured.values("holdfast.lock_timeouts").values()) == stats["lock_timeouts"]
    assert sum(measured.values("holdfast.retries").values()) == stats["lock_timeouts"]
    attempts = measured.points("http.client.request.duration").values()
    assert sum(point.count for point in attempts) == stats["requests"]
    calls = measured.points("holdfast.call.duration").values()
    assert sum(point.count for point in calls) == effects
    # Other tests' subscribers may still be there.
    assert measured.values("holdfast.events.dropped").keys() <= before
    assert measured.values("holdfast.events.failed").keys() <= before


class StuckProvider(api.MeterProvider):
    """A provider whose histograms take no value until they are let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.counters: dict[str, Callable[[api.CallbackOptions], Any]] = {}

    def get_meter(self, *_: Any, **__: Any) -> api.Meter:
        return StuckMeter(self)


class StuckMeter(api.NoOpMeter):
    def __init__(self, provider: StuckProvider) -> None:
        super().__init__("stuck")
        self._provider = provider

    def create_histogram(self, *_: Any, **__: Any) -> api.Histogram:
        return StuckHistogram(self._provider.let_go)

    def create_observable_counter(
        self, name: str, callbacks: Any = None, *_: Any, **__: Any
    ) -> api.ObservableCounter:
        (self._provider.counters[name],) = callbacks
        return super().create_observable_counter(name, callbacks)


class StuckHistogram(api.NoOpHistogram):
    def __init__(self, let_go: threading.Event) -> None:
        super().__init__("stuck")
        self._let_go = let_go

    def record(self, *_: Any, **__: Any) -> None:
        self._let_go.wait(60)


def test_what_a_stuck_histogram_cannot_be_told_is_counted_and_holds_nobody_up() -> None:
    provider = StuckProvider()
    receipt = Receipt("GET", "/v1/customers/cus_1", stop=StopReason.OK, server="https://a.test")

    def read(name: str) -> dict[str, float]:
        options = api.CallbackOptions()
        read = provider.counters[name](options)
        return {str(list((one.attributes or {}).values())): one.value for one in read}

    with to_opentelemetry(NO_TRACES, provider):
        for _ in range(10_500):
            publish(CallEnded(receipt))
        assert list(read("holdfast.calls").values()) == [10_500]
        dropped = read("holdfast.events.dropped")["['HistogramRecorder']"]
        assert 480 <= dropped <= 500
        provider.let_go.set()
