"""A journal is looked at while a run writes to it, and afterwards, and never touched."""

import json
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from holdfast.batch import (
    JournalMismatch,
    Options,
    Remote,
    Summary,
    UsageError,
    Workspace,
    open_journal,
    run,
)
from holdfast.batch.journal import Journal
from holdfast.batch.loading import load
from holdfast.sandbox import Sandbox

Batch = Callable[..., Summary]
WriteFile = Callable[..., Path]
Results = Callable[[], list[dict[str, Any]]]
Command = Callable[..., subprocess.Popen[str]]


def update(id_: str, name: str = "cus_batch1", **changes: Any) -> dict[str, Any]:
    path = f"/v1/customers/{name}"
    return {"id": id_, "method": "POST", "path": path, "params": {"name": id_}, **changes}


def files(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


def test_a_finished_journal(
    write_file: WriteFile, batch: Batch, box: Sandbox, results: Results
) -> None:
    box.fault("POST", "/v1/customers/cus_batch1", "lock_timeout", count=1)
    lines = [update(f"{n}") for n in range(5)] + [update("x", "cus_none")]
    summary = batch(write_file(lines))
    path = Workspace().journal
    before = files(path)
    with open_journal(path) as view:
        assert view.about.total == 6
        assert view.about.hottest == (("cus_batch1", 5), ("cus_none", 1))
        totals = view.totals()
        assert (totals["total"], totals["done"], totals["left"]) == (6, 6, 0)
        assert (totals["ok"], totals["failed"], totals["unsure"]) == (5, 1, 0)
        assert (totals["attempts"], totals["retries"]) == (7, {"locked": 1})
        assert totals["waits"] == pytest.approx(summary.waits)
        assert totals["hot"].keys() == {"cus_batch1", "cus_none"}
        assert view.snapshot() == summary.figures
        assert list(view.results()) == list(enumerate(results(), start=1))
        assert [position for position, _ in view.results(after=4)] == [5, 6]
        assert list(view.results(after=6)) == []
        assert list(view.under_way()) == []
        assert not view.live()
    assert files(path) == before
    assert before.keys() == {"journal.sqlite", "journal.sqlite.lock", ".gitignore", "results.jsonl"}


def test_a_request_by_its_line_or_id(write_file: WriteFile, batch: Batch) -> None:
    before = time.time()
    get = {"id": "17", "method": "GET", "path": "/v1/customers?limit=1"}
    batch(write_file([get, update("a", account="acct_1", idempotency_key="mine")]))
    view = open_journal(Workspace().journal)
    request = view.request("a")
    assert view.request(2) == request
    assert request is not None
    assert before <= request.pop("begun_at") <= time.time()
    assert request == {
        "line": 2,
        "id": "a",
        "method": "POST",
        "path": "/v1/customers/cus_batch1",
        "objects": ["cus_batch1"],
        "params": {"name": "[redacted]"},
        "account": "acct_1",
    }
    assert view.request(17) is None
    found = view.request("17")
    assert found is not None
    assert (found["line"], found["begun_at"]) == (1, None)
    assert view.request("nobody") is None
    entry = view.entry("a")
    assert entry is not None
    assert (entry.own_key, entry.request.idempotency_key) == (True, "mine")
    assert view.entry(3) is None


def test_a_journal_of_an_earlier_version(write_file: WriteFile) -> None:
    earlier = {"id": "a", "status": "ok", "http_status": 200, "waits": {}, "answer": {}}
    source = write_file([update("a"), {"id": "b", "method": "GET", "path": "/v1/x?email=a%40b.c"}])
    path = source.with_name("journal")
    with Journal(path) as journal:
        load(source, journal, "target", report=print)
        texts = [json.dumps({**earlier, "id": id_}) for id_ in "ab"]
        journal.write([], [(1, True, texts[0]), (2, True, texts[1])])
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")  # as it was left then
    before = files(path)
    told = [result for _, result in open_journal(path).results()]
    assert told == [
        {
            **earlier,
            "method": "POST",
            "path": "/v1/customers/cus_batch1",
            "objects": ["cus_batch1"],
        },
        {**earlier, "id": "b", "method": "GET", "path": "/v1/x", "objects": []},
    ]
    assert files(path) == before


def test_a_run_is_watched_from_its_own_process(
    write_file: WriteFile, batch: Batch, box: Sandbox
) -> None:
    source = write_file([update(f"{n}", f"cus_batch{n % 2 + 1}") for n in range(120)])
    thread = threading.Thread(target=lambda: batch(source))
    thread.start()
    seen: list[tuple[int, int, bool]] = []
    while thread.is_alive():
        if (view := _try_open(Workspace().journal)) is None:
            continue
        live = view.live()
        under_way = list(view.under_way())
        count = sum(1 for _ in view.results())
        assert len(under_way) <= 120
        seen.append((count, len(under_way), live))
    thread.join()
    counts = [count for count, _, _ in seen]
    assert counts == sorted(counts)
    assert len(set(counts)) > 3
    assert any(number for _, number, _ in seen)
    assert seen[0][2]
    assert len(box.ledger()) == 120
    # The run could put its journal away in one piece.
    assert not list(Path().glob("holdfast-run/*-wal"))
    view = open_journal(Workspace().journal)
    assert (view.totals()["done"], view.live()) == (120, False)


def _try_open(path: Path) -> Any:
    try:
        return open_journal(path)
    except UsageError:
        return None  # not there yet, or still being loaded


def test_what_a_killed_run_leaves_is_seen_and_left(
    write_file: WriteFile, command: Command, box: Sandbox
) -> None:
    box.fault("POST", "/v1/customers/cus_batch2", "hang", count=1)
    source = write_file([update("a"), update("b", "cus_batch2"), update("c", "cus_batch2")])
    process = command(source, "--api-base", box.url, env={"STRIPE_API_KEY": "sk_test_x"})
    results = Workspace().results
    while not (results.exists() and results.read_text()):
        time.sleep(0.01)
    view = open_journal(Workspace().journal)
    while not list(view.under_way()):
        time.sleep(0.01)
    assert view.live()
    process.kill()
    process.wait()
    before = files(Workspace().journal)
    assert "journal.sqlite-wal" in before
    assert not view.live()
    assert [request["id"] for request in view.under_way()] == ["b"]
    assert [result["id"] for _, result in view.results()] == ["a"]
    assert view.totals()["left"] == 2
    assert files(Workspace().journal) == before


def test_what_is_no_journal(tmp_path: Path, start: Callable[..., Sandbox]) -> None:
    with pytest.raises(UsageError, match=r"none does not exist: give the one that"):
        open_journal(tmp_path / "none")
    with pytest.raises(UsageError, match="is a folder, not a journal"):
        open_journal(str(tmp_path))
    notes = tmp_path / "notes"
    notes.write_text("remember " * 100)
    with pytest.raises(JournalMismatch, match="notes is no journal: file is not a database"):
        open_journal(notes)
    notes.write_text("")
    with pytest.raises(JournalMismatch, match="notes is no journal of holdfast run"):
        open_journal(notes)
    start(store=tmp_path / "store").stop()
    with pytest.raises(JournalMismatch, match="store is no journal of holdfast run"):
        open_journal(tmp_path / "store")


def test_a_journal_of_another_format(write_file: WriteFile, batch: Batch) -> None:
    batch(write_file([update("a")]))
    with closing(sqlite3.connect(Workspace().journal)) as database:
        database.execute("PRAGMA user_version = 9")
    with pytest.raises(JournalMismatch, match=r"format 9; this one reads 1"):
        open_journal(Workspace().journal)


def test_a_journal_that_is_still_being_loaded(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal, journal.loading():
        with pytest.raises(UsageError, match="holds no requests yet"):
            open_journal(path)
    with pytest.raises(UsageError, match="holds no requests yet"):
        open_journal(path)


def test_a_journal_that_is_gone(write_file: WriteFile, batch: Batch) -> None:
    batch(write_file([update("a")]))
    view = open_journal(Workspace().journal)
    Workspace().journal.unlink()
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        view.totals()
    assert not view.live()


def test_a_reader_in_the_way_does_not_keep_a_run_from_ending(
    write_file: WriteFile, box: Sandbox
) -> None:
    source = write_file([update("a")])
    run(source, Remote("sk_test_x", box.url), options=Options(concurrency=1))
    with closing(sqlite3.connect(Workspace().journal)) as reader:
        journal = Journal(Workspace().journal)
        reader.execute("SELECT count(*) FROM results").fetchall()
        journal.close()
    assert [result["id"] for _, result in open_journal(Workspace().journal).results()] == ["a"]
    again = run(source, Remote("sk_test_x", box.url), options=Options(concurrency=1))
    assert again.nothing_was_left
