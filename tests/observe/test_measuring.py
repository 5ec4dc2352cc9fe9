"""From a receipt to measures: what is counted, and that no label can grow without bound."""

from collections import Counter

import pytest

from holdfast.engine import Attempt, Cause, FaultClass, Receipt, StopReason
from holdfast.observe import metrics as table
from holdfast.observe.labels import CUTS, LABELS, METHODS, MOST_BLOCKS, MOST_ENDPOINTS
from holdfast.observe.measuring import Bounded, Measurer, method_label, status_label
from holdfast.observe.metrics import METRICS
from holdfast.ratelimit.reasons import REFUSALS

OK, LOCKED, LOST = FaultClass.OK, FaultClass.LOCKED, FaultClass.INTERRUPTED


def attempt(number: int, fault: FaultClass, status: int | None, **more: bool) -> Attempt:
    request = None if status is None else f"req_{number}"
    return Attempt(number, fault, status, request, None, more.get("replayed", False), 0.0, 0.02)


def receipt(
    *attempts: Attempt,
    method: str = "POST",
    path: str = "/v1/customers/cus_1",
    stop: StopReason = StopReason.OK,
    waits: dict[Cause, float] | None = None,
) -> Receipt:
    return Receipt(
        method, path, list(attempts), waits or {}, stop, 0.5, idempotency_key="a key of mine"
    )


def counted(*receipts: Receipt) -> Counter[tuple[str, tuple[str, ...]]]:
    """How often each series was measured."""
    measurer = Measurer()
    measures = [measure for each in receipts for measure in measurer.of_call(each)]
    return Counter((metric.name, labels) for metric, labels, _, _ in measures)


def test_a_call_that_succeeds_at_once() -> None:
    where = ("POST", "/v1/customers/{id}")
    assert counted(receipt(attempt(1, OK, 200), waits={Cause.LANE: 0.001})) == {
        ("holdfast_calls_total", (*where, "ok")): 1,
        ("holdfast_call_duration_seconds", where): 1,
        ("holdfast_attempts_total", (*where, "ok", "200")): 1,
        ("holdfast_attempt_duration_seconds", where): 1,
        ("holdfast_wait_seconds", ("lane",)): 1,
    }


def test_a_lane_that_was_free_is_no_wait_but_every_backoff_is_one() -> None:
    found = counted(receipt(attempt(1, OK, 200), waits={Cause.LANE: 1e-4, Cause.BACKOFF: 1e-4}))
    assert [labels for name, labels in found if name == "holdfast_wait_seconds"] == [("backoff",)]


def test_a_call_that_retries_mended() -> None:
    done = receipt(
        attempt(1, LOCKED, 429), attempt(2, LOST, None), attempt(3, OK, 200, replayed=True)
    )
    measures = Measurer().of_call(done)
    found = counted(done)
    assert found["holdfast_retries_total", ("locked",)] == 1
    assert found["holdfast_retries_total", ("interrupted",)] == 1
    assert found["holdfast_mended_calls_total", ("interrupted",)] == 1
    assert found["holdfast_lock_timeouts_total", ()] == 1
    assert found["holdfast_replayed_answers_total", ()] == 1
    assert not any(metric in (table.FAILED_CALLS, table.UNSURE_CALLS) for metric, *_ in measures)
    # The examples are of the requests that were measured.
    examples = [request for metric, _, _, request in measures if metric is table.ATTEMPT_DURATION]
    assert examples == ["req_1", "", "req_3"]


@pytest.mark.parametrize(
    ("attempts", "stop", "failed", "unsure"),
    [
        ([], StopReason.LANE_FULL, "none", 0),
        ([attempt(1, FaultClass.REJECTED, 402)], StopReason.REJECTED, "rejected", 0),
        ([attempt(1, LOCKED, 429)], StopReason.ATTEMPTS, "locked", 0),
        ([attempt(1, FaultClass.SERVER_ERROR, 500)], StopReason.ATTEMPTS, "server_error", 1),
        ([attempt(1, LOST, None)], StopReason.CANCELLED, None, 1),
        ([], StopReason.CANCELLED, None, 0),
    ],
)
def test_a_call_that_fails(
    attempts: list[Attempt], stop: StopReason, failed: str | None, unsure: int
) -> None:
    found = counted(receipt(*attempts, stop=stop))
    failures = {labels for name, labels in found if name == "holdfast_failed_calls_total"}
    assert failures == (set() if failed is None else {(failed,)})
    assert found["holdfast_unsure_calls_total", ("POST", "/v1/customers/{id}")] == unsure


