"""Snapshots and reset: the whole state comes back, in memory and in a store, even after a kill."""

import json
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from holdfast.sandbox import Sandbox
from holdfast.sandbox.idempotency import Record
from holdfast.sandbox.ledger import Row
from holdfast.sandbox.snapshots import MOST, Snapshot, decoded
from holdfast.sandbox.store import Store

Call = Callable[..., Any]
Until = Callable[[Callable[[], bool]], None]
START = 1_800_000_000.0


@pytest.fixture(params=["memory", "store"])
def kept(request: pytest.FixtureRequest, start: Callable[..., Sandbox], tmp_path: Path) -> Sandbox:
    """A sandbox that keeps its state in memory, and one that keeps it in a store."""
    store = tmp_path / "state.db" if request.param == "store" else None
    return start(lock_wait=30, hold=0, store=store, clock=lambda: START, random_seed=5)


def everything(box: Sandbox) -> dict[str, Any]:
    """All that a snapshot holds, as it can be seen from outside."""
    return {
        "customers": box.objects("customer"),
        "intents": box.objects("payment_intent"),
        "others": box.objects("customer", "acct_other"),
        "ledger": box.ledger(),
        "keys": box.stats()["idempotency_keys"],
        "now": box.clock.now(),
    }


def change(box: Sandbox, call: Call) -> None:
    """Change all of it."""
    for customer in box.objects("customer"):
        call(box, "POST", f"/v1/customers/{customer['id']}", {"name": "changed"})
    call(box, "POST", "/v1/customers", {}, key="later")
    call(box, "POST", "/v1/customers", {}, headers={"Stripe-Account": "acct_other"})
    gone = box.objects("customer")[0]["id"]
    call(box, "DELETE", f"/v1/customers/{gone}")
    box.clock.advance("25h")


def test_all_of_it_comes_back(kept: Sandbox, call: Call) -> None:
    made = call(kept, "POST", "/v1/customers", {"name": "é"}, key="k")
    kept.clock.advance(60)
    call(kept, "POST", "/v1/payment_intents", {"amount": "5", "currency": "usd"})
    before = everything(kept)
    name = kept.snapshot()
    change(kept, call)
    assert call(kept, "POST", "/v1/customers", {"name": "b"}, key="k").status == 200
    assert everything(kept) != before
    kept.restore(name)
    assert everything(kept) == before
    again = call(kept, "POST", "/v1/customers", {"name": "é"}, key="k")
    assert again.body == made.body
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(kept.ledger()) == len(before["ledger"])


def test_the_same_ids_are_made_again(kept: Sandbox, call: Call) -> None:
    name = kept.snapshot()
    first = [call(kept, "POST", "/v1/customers", {}).json["id"] for _ in range(3)]
    kept.restore(name)
    assert [call(kept, "POST", "/v1/customers", {}).json["id"] for _ in range(3)] == first


def test_what_happens_after_it_does_not_change_it(kept: Sandbox, call: Call) -> None:
    call(kept, "POST", "/v1/customers", {"metadata[a]": "b"})
    before = everything(kept)
    name = kept.snapshot("mine")
    for _ in range(3):
        change(kept, call)
        kept.restore(name)
        assert everything(kept) == before


def test_events_of_what_is_undone_are_gone(kept: Sandbox, call: Call) -> None:
    name = kept.snapshot()
    call(kept, "POST", "/v1/customers", {})
    assert len(call(kept, "GET", "/v1/events").json["data"]) == 1
    kept.restore(name)
    assert call(kept, "GET", "/v1/events").json["data"] == []


def test_reset_is_a_fresh_start(start: Callable[..., Sandbox], call: Call, tmp_path: Path) -> None:
    seed = {"objects": [{"object": "customer", "id": "cus_1", "name": "seeded"}]}
    fresh = []
    for store in (None, tmp_path / "state.db"):
        box = start(hold=0, store=store, clock=lambda: START, random_seed=5, seed=seed)
        before = everything(box)
        first = call(box, "POST", "/v1/customers", {}, key="k").json["id"]
        box.fault("POST", "/v1/customers", "error_500")
        change(box, call)
        box.reset()
        assert everything(box) == before
        assert call(box, "POST", "/v1/customers", {}, key="k").json["id"] == first
        fresh.append(before)
    assert fresh[0] == fresh[1]
    assert [customer["name"] for customer in fresh[0]["customers"]] == ["seeded"]


