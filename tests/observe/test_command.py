"""`holdfast watch`: the page of a run, from its beginning to Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from holdfast.cli import main

TOKEN = "a-token-of-enough-characters"
EVERYWHERE = ".".join("0000")

Watch = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    """Start `holdfast watch` in a process of its own."""
    begun: list[subprocess.Popen[str]] = []

    def start(*arguments: object, **environment: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "holdfast", "watch", "--port", "0", *map(str, arguments)]
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def url_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    return line.rpartition(" ")[2].strip()


def ask(url: str, **headers: str) -> tuple[int, Any]:
    try:
        with urlopen(Request(f"{url}snapshot.json", headers=headers), timeout=30) as answer:  # noqa: S310 -- a page of ours
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def run_batch(folder: Path, requests: int) -> None:
    """Send a file of requests, as a person would."""
    lines = [
        {"id": f"r-{n}", "method": "POST", "path": "/v1/customers", "params": {"name": f"{n}"}}
        for n in range(requests)
    ]
    file = folder / "requests.jsonl"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    done = subprocess.run(
        [sys.executable, "-m", "holdfast", "run", str(file), "--sandbox"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_journal_is_waited_for_and_then_shown(watch: Watch, tmp_path: Path) -> None:
    process = watch()
    url = url_of(process)
    status, said = ask(url)
    assert status == 503
    assert "holdfast-run/journal.sqlite" in said["error"]
    run_batch(tmp_path, 12)
    end = time.monotonic() + 30
    while (found := ask(url))[0] != 200:
        assert time.monotonic() < end, found
        time.sleep(0.1)
    shown = found[1]
    assert shown["source"]["kind"] == "journal"
    assert [(run["total"], run["ok"], run["finished"]) for run in shown["runs"]] == [(12, 12, True)]
    assert shown["verdicts"][0]["text"] == "The run is over: 12 requests ok."


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_signal_ends_it_quietly(watch: Watch, number: signal.Signals, code: int) -> None:
    process = watch("runs/other.sqlite")
    assert url_of(process).startswith("http://127.0.0.1:")
    process.send_signal(number)
    _, complaints = process.communicate(timeout=30)
    assert (process.returncode, complaints) == (code, "")


def test_the_token_comes_from_a_file_or_a_variable(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    for process in (watch("--token-file", "token"), watch(HOLDFAST_WATCH_TOKEN=TOKEN)):
        url = url_of(process)
        assert ask(url)[0] == 401
        assert ask(url, Authorization=f"Bearer {TOKEN}")[0] == 503


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", EVERYWHERE], "can be reached from other machines: give a token (--token-file"),
        (["--host", "no such host"], "is no address of this machine"),
        (["--token-file", "nothing"], "--token-file: nothing cannot be read: No such file"),
        (["--token-file", "short"], "the token has 5 characters: give at least 16"),
        (["short"], "short is no journal: give the one that holdfast run wrote"),
        (["short/journal"], "short/journal cannot be read: Not a directory"),
        (["."], ". is a folder: give the journal in it"),
        (["--token-file", "binary"], "--token-file: binary cannot be read: it is no text"),
    ],
)
def test_what_is_no_good_is_one_sentence_and_exit_code_2(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short").write_text("short")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert main(["watch", "--port", "0", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("holdfast watch: ")
    assert said in told.err
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("port", ["x", "-1", "65536", "²"])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["watch", "--port", port])
    assert ended.value.code == 2
    assert f"'{port}' is no port" in capsys.readouterr().err


def test_a_taken_port_is_told(watch: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    port = url_of(watch()).rstrip("/").rpartition(":")[2]
    assert main(["watch", "--port", port]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"holdfast watch: cannot listen on 127.0.0.1:{port}: ")
    assert said.endswith("; --port gives another port\n")
