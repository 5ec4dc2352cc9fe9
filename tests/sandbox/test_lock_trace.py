"""The trace of the locks: in order, and bounded."""

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.sandbox import Sandbox
from holdfast.sandbox.lock_trace import LockStep, LockTrace

Call = Callable[..., Any]


def test_the_newest_events_are_kept_and_numbered_on() -> None:
    trace = LockTrace(kept=2)
    for at in range(3):
        trace.note(float(at), LockStep.CLAIMED, ("acct", "cus_1"), 7, "POST /", "req_1")
    assert [(event["seq"], event["at"]) for event in trace.after()] == [(2, 1.0), (3, 2.0)]
    assert [event["seq"] for event in trace.after(2)] == [3]
    assert next(trace.after()) == {
        "seq": 2,
        "at": 1.0,
        "event": "claimed",
        "claim": 7,
        "object": "cus_1",
        "account": "acct",
        "by": "POST /",
        "request_id": "req_1",
    }


def test_a_request_is_found_in_it_by_its_id(
    start: Callable[..., Sandbox], call: Call, customer: Callable[[Sandbox], str]
) -> None:
    box = start(hold=0, lock_trace=True)
    path = f"/v1/customers/{customer(box)}"
    request_id = call(box, "POST", path, {"name": "x"}).headers["Request-Id"]
    mine = [event for event in box.lock_trace() if event["request_id"] == request_id]
    assert [event["event"] for event in mine] == ["claimed", "granted", "released"]
    assert {event["by"] for event in mine} == {f"POST {path}"}
    shown = call(box, "GET", "/_sandbox/locks/trace?after=1").json
    assert shown == box.lock_trace(after=1) == box.lock_trace()[1:]


def test_without_a_trace_it_says_how_to_get_one(box: Sandbox, call: Call) -> None:
    with pytest.raises(ValueError, match="start the sandbox with --lock-trace"):
        box.lock_trace()
    assert call(box, "GET", "/_sandbox/locks/trace").status == 400