def test_reset_goes_by_the_real_clock_again(kept: Sandbox) -> None:
    kept.clock.advance(1000)
    kept.reset()
    assert kept.clock.now() == START


def test_a_store_holds_what_was_restored(call: Call, tmp_path: Path) -> None:
    store = tmp_path / "state.db"
    with Sandbox(hold=0, store=store, clock=lambda: START) as box:
        call(box, "POST", "/v1/customers", {"name": "x"}, key="k")
        box.clock.advance(50)
        before = everything(box)
        name = box.snapshot()
        change(box, call)
        box.restore(name)
    with Sandbox(hold=0, store=store, clock=lambda: START) as box:
        assert everything(box) == before
        call(box, "POST", "/v1/customers", {}, key="more")
        box.restore(name)
        assert everything(box) == before


def test_snapshots_in_a_store_outlive_a_kill(
    call: Call, tmp_path: Path, serving: Callable[..., Any]
) -> None:
    options = ["--store", str(tmp_path / "state.db"), "--hold", "0"]
    with serving(*options) as (there, process):
        call(there, "POST", "/v1/customers", {"name": "before"}, key="k")
        ledger = call(there, "GET", "/_sandbox/ledger").json
        name = call(there, "POST", "/_sandbox/snapshots").json["name"]
        call(there, "POST", "/v1/customers", {"name": "after"})
        process.kill()
    with serving(*options) as (there, process):
        assert len(call(there, "GET", "/_sandbox/ledger").json) == 2
        call(there, "POST", f"/_sandbox/snapshots/{name}/restore")
        process.kill()
    with serving(*options) as (there, _):
        assert call(there, "GET", "/_sandbox/ledger").json == ledger
        names = [one["name"] for one in call(there, "GET", "/v1/customers").json["data"]]
        assert names == ["before"]


def test_a_request_under_way_goes_on_on_what_was_restored(
    kept: Sandbox, call: Call, customer: Callable[[Sandbox], str], until: Until
) -> None:
    path = f"/v1/customers/{customer(kept)}"
    name = kept.snapshot()
    call(kept, "POST", path, {"email": "a@b.c"}, key="earlier")
    kept.hold_lock(path.rpartition("/")[2], 0.5)
    replies = []

    def work() -> None:
        replies.append(call(kept, "POST", path, {"name": "waited"}, key="k"))

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: kept.stats()["locks_waiting"] == 1)
    kept.restore(name)
    assert call(kept, "POST", path, {"name": "waited"}, key="k").status == 409
    thread.join()
    assert replies[0].status == 200
    there = call(kept, "GET", path).json
    assert (there["name"], there["email"]) == ("waited", None)
    assert [row["idempotency_key"] for row in kept.ledger()] == [None, "k"]
    again = call(kept, "POST", path, {"name": "waited"}, key="k")
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_refused_request_under_way_leaves_its_key_free(
    start: Callable[..., Sandbox], call: Call, customer: Callable[[Sandbox], str], until: Until
) -> None:
    box = start(lock_wait=0.3, hold=0)
    path = f"/v1/customers/{customer(box)}"
    name = box.snapshot()
    box.hold_lock(path.rpartition("/")[2], 1)
    replies = []
    thread = threading.Thread(
        target=lambda: replies.append(call(box, "POST", path, {"name": "x"}, key="k"))
    )
    thread.start()
    until(lambda: box.stats()["locks_waiting"] == 1)
    box.restore(name)
    thread.join()
    assert replies[0].status == 429
    until(lambda: call(box, "POST", path, {"name": "y"}, key="k").status == 200)


