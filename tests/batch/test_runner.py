"""Whole runs against a sandbox, within this process."""

import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from batches import create, update

from holdfast import Policy
from holdfast.batch import (
    BadRequests,
    JournalBusy,
    JournalMismatch,
    Options,
    Remote,
    Stopped,
    Summary,
    UsageError,
    Workspace,
    run,
)
from holdfast.batch.journal import Journal
from holdfast.batch.loading import load
from holdfast.redaction import Redactor
from holdfast.sandbox import Sandbox

WriteFile = Callable[..., Path]
Batch = Callable[..., Summary]
ById = Callable[[], dict[str, dict[str, Any]]]
Results = Callable[[], list[dict[str, Any]]]

DAY = 24 * 3600.0
KEY = "sk_test_planted4eC39HqLyjWDarj"  # as in conftest.py


def names_given(box: Sandbox) -> Counter[str]:
    """How often each idempotency key had an effect."""
    return Counter(row["idempotency_key"] for row in box.ledger())


def test_every_request_is_sent_once_and_told(
    write_file: WriteFile, batch: Batch, box: Sandbox, by_id: ById
) -> None:
    lines = [create(f"c-{n}") for n in range(40)]
    lines += [
        {"id": f"g-{n}", "method": "GET", "path": "/v1/customers/cus_batch1"} for n in range(9)
    ]
    lines += [{"id": "no", "method": "GET", "path": "/v1/customers/cus_nobody"}]
    summary = batch(write_file(lines), redactor=Redactor(personal=()))
    found = by_id()
    assert found.keys() == {line["id"] for line in lines}
    assert summary.figures.total == summary.figures.done == 50
    assert (summary.figures.ok, summary.figures.failed, summary.figures.unsure) == (49, 1, 0)
    assert summary.attempts == 50
    assert not summary.all_ok
    assert not summary.interrupted
    assert found["c-7"]["answer"]["name"] == "c-7"
    assert found["c-7"]["status"] == "ok"
    assert found["c-7"]["request_id"].startswith("req_")
    assert found["no"]["status"] == "failed"
    assert found["no"]["http_status"] == 404
    assert found["no"]["error"]["code"] == "resource_missing"
    assert found["no"]["stop_reason"] == "rejected"
    assert len(box.ledger()) == 40
    assert set(names_given(box).values()) == {1}
    assert any("no: failed, HTTP 404" in line for line in summary.lines())


def test_requests_on_an_object_go_in_the_files_order(
    write_file: WriteFile, batch: Batch, box: Sandbox, results: Results
) -> None:
    chance = random.Random(3)
    lines = [update(f"{n}", chance.choice([1, 1, 2])) for n in range(150)]
    lines += [{"id": "last", "method": "GET", "path": "/v1/customers/cus_batch1"}]
    summary = batch(write_file(lines), concurrency=8, redactor=Redactor(personal=()))
    order = defaultdict(list)
    by_key = {}
    with Journal(Workspace().journal) as journal:
        assert list(journal.pending()) == []
    for result in results():
        by_key[result["request_id"]] = result["id"]
    for row in box.ledger():
        order[row["object_id"]].append(int(by_key[row["request_id"]]))
    assert {name: sorted(ids) for name, ids in order.items()} == dict(order)
    assert len(box.ledger()) == 150
    assert summary.attempts == 151
    last = next(result for result in results() if result["id"] == "last")
    final = max(int(line["id"]) for line in lines[:-1] if line["path"].endswith("1"))
    assert last["answer"]["name"] == str(final)


def test_a_hot_object_does_not_hold_up_others(
    write_file: WriteFile, start: Callable[..., Sandbox]
) -> None:
    box = start(hold=0.02, lock_wait=5.0, seed={"objects": [{"object": "customer", "id": "cus_h"}]})
    lines = [create(f"h-{n}", path="/v1/customers/cus_h") for n in range(30)]
    lines += [create(f"c-{n}") for n in range(60)]
    run(write_file(lines), Remote("sk_test_x", box.url), options=Options(concurrency=2))
    made = [row["effect"] for row in box.ledger()]
    assert made.count("create") == 60
    # All of those behind the queue were done while most of the queue still waited.
    last_create = len(made) - 1 - made[::-1].index("create")
    assert made[:last_create].count("update") < 25


