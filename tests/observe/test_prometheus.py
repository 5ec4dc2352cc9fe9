"""Prometheus scrapes the exact numbers: over HTTP, during a run of the real client."""

import asyncio
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry, generate_latest, make_asgi_app, start_http_server
from prometheus_client import Counter as OwnCounter
from prometheus_client import metrics as client_metrics
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from promserver import promtool
from troubles import client, contend, have_every_trouble

from holdfast import Policy
from holdfast.engine import Attempt, CallEnded, FaultClass, Receipt, StopReason
from holdfast.observe import to_prometheus
from holdfast.observe.metrics import METRICS
from holdfast.observe.tally import process_tally
from holdfast.sandbox import Sandbox
from holdfast.stream import process_stream, publish

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(autouse=True)
def _from_0() -> None:
    process_tally()._begin_anew()


@pytest.fixture
def registry() -> Iterator[CollectorRegistry]:
    """A registry that shows Holdfast's metrics, on its own."""
    made = CollectorRegistry()
    with to_prometheus(made):
        yield made


@contextmanager
def served(registry: CollectorRegistry) -> Iterator[str]:
    """The registry over HTTP; gives the URL."""
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def samples(text: str) -> Samples:
    """The samples of a scrape in the plain text format."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in read_text(text)
        for sample in family.samples
    }


def total(found: Samples, name: str, **labels: str) -> float:
    """The sum of all samples of a name that have these labels."""
    wanted = set(labels.items())
    return sum(value for (of, its), value in found.items() if of == name and wanted <= its)


def ended(request: str = "req_1") -> CallEnded:
    attempt = Attempt(1, FaultClass.OK, 200, request, None, False, 0.0, 0.02)
    return CallEnded(Receipt("POST", "/v1/customers", [attempt], {}, StopReason.OK, 0.02))


def test_a_scrape_of_a_contended_run_equals_the_ledger(registry: CollectorRegistry) -> None:
    with Sandbox(lock_wait=0.01, hold=0.005) as box, served(registry) as url:
        have_every_trouble(box)
        found = samples(requests.get(url, timeout=30).text)
        stats, asked, ledger = box.stats(), box.requests(), box.ledger()
    name = "holdfast_attempts_total"
    # Every exchange, by its status; without one, what was reset, hung, or found the lanes full.
    statuses = Counter(str(request["status"]) for request in asked if request["ending"] == "sent")
    assert stats["lock_timeouts"] > 0
    for status, count in statuses.items():
        assert total(found, name, status=status) == count, status
    assert total(found, name) == len(asked)
    assert total(found, name, fault="locked") == stats["by_fault"]["lock_timeout"]
    assert total(found, "holdfast_lock_timeouts_total") == stats["by_fault"]["lock_timeout"]
    assert (
        total(found, "holdfast_replayed_answers_total") == stats["by_fault"]["idempotent_replays"]
    )
    # Every effect is a call that succeeded, or one that nobody was told of.
    done = total(found, "holdfast_calls_total", method="POST", stop="ok")
    unsure = total(found, "holdfast_unsure_calls_total")
    assert done <= len(ledger) <= done + unsure
    assert unsure >= 2
    calls = total(found, "holdfast_calls_total")
    assert total(found, "holdfast_call_duration_seconds_count") == calls
    # A call has a first attempt, unless it was refused before.
    sent = total(found, name) - total(found, "holdfast_retries_total")
    refused = total(found, "holdfast_calls_total", stop="lane_full")
    assert refused > 0
    assert sent == calls - refused
    for stop in ("attempts", "rejected", "budget", "deadline"):
        assert total(found, "holdfast_calls_total", stop=stop) > 0, stop
    assert total(found, "holdfast_mended_calls_total", fault="locked") > 0
    assert total(found, "holdfast_limit_cuts_total") > 0
    assert total(found, "holdfast_blocks_total", block="import", stop="ok") == 1
    assert total(found, "holdfast_block_attempts_total") == 2


def test_levels_are_read_as_they_are_scraped(registry: CollectorRegistry) -> None:
    with Sandbox(lock_wait=5, hold=0.05) as box, served(registry) as url:
        customer = client(box).v1.customers.create().id
        seen: Counter[str] = Counter()

        def watch() -> None:
            while samples_left[0]:
                found = samples(requests.get(url, timeout=30).text)
                for name in (
                    "holdfast_lanes",
                    "holdfast_lane_waiting_calls",
                    "holdfast_lane_longest_queue",
                    "holdfast_attempts_in_flight",
                ):
                    seen[name] = max(seen[name], int(total(found, name)))

        samples_left = [True]
        watcher = threading.Thread(target=watch)
        watcher.start()
        contend(box, customer, Policy())
        samples_left[0] = False
        watcher.join()
        after = samples(requests.get(url, timeout=30).text)
    assert seen["holdfast_lanes"] == 1
    # Six workers, one of them inside.
    assert 1 <= seen["holdfast_lane_waiting_calls"] <= 5
    assert seen["holdfast_lane_longest_queue"] == seen["holdfast_lane_waiting_calls"]
    assert seen["holdfast_attempts_in_flight"] == 1
    for name in seen:
        assert total(after, name) == 0


def test_a_limit_that_is_told_is_shown(registry: CollectorRegistry) -> None:
    with Sandbox() as box:
        client(box, Policy(rate_limit=500)).v1.customers.create()
        found = samples(generate_latest(registry).decode())
    assert total(found, "holdfast_limiter_rate") == 500
    assert ("holdfast_limiter_rate", frozenset({("level", "account")})) in found
    assert not any(name == "holdfast_limiter_concurrency" for name, _ in found)


def test_the_text_is_as_promtool_wants_it(registry: CollectorRegistry) -> None:
    with Sandbox(lock_wait=0.01, hold=0.005) as box:
        have_every_trouble(box)
        text = generate_latest(registry)
    promtool("check", "metrics", given=text)


def test_every_metric_of_the_table_is_shown(registry: CollectorRegistry) -> None:
    families = {family.name: family for family in read_text(generate_latest(registry).decode())}
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert family.documentation == metric.about
        assert family.type == metric.instrument.value


def test_openmetrics_has_exemplars_that_lead_to_the_request_and_the_trace(
    registry: CollectorRegistry,
) -> None:
    with TracerProvider().get_tracer("tests").start_as_current_span("a page") as span:
        publish(ended())
        trace = f"{span.get_span_context().trace_id:032x}"
    publish(ended("req_" + "x" * 200))
    with served(registry) as url:
        answer = requests.get(url, headers=OPENMETRICS, timeout=30)
        plain = requests.get(url, headers={"Accept": "text/plain"}, timeout=30)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert "# {" not in plain.text
    exemplars = list(_exemplars(answer.text))
    assert {name for name, _ in exemplars} == {
        "holdfast_call_duration_seconds_bucket",
        "holdfast_attempt_duration_seconds_bucket",
    }
    for _, labels in exemplars:
        assert labels["trace_id"] == trace
        assert labels["request_id"] == "req_1"
        assert sum(len(name) + len(value) for name, value in labels.items()) <= 128


def test_an_exemplar_that_would_be_too_long_is_cut_to_what_fits(
    registry: CollectorRegistry,
) -> None:
    with TracerProvider().get_tracer("tests").start_as_current_span("a page") as span:
        publish(ended("req_" + "x" * 200))
        trace = f"{span.get_span_context().trace_id:032x}"
    for _, labels in _exemplars(openmetrics(registry).decode()):
        assert labels.keys() == {"trace_id", "span_id"}
        assert labels["trace_id"] == trace


def _exemplars(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    families = read_openmetrics(text)
    for family in families:
        for sample in family.samples:
            if sample.exemplar is not None:
                yield sample.name, sample.exemplar.labels


def test_created_is_when_counting_began(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(ended())
    created = [
        (sample.name, sample.value)
        for family in read_openmetrics(openmetrics(registry).decode())
        for sample in family.samples
        if sample.name.endswith("_created")
    ]
    names = {name for name, _ in created}
    assert {"holdfast_calls_created", "holdfast_call_duration_seconds_created"} <= names
    assert {value for _, value in created} == {process_tally().began}
    # Who has switched them off in prometheus_client has switched ours off.
    monkeypatch.setattr(client_metrics, "_use_created", False)
    assert b"_created" not in openmetrics(registry)


def test_asking_twice_is_no_error_and_counts_once() -> None:
    registry = CollectorRegistry()
    before = process_stream().subscriptions
    first, second = to_prometheus(registry), to_prometheus(registry)
    other = CollectorRegistry()
    with to_prometheus(other):
        publish(ended())
        assert openmetrics(registry) == openmetrics(other)
    assert openmetrics(other) == b"# EOF\n"
    first.close()
    first.close()
    found = samples(generate_latest(registry).decode())
    assert total(found, "holdfast_calls_total") == 1
    second.close()
    assert generate_latest(registry) == b""
    assert process_stream().subscriptions == before
    with to_prometheus(registry):  # a new one goes on where the process stands
        found = samples(generate_latest(registry).decode())
        assert total(found, "holdfast_calls_total") == 1


def test_a_registry_with_a_metric_of_the_same_name_is_refused_and_left_as_it_was() -> None:
    registry = CollectorRegistry()
    own = OwnCounter("holdfast_calls", "My own.", registry=registry)
    before = process_stream().subscriptions
    with pytest.raises(ValueError, match="holdfast_calls"):
        to_prometheus(registry)
    assert process_stream().subscriptions == before
    registry.unregister(own)
    with to_prometheus(registry):
        assert b"holdfast_calls" in generate_latest(registry)


def test_some_metrics_alone_can_be_asked_for(registry: CollectorRegistry) -> None:
    publish(ended())
    with served(registry) as url:
        text = requests.get(url, {"name[]": "holdfast_calls_total"}, timeout=30).text
    assert {name for name, _ in samples(text)} == {"holdfast_calls_total"}


async def _called(registry: CollectorRegistry) -> bytes:
    sent = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, object]) -> None:
        sent.append(message.get("body", b""))

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    await make_asgi_app(registry)(scope, receive, send)
    return b"".join(body for body in sent if isinstance(body, bytes))


def test_it_is_served_by_the_asgi_app_too(registry: CollectorRegistry) -> None:
    publish(ended())
    assert b"holdfast_calls_total{" in asyncio.run(_called(registry))


def test_without_the_package_one_sentence_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['prometheus_client'] = None\n"
        "from holdfast.observe import to_prometheus"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: holdfast.observe.to_prometheus needs the package "
        "'prometheus-client': pip install 'holdfast[prometheus]'"
    )
