"""The state in a file: it survives a stop and a kill, and belongs to one sandbox at a time."""

import http.client
import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from holdfast.sandbox import Sandbox, StoreInUse
from holdfast.sandbox.idempotency import Record
from holdfast.sandbox.ledger import Row
from holdfast.sandbox.store import Store

Call = Callable[..., Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def test_a_store_survives_a_restart(start: Callable[..., Sandbox], call: Call, path: Path) -> None:
    with Sandbox(hold=0, store=path) as box:
        made = call(box, "POST", "/v1/customers", {"name": "é"}, key="k")
        name = made.json["id"]
        call(box, "POST", f"/v1/customers/{name}", {"name": "new"})
        gone = call(box, "POST", "/v1/customers", {}).json["id"]
        call(box, "DELETE", f"/v1/customers/{gone}")
        ledger = box.ledger()
        customers = box.objects("customer")
    box = start(hold=0, store=path)
    assert box.ledger() == ledger
    assert box.objects("customer") == customers
    again = call(box, "POST", "/v1/customers", {"name": "é"}, key="k")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.body == made.body
    call(box, "POST", f"/v1/customers/{name}", {"name": "newest"})
    assert [row["seq"] for row in box.ledger()] == [1, 2, 3, 4, 5]


def test_only_what_a_key_remembers_survives(
    start: Callable[..., Sandbox], call: Call, path: Path
) -> None:
    with Sandbox(hold=0, store=path) as box:
        assert call(box, "POST", "/v1/customers", {"nonsense": "x"}, key="k").status == 400
    box = start(hold=0, store=path)
    assert call(box, "POST", "/v1/customers", {"name": "x"}, key="k").status == 200


def test_old_keys_are_dropped_at_the_start(call: Call, path: Path) -> None:
    now = [1_800_000_000.0]
    with Sandbox(hold=0, store=path, clock=lambda: now[0]) as box:
        call(box, "POST", "/v1/customers", key="old")
        now[0] += 20 * 3600
        call(box, "POST", "/v1/customers", key="young")
    now[0] += 5 * 3600
    with Sandbox(hold=0, store=path, clock=lambda: now[0]) as box:
        assert box.stats()["idempotency_keys"] == 1
        young = call(box, "POST", "/v1/customers", key="young")
        assert young.headers["Idempotent-Replayed"] == "true"


def test_repeatable_ids_go_on_in_a_second_run(call: Call, path: Path) -> None:
    made = []
    for _ in range(2):
        with Sandbox(hold=0, store=path, random_seed=7) as box:
            made += [call(box, "POST", "/v1/customers").json["id"] for _ in range(2)]
    assert len(set(made)) == 4


def test_the_order_of_lists_survives(start: Callable[..., Sandbox], call: Call, path: Path) -> None:
    with Sandbox(hold=0, store=path) as box:
        made = [call(box, "POST", "/v1/customers").json["id"] for _ in range(5)]
        call(box, "POST", f"/v1/customers/{made[1]}", {"name": "x"})
    box = start(hold=0, store=path)
    listed = call(box, "GET", "/v1/customers").json["data"]
    assert [obj["id"] for obj in listed] == made[::-1]


def test_a_store_that_cannot_be_written_answers_500_and_changes_nothing(
    start: Callable[..., Sandbox], call: Call, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = start(hold=0, store=path)

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "commit", fail)
        reply = call(box, "POST", "/v1/customers", key="k")
    assert reply.status == 500
    assert (box.ledger(), box.objects("customer")) == ([], [])
    assert call(box, "POST", "/v1/customers", key="k").status == 200


def test_a_second_sandbox_waits_for_the_first_to_go(call: Call, path: Path) -> None:
    first = Sandbox(hold=0, store=path).start()
    call(first, "POST", "/v1/customers")
    timer = threading.Timer(0.2, first.stop)
    timer.start()
    try:
        with Sandbox(hold=0, store=path) as second:
            assert len(second.ledger()) == 1
            assert not first.running
    finally:
        timer.join()
        first.stop()


def test_a_store_that_stays_in_use_is_refused(path: Path) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with closing(Store(path)):
        with pytest.raises(StoreInUse, match="is in use by another sandbox"):
            Store(path, monotonic=lambda: now[0], sleep=sleep)
        assert now[0] >= 10
    Store(path).close()


@pytest.mark.parametrize("content", [b"this is no database" * 100, b""])
def test_a_file_of_another_kind_is_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    if not content:
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE theirs (x)")
        content = path.read_bytes()
    with pytest.raises(RuntimeError, match=r"state\.db is no store"):
        Sandbox(store=path).start()
    assert path.read_bytes() == content


def test_a_commit_that_fails_leaves_nothing(path: Path) -> None:
    row = Row(1, 0.0, "POST", "/v1/a", "thing", "a", "create", None, "req_1", "acct")
    record = Record("acct", "k", "POST", "/v1/a", b"", "req_1", 1.0, 200, b"{}")
    with closing(Store(path)) as store:
        store.commit("acct", {"a": {"object": "thing", "id": "a"}}, [row], None)
        with pytest.raises(sqlite3.IntegrityError):
            store.commit("acct", {"a": None, "b": {"object": "thing", "id": "b"}}, [row], record)
        assert [obj["id"] for _, obj in store.objects()] == ["a"]
        assert list(store.rows()) == [row]
        assert list(store.records(0)) == []


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot be opened"):
        Sandbox(store=tmp_path).start()
    tmp_path.with_name(tmp_path.name + ".lock").unlink()


def test_a_folder_that_is_not_there_is_an_os_error(path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        Sandbox(store=path / "nowhere" / "state.db").start()


def test_no_api_key_reaches_a_file(call: Call, path: Path) -> None:
    secret = "sk_test_planted4eC39Hq"
    with Sandbox(hold=0, store=path) as box:
        call(box, "POST", "/v1/customers", {"name": "x"}, key="k")
        call(box, "POST", "/v1/customers", {"x": "x"}, key="k2")
        found = [file for file in path.parent.iterdir() if secret.encode() in file.read_bytes()]
        assert found == []
    assert [file for file in path.parent.iterdir() if secret.encode() in file.read_bytes()] == []


def test_a_killed_server_has_done_each_thing_once_or_not_at_all(
    call: Call,
    path: Path,
    until: Callable[[Callable[[], bool]], None],
    serving: Callable[..., AbstractContextManager[Any]],
) -> None:
    """Kill -9 under load, again and again; what was answered is there, and nothing is there twice.

    Every key creates a customer with the key as its name, so ledger and objects can be compared.
    """
    answered: dict[str, str] = {}
    for life in range(4):
        with serving("--store", str(path), "--hold", "0") as (there, process):
            workers = [
                threading.Thread(target=load, args=(there.url, f"{life}-{worker}", answered))
                for worker in range(4)
            ]
            for worker in workers:
                worker.start()
            until(partial(at_least, answered, len(answered) + 40))
            process.kill()
            for worker in workers:
                worker.join()
    with Sandbox(hold=0, store=path) as box:
        ledger = box.ledger()
        customers = {obj["id"]: obj["name"] for obj in box.objects("customer")}
        by_key = {row["idempotency_key"]: row["object_id"] for row in ledger}
        assert [row["seq"] for row in ledger] == list(range(1, len(ledger) + 1))
        assert max(Counter(row["idempotency_key"] for row in ledger).values()) == 1
        assert customers == {object_id: key for key, object_id in by_key.items()}
        assert answered.items() <= by_key.items()
        for key, object_id in answered.items():
            again = call(box, "POST", "/v1/customers", {"name": key}, key=key)
            assert again.json["id"] == object_id
        assert len(box.ledger()) == len(ledger)


def at_least(answered: dict[str, str], wanted: int) -> bool:
    return len(answered) >= wanted


def load(url: str, prefix: str, answered: dict[str, str]) -> None:
    """Create customers until the server is gone."""
    host = url.removeprefix("http://")
    headers = {"Authorization": "Bearer sk_test_1"}
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        for number in range(100_000):
            key = f"{prefix}-{number}"
            sent = {**headers, "Idempotency-Key": key}
            connection.request("POST", "/v1/customers", f"name={key}", sent)
            response = connection.getresponse()
            answered[key] = json.loads(response.read())["id"]
    except (OSError, http.client.HTTPException):
        return
    finally:
        connection.close()
