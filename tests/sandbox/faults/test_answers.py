"""What faults make of answers, as a client on a real connection meets them."""

import http.client
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from holdfast.sandbox import FaultKind, Sandbox

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


def test_an_unmet_reset_leaves_other_connections_alone(box: Sandbox, call: Call) -> None:
    with socket.create_connection(("127.0.0.1", box.port), timeout=30) as idle:
        box.fault("POST", "/v1/customers", "reset_before")
        with pytest.raises(ConnectionError):
            call(box, "POST", "/v1/customers")
        idle.sendall(b"GET /_sandbox/faults HTTP/1.1\r\n\r\n")
        assert idle.recv(4096).endswith(b"[]")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_every_html_error_has_its_status(box: Sandbox, call: Call, status: int) -> None:
    box.fault("POST", "/v1/customers", f"html_{status}")
    reply = call(box, "POST", "/v1/customers")
    assert (reply.status, reply.headers["Content-Type"]) == (status, "text/html")


@pytest.mark.parametrize("status", [429, 503])
def test_json_can_lack_the_error(box: Sandbox, call: Call, status: int) -> None:
    box.fault("POST", "/v1/customers", "no_error_json", status=status)
    reply = call(box, "POST", "/v1/customers")
    assert reply.status == status
    assert "error" not in reply.json
    assert box.ledger() == []


@pytest.mark.parametrize(
    ("kind", "status", "error_type"),
    [
        ("dependency_424", 424, "api_error"),
        ("accounts_400", 400, "invalid_request_error"),
    ],
)
def test_the_rarer_errors_have_no_code(
    box: Sandbox, call: Call, kind: str, status: int, error_type: str
) -> None:
    box.fault("POST", "/v1/accounts", kind)
    reply = call(box, "POST", "/v1/accounts")
    assert (reply.status, reply.error["type"]) == (status, error_type)
    assert "code" not in reply.error


def test_a_rate_limit_tells_the_reason_that_was_ordered(box: Sandbox, call: Call) -> None:
    box.fault("GET", "/v1/customers", "rate_limit", reason="endpoint-concurrency")
    reply = call(box, "GET", "/v1/customers")
    assert reply.headers["Stripe-Rate-Limited-Reason"] == "endpoint-concurrency"


AFTER = [
    "error_500", "error_500_retry", "html_502", "html_503", "no_error_json", "rate_limit",
    "lock_timeout", "conflict_409", "dependency_424", "accounts_400",
]  # fmt: skip


@pytest.mark.parametrize("kind", AFTER)
def test_an_answer_can_be_replaced_after_the_execution(box: Sandbox, call: Call, kind: str) -> None:
    box.fault("POST", "/v1/customers", kind, after_execution=True)
    spoilt = call(box, "POST", "/v1/customers", {"name": "x"}, key="k")
    assert spoilt.status >= 400
    assert len(box.ledger()) == 1
    again = call(box, "POST", "/v1/customers", {"name": "x"}, key="k")
    assert again.status == 200
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(box.ledger()) == 1
    assert box.stats()["injected"] == {kind: 1}


def test_a_fault_after_the_execution_waits_for_one(box: Sandbox, call: Call) -> None:
    box.fault("POST", "/v1/customers", "error_500", after_execution=True)
    assert call(box, "POST", "/v1/customers", {"nonsense": "x"}).status == 400
    assert call(box, "POST", "/v1/customers", {}).status == 500
    assert call(box, "POST", "/v1/customers", {}).status == 200
    assert len(box.ledger()) == 2


