"""Whole runs, exported by the real exporters to a receiver that is a process of its own."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import Mock

import pytest
import stripe
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
)
from otlp_receiver import OtlpReceiver, receiving_otlp
from tracing import Spans

import holdfast
from holdfast import Backoff, Policy
from holdfast.observe import tally, to_opentelemetry
from holdfast.sandbox import Sandbox

WORKERS, CALLS = 64, 16
PATIENT = Policy(max_retries=100, locked_backoff=Backoff(0.005, 0.2), retry_budget=None)
UNORDERED = Policy(
    lanes="off", max_retries=100, locked_backoff=Backoff(0.005, 0.2), retry_budget=None
)


class Pipeline:
    """Providers with the real exporters and their queues."""

    def __init__(self, url: str, timeout: float = 10.0) -> None:
        self.traces = TracerProvider(shutdown_on_exit=False)
        to_traces = OTLPSpanExporter(f"{url}/v1/traces", timeout=timeout)
        self.traces.add_span_processor(BatchSpanProcessor(to_traces, max_queue_size=100_000))
        to_metrics = OTLPMetricExporter(f"{url}/v1/metrics", timeout=timeout)
        reader = PeriodicExportingMetricReader(
            to_metrics, export_interval_millis=3_600_000, export_timeout_millis=timeout * 1000
        )
        self.metrics = MeterProvider([reader], shutdown_on_exit=False)

        self._is_down = False

    def shutdown(self) -> None:
        if self._is_down:
            return
        self._is_down = True
        self.traces.shutdown()
        self.metrics.shutdown()


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with receiving_otlp() as running:
        yield running


@pytest.fixture
def pipeline(receiver: OtlpReceiver) -> Iterator[Pipeline]:
    tally.process_tally()._begin_anew()
    made = Pipeline(receiver.url)
    with to_opentelemetry(made.traces, made.metrics):
        yield made
        made.shutdown()


def client_for(box: Sandbox, policy: Policy) -> stripe.StripeClient:
    address: Any = {"api": box.url}
    return holdfast.stripe_client("sk_test_1", policy, base_addresses=address)


def by_threads(box: Sandbox, customer: str, pipeline: Pipeline) -> None:
    tracer = pipeline.traces.get_tracer("the application")
    clients = [client_for(box, PATIENT), client_for(box, UNORDERED)]

    def work(worker: int) -> None:
        with tracer.start_as_current_span("worker"):
            for number in range(CALLS):
                clients[worker % 4 == 0].v1.customers.update(customer, {"name": f"Ada {number}"})

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, range(WORKERS)))


def by_tasks(box: Sandbox, customer: str, pipeline: Pipeline) -> None:
    tracer = pipeline.traces.get_tracer("the application")
    clients = [client_for(box, PATIENT), client_for(box, UNORDERED)]

    async def work(worker: int) -> None:
        client = clients[worker % 4 == 0]
        with tracer.start_as_current_span("worker"):
            for number in range(CALLS):
                await client.v1.customers.update_async(customer, {"name": f"Ada {number}"})

    async def main() -> None:
        await asyncio.gather(*(work(worker) for worker in range(WORKERS)))

    asyncio.run(main())


@pytest.mark.parametrize("run", [by_threads, by_tasks])
def test_a_receiver_sees_each_call_and_attempt_of_a_contended_run_below_its_worker(
    receiver: OtlpReceiver,
    pipeline: Pipeline,
    run: Callable[[Sandbox, str, Pipeline], None],
) -> None:
    with Sandbox(lock_wait=0.01, hold=0.001) as box:
        customer = client_for(box, PATIENT).v1.customers.create({"name": "Ada"}).id
        run(box, customer, pipeline)
        stats, effects = box.stats(), len(box.ledger())
    pipeline.shutdown()

    calls = WORKERS * CALLS + 1
    assert effects == calls
    assert stats["lock_timeouts"] > 0
    spans = receiver.spans()
    by_id = {span["spanId"]: span for span in spans}
    assert len(by_id) == len(spans)
    kinds = Counter(span["kind"] for span in spans if span["name"] != "worker")
    assert kinds == {
        "SPAN_KIND_INTERNAL": calls,
        "SPAN_KIND_CLIENT": stats["requests"],
    }
    children: Counter[str] = Counter()
    for span in spans:
        parent = by_id.get(span.get("parentSpanId", ""))
        if parent is not None:
            assert parent["traceId"] == span["traceId"]
            children[parent["spanId"]] += 1
        if span["kind"] == "SPAN_KIND_CLIENT":
            assert parent is not None
            assert parent["name"] == f"holdfast {span['name']}"
            assert parent["attributes"]["holdfast.attempts"] >= 1
        elif span["name"] == "holdfast POST /v1/customers/{id}":
            assert parent is not None
            assert parent["name"] == "worker"
    for span in spans:
        expected = (
            CALLS if span["name"] == "worker" else span["attributes"].get("holdfast.attempts")
        )
        assert children[span["spanId"]] == (expected or 0)
    locked = [span for span in spans if span["attributes"].get("holdfast.fault") == "locked"]
    assert len(locked) == stats["lock_timeouts"]
    assert {span["attributes"]["error.type"] for span in locked} == {"429"}
    assert {span["status"]["code"] for span in locked} == {"STATUS_CODE_ERROR"}
    resent = [span for span in spans if "http.request.resend_count" in span["attributes"]]
    assert len(resent) == stats["lock_timeouts"]

    metrics = receiver.metrics()
    assert total(metrics["holdfast.calls"]) == calls
    assert total(metrics["holdfast.attempts"]) == stats["requests"]
    assert total(metrics["holdfast.lock_timeouts"]) == stats["lock_timeouts"]
    assert total(metrics["http.client.request.duration"]) == stats["requests"]
    assert total(metrics["holdfast.call.duration"]) == calls
    # The attempts' own clock and the spans' are of one mind.
    measured = sum(point["sum"] for point in metrics["http.client.request.duration"])
    spanned = sum(seconds(span) for span in spans if span["kind"] == "SPAN_KIND_CLIENT")
    assert measured == pytest.approx(spanned, rel=0.5)


def total(points: list[dict[str, Any]]) -> int:
    return sum(
        int(point.get("count", point.get("asInt", point.get("asDouble", 0)))) for point in points
    )


def seconds(span: dict[str, Any]) -> float:
    return (int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])) / 1e9


@pytest.mark.parametrize("behaviour", ["hang", "refuse"])
def test_a_receiver_that_does_not_answer_holds_no_call_up(
    behaviour: str, caplog: pytest.LogCaptureFixture
) -> None:
    patience, took = 2.0, []
    with receiving_otlp(behaviour=behaviour) as receiver, Sandbox() as box:
        pipeline = Pipeline(receiver.url, timeout=patience)
        with to_opentelemetry(pipeline.traces, pipeline.metrics):
            client = client_for(box, PATIENT)
            for _ in range(300):  # two spans each: more than the processor exports at once
                began = time.monotonic()
                client.v1.customers.create({"name": "Ada"})
                took.append(time.monotonic() - began)
        assert len(box.ledger()) == 300
    pipeline.shutdown()
    assert max(took) < patience  # which is how long an export takes to give up
    caplog.clear()  # of what the exporters said


def test_an_exporter_that_fails_fails_no_call(caplog: pytest.LogCaptureFixture) -> None:
    spans = Spans()
    broken = Mock(SpanExporter, **{"export.side_effect": OSError("the disk is full")})
    spans.provider.add_span_processor(SimpleSpanProcessor(broken))
    with Sandbox() as box, to_opentelemetry(spans.provider):
        client_for(box, PATIENT).v1.customers.create({"name": "Ada"})
        assert len(box.ledger()) == 1
    assert len(spans.attempts) == 1
    assert "disk is full" in caplog.text
    caplog.clear()


def test_a_span_processor_that_fails_fails_no_call(caplog: pytest.LogCaptureFixture) -> None:
    spans = Spans()
    failures = {"on_start.side_effect": OSError("start"), "on_end.side_effect": OSError("end")}
    spans.provider.add_span_processor(Mock(SpanProcessor, **failures))
    with Sandbox() as box, to_opentelemetry(spans.provider):
        client_for(box, PATIENT).v1.customers.create({"name": "Ada"})
        assert len(box.ledger()) == 1
    assert "the subscriber Traces failed on CallStarted" in caplog.text