def test_the_summary_tells_retries_waits_and_hot_objects(
    write_file: WriteFile, batch: Batch, box: Sandbox
) -> None:
    box.fault("POST", "/v1/customers/cus_batch1", "lock_timeout", count=2)
    box.fault("POST", "/v1/customers/cus_batch2", "reset_after", count=1)
    lines = [update(f"a-{n}") for n in range(10)] + [update(f"b-{n}", 2) for n in range(5)]
    summary = batch(write_file(lines))
    assert summary.all_ok
    assert summary.attempts == 18
    assert summary.retries == {"locked": 2, "interrupted": 1}
    assert summary.waits["backoff"] > 0
    assert summary.waits["lane"] > 0
    assert [(hot.key, hot.requests) for hot in summary.hottest] == [
        ("cus_batch1", 10),
        ("cus_batch2", 5),
    ]
    assert summary.hottest[0].waited > 0
    assert summary.attempts_per_request == pytest.approx(18 / 15)
    assert set(names_given(box).values()) == {1}
    shown = "\n".join(summary.lines())
    assert "15 of 15 requests done: 15 ok, 0 failed, 0 unsure" in shown
    assert "locked 2, interrupted 1" in shown
    assert "cus_batch1: 10 requests, each in its queue for" in shown
    figures = json.loads(json.dumps(summary.as_dict()))
    assert figures["attempts_per_request"] == 1.2
    assert figures["retries"] == {"locked": 2, "interrupted": 1}


def test_each_result_tells_what_it_was_and_where_its_time_went(
    write_file: WriteFile, batch: Batch, box: Sandbox, by_id: ById
) -> None:
    box.fault("POST", "/v1/customers/cus_batch1", "lock_timeout", count=1)
    read = {"id": "r", "method": "GET", "path": "/v1/customers?email=someone%40example.com"}
    before = time.time()
    batch(write_file([update("a"), update("b"), read]), concurrency=1)
    after = time.time()
    told = by_id()
    assert [(told[id_]["method"], told[id_]["path"], told[id_]["objects"]) for id_ in "abr"] == [
        ("POST", "/v1/customers/cus_batch1", ["cus_batch1"]),
        ("POST", "/v1/customers/cus_batch1", ["cus_batch1"]),
        ("GET", "/v1/customers", []),
    ]
    for result in told.values():
        assert before <= result["began_at"] <= result["began_at"] + result["seconds"] <= after
        exchanges = result["exchanges"]
        assert [made["fault"] for made in exchanges] == result["fault_classes"]
        assert exchanges[-1]["request_id"] == result["request_id"]
        spent = sum(result["waits"].values()) + sum(made["seconds"] for made in exchanges)
        assert spent <= result["seconds"] + 1e-4
    locked, ok = told["a"]["exchanges"]
    assert (locked["status"], locked["error_code"]) == (429, "lock_timeout")
    assert (ok["status"], ok["error_code"], ok["replayed"]) == (200, None, False)
    assert ok["at"] >= locked["at"] + locked["seconds"] + told["a"]["waits"]["backoff"] - 1e-4
    # The one behind it waited for the object meanwhile, and its time has that wait in it.
    assert told["b"]["waits"]["lane"] > locked["seconds"]
    assert told["b"]["exchanges"][0]["at"] >= told["b"]["waits"]["lane"] - 1e-4
    assert told["r"]["waits"]["lane"] < told["b"]["waits"]["lane"]


def test_an_answer_from_under_the_key_is_told_as_one(
    write_file: WriteFile, batch: Batch, box: Sandbox, by_id: ById
) -> None:
    box.fault("POST", "/v1/customers", "reset_after", count=1)
    batch(write_file([create("a")]))
    lost, again = by_id()["a"]["exchanges"]
    assert (lost["status"], lost["request_id"], lost["replayed"]) == (None, None, False)
    assert again["replayed"]


@pytest.mark.parametrize("fault", ["reset_after", "close_after", "truncated"])
def test_an_answer_that_is_lost_is_asked_for_again(
    write_file: WriteFile, batch: Batch, box: Sandbox, by_id: ById, fault: str
) -> None:
    box.fault("POST", "/v1/customers", fault, count=1)
    assert batch(write_file([create("a")])).all_ok
    assert by_id()["a"]["fault_classes"] == ["interrupted", "ok"]
    assert len(box.ledger()) == 1


