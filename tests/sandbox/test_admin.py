"""What a test asks and tells the sandbox over HTTP."""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from holdfast.sandbox import Sandbox

Call = Callable[..., Any]
Until = Callable[[Callable[[], bool]], None]
ROW = [
    "seq",
    "at",
    "method",
    "path",
    "object",
    "object_id",
    "effect",
    "idempotency_key",
    "request_id",
    "account",
]


def test_the_ledger_lists_every_effect_in_order(
    box: Sandbox, call: Call, customer: Callable[[Sandbox], str]
) -> None:
    name = customer(box)
    updated = call(box, "POST", f"/v1/customers/{name}", {"name": "x"}, key="k")
    call(box, "GET", f"/v1/customers/{name}")
    call(box, "POST", f"/v1/customers/{name}", {"nonsense": "x"})
    call(box, "DELETE", f"/v1/customers/{name}")
    rows = call(box, "GET", "/_sandbox/ledger").json
    assert rows == box.ledger()
    assert [list(row) for row in rows] == [ROW] * 3
    assert [row["seq"] for row in rows] == [1, 2, 3]
    assert [row["effect"] for row in rows] == ["create", "update", "delete"]
    assert [row["method"] for row in rows] == ["POST", "POST", "DELETE"]
    assert rows[1] | {"at": 0} == {
        "seq": 2,
        "at": 0,
        "method": "POST",
        "path": f"/v1/customers/{name}",
        "object": "customer",
        "object_id": name,
        "effect": "update",
        "idempotency_key": "k",
        "request_id": updated.headers["Request-Id"],
        "account": "acct_sandbox",
    }
    assert rows[0]["at"] <= rows[1]["at"] <= rows[2]["at"] <= time.time()
    assert call(box, "GET", "/_sandbox/ledger?after=2").json == rows[2:]
    assert call(box, "GET", "/_sandbox/ledger?after=x").status == 400


def test_the_stats_count(box: Sandbox, call: Call, customer: Callable[[Sandbox], str]) -> None:
    name = customer(box)
    box.hold_lock(name, 30)
    call(box, "POST", f"/v1/customers/{name}", {"name": "x"})
    call(box, "GET", "/v1/nothing")
    stats = call(box, "GET", "/_sandbox/stats").json
    assert stats["requests"] == 3
    assert stats["by_status"] == {"200": 1, "404": 1, "429": 1}
    assert stats["by_fault"]["lock_timeout"] == 1
    assert stats["by_fault"]["rejected"] == 1
    assert (stats["lock_timeouts"], stats["lock_waits"], stats["locks_held"]) == (1, 0, 1)
    assert (stats["objects"], stats["effects"]) == (1, 1)
    assert stats["connections"] == 4


def test_the_objects_can_be_seen(
    box: Sandbox, call: Call, customer: Callable[[Sandbox], str]
) -> None:
    name = customer(box)
    shown = call(box, "GET", "/_sandbox/objects?kind=customer").json
    assert [obj["id"] for obj in shown] == [name]
    assert shown == box.objects("customer")
    assert call(box, "GET", "/_sandbox/objects").status == 400
    second = customer(box)
    newest = call(box, "GET", "/_sandbox/objects?kind=customer&newest=1").json
    assert [obj["id"] for obj in newest] == [second]
    both = call(box, "GET", "/_sandbox/objects?kind=customer&newest=9").json
    assert [obj["id"] for obj in both] == [second, name]
    assert call(box, "GET", f"/_sandbox/object?id={name}").json == shown[0]


def waiting(box: Sandbox, count: int) -> bool:
    return bool(box.stats()["locks_waiting"] == count)


def test_a_lock_is_held_from_outside_in_the_order_of_the_queue(
    start: Callable[..., Sandbox], call: Call, customer: Callable[[Sandbox], str], until: Until
) -> None:
    box = start(lock_wait=30, hold=0)
    name = customer(box)
    first = call(box, "POST", "/_sandbox/locks", content={"object": name, "seconds": 1})
    assert first.json == {"object": name, "held_for": 1.0}
    done: list[str] = []

    def update() -> None:
        assert call(box, "POST", f"/v1/customers/{name}", {"name": "x"}).status == 200
        done.append("update")

    def hold() -> None:
        call(box, "POST", "/_sandbox/locks", content={"object": name, "seconds": 0.1})
        done.append("hold")

    threads = [threading.Thread(target=update), threading.Thread(target=hold)]
    for place, thread in enumerate(threads, 1):
        thread.start()
        until(partial(waiting, box, place))
    shown = call(box, "GET", "/_sandbox/locks").json
    assert [one["object"] for one in shown["held"]] == [name]
    assert shown["held"][0]["by"] == "a holder from outside"
    assert [one["by"] for one in shown["waiting"]] == [
        f"POST /v1/customers/{name}",
        "a holder from outside",
    ]
    assert all(0 <= one["seconds"] <= 30 for one in shown["held"] + shown["waiting"])
    for thread in threads:
        thread.join()
    assert sorted(done) == ["hold", "update"]
    until(lambda: call(box, "GET", "/_sandbox/locks").json == {"held": [], "waiting": []})


def test_faults_are_scripted_listed_and_cleared(box: Sandbox, call: Call) -> None:
    line = {"method": "POST", "path": "/v1/customers", "fault": "error_500", "count": 3}
    slow = {"method": "GET", "path": "/v1/*", "fault": "latency", "seconds": 0.01}
    assert call(box, "POST", "/_sandbox/faults", content=line).status == 200
    call(box, "POST", "/_sandbox/faults", content={**slow, "should_retry": None})
    assert call(box, "POST", "/v1/customers").status == 500
    assert call(box, "GET", "/_sandbox/faults").json == [
        {**line, "count": 2},
        {**slow, "count": 1, "should_retry": None},
    ]
    assert call(box, "DELETE", "/_sandbox/faults").json == []
    assert call(box, "POST", "/v1/customers").status == 200


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "says"),
    [
        ("POST", "/_sandbox/faults", {"fault": "x"}, 400, "fault is 'x'"),
        ("POST", "/_sandbox/faults", [], 400, "no JSON object"),
        ("POST", "/_sandbox/faults", None, 400, "no JSON"),
        ("POST", "/_sandbox/locks", {"object": "", "seconds": 1}, 400, "object is ''"),
        ("POST", "/_sandbox/locks", {"object": "a", "seconds": 0}, 400, "seconds is 0"),
        ("POST", "/_sandbox/locks", {"object": "a"}, 400, "seconds is None"),
        ("POST", "/_sandbox/locks", {"id": "a"}, 400, "id is no field here"),
        ("DELETE", "/_sandbox/ledger", None, 405, "has no DELETE"),
        ("POST", "/_sandbox", None, 404, "/_sandbox/ledger"),
        ("GET", "/_sandbox/live?after=-1", None, 400, "after is '-1'"),
        ("GET", "/_sandbox/object", None, 400, "id is None"),
        ("GET", "/_sandbox/object?id=cus_1", None, 404, "no object cus_1"),
        ("GET", "/_sandbox/nothing", None, 404, "/_sandbox/ledger"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    box: Sandbox, call: Call, method: str, path: str, content: Any, status: int, says: str
) -> None:
    reply = call(box, method, path, content=content)
    assert reply.status == status
    assert says in reply.error["message"]


def test_no_api_key_is_needed(box: Sandbox, call: Call) -> None:
    assert call(box, "GET", "/_sandbox/stats", headers={"Authorization": ""}).status == 200
    assert call(box, "GET", "/_sandboxes", headers={"Authorization": ""}).status == 401
