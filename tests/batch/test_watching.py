"""`holdfast run --watch`: the run serves its own live page."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from batches import update

from holdfast.batch import Summary, UsageError, Workspace
from holdfast.batch.watching import live_page
from holdfast.observe.board import Board
from holdfast.sandbox import Sandbox

Batch = Callable[..., Summary]
WriteFile = Callable[..., Path]
Command = Callable[..., subprocess.Popen[str]]
Completed = Callable[..., subprocess.CompletedProcess[str]]

KEY = "sk_test_planted4eC39HqLyjWDarj"


def snapshot(url: str) -> Any:
    with urlopen(f"{url}snapshot.json", timeout=30) as answer:  # noqa: S310 -- a page of ours
        return json.load(answer)


def test_the_page_shows_the_run_and_its_hot_object(
    write_file: WriteFile, command: Command, box: Sandbox
) -> None:
    box.fault("POST", "/v1/customers/**", "latency", count=400, seconds=0.03)
    lines = [update(f"{n}", 1 if n % 10 else 2) for n in range(200)]
    process = command(
        write_file(lines), "--api-base", box.url, "--watch", env={"STRIPE_API_KEY": KEY}
    )
    assert process.stderr is not None
    said = process.stderr.readline()
    assert said.startswith("watch it at http://127.0.0.1:")
    url = said.split()[-1]
    seen = []
    while True:
        now = snapshot(url)
        if now["runs"]:
            seen.append(now)
        if now["runs"] and now["runs"][0]["done"] >= 20:
            break
        assert process.poll() is None
    (run,) = seen[-1]["runs"]
    assert (run["name"], run["total"]) == (str(Workspace().journal), 200)
    assert not run["finished"]
    hottest = seen[-1]["hot"][0]
    assert hottest["object"] == "cus_batch1"
    assert hottest["waiting"] > 50
    assert hottest["calls"] > 5  # both objects share what is done so far
    assert seen[-1]["totals"]["waiting"]["lane"] > 50
    assert hottest["wait_max"] > 0.03
    process.send_signal(2)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_the_numbers_of_a_run_within_this_process(
    write_file: WriteFile, batch: Batch, box: Sandbox
) -> None:
    box.fault("POST", "/v1/customers/cus_batch1", "lock_timeout", count=1)
    with Board() as board:
        batch(write_file([update(f"{n}", n % 2 + 1) for n in range(30)]))
        now: Any = board.snapshot()
    assert now["totals"]["calls"] == len(box.ledger()) == 30
    assert now["totals"]["classes"] == {"ok": 30, "locked": 1}
    assert now["totals"]["retries"] == 1
    assert (now["totals"]["in_flight"], now["totals"]["waiting"]["lane"]) == (0, 0)
    assert [(row["object"], row["locked"]) for row in now["hot"]] == [
        ("cus_batch1", 1),
        ("cus_batch2", 0),
    ]
    (run,) = now["runs"]
    assert (run["ok"], run["retries"], run["left_s"], run["finished"]) == (30, 1, 0.0, True)


def test_a_run_that_was_stopped_is_not_shown_as_going_on(
    write_file: WriteFile, batch: Batch, box: Sandbox
) -> None:
    box.fault("POST", "/v1/customers/**", "latency", count=60, seconds=0.02)
    with Board() as board:

        def give_up(now: Any) -> None:
            if now.done:
                raise RuntimeError("no more")

        with pytest.raises(RuntimeError):
            batch(write_file([update(f"{n}") for n in range(60)]), watch=give_up)
        now: Any = board.snapshot()
    (run,) = now["runs"]
    assert (run["per_s"], run["left_s"], run["finished"]) == (0.0, None, False)


def test_a_port_that_is_taken(write_file: WriteFile, completed: Completed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = completed(write_file([update("a")]), "--sandbox", "--watch", port)
    assert done.returncode == 2
    assert done.stderr.startswith(f"holdfast run: --watch: nothing can be served at port {port}:")
    assert not Workspace().journal.exists()


@pytest.mark.parametrize("port", ["requests.jsonl", "-1", "65536"])
def test_a_port_that_is_none(refused: Completed, port: str) -> None:
    done = refused(f"--watch={port}")
    assert done.returncode == 2
    assert "is no port: give a number from 0 to 65535, or FILE before --watch" in done.stderr


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    for name in [name for name in sys.modules if name.startswith("holdfast.observe.page")]:
        monkeypatch.delitem(sys.modules, name)
    with (
        pytest.raises(UsageError, match=r"--watch: .*pip install 'holdfast\[watch\]'"),
        live_page(0, print),
    ):
        pass


def test_nothing_is_served_unless_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with live_page(None, print):
        pass
    assert capsys.readouterr().out == ""
