"""Faults by script, as a client on a real connection meets them."""

import http.client
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from holdfast.sandbox import FaultKind, Sandbox
from holdfast.sandbox.faults import MOST_FAULTS, Fault, FaultScript, read_fault

Call = Callable[..., Any]
Until = Callable[[Callable[[], bool]], None]
CREATE = (
    b"POST /v1/customers HTTP/1.1\r\nAuthorization: Bearer sk_test_1\r\n"
    b"Idempotency-Key: k\r\nContent-Length: 0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("kind", "executed"),
    [
        (FaultKind.RESET_BEFORE, False),
        (FaultKind.RESET_AFTER, True),
    ],
)
def test_a_reset_comes_without_a_byte(
    box: Sandbox, call: Call, raw: Callable[..., bytes], kind: FaultKind, executed: bool
) -> None:
    box.fault("POST", "/v1/customers", kind)
    with pytest.raises(ConnectionResetError):
        raw(box, CREATE, half_close=False)
    assert len(box.ledger()) == executed
    again = call(box, "POST", "/v1/customers", key="k")
    assert again.status == 200
    assert ("Idempotent-Replayed" in again.headers) is executed
    assert len(box.ledger()) == 1


@pytest.mark.parametrize(
    ("kind", "executed"),
    [
        (FaultKind.CLOSE_BEFORE, False),
        (FaultKind.CLOSE_AFTER, True),
    ],
)
def test_a_close_ends_the_stream_without_a_byte(
    box: Sandbox, call: Call, raw: Callable[..., bytes], kind: FaultKind, executed: bool
) -> None:
    box.fault("POST", "/v1/customers", kind)
    assert raw(box, CREATE, half_close=False) == b""
    assert len(box.ledger()) == executed
    call(box, "POST", "/v1/customers", key="k")
    assert len(box.ledger()) == 1


