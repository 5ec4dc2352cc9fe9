"""The snapshot of a run, out of its journal."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from journals import WrittenJournal
from stories import FakeTime

from holdfast.engine import FaultClass
from holdfast.observe.journal import state
from holdfast.observe.journal_source import JournalBoard

NOW = 1_764_000_000.0
OK, LOCKED, REJECTED = FaultClass.OK, FaultClass.LOCKED, FaultClass.REJECTED
INTERRUPTED = FaultClass.INTERRUPTED


def post(customer: str) -> tuple[str, str, dict[str, object]]:
    return "POST", f"/v1/customers/{customer}", {"name": "a"}


@pytest.fixture
def clock() -> FakeTime:
    return FakeTime(NOW)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[WrittenJournal]:
    requests = [post("cus_hot1") for _ in range(10)] + [post(f"cus_{n}") for n in range(10)]
    written = WrittenJournal(tmp_path / "journal.sqlite", requests)
    yield written
    written.close()


def seen(board: JournalBoard) -> Any:
    return json.loads(json.dumps(board.snapshot(), allow_nan=False))


def test_the_totals_are_those_of_the_journal(journal: WrittenJournal, clock: FakeTime) -> None:
    board = JournalBoard(journal.path, clock=clock)
    assert seen(board)["totals"]["calls"] == 0
    journal.end(
        [
            journal.result(1, LOCKED, LOCKED, OK, began_at=NOW - 5),
            journal.result(2, OK, began_at=NOW - 4),
            journal.result(11, REJECTED, began_at=NOW - 3),
        ]
    )
    first = seen(board)
    assert first["totals"] == {
        "calls": 3,
        "in_flight": 0,
        "attempts": 5,
        "retries": 2,
        "waiting": {"lane": 0, "limiter": 0, "backoff": 0},
        "classes": {"locked": 2, "ok": 2, "rejected": 1},
        "stops": {"ok": 2, "attempts": 1},
        "unsure": 0,
        "dropped": 0,
    }
    journal.end([journal.result(12, INTERRUPTED, INTERRUPTED, began_at=NOW - 2)])
    totals = seen(board)["totals"]
    assert (totals["calls"], totals["attempts"], totals["unsure"]) == (4, 7, 1)
    assert totals["classes"]["interrupted"] == 2
    assert sum(totals["classes"].values()) == totals["attempts"]
    source = first["source"]
    assert (source["kind"], source["name"], source["pid"]) == ("journal", str(journal.path), None)
    assert (source["began_at"], source["live"]) == (NOW - 5, False)


def test_attempts_are_shown_when_they_ended(journal: WrittenJournal, clock: FakeTime) -> None:
    board = JournalBoard(journal.path, clock=clock)
    with journal.at_work():
        result = journal.result(1, LOCKED, OK, began_at=NOW - 10.5, takes=2.0)
        journal.end([result])
        series = seen(board)["series"]
        assert series["until"] == NOW
        assert [119 - i for i, n in enumerate(series["classes"]["locked"]) if n] == [9]
        assert [119 - i for i, n in enumerate(series["classes"]["ok"]) if n] == [7]


def test_what_is_under_way_and_who_waits_for_it(journal: WrittenJournal, clock: FakeTime) -> None:
    board = JournalBoard(journal.path, "mine", clock=clock)
    with journal.at_work():
        journal.begin(1, 11, 12, at=NOW)
        first = seen(board)
        assert first["source"]["live"]
        assert first["totals"]["in_flight"] == 3
        assert first["totals"]["waiting"]["lane"] == 9
        (hot,) = first["hot"]
        assert (hot["object"], hot["inside"], hot["waiting"]) == ("cus_hot1", 1, 9)
        assert first["series"]["waiting"][-1] == 9
        clock.now += 1
        journal.end(
            [
                journal.result(1, LOCKED, OK, began_at=NOW, waited=0.2, objects=["cus_hot1"]),
                journal.result(11, OK, began_at=NOW, objects=["cus_0"]),
            ]
        )
        journal.begin(2, at=NOW + 1)
        second = seen(board)
        assert second["totals"]["in_flight"] == 2
        (hot,) = second["hot"]
        assert (hot["waiting"], hot["calls"], hot["locked"]) == (8, 1, 1)
        assert hot["wait_max"] == 0.2
        assert second["runs"] == [
            {
                "name": "mine",
                "total": 20,
                "done": 2,
                "ok": 2,
                "failed": 0,
                "unsure": 0,
                "retries": 1,
                "per_s": 2.0,
                "left_s": 9.0,
                "finished": False,
            }
        ]
    stopped = seen(board)
    assert not stopped["source"]["live"]
    clock.now += 3600
    assert seen(board)["source"]["ended_at"] == stopped["source"]["ended_at"] < NOW + 60
    assert stopped["totals"]["in_flight"] == stopped["totals"]["waiting"]["lane"] == 0
    assert not stopped["runs"][0]["finished"]


def test_a_run_that_is_over_is_shown_as_it_was_in_the_end(
    journal: WrittenJournal, clock: FakeTime
) -> None:
    results = [
        journal.result(
            line, OK, began_at=NOW + line, takes=line / 10, objects=["cus_hot1"], waited=1
        )
        for line in range(1, 21)
    ]
    journal.end(results, seconds=10.0)
    clock.now += 30 * 86400
    last = seen(JournalBoard(journal.path, clock=clock))
    assert last["series"]["until"] == int(NOW + 20 + 3)
    assert sum(last["series"]["classes"]["ok"]) == 20
    assert last["hot"][0]["calls"] == 20
    assert [row["id"] for row in last["slowest"][:2]] == ["r-20", "r-19"]
    assert last["slowest"][0]["attempts"][0]["request_id"] == "req_20"
    assert last["slowest"][0]["endpoint"] == "/v1/customers/{id}"
    run = last["runs"][0]
    assert (run["finished"], run["left_s"], run["per_s"]) == (True, 0.0, 2.0)
    assert last["source"]["now"] == clock.now


def test_unsure_requests_say_why_and_how(journal: WrittenJournal, clock: FakeTime) -> None:
    journal.end([journal.result(n, INTERRUPTED, began_at=NOW - n) for n in range(1, 4)])
    board = JournalBoard(journal.path, clock=clock)
    rows = seen(board)["unsure"]
    assert [row["id"] for row in rows] == ["r-3", "r-2", "r-1"]
    assert rows[0]["why"] == "No whole answer came."
    assert "GET /v1/customers/cus_hot1 shows what was asked for" in rows[0]["how"]
    assert "same idempotency key" in rows[0]["how"]
    clock.now += 2 * 86400
    assert "may have forgotten its idempotency key" in seen(board)["unsure"][0]["how"]


def test_a_new_run_at_the_same_place(
    journal: WrittenJournal, clock: FakeTime, tmp_path: Path
) -> None:
    board = JournalBoard(journal.path, clock=clock)
    journal.end([journal.result(n, OK, began_at=NOW) for n in range(1, 6)])
    assert seen(board)["totals"]["calls"] == 5
    journal.close()
    for file in tmp_path.glob("journal.sqlite*"):
        file.unlink()
    with pytest.raises(OSError, match=r"journal\.sqlite does not exist"):
        board.snapshot()
    again = WrittenJournal(journal.path, [post("cus_1")])
    again.end([again.result(1, OK, began_at=NOW)])
    totals = seen(board)["totals"]
    assert (totals["calls"], totals["classes"]) == (1, {"ok": 1})
    again.close()


def test_a_new_run_in_a_file_of_the_same_number(
    journal: WrittenJournal, clock: FakeTime, tmp_path: Path
) -> None:
    began_at = clock.now
    journal.end([journal.result(1, FaultClass.LOCKED, began_at=began_at)])
    journal.close()
    board = JournalBoard(journal.path, clock=clock)
    assert seen(board)["totals"]["classes"] == {"locked": 1}
    other = WrittenJournal(tmp_path / "other.sqlite", [post("cus_9")] * 2, run="other")
    other.end([other.result(line, FaultClass.OK, began_at=began_at) for line in (1, 2)])
    other.close()
    # What is deleted and made anew often has the same number; this surely has.
    journal.path.write_bytes(other.path.read_bytes())
    shown = seen(board)
    assert shown["totals"]["classes"] == {"ok": 2}
    assert shown["runs"][0]["total"] == 2


def test_what_is_no_journal_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    with pytest.raises(OSError, match="does not exist"):
        JournalBoard(path).snapshot()
    path.write_text("Dear Sir, " * 1000)
    with pytest.raises(OSError, match="is no journal"):
        JournalBoard(path).snapshot()


def test_a_result_of_an_earlier_version(journal: WrittenJournal, clock: FakeTime) -> None:
    line, result = journal.result(1, REJECTED, began_at=NOW)
    old = {
        name: value
        for name, value in json.loads(result.text()).items()
        if name not in ("method", "path", "objects", "began_at", "seconds", "exchanges")
    }
    journal._journal.tally.add("done", 1)
    journal._journal.tally.add("failed", 1)
    journal._journal.tally.add("attempts", 1)
    journal._journal.write([], [(line, False, json.dumps(old))])
    shown = seen(JournalBoard(journal.path, clock=clock))
    assert shown["totals"]["classes"] == {"rejected": 1}
    assert (shown["slowest"], shown["hot"]) == ([], [])


def test_many_results_at_once(
    tmp_path: Path, clock: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Totals are exact at the first look; what happened before is filled in by the next ones."""
    monkeypatch.setattr(state, "ROWS", 2000)
    number = 5000
    journal = WrittenJournal(tmp_path / "journal.sqlite", [post("cus_1")] * number)
    per_s = number / 100
    journal.end(
        [
            journal.result(n, OK, began_at=NOW - 100.2 + n / per_s, objects=["cus_1"])
            for n in range(1, number + 1)
        ]
    )
    board = JournalBoard(journal.path, clock=clock)
    looks = [seen(board) for _ in range(4)]
    assert {look["totals"]["calls"] for look in looks} == {number}
    assert looks[0]["totals"]["classes"] == {"ok": number}
    shown = [sum(look["series"]["classes"]["ok"]) for look in looks]
    assert shown == [2000, 4000, number, number]
    newest = looks[0]["series"]["classes"]["ok"]
    assert newest[-3] == pytest.approx(per_s, abs=2)  # from the newest back
    journal.close()


def test_a_request_for_several_objects_waits_once(tmp_path: Path, clock: FakeTime) -> None:
    intents: list[tuple[str, str, dict[str, object]]] = [
        ("POST", "/v1/payment_intents", {"customer": "cus_1", "payment_method": "pm_1"}),
        ("POST", "/v1/payment_intents", {"customer": "cus_1", "payment_method": "pm_1"}),
        ("GET", "/v1/customers/cus_2", {}),
        ("POST", "/v1/payment_intents", {"customer": "cus_2", "payment_method": "pm_1"}),
    ]
    journal = WrittenJournal(tmp_path / "journal.sqlite", intents)
    with journal.at_work():
        journal.begin(1, at=NOW)
        shown = seen(JournalBoard(journal.path, clock=clock))
    assert shown["totals"]["waiting"]["lane"] == 2
    lanes = {row["object"]: (row["inside"], row["waiting"]) for row in shown["hot"]}
    assert lanes == {"pm_1": (1, 2), "cus_1": (1, 1), "cus_2": (0, 1)}
    journal.close()