def test_a_replay_can_be_lost_too(box: Sandbox, call: Call, raw: Callable[..., bytes]) -> None:
    assert raw(box, CREATE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    box.fault("POST", "/v1/customers", "close_after")
    assert raw(box, CREATE, half_close=False) == b""
    assert len(box.ledger()) == 1


def test_latency_can_come_after_the_execution(box: Sandbox, until: Until) -> None:
    box.fault("POST", "/v1/customers", "latency", seconds=0.5, after_execution=True)
    with socket.create_connection(("127.0.0.1", box.port), timeout=30) as connection:
        begin = time.monotonic()
        connection.sendall(CREATE)
        until(lambda: len(box.ledger()) == 1)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - begin >= 0.5


def test_latency_can_be_drawn(start: Callable[..., Sandbox], call: Call) -> None:
    box = start(0, 0)
    box.fault("GET", "/v1/customers", "latency", count=2, seconds=[0.11, 0.12], seed=1)
    begin = time.monotonic()
    for _ in range(2):
        call(box, "GET", "/v1/customers")
    assert time.monotonic() - begin >= 0.22


@pytest.mark.parametrize(("after_execution", "effects"), [(False, 0), (True, 1)])
def test_a_hanging_answer_never_comes_and_the_connection_stays(
    box: Sandbox, until: Until, after_execution: bool, effects: int
) -> None:
    box.fault("POST", "/v1/customers", "hang", after_execution=after_execution)
    with socket.create_connection(("127.0.0.1", box.port), timeout=0.3) as connection:
        connection.sendall(CREATE)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert len(box.ledger()) == effects
        assert box.stats()["connections_open"] == 1
    until(lambda: box.stats()["connections_open"] == 0)


def test_a_hanging_answer_can_end_with_a_close(box: Sandbox, raw: Callable[..., bytes]) -> None:
    box.fault("POST", "/v1/customers", "hang", seconds=0.1)
    assert raw(box, CREATE, half_close=False) == b""


def test_a_slow_body_comes_piece_by_piece_and_whole(box: Sandbox, call: Call) -> None:
    box.fault("POST", "/v1/customers", "slow_body", seconds=0.4)
    connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=30)
    auth = {"Authorization": "Bearer sk_test_1", "Idempotency-Key": "k"}
    try:
        begin = time.monotonic()
        connection.request("POST", "/v1/customers", headers=auth)
        response = connection.getresponse()
        first = response.read(1)
        body = first + response.read()
        assert time.monotonic() - begin >= 0.4 * 0.9
        connection.request("POST", "/v1/customers", headers=auth)  # the connection goes on
        assert connection.getresponse().read() == body
    finally:
        connection.close()
    assert len(box.ledger()) == 1


def test_a_slow_body_whose_reader_goes_harms_nobody(box: Sandbox, call: Call, until: Until) -> None:
    box.fault("POST", "/v1/customers", "slow_body", seconds=5)
    with socket.create_connection(("127.0.0.1", box.port), timeout=30) as connection:
        connection.sendall(CREATE)
        assert connection.recv(20)
    assert call(box, "GET", "/v1/customers").status == 200
    until(lambda: box.stats()["connections_open"] == 0)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"should_retry": "TRUE"}, "Stripe-Should-Retry: TRUE"),
        ({"should_retry": True, "header_case": "lower"}, "stripe-should-retry: true"),
        ({"header_case": "upper", "should_retry": False}, "STRIPE-SHOULD-RETRY: false"),
        ({"retry_after": 3}, "Retry-After: 3"),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}, "Retry-After: Wed, 21 Oct 2026"),
    ],
)
@pytest.mark.parametrize("kind", ["headers", "rate_limit", "error_500", "html_503"])
def test_headers_can_be_written_in_other_ways(
    box: Sandbox, raw: Callable[..., bytes], kind: str, fields: dict[str, Any], line: str
) -> None:
    box.fault("POST", "/v1/customers", kind, **fields)
    head = raw(box, CREATE).partition(b"\r\n\r\n")[0].decode()
    assert [one for one in head.split("\r\n") if one.startswith(line)]
    assert head.lower().count("stripe-should-retry") == (
        "should_retry" in fields or kind == "headers"
    )


def test_headers_of_any_answer_can_be_altered(
    box: Sandbox, call: Call, customer: Callable[[Sandbox], str]
) -> None:
    name = customer(box)
    box.hold_lock(name, 60)
    box.fault("POST", "/v1/customers/*", "headers", should_retry=None)
    replies = [call(box, "POST", f"/v1/customers/{name}", {"name": "x"}) for _ in range(2)]
    assert [one.error["code"] for one in replies] == ["lock_timeout"] * 2
    assert "Stripe-Should-Retry" not in replies[0].headers
    assert replies[1].headers["Stripe-Should-Retry"] == "true"


def test_requests_that_suffer_before_the_limiters_cost_no_token(
    start: Callable[..., Sandbox], call: Call
) -> None:
    box = start(0, 0, limits={"global": {"rate": "1/day"}})
    box.fault("GET", "/v1/customers", "error_500", count=5)
    seen = [call(box, "GET", "/v1/customers").status for _ in range(7)]
    assert seen == [500] * 5 + [200, 429]