@pytest.mark.parametrize(
    ("fault", "method", "status"),
    [
        ("reset_after", "POST", "unsure"),
        ("reset_before", "POST", "unsure"),
        ("error_500", "POST", "unsure"),
        ("error_500_no_retry", "POST", "unsure"),
        ("html_503", "POST", "unsure"),
        ("html_503", "DELETE", "unsure"),
        ("lock_timeout", "POST", "failed"),
        ("rate_limit", "POST", "failed"),
        ("error_500", "GET", "failed"),
        ("reset_before", "GET", "failed"),
    ],
)
def test_what_stays_in_doubt_is_unsure(
    write_file: WriteFile,
    batch: Batch,
    box: Sandbox,
    by_id: ById,
    fault: str,
    method: str,
    status: str,
) -> None:
    path = "/v1/customers/cus_batch1"
    box.fault(method, path, fault, count=10)
    summary = batch(write_file([{"id": "a", "method": method, "path": path}, update("b", 2)]))
    told = by_id()
    assert told["a"]["status"] == status
    assert told["b"]["status"] == "ok"
    assert ("reason" in told["a"]) is (status == "unsure")
    assert told["a"]["error"]["message"]
    assert summary.figures.unsure == (status == "unsure")
    assert not summary.all_ok


def test_an_old_key_is_not_sent_again(
    write_file: WriteFile, batch: Batch, box: Sandbox, by_id: ById
) -> None:
    lines = [create("old"), create("new"), create("never"), create("get", method="GET", params={})]
    source = write_file(lines)
    _interrupted(source, box, begun={1: 1000.0, 2: 2000.0})
    summary = batch(source, wall_clock=lambda: 1000.0 + DAY)
    told = by_id()
    assert told["old"]["status"] == "unsure"
    assert told["old"]["stop_reason"] == "key_expired"
    assert told["old"]["attempts"] == 0
    assert (told["old"]["path"], told["old"]["exchanges"]) == ("/v1/customers", [])
    assert told["old"]["began_at"] == 1000.0 + DAY - told["old"]["waits"]["lane"]
    assert "not sent again" in told["old"]["reason"]
    assert [told[id_]["status"] for id_ in ("new", "never", "get")] == ["ok", "ok", "ok"]
    assert (summary.figures.ok, summary.figures.unsure) == (3, 1)
    assert len(box.ledger()) == 2


def test_a_delete_that_was_begun_and_finds_nothing_is_unsure(
    write_file: WriteFile, batch: Batch, box: Sandbox, by_id: ById
) -> None:
    def delete(id_: str, name: str) -> dict[str, Any]:
        return {"id": id_, "method": "DELETE", "path": f"/v1/customers/{name}"}

    lines = [delete("begun", "cus_gone"), delete("fresh", "cus_gone2"), delete("ok", "cus_batch1")]
    source = write_file(lines)
    _interrupted(source, box, begun={1: time.time(), 3: time.time()})
    batch(source)
    told = by_id()
    assert told["begun"]["status"] == "unsure"
    assert told["begun"]["http_status"] == 404
    assert told["fresh"]["status"] == "failed"
    assert told["ok"]["status"] == "ok"


def _interrupted(source: Path, box: Sandbox, begun: dict[int, float]) -> None:
    """Leave a journal behind as a run does that was killed after these were begun."""
    workspace = Workspace()
    workspace.make_folders()
    with Journal(workspace.journal) as journal:
        load(source, journal, Remote(KEY, box.url).fingerprint(), report=print)
        journal.write(list(begun.items()), [])


def test_a_write_is_on_the_disk_before_it_is_on_the_wire(
    write_file: WriteFile, batch: Batch, box: Sandbox
) -> None:
    box.fault("POST", "/v1/customers", "latency", count=3, seconds=0.5)
    source = write_file([create(f"{n}") for n in range(3)])
    thread = threading.Thread(target=lambda: batch(source))
    thread.start()
    while not Workspace().journal.exists() or box.stats()["requests"] < 3:
        time.sleep(0.005)
    with Journal(Workspace().journal) as journal:
        begun = [entry.begun_at for entry in journal.pending()]
    thread.join()
    assert len(begun) == 3
    assert None not in begun


