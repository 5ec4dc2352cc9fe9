"""Receipts as sentences and as JSON, without secrets."""

import copy
import hashlib
import json
from dataclasses import asdict
from typing import Any

import pytest

from holdfast.engine import (
    Attempt,
    CallEnded,
    Failure,
    FaultClass,
    Phase,
    Receipt,
    Request,
    Response,
    StopReason,
)
from holdfast.engine.receipt import STOP_REASONS, Cause

SECRET = "order-4711-very-secret-key"


def test_a_sentence_says_what_happened_and_why(story: Any) -> None:
    locked = Response(429, {"request-id": "req_9"}, "lock_timeout")
    tale = story([locked, locked, locked, locked], takes=0.5)
    tale.run(Request("POST", "/v1/customers/cus_1", SECRET, ("cus_1",)))
    assert tale.made.receipt.sentence() == (
        "POST /v1/customers/cus_1: attempts (the retries allowed by max_retries were used up); "
        "4 attempts in 2.88 s; locked x 4; waited 875 ms (backoff); last request req_9"
    )
    assert str(tale.made.receipt) == tale.made.receipt.sentence()


def test_a_sentence_of_one_attempt(story: Any) -> None:
    tale = story([Failure(Phase.CONNECT, OSError(), retryable=False)])
    tale.run(Request("GET", "/v1/balance"))
    assert tale.made.receipt.sentence() == (
        "GET /v1/balance: not_retryable (the failure is one that no repetition mends); "
        "1 attempt in 0 ms; unreachable x 1"
    )


def test_a_receipt_of_a_call_that_still_runs() -> None:
    assert Receipt("GET", "/v1/balance").sentence() == (
        "GET /v1/balance: running; 0 attempts in 0 ms"
    )
    assert Receipt("GET", "/v1/balance").as_dict()["stop"] is None


def test_waits_add_up_by_cause() -> None:
    receipt = Receipt("GET", "/v1/balance")
    receipt.add_wait(Cause.LANE, 1.0)
    receipt.add_wait(Cause.BACKOFF, 2.0)
    receipt.add_wait(Cause.BACKOFF, 3.0)
    assert receipt.waits == {"lane": 1.0, "backoff": 5.0}


def test_a_receipt_is_json_and_keeps_the_key_to_itself(story: Any) -> None:
    tale = story([Response(200, {"Request-Id": "req_1"})])
    tale.run(Request("POST", "/v1/refunds", SECRET))
    receipt = tale.made.receipt
    told = json.loads(json.dumps(receipt.as_dict()))
    assert told["key_fingerprint"] == hashlib.sha256(SECRET.encode()).hexdigest()[:12]
    assert told["attempts"][0]["request_id"] == "req_1"
    for text in (json.dumps(told), repr(receipt), str(receipt), repr(receipt.attempts)):
        assert SECRET not in text


def test_no_key_no_fingerprint() -> None:
    assert Receipt("GET", "/v1/balance").key_fingerprint is None


def test_every_stop_reason_is_explained() -> None:
    assert set(STOP_REASONS) == set(StopReason)


def test_a_timeline_has_a_line_for_each_step(story: Any) -> None:
    locked = Response(429, {}, "lock_timeout")
    tale = story([locked, Failure(Phase.SENT, OSError()), Response(200, {"request-id": "req_1"})])
    tale.takes = 0.5
    tale.run(Request("POST", "/v1/customers/cus_1", SECRET))
    assert tale.made.receipt.timeline().splitlines() == [
        "      0 ms  POST /v1/customers/cus_1",
        "      0 ms  attempt 1: locked 429 lock_timeout in 500 ms",
        "    625 ms  attempt 2: interrupted in 500 ms",
        "    1.62 s  attempt 3: ok 200 in 500 ms  req_1",
        "    2.12 s  ok: it succeeded",
    ]


def test_a_timeline_begins_with_the_wait_for_the_lane() -> None:
    receipt = Receipt("POST", "/v1/customers/cus_1", seconds=2.0)
    assert receipt.timeline().splitlines() == [
        "      0 ms  POST /v1/customers/cus_1",
        "            waited 2.00 s",
    ]


def test_the_key_is_no_field_of_the_receipt() -> None:
    receipt = Receipt("POST", "/v1/refunds", idempotency_key=SECRET)
    assert SECRET not in repr(receipt)
    assert SECRET not in repr(asdict(receipt))
    assert SECRET not in repr(asdict(CallEnded(receipt)))
    assert receipt.key_fingerprint is not None
    assert copy.deepcopy(receipt).key_fingerprint == receipt.key_fingerprint