def test_a_block_is_no_call() -> None:
    done = receipt(attempt(1, OK, 200), attempt(2, OK, 200), method="RUN", path="import")
    assert counted(done) == {
        ("holdfast_blocks_total", ("import", "ok")): 1,
        ("holdfast_block_attempts_total", ("import",)): 1,
    }
    (attempts,) = [v for m, _, v, _ in Measurer().of_call(done) if m is table.BLOCK_ATTEMPTS]
    assert attempts == 2


def test_a_cut_has_the_level_of_its_reason() -> None:
    def labels(reason: str | None) -> tuple[str, ...]:
        ((_, found, _, _),) = Measurer().of_cut(reason)
        return found

    assert labels("endpoint-concurrency") == ("endpoint", "endpoint-concurrency")
    assert labels(None) == ("account", "none")
    assert labels("a reason of next year") == ("account", "other")
    assert {labels(reason) for reason in (*REFUSALS, None, "?")} == set(CUTS)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/users/jane@example.com",
        "/v1/" + "a" * 300,
        "/v1/a b",
        "v1/customers",
        "",
        '/v1/"\n',
    ],
)
def test_what_is_no_template_is_other(path: str) -> None:
    found = counted(receipt(attempt(1, OK, 200), path=path))
    assert ("holdfast_calls_total", ("POST", "other", "ok")) in found


def test_no_label_grows_without_bound() -> None:
    words = [f"/{a}{b}{c}" for a in "abcdefghij" for b in "abcdefghij" for c in "abcdefghij"]
    done = [
        receipt(attempt(1, OK, status), method=method, path=f"/v1{word}")
        for status, (method, word) in enumerate(
            [("GET", word) for word in words] + [(f"M{word}", "/one") for word in words]
        )
    ]
    done += [receipt(method="RUN", path=f"block {number}") for number in range(500)]
    values: dict[str, set[str]] = {}
    measurer = Measurer()
    for each in done:
        for metric, labels, _, _ in measurer.of_call(each):
            for label, value in zip(metric.labels, labels, strict=True):
                values.setdefault(label, set()).add(value)
    assert len(values["endpoint"]) == MOST_ENDPOINTS + 1
    assert len(values["block"]) == MOST_BLOCKS + 1
    assert len(measurer._places) <= MOST_ENDPOINTS * len(METHODS)
    for label, found in values.items():
        closed = LABELS[label].values
        assert not closed or found <= set(closed)


def test_the_labels_of_methods_and_statuses() -> None:
    assert [method_label(method) for method in ("GET", "get", "BREW")] == ["GET", "other", "other"]
    statuses = (200, 404, 418, 599, 99, 600, None)
    labels = ["200", "404", "4xx", "5xx", "other", "other", "none"]
    assert [status_label(status) for status in statuses] == labels


def test_a_bound_lets_through_what_it_knows() -> None:
    bounded = Bounded(2)
    assert [bounded(value) for value in "abcab"] == ["a", "b", "other", "a", "b"]


def test_every_counted_metric_comes_from_some_event() -> None:
    measurer = Measurer()
    done = [
        receipt(attempt(1, LOCKED, 429), attempt(2, OK, 200, replayed=True)),
        receipt(attempt(1, LOST, None), stop=StopReason.ATTEMPTS, waits={Cause.BACKOFF: 1.0}),
        receipt(method="RUN", path="import"),
    ]
    found = {metric for each in done for metric, *_ in measurer.of_call(each)}
    found |= {metric for metric, *_ in measurer.of_cut(None)}
    assert found == set(table.COUNTED) <= set(METRICS)


@pytest.mark.parametrize(("seconds", "measured"), [(0.0, 0), (0.0009, 0), (0.001, 1), (2.0, 1)])
def test_what_nobody_would_call_a_wait_is_none(seconds: float, measured: int) -> None:
    receipt = Receipt("GET", "/v1/balance", [], {Cause.LANE: seconds}, StopReason.OK, seconds)
    measures = [metric for metric, *_ in Measurer().of_call(receipt)]
    assert measures.count(table.WAITS) == measured
