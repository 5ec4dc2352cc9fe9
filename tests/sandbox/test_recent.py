"""The last requests that the sandbox remembers."""

import threading
from collections.abc import Callable
from typing import Any

from holdfast.sandbox import Sandbox
from holdfast.sandbox.http import Answer
from holdfast.sandbox.recent import KEPT, Recent, redact

Call = Callable[..., Any]
Customer = Callable[[Sandbox], str]
FIELDS = [
    "seq",
    "at",
    "method",
    "path",
    "status",
    "request_id",
    "seconds",
    "lock_wait",
    "fault",
    "ending",
    "replayed",
    "error",
    "message",
]


def test_requests_are_listed_in_the_order_in_which_they_came(box: Sandbox, call: Call) -> None:
    made = call(box, "POST", "/v1/customers", {"name": "x"}, key="k")
    again = call(box, "POST", "/v1/customers", {"name": "x"}, key="k")
    call(box, "GET", "/v1/nothing?limit=3")
    rows = call(box, "GET", "/_sandbox/requests").json
    assert rows == box.requests()
    assert [list(row) for row in rows] == [FIELDS] * 3
    assert [row["seq"] for row in rows] == [1, 2, 3]
    assert [(row["method"], row["path"]) for row in rows] == [
        ("POST", "/v1/customers"),
        ("POST", "/v1/customers"),
        ("GET", "/v1/nothing"),
    ]
    assert [row["status"] for row in rows] == [200, 200, 404]
    assert [row["replayed"] for row in rows] == [False, True, False]
    assert [row["request_id"] for row in rows[:2]] == [
        made.headers["Request-Id"],
        again.headers["Request-Id"],
    ]
    assert (rows[0]["error"], rows[0]["message"]) == (None, None)
    assert rows[2]["error"] == "invalid_request_error"
    assert "Unrecognized request URL" in rows[2]["message"]
    assert all(row["seconds"] >= 0 and row["ending"] == "sent" for row in rows)
    assert call(box, "GET", "/_sandbox/requests?after=2").json == rows[2:]


def test_lock_waits_are_told_of_who_waited_and_of_nobody_else(
    start: Callable[..., Sandbox], call: Call, customer: Customer
) -> None:
    box = start(lock_wait=0.05, hold=0)
    name = customer(box)
    call(box, "POST", f"/v1/customers/{name}", {"name": "free"})
    box.hold_lock(name, 30)
    refused = call(box, "POST", f"/v1/customers/{name}", {"name": "x"})
    assert refused.status == 429
    made, free, waited = box.requests()
    assert (made["lock_wait"], free["lock_wait"]) == (0, 0)
    assert 0.05 <= waited["lock_wait"] <= waited["seconds"]
    assert (waited["error"], waited["request_id"]) == ("lock_timeout", None)


def test_a_request_that_waits_is_seen_waiting(
    start: Callable[..., Sandbox],
    call: Call,
    customer: Customer,
    until: Callable[[Callable[[], bool]], None],
) -> None:
    box = start(lock_wait=30, hold=0)
    name = customer(box)
    box.hold_lock(name, 0.5)
    thread = threading.Thread(
        target=lambda: call(box, "POST", f"/v1/customers/{name}", {"name": "x"})
    )
    thread.start()
    until(lambda: len(box.requests()) == 2)
    until(lambda: box.requests()[1]["lock_wait"] > 0)
    one = box.requests()[1]
    assert (one["status"], one["seconds"]) == (None, None)
    seen = call(box, "GET", "/_sandbox/live").json["cursor"]
    thread.join()
    # Whoever asks for changes is told of it again when it was answered.
    later = call(box, "GET", f"/_sandbox/live?after={seen}").json
    assert [(row["seq"], row["status"]) for row in later["requests"]] == [(2, 200)]
    assert later["requests"][0]["lock_wait"] >= one["lock_wait"]
    assert call(box, "GET", f"/_sandbox/live?after={later['cursor']}").json["requests"] == []


def test_faults_and_broken_connections_are_told(
    box: Sandbox, raw: Callable[..., bytes], call: Call
) -> None:
    for fault in ("close_before", "truncated", "error_500"):
        box.fault("GET", "/v1/customers", fault)
    ask = b"GET /v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk_test_1234\r\n\r\n"
    assert raw(box, ask) == b""
    assert b"HTTP/1.1 200" in raw(box, ask)
    assert call(box, "GET", "/v1/customers").status == 500
    rows = box.requests()
    assert [row["fault"] for row in rows] == ["close_before", "truncated", "error_500"]
    assert [row["ending"] for row in rows] == ["closed", "truncated", "sent"]
    assert [row["status"] for row in rows] == [0, 200, 500]


def test_a_request_left_hanging_has_no_status(box: Sandbox, raw: Callable[..., bytes]) -> None:
    box.fault("GET", "/v1/customers", "hang", seconds=0.05)
    ask = b"GET /v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk_test_1234\r\n\r\n"
    assert raw(box, ask) == b""
    (one,) = box.requests()
    assert (one["status"], one["fault"], one["ending"]) == (0, "hang", "hanging")


def test_a_fault_that_missed_is_not_told(box: Sandbox, call: Call) -> None:
    box.fault("POST", "/v1/customers", "error_500", after_execution=True)
    refused = call(box, "POST", "/v1/customers", {"nonsense": "x"})
    assert refused.status == 400  # before any execution, so the fault had nothing to spoil
    call(box, "POST", "/v1/customers", {})
    assert [row["fault"] for row in box.requests()] == [None, "error_500"]


def test_no_key_is_kept(box: Sandbox, call: Call) -> None:
    secret = "sk_live_abcDEF123456"
    call(box, "GET", f"/v1/customers/{secret}", headers={"Authorization": f"Bearer {secret}"})
    call(box, "GET", "/v1/customers", headers={"Authorization": f"Basic {secret}"})
    call(box, "POST", f"/v1/customers/{secret}", {"name": secret})
    everything = call(box, "GET", "/_sandbox/requests").body.decode()
    everything += call(box, "GET", "/_sandbox/live").body.decode()
    assert "abcDEF123456" not in everything
    assert "/v1/customers/sk_live_[redacted]" in [row["path"] for row in box.requests()]


def test_keys_of_every_kind_are_taken_out() -> None:
    text = "sk_test_12345 rk_live_ABCDE pk_test_abcde whsec_abcdef cus_12345 risk_test_1234"
    assert redact(text) == (
        "sk_test_[redacted] rk_live_[redacted] pk_test_abcde whsec_[redacted] cus_12345 "
        "risk_test_1234"
    )


def test_only_so_many_are_kept_and_only_so_much_of_each() -> None:
    times = iter(range(10_000))
    recent = Recent(lambda: next(times), lambda: 1_700_000_000.0, kept=3)
    for place in range(5):
        entry = recent.begin("GET" * 100, f"/{place}" + "x" * 10_000)
        recent.end(entry, Answer(404, b"x" * 100_000), None)
    rows = recent.after()
    assert [row["seq"] for row in rows] == [3, 4, 5]
    assert all(len(row["path"]) < 600 and len(row["method"]) < 50 for row in rows)
    assert [row["error"] for row in rows] == [None] * 3
    assert KEPT >= 100
    recent.clear()
    assert recent.after() == []
    assert recent.begin("GET", "/").seq == 6