def test_a_stopped_run_goes_on(
    write_file: WriteFile, batch: Batch, box: Sandbox, by_id: ById
) -> None:
    source = write_file([update(f"{n}") for n in range(60)])
    stop = threading.Event()
    first = batch(
        source, stop=stop, watch=lambda now: stop.set() if now.done else None, concurrency=1
    )
    assert first.interrupted
    assert 0 < first.figures.done < 60
    again = batch(source)
    assert again.all_ok
    assert again.done_before == first.figures.done
    assert again.attempts == 60
    assert len(by_id()) == len(box.ledger()) == 60


def test_a_journal_whose_results_tell_less_goes_on(
    write_file: WriteFile, batch: Batch, box: Sandbox, by_id: ById
) -> None:
    source = write_file([create("a"), create("b")])
    _interrupted(source, box, begun={})
    earlier = {
        "id": "a",
        "status": "failed",
        "http_status": 402,
        "request_id": "req_1",
        "attempts": 1,
        "fault_classes": ["rejected"],
        "stop_reason": "rejected",
        "waits": {"lane": 0.0},
        "error": {"message": "no"},
    }
    with Journal(Workspace().journal) as journal:
        journal.write([], [(1, False, json.dumps(earlier))])
    summary = batch(source)
    assert by_id()["a"] == earlier
    assert by_id()["b"]["status"] == "ok"
    assert "  a: failed, HTTP 402, no" in summary.lines()


def test_a_finished_run_sends_nothing_more(
    write_file: WriteFile, batch: Batch, box: Sandbox
) -> None:
    source = write_file([create("a"), create("b")])
    first = batch(source)
    requests = box.stats()["requests"]
    content = Workspace().results.read_bytes()
    again = batch(source)
    assert again.nothing_was_left
    assert again.all_ok
    assert again.as_dict() == {**first.as_dict(), "done_before": 2}
    assert box.stats()["requests"] == requests
    assert Workspace().results.read_bytes() == content


def test_lost_results_are_written_again(
    write_file: WriteFile, batch: Batch, results: Results
) -> None:
    source = write_file([create(f"{n}") for n in range(5)])
    batch(source)
    content = Workspace().results.read_bytes()
    Workspace().results.unlink()
    batch(source)
    assert Workspace().results.read_bytes() == content


def test_a_fresh_run_starts_anew(write_file: WriteFile, batch: Batch, box: Sandbox) -> None:
    source = write_file([create("a")])
    batch(source)
    batch(source, fresh=True)
    assert len(box.ledger()) == 2
    assert len(Workspace().results.read_text().splitlines()) == 1


def test_another_file_needs_another_journal(
    write_file: WriteFile, batch: Batch, box: Sandbox
) -> None:
    batch(write_file([create("a")]))
    with pytest.raises(JournalMismatch, match=r"another file than .*--journal .*--fresh"):
        batch(write_file([create("b")]))
    assert len(box.ledger()) == 1


def test_another_target_needs_another_journal(
    write_file: WriteFile, batch: Batch, box: Sandbox
) -> None:
    source = write_file([create("a")])
    batch(source)
    with pytest.raises(JournalMismatch, match="a run against"):
        run(source, Remote("sk_test_another", box.url))
    with pytest.raises(JournalMismatch, match="a run against"):
        run(source, Remote(KEY, "http://127.0.0.1:1"))


def test_a_second_run_at_once_is_refused(write_file: WriteFile, batch: Batch, box: Sandbox) -> None:
    box.fault("POST", "/v1/customers", "latency", count=1, seconds=1.0)
    source = write_file([create("a")])
    thread = threading.Thread(target=lambda: batch(source))
    thread.start()
    while box.stats()["requests"] < 1:
        time.sleep(0.005)
    with pytest.raises(JournalBusy, match="another run is at work"):
        batch(source)
    other = replace(Workspace(), journal=Path("other"))
    with pytest.raises(JournalBusy, match="is being written by another run"):
        batch(source, workspace=other)
    thread.join()
    assert len(box.ledger()) == 1