def test_a_truncated_answer_has_the_whole_length_and_half_of_the_body(
    box: Sandbox, call: Call, raw: Callable[..., bytes]
) -> None:
    box.fault("POST", "/v1/customers", "truncated")
    head, _, body = raw(box, CREATE, half_close=False).partition(b"\r\n\r\n")
    whole = call(box, "POST", "/v1/customers", key="k")
    assert whole.headers["Idempotent-Replayed"] == "true"
    assert b"Content-Length: %d\r\n" % len(whole.body) in head
    assert body == whole.body[: len(whole.body) // 2]


def test_latency_delays_the_answer(box: Sandbox, call: Call) -> None:
    box.fault("POST", "/v1/customers", "latency", seconds=0.2)
    begin = time.monotonic()
    assert call(box, "POST", "/v1/customers").status == 200
    assert time.monotonic() - begin >= 0.2


@pytest.mark.parametrize(
    ("kind", "status", "should_retry", "error_type"),
    [
        ("error_500", 500, None, "api_error"),
        ("error_500_retry", 500, "true", "api_error"),
        ("error_500_no_retry", 500, "false", "api_error"),
        ("rate_limit", 429, None, "invalid_request_error"),
        ("lock_timeout", 429, "true", "invalid_request_error"),
        ("conflict_409", 409, None, "invalid_request_error"),
    ],
)
def test_an_error_is_answered_and_nothing_executed(
    box: Sandbox, call: Call, kind: str, status: int, should_retry: str | None, error_type: str
) -> None:
    box.fault("POST", "/v1/customers", kind)
    reply = call(box, "POST", "/v1/customers", key="k")
    assert reply.status == status
    assert reply.error["type"] == error_type
    assert reply.headers.get("Stripe-Should-Retry") == should_retry
    reason = "global-rate" if kind == "rate_limit" else None
    assert reply.headers.get("Stripe-Rate-Limited-Reason") == reason
    assert box.ledger() == []
    assert call(box, "POST", "/v1/customers", key="k").status == 200
    assert len(box.ledger()) == 1
    assert box.stats()["injected"] == {kind: 1}


def test_an_html_error_is_no_json(box: Sandbox, call: Call) -> None:
    box.fault("POST", "/v1/customers", "html_503")
    reply = call(box, "POST", "/v1/customers")
    assert reply.status == 503
    assert reply.headers["Content-Type"] == "text/html"
    assert reply.body.startswith(b"<html>")
    assert box.ledger() == []


@pytest.mark.parametrize(
    ("kind", "value", "header"),
    [
        ("lock_timeout", False, "false"),
        ("lock_timeout", None, None),
        ("error_500_retry", None, None),
        ("rate_limit", True, "true"),
        ("html_503", True, "true"),
        ("truncated", None, None),
    ],
)
def test_the_header_can_be_set_and_taken_away(
    box: Sandbox, raw: Callable[..., bytes], kind: str, value: bool | None, header: str | None
) -> None:
    box.fault("POST", "/v1/customers", kind, should_retry=value)
    head = raw(box, CREATE).partition(b"\r\n\r\n")[0].decode()
    shown = [line for line in head.split("\r\n") if line.startswith("Stripe-Should-Retry")]
    assert shown == ([] if header is None else [f"Stripe-Should-Retry: {header}"])


def test_a_lock_timeout_by_script_waits_for_nothing(
    start: Callable[..., Sandbox], call: Call
) -> None:
    box = start(lock_wait=20, hold=20, should_retry_header=False)
    box.fault("POST", "/v1/customers/*", "lock_timeout")
    reply = call(box, "POST", "/v1/customers/cus_any")
    assert reply.error["code"] == "lock_timeout"
    assert "Stripe-Should-Retry" not in reply.headers


def test_a_fault_meets_its_method_its_path_and_its_count(box: Sandbox, call: Call) -> None:
    box.fault("GET", "/v1/customers/*", "error_500", count=2)
    seen = [
        call(box, method, path).status
        for method, path in [
            ("POST", "/v1/customers"),
            ("GET", "/v1/customers"),
            ("GET", "/v1/customers/a/b"),
            ("GET", "/v1/customers/a"),
            ("GET", "/v1/customers/b"),
            ("GET", "/v1/customers/c"),
        ]
    ]
    assert seen == [200, 200, 404, 500, 500, 404]


def test_faults_are_met_in_the_order_of_the_script(box: Sandbox, call: Call) -> None:
    box.fault("POST", "/v1/customers", "rate_limit")
    box.fault("POST", "/v1/*", "conflict_409")
    seen = [call(box, "POST", "/v1/customers").status for _ in range(3)]
    assert seen == [429, 409, 200]


def test_the_official_client_gets_over_a_reset_after_execution(box: Sandbox) -> None:
    client = stripe.StripeClient(
        "sk_test_1", base_addresses={"api": box.url}, max_network_retries=1
    )
    box.fault("POST", "/v1/customers", "reset_after")
    made = client.v1.customers.create({"name": "a"})
    assert [row["object_id"] for row in box.ledger()] == [made.id]


def test_a_connection_whose_answer_is_spoilt_serves_no_more(box: Sandbox, until: Until) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=30)
    auth = {"Authorization": "Bearer sk_test_1"}
    try:
        connection.request("GET", "/v1/customers", headers=auth)
        assert connection.getresponse().read()
        box.fault("GET", "/v1/customers", "truncated")
        connection.request("GET", "/v1/customers", headers=auth)
        with pytest.raises(http.client.IncompleteRead):
            connection.getresponse().read()
    finally:
        connection.close()
    until(lambda: box.stats()["connections_open"] == 0)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"fault": "explode"}, r"fault is 'explode': give one of latency, reset_before, .*409"),
        ({"method": "PUT"}, "method is 'PUT': give one of GET, POST, DELETE"),
        ({"path": "v1/refunds"}, "path is 'v1/refunds': give a path"),
        ({"count": 0}, "count is 0: give a whole number from 1 to"),
        ({"count": True}, "count is True"),
        ({"seconds": 1}, "only latency takes seconds"),
        ({"seconds": -1}, "seconds is -1"),
        ({"fault": "latency"}, "seconds is 0: give latency a number above 0"),
        ({"should_retry": "yes"}, "should_retry is 'yes': give true, false or null"),
        ({"fault": "reset_after", "should_retry": True}, "should_retry is given for reset_after"),
        ({"often": 1}, "often is no field of a fault: the fields are method, path"),
    ],
)
def test_a_bad_fault_is_refused_by_field(fields: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_fault({"method": "POST", "path": "/v1/refunds", "fault": "error_500", **fields})


def test_the_script_is_bounded() -> None:
    script = FaultScript()
    for _ in range(MOST_FAULTS):
        script.add(Fault("POST", "/v1/refunds", FaultKind.ERROR_500))
    with pytest.raises(ValueError, match="already has"):
        script.add(Fault("POST", "/v1/refunds", FaultKind.ERROR_500))


def test_an_unmet_reset_leaves_other_connections_alone(box: Sandbox, call: Call) -> None:
    with socket.create_connection(("127.0.0.1", box.port), timeout=30) as idle:
        box.fault("POST", "/v1/customers", "reset_before")
        with pytest.raises(ConnectionError):
            call(box, "POST", "/v1/customers")
        idle.sendall(b"GET /_sandbox/faults HTTP/1.1\r\n\r\n")
        assert idle.recv(4096).endswith(b"[]")
