"""The proof of the whole: a real Prometheus scrapes a run, and every expression finds its data."""

import math
import re
import threading
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, start_http_server
from promql import ALERTS, QUERIES, RULES
from promserver import Server, running
from troubles import client, have_every_trouble

from holdfast import Policy
from holdfast.observe import subscribe, to_prometheus
from holdfast.observe.tally import process_tally
from holdfast.sandbox import Sandbox

WINDOWS = {"$__rate_interval": "1m", "$__range": "1h", "$job": ".*", "$instance": ".*"}
# A rule's threshold, but no comparison within a selector.
THRESHOLD = re.compile(r"(?<![=!<>])([<>])\s*(?=[\d.])")


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prometheus that has scraped a run with every kind of trouble."""
    process_tally()._begin_anew()
    registry, stuck = CollectorRegistry(), threading.Event()
    web, thread = start_http_server(0, "127.0.0.1", registry)
    folder = tmp_path_factory.mktemp("prometheus")

    def too_slow(_: object) -> None:
        stuck.wait()

    try:
        with (
            to_prometheus(registry),
            subscribe(too_slow, limit=1),
            Sandbox(lock_wait=0.01, hold=0.005) as box,
            running(folder, f"127.0.0.1:{web.server_port}", ALERTS) as server,
        ):
            # Else it would see the run's end alone, and no rate of anything.
            server.wait_for("up == 1")
            client(box, Policy(rate_limit=900)).v1.customers.create()
            have_every_trouble(box)
            box.fault("POST", "/v1/customers", "rate_limit", reason="global-concurrency")
            client(box).v1.customers.create()
            server.wait_for("holdfast_unsure_calls_total")
            server.wait_for("count_over_time(holdfast_limiter_concurrency[1m]) >= 3")
            server.wait_for("job:holdfast_failed_calls:ratio_rate6h")
            yield server
    finally:
        stuck.set()
        web.shutdown()
        web.server_close()
        thread.join()


def test_the_scrape_is_healthy_and_equals_the_numbers_of_the_process(prometheus: Server) -> None:
    (target,) = prometheus.ask("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    for metric, numbers in process_tally().read().items():
        if metric.name.endswith("_total"):
            ours = sum(getattr(number, "value", 0) for number in numbers.values())
            (theirs,) = prometheus.values(f"sum({metric.name})")
            assert theirs == ours, metric.name


@pytest.mark.parametrize(("panel", "expression"), QUERIES)
def test_every_query_of_the_dashboard_gives_data(
    prometheus: Server, panel: str, expression: str
) -> None:
    for name, value in WINDOWS.items():
        expression = expression.replace(name, value)
    values = prometheus.values(expression)
    # A quantile of nothing is NaN: an endpoint that was not called in the window.
    assert [value for value in values if not math.isnan(value)], panel


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_looks_at_data(prometheus: Server, rule: str) -> None:
    # Without its threshold, which a run of seconds need not pass.
    expression = THRESHOLD.sub(r"\1 bool ", RULES[rule])
    assert prometheus.values(expression), rule


def test_prometheus_has_the_rules_and_none_of_them_fails(prometheus: Server) -> None:
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules} == set(RULES)
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
    assert not [rule["lastError"] for rule in rules if rule.get("lastError")]


def test_the_calls_in_doubt_page_at_once(prometheus: Server) -> None:
    prometheus.wait_for('ALERTS{alertname="HoldfastCallsInDoubt", alertstate="firing"}')


def test_exemplars_lead_to_the_requests(prometheus: Server) -> None:
    found = prometheus.ask(
        "query_exemplars",
        query="holdfast_call_duration_seconds_bucket",
        start="0",
        end="9999999999",
    )
    requests = [example["labels"]["request_id"] for each in found for example in each["exemplars"]]
    assert requests
    assert all(request.startswith("req_") for request in requests)
