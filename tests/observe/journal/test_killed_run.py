"""A real run is watched from outside, killed, and watched while it goes on."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from holdfast.observe.journal_source import JournalBoard
from holdfast.sandbox import Sandbox

REQUESTS = 160
HOT = "cus_watched1"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    names = [HOT, *(f"cus_watched{number}" for number in range(2, 6))]
    customers = [{"id": name, "object": "customer", "metadata": {}} for name in names]
    with Sandbox(hold=0.005, lock_wait=1.0, seed={"objects": customers}) as running:
        yield running


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "requests.jsonl"
    lines = [
        {
            "id": f"r-{number}",
            "method": "POST",
            "path": f"/v1/customers/{HOT if number % 2 else f'cus_watched{2 + number % 4}'}",
            "params": {"metadata": {"number": number}},
        }
        for number in range(REQUESTS)
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


@contextmanager
def run_of(box: Sandbox, source: Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`holdfast run` as a process; killed if it still runs in the end."""
    words = ["run", str(source), "--api-base", box.url, "--max-retries", "1"]
    words += ["--journal", str(folder / "journal.sqlite")]
    words += ["--results", str(folder / "results.jsonl")]
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "holdfast", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "STRIPE_API_KEY": "sk_test_watched"},
            )
        )
        stack.callback(process.kill)
        yield process


def looks(board: JournalBoard, process: subprocess.Popen[bytes], until: int) -> list[Any]:
    """The snapshots until so many requests are done, or the process has ended."""
    seen: list[Any] = []
    ends = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < ends:
        try:
            seen.append(json.loads(json.dumps(board.snapshot())))
        except OSError:
            seen.clear()  # it is not there yet
        if seen and seen[-1]["totals"]["calls"] >= until:
            break
        time.sleep(0.05)
    return seen


def test_a_run_that_is_killed_and_goes_on(box: Sandbox, source: Path, tmp_path: Path) -> None:
    box.fault("POST", f"/v1/customers/{HOT}", "error_500", 2, after=50)
    board = JournalBoard(tmp_path / "journal.sqlite")
    with run_of(box, source, tmp_path) as process:
        first = looks(board, process, 40)
        process.kill()
        process.wait()
    assert first[-1]["source"]["live"]
    stopped: Any = board.snapshot()
    assert not stopped["source"]["live"]
    assert stopped["runs"][0]["finished"] is False
    assert 40 <= stopped["totals"]["calls"] < REQUESTS
    assert stopped["totals"]["in_flight"] == 0

    with run_of(box, source, tmp_path) as process:
        second = looks(board, process, REQUESTS)
        process.wait(120)
    last: Any = board.snapshot()
    everything = [*first, stopped, *second, last]

    done = [one["totals"]["calls"] for one in everything]
    assert done == sorted(done)
    assert all(
        sum(one["totals"]["classes"].values()) == one["totals"]["attempts"]
        and sum(one["totals"]["stops"].values()) == one["totals"]["calls"]
        for one in everything
    )
    live = [one for one in everything if one["source"]["live"] and one["totals"]["in_flight"]]
    assert live
    assert all(one["hot"][0]["object"] == HOT for one in live if one["hot"])
    assert max(one["totals"]["waiting"]["lane"] for one in live) > 20

    totals, run = last["totals"], last["runs"][0]
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert totals["calls"] == run["done"] == len(lines) == REQUESTS
    assert totals["attempts"] == sum(line["attempts"] for line in lines)
    assert totals["classes"] == Counter(fault for line in lines for fault in line["fault_classes"])
    assert totals["unsure"] == run["unsure"] == 1
    assert (run["ok"], run["finished"], run["left_s"]) == (REQUESTS - 1, True, 0.0)
    # What the kill cut off was sent again, and answered by what was stored under its key.
    assert box.stats()["effects"] == totals["stops"]["ok"]
    (unsure,) = last["unsure"]
    assert [attempt["status"] for attempt in unsure["attempts"]] == [500, 500]
    assert f"GET /v1/customers/{HOT} shows what was asked for" in unsure["how"]


def test_looking_leaves_no_trace(box: Sandbox, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with run_of(box, source, folder) as process:
        looks(JournalBoard(folder / "journal.sqlite"), process, REQUESTS)
        assert process.wait(120) == 0
    before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    JournalBoard(folder / "journal.sqlite").snapshot()
    assert {file.name: file.stat().st_mtime_ns for file in folder.iterdir()} == before
    assert before.keys() == {"journal.sqlite", "journal.sqlite.lock", "results.jsonl"}