def test_as_dict_names_everything() -> None:
    waits = {Cause.LANE: 0.25, Cause.BACKOFF: 0.125}
    attempts = [
        Attempt(1, FaultClass.LOCKED, 429, "req_1", "lock_timeout", False, 0.25, 0.5),
        Attempt(2, FaultClass.OK, 200, "req_2", None, True, 0.875, 1.0),
    ]
    receipt = Receipt("POST", "/v1/refunds", attempts, waits, StopReason.OK, 1.875)
    assert receipt.as_dict() == {
        "method": "POST",
        "path": "/v1/refunds",
        "stop": "ok",
        "seconds": 1.875,
        "server": "",
        "lanes": [],
        "began_at": 0.0,
        "in_doubt": False,
        "key_fingerprint": None,
        "waits": {"lane": 0.25, "backoff": 0.125},
        "attempts": [
            {
                "number": 1,
                "fault": "locked",
                "status": 429,
                "request_id": "req_1",
                "error_code": "lock_timeout",
                "replayed": False,
                "at": 0.25,
                "seconds": 0.5,
            },
            {
                "number": 2,
                "fault": "ok",
                "status": 200,
                "request_id": "req_2",
                "error_code": None,
                "replayed": True,
                "at": 0.875,
                "seconds": 1.0,
            },
        ],
    }
    assert receipt.sentence() == (
        "POST /v1/refunds: ok (it succeeded); 2 attempts in 1.88 s; locked x 1, ok x 1; "
        "waited 250 ms (lane) + 125 ms (backoff); last request req_2"
    )


@pytest.mark.parametrize(("seconds", "told"), [(4.9e-4, False), (5e-4, True), (0.6, True)])
def test_a_wait_is_told_from_half_a_millisecond_on(seconds: float, told: bool) -> None:
    receipt = Receipt("GET", "/v1/balance", seconds=seconds)
    receipt.add_wait(Cause.LANE, seconds)
    assert ("waited" in receipt.sentence()) is told
    assert ("waited" in receipt.timeline()) is told


def a_receipt(
    method: str, *faults: FaultClass, key: str | None = None, status: int = 400
) -> Receipt:
    attempts = [
        Attempt(number, fault, status, None, None, False, 0.0, 0.0)
        for number, fault in enumerate(faults, 1)
    ]
    stop = StopReason.OK if faults and faults[-1] is FaultClass.OK else StopReason.ATTEMPTS
    return Receipt(method, "/v1/refunds", attempts, {}, stop, 0.0, idempotency_key=key)


@pytest.mark.parametrize("doubtful", ["interrupted", "server_error", "key_in_use"])
def test_a_write_without_a_clear_answer_is_in_doubt(doubtful: str) -> None:
    fault = FaultClass(doubtful)
    assert a_receipt("POST", fault).in_doubt
    assert a_receipt("DELETE", FaultClass.LOCKED, fault).in_doubt
    assert a_receipt("POST", fault, FaultClass.LOCKED).in_doubt
    assert not a_receipt("GET", fault).in_doubt
    assert not a_receipt("RUN", fault).in_doubt
    assert not a_receipt("POST", fault, FaultClass.OK).in_doubt


def test_a_rejection_settles_it_if_the_key_was_minded() -> None:
    lost, rejected = FaultClass.INTERRUPTED, FaultClass.REJECTED
    assert not a_receipt("POST", lost, rejected, key="k").in_doubt
    assert a_receipt("POST", lost, rejected, key="k", status=401).in_doubt
    assert a_receipt("DELETE", lost, rejected, status=404).in_doubt
    assert not a_receipt("DELETE", lost, rejected, status=400).in_doubt


def test_what_never_left_or_still_runs_is_not_in_doubt() -> None:
    assert not a_receipt("POST").in_doubt
    assert not a_receipt("POST", FaultClass.LOCKED, FaultClass.UNREACHABLE).in_doubt
    assert not Receipt("POST", "/v1/refunds").in_doubt


def test_the_endpoint_has_no_ids() -> None:
    assert Receipt("GET", "/v1/customers/cus_1A/sources/card_9").endpoint == (
        "/v1/customers/{id}/sources/{id}"
    )


def test_what_observers_keep_with_a_receipt_is_no_part_of_it() -> None:
    receipt, other = Receipt("GET", "/v1/customers"), Receipt("GET", "/v1/customers")
    receipt.marks["me"] = "something"
    assert receipt.marks == {"me": "something"}
    assert other.marks == {}
    assert receipt == other
    assert "something" not in repr((receipt, asdict(receipt), receipt.as_dict()))


def test_a_receipt_is_read_while_its_call_goes_on_waiting_for_something_new() -> None:
    receipt = Receipt("POST", "/v1/customers")

    class Waits(dict[Any, float]):
        """The first wait for something else begins in the midst of each reading."""

        def items(self) -> Any:
            for number, item in enumerate(super().items()):
                yield item
                if not number:
                    receipt.waits[Cause.BACKOFF] = 1.0

    receipt.waits = Waits({Cause.LANE: 1.0, Cause.LIMITER: 2.0})
    assert receipt.as_dict()["waits"] == {"lane": 1.0, "limiter": 2.0}
    assert receipt.sentence().endswith("waited 1.00 s (lane) + 2.00 s (limiter)")