def test_they_are_made_listed_and_dropped_over_http(kept: Sandbox, call: Call) -> None:
    root = "/_sandbox/snapshots"
    call(kept, "POST", "/v1/customers", {}, key="k")
    first = call(kept, "POST", root)
    assert first.json == {
        "name": "snapshot-1", "at": START, "objects": 1, "effects": 1, "idempotency_keys": 1,
    }  # fmt: skip
    call(kept, "POST", "/v1/customers", {})
    assert call(kept, "POST", root, content={"name": "my.own"}).json["name"] == "my.own"
    assert [one["objects"] for one in call(kept, "GET", root).json] == [1, 2]
    assert call(kept, "POST", f"{root}/snapshot-1/restore").json == first.json
    assert len(kept.ledger()) == 1
    assert [one["name"] for one in call(kept, "DELETE", f"{root}/snapshot-1").json] == ["my.own"]
    assert call(kept, "POST", "/_sandbox/reset").json == {"now": START, "ahead": 0}
    assert kept.ledger() == []
    assert [one["name"] for one in call(kept, "GET", root).json] == ["my.own"]


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "says"),
    [
        ("POST", "snapshots", {"name": "a b"}, 400, "name is 'a b': give 1 to 64 letters"),
        ("POST", "snapshots", {"name": 5}, 400, "name is 5"),
        ("POST", "snapshots", {"as": "x"}, 400, "as is no field here: the fields are name"),
        ("POST", "snapshots/none/restore", None, 400, "there is no snapshot 'none': there is none"),
        ("DELETE", "snapshots/none", None, 400, "there is no snapshot 'none'"),
        ("POST", "reset", {"hard": True}, 400, "hard is no field here: there are none"),
        ("DELETE", "reset", None, 405, "/_sandbox/reset has no DELETE"),
        ("GET", "snapshots/none/restore", None, 405, "has no GET"),
        ("GET", "snapshots/a/b/c", None, 404, "/_sandbox/snapshots/NAME/restore"),
        ("GET", "nothing", None, 404, "There are /_sandbox/ledger"),
        ("GET", "locks/trace?after=x", None, 400, "start the sandbox with|after is 'x'"),
    ],
)
def test_a_slip_is_told(
    box: Sandbox, call: Call, method: str, path: str, content: Any, status: int, says: str
) -> None:
    refused = call(box, method, f"/_sandbox/{path}", content=content)
    assert refused.status == status
    assert any(said in refused.error["message"] for said in says.split("|"))


def test_there_are_only_so_many(box: Sandbox) -> None:
    for _ in range(MOST):
        box.snapshot()
    with pytest.raises(ValueError, match="there are 100 snapshots"):
        box.snapshot()
    box.snapshot("snapshot-1")
    with pytest.raises(ValueError, match="name is ''"):
        box.snapshot("")
    with pytest.raises(ValueError, match="there is no snapshot 'x'"):
        box.restore("x")


def test_what_is_written_comes_back_byte_for_byte() -> None:
    record = Record("acct", "k", "POST", "/v1/a", bytes(range(256)), "req_1", 1.5, 200, b"\xff{}")
    row = Row(1, 0.5, "POST", "/v1/a", "thing", "a", "create", None, "req_1", "acct")
    objects = {"acct": [{"object": "thing", "id": "a", "of": {"é": [1, 2.5, None, True]}}]}
    snapshot = Snapshot(7.25, [3, [1, 2], None], objects, [row], [record])
    assert decoded(snapshot.encoded()) == snapshot
    assert json.loads(snapshot.encoded())["now"] == 7.25


def test_a_store_that_cannot_be_written_is_left_as_it_was(
    start: Callable[..., Sandbox], call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = start(hold=0, store=tmp_path / "state.db")
    name = box.snapshot()
    call(box, "POST", "/v1/customers", {})
    before = everything(box)["ledger"]
    with monkeypatch.context() as patched:
        patched.setattr("holdfast.sandbox.store._SET_CLOCK", "INSERT INTO nowhere VALUES (?)")
        refused = call(box, "POST", f"/_sandbox/snapshots/{name}/restore")
        assert (refused.status, "cannot be written" in refused.error["message"]) == (500, True)
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            box.reset()
    assert box.ledger() == before
    assert len(box.objects("customer")) == 1


def test_the_store_keeps_them_by_name(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "state.db")) as store:
        store.keep_snapshot("a", "1")
        store.keep_snapshot("a", "2")
        store.keep_snapshot("b", "3")
        store.drop_snapshot("b")
        assert list(store.snapshots()) == [("a", "2")]
