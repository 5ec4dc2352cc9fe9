"""The live view that the page asks for."""

from collections.abc import Callable
from typing import Any

from holdfast.sandbox import Sandbox
from holdfast.sandbox.page.feed import MOST_LOCKS, MOST_REQUESTS, MOST_ROWS

Call = Callable[..., Any]
Customer = Callable[[Sandbox], str]


def test_the_first_answer_tells_all_and_the_next_what_is_new(
    box: Sandbox, call: Call, customer: Customer
) -> None:
    name = customer(box)
    box.hold_lock(name, 30)
    box.fault("GET", "/v1/charges", "error_500")
    first = call(box, "GET", "/_sandbox/live").json
    assert [row["path"] for row in first["requests"]] == ["/v1/customers"]
    assert [row["object_id"] for row in first["ledger"]] == [name]
    assert [(one["object"], one["by"]) for one in first["locks"]["held"]] == [
        (name, "a holder from outside")
    ]
    assert first["kinds"] == [{"account": "acct_sandbox", "kind": "customer", "count": 1}]
    assert [fault["fault"] for fault in first["faults"]] == ["error_500"]
    assert "latency" in first["fault_kinds"]
    assert first["stats"]["requests"] == 1

    second = customer(box)
    path = f"/_sandbox/live?after={first['cursor']}&row={first['stats']['effects']}"
    later = call(box, "GET", path).json
    assert later["run"] == first["run"]
    assert [row["seq"] for row in later["requests"]] == [2]
    assert [row["object_id"] for row in later["ledger"]] == [second]
    assert later["now"] >= first["now"]


def test_another_run_is_told_apart(start: Callable[..., Sandbox], call: Call) -> None:
    runs = {call(start(), "GET", "/_sandbox/live").json["run"] for _ in range(3)}
    assert len(runs) == 3


def test_every_part_is_bounded(start: Callable[..., Sandbox], call: Call) -> None:
    box = start(lock_wait=0, hold=0)
    for _ in range(MOST_REQUESTS + 20):
        call(box, "POST", "/v1/customers", {})
    for place in range(MOST_LOCKS + 20):
        box.hold_lock(f"cus_{place}", 60)
    seen = call(box, "GET", "/_sandbox/live").json
    assert len(seen["requests"]) == MOST_REQUESTS
    assert seen["requests"][-1]["seq"] == MOST_REQUESTS + 20
    assert len(seen["ledger"]) == MOST_ROWS
    assert seen["ledger"][-1]["seq"] == MOST_REQUESTS + 20
    assert len(seen["locks"]["held"]) == MOST_LOCKS
    assert seen["stats"]["locks_held"] == MOST_LOCKS + 20