def test_bad_lines_stop_everything(write_file: WriteFile, batch: Batch, box: Sandbox) -> None:
    told: list[str] = []
    source = write_file([create("a"), "nonsense", create("a")])
    with pytest.raises(BadRequests):
        batch(source, report=told.append)
    assert len(told) == 2
    assert box.stats()["requests"] == 0
    assert not Workspace().journal.exists()
    assert batch(write_file([create("a")])).all_ok


def test_a_stop_while_reading_leaves_nothing(
    write_file: WriteFile, batch: Batch, box: Sandbox
) -> None:
    source = write_file([create("a"), "nonsense", create("b")])
    stop = threading.Event()
    with pytest.raises(Stopped, match="stopped while reading"):
        batch(source, stop=stop, report=lambda _: stop.set())
    assert box.stats()["requests"] == 0
    assert not Workspace().journal.exists()


def test_fresh_does_not_delete_what_is_not_ours(write_file: WriteFile, batch: Batch) -> None:
    source = write_file([create("a")])
    notes = write_file(["remember"], "notes.txt")
    for workspace in (Workspace(journal=notes), Workspace(results=notes)):
        with pytest.raises(UsageError, match="--fresh does not delete it"):
            batch(source, workspace=workspace, fresh=True)
    assert notes.read_text() == "remember\n"


def test_one_file_cannot_be_two(write_file: WriteFile, batch: Batch) -> None:
    source = write_file([create("a")])
    for workspace in (Workspace(journal=source), Workspace(results=source)):
        with pytest.raises(UsageError, match="cannot be both"):
            batch(source, workspace=workspace)
    assert json.loads(source.read_text())["id"] == "a"


def test_requests_with_one_key_of_the_files_own_go_one_by_one(
    write_file: WriteFile, batch: Batch, box: Sandbox, by_id: ById
) -> None:
    same = {"params": {"name": "x"}, "idempotency_key": "mine"}
    summary = batch(write_file([create(f"{n}", **same) for n in range(6)]))
    assert summary.all_ok
    assert summary.attempts == 6
    assert len({result["answer"]["id"] for result in by_id().values()}) == 1
    assert [row["idempotency_key"] for row in box.ledger()] == ["mine"]
    assert {tuple(result["objects"]) for result in by_id().values()} == {()}


def test_the_account_of_a_request_is_used(
    write_file: WriteFile, batch: Batch, box: Sandbox
) -> None:
    assert batch(write_file([create("a", account="acct_1"), create("b")])).all_ok
    assert sorted(row["account"] for row in box.ledger()) == ["acct_1", "acct_sandbox"]


def test_an_empty_file_is_done(write_file: WriteFile, batch: Batch) -> None:
    summary = batch(write_file([]))
    assert summary.all_ok
    assert summary.attempts_per_request == 0.0


def test_a_batch_lets_the_application_go_first() -> None:
    assert Options().policy.priority == "background"


def test_nobody_there(write_file: WriteFile, by_id: ById, quick: Policy) -> None:
    target = Remote("sk_test_x", "http://127.0.0.1:9")
    summary = run(write_file([create("a")]), target, options=Options(policy=quick))
    assert summary.figures.failed == 1
    assert by_id()["a"]["fault_classes"] == ["unreachable"] * 3
    assert by_id()["a"]["http_status"] is None


@pytest.mark.parametrize("concurrency", [0, 1001])
def test_the_concurrency_has_bounds(concurrency: int) -> None:
    with pytest.raises(UsageError, match=f"the concurrency is {concurrency}"):
        Options(concurrency=concurrency)


def test_a_crash_of_a_thread_is_raised_and_loses_nothing(
    write_file: WriteFile, batch: Batch, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_file([create(f"{n}") for n in range(20)])
    written: Callable[..., None] = Journal.write

    def full_disk(self: Journal, *args: Any) -> None:
        if self.result_count() >= 5:
            raise OSError(28, "No space left on device")
        written(self, *args)

    monkeypatch.setattr(Journal, "write", full_disk)
    with pytest.raises(OSError, match="No space left"):
        batch(source, concurrency=2)
    monkeypatch.undo()
    # Undoing it also undid the test's folder.
    monkeypatch.chdir(source.parent)
    assert batch(source).all_ok
    assert len(box.ledger()) == 20
