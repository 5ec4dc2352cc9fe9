"""Runs of this process: how far they are, and how fast."""

import pytest

from holdfast.batch.events import RunProgressed
from holdfast.batch.snapshot import Snapshot
from holdfast.observe.board.runs import SHOWN, Pace, Runs

NOW = 1_764_000_000.0


def told(
    name: str, snapshot: Snapshot, waiting: int = 0, running: bool = True, at: float = NOW
) -> RunProgressed:
    """What a run tells of itself."""
    return RunProgressed(name, snapshot, waiting, running, at)


def progress(done: int, seconds: float = 10.0) -> Snapshot:
    return Snapshot(total=100, done=done, ok=done, failed=0, unsure=0, retries=1, seconds=seconds)


def test_the_newest_progress_is_shown() -> None:
    runs = Runs()
    runs.told(told("a", progress(10)))
    runs.told(told("b", progress(100), running=False, at=NOW + 1))
    runs.told(told("a", progress(20), waiting=7, at=NOW + 2))
    first, second = runs.rows()
    assert first == {
        "name": "a",
        "total": 100,
        "done": 20,
        "ok": 20,
        "failed": 0,
        "unsure": 0,
        "retries": 1,
        "per_s": 5.0,
        "left_s": 16.0,
        "finished": False,
    }
    assert (second["name"], second["finished"], second["left_s"]) == ("b", True, 0.0)
    assert second["per_s"] == 10.0
    assert runs.waiting == 7


def test_nobody_knows_how_long_a_run_takes_that_was_stopped() -> None:
    runs = Runs()
    runs.told(told("a", progress(10), waiting=5))
    runs.told(told("a", progress(10), running=False, at=NOW + 1))
    (row,) = runs.rows()
    assert (row["per_s"], row["left_s"], row["finished"]) == (0.0, None, False)
    assert runs.waiting == 0


def test_those_told_of_last_are_kept() -> None:
    runs = Runs()
    for number in range(50):
        runs.told(told(f"run {number}", progress(1), at=NOW + number))
    assert [row["name"] for row in runs.rows()] == [f"run {49 - n}" for n in range(SHOWN)]
    assert len(runs._newest) == SHOWN


def test_the_pace_is_that_of_the_last_half_minute() -> None:
    pace = Pace()
    for tenth in range(1200):
        pace.note(tenth if tenth < 600 else 600 + 10 * (tenth - 600), NOW + tenth / 10)
        if tenth < 10:
            assert pace.per_s is None  # too early to tell
    assert pace.per_s == pytest.approx(100, rel=0.02)
    assert len(pace._notes) <= 61
    pace.note(0, NOW - 5)  # a clock put back
    assert pace.per_s is None
