"""`holdfast run` that is stopped or killed, or loses its sandbox, or meets another one."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from batches import lines_in, update, wait_for_results

from holdfast.batch import Workspace
from holdfast.sandbox import Sandbox

WriteFile = Callable[..., Path]
Completed = Callable[..., subprocess.CompletedProcess[str]]
Command = Callable[..., subprocess.Popen[str]]
ById = Callable[[], dict[str, dict[str, Any]]]

KEY = "sk_test_planted4eC39HqLyjWDarj"


def test_a_second_run_is_refused(
    write_file: WriteFile, command: Command, completed: Completed, seed: Path
) -> None:
    source = write_file([update(f"{n}") for n in range(200)])
    words = (source, "--sandbox", "--seed", seed, "--hold", "5ms")
    first = command(*words)
    wait_for_results(first, 1)
    first.send_signal(signal.SIGSTOP)  # so that it is at work for as long as the others take
    second = completed(*words)
    assert second.returncode == 2
    assert "another run is at work on the journal" in second.stderr
    fresh = completed(*words, "--fresh")
    assert fresh.returncode == 2
    first.send_signal(signal.SIGCONT)
    out, _ = first.communicate(timeout=60)
    assert first.returncode == 0
    assert "200 of 200 requests done: 200 ok" in out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_gently_and_the_run_goes_on(
    write_file: WriteFile,
    command: Command,
    completed: Completed,
    seed: Path,
    by_id: ById,
    number: signal.Signals,
    code: int,
) -> None:
    source = write_file([update(f"{n}") for n in range(120)])
    words = (source, "--sandbox", "--seed", seed, "--hold", "5ms")
    process = command(*words, "--fresh")
    wait_for_results(process, 10)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert re.search(r"\d+ of 120 requests done: \d+ ok, 0 failed, 0 unsure", out)
    assert "requests are left; to go on give the same command again, without --fresh" in err
    before = len(by_id())
    assert 10 <= before < 120
    again = completed(*words, "--json")
    assert again.returncode == 0, again.stderr
    figures = json.loads(again.stdout.splitlines()[-1])
    assert figures["done_before"] == before
    # The requests on the wire were waited for, so that none had to be sent twice.
    assert figures["attempts"] == 120
    assert len(by_id()) == 120
    with Sandbox(store=Workspace().store) as box:
        names = [row["request_id"] for row in box.ledger()]
    told = by_id()
    assert names == [told[str(n)]["request_id"] for n in range(120)]


def test_a_killed_run_can_be_begun_anew_at_once(
    write_file: WriteFile, command: Command, completed: Completed, seed: Path
) -> None:
    source = write_file([update(f"{n}") for n in range(60)])
    words = (source, "--sandbox", "--seed", seed, "--hold", "5ms")
    process = command(*words)
    wait_for_results(process, 5)
    process.kill()
    fresh = completed(*words, "--fresh")
    assert fresh.returncode == 0, fresh.stderr
    with Sandbox(store=Workspace().store) as box:
        assert len(box.ledger()) == 60


@pytest.mark.parametrize("retries", [0, 3])
def test_a_sandbox_that_dies_ends_the_run(
    write_file: WriteFile, command: Command, completed: Completed, seed: Path, retries: int
) -> None:
    source = write_file([update(f"{n}") for n in range(150)])
    words = (source, "--sandbox", "--seed", seed, "--hold", "5ms", "--max-retries", retries)
    process = command(*words)
    wait_for_results(process, 5)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        pytest.skip("the system does not list a process's children")
    os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the embedded sandbox ended by itself" in err
    assert lines_in(Workspace().results) < 150
    again = completed(*words, "--json")
    figures = json.loads(again.stdout.splitlines()[-1])
    # No request was taken for failed because nobody was there any more; without retries, what
    # was on the wire at that moment may have been.
    assert figures["done"] == 150
    assert figures["ok"] >= (150 if retries else 145)
