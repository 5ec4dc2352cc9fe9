"""Runs to report on, and the command in this process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import endings
import pytest

from holdfast.cli import main
from holdfast.report import Report, document, read_report


@pytest.fixture
def results(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of results: a text is a line as it is, all else becomes JSON."""

    def write(values: Iterable[object], name: str = "results.jsonl") -> Path:
        return endings.write(tmp_path / name, values)

    return write


@pytest.fixture
def report_of(results: Callable[..., Path]) -> Callable[..., Report]:
    """A report of lines of results."""

    def read(*values: object) -> Report:
        return read_report([results(values)])

    return read


@pytest.fixture(scope="session")
def all_failed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the worst run: 50,000 requests, none of them ok."""
    folder = tmp_path_factory.mktemp("worst")
    values = endings.lines(50_000, failed=1.0, unsure=0.0)
    page = folder / "report.html"
    report = read_report([endings.write(folder / "results.jsonl", values)])
    page.write_text(document(report), encoding="utf-8")
    return page


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run `holdfast report`: its exit code, its output and what it said."""

    def run(*words: object) -> tuple[int, str, str]:
        try:
            code = main(["report", *map(str, words)])
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def start_run() -> Iterable[Callable[..., "subprocess.Popen[bytes]"]]:
    """Start `holdfast run` as a process of its own; it is killed when the test ends."""
    started: list[subprocess.Popen[bytes]] = []

    def start(folder: Path, url: str, requests: list[dict[str, Any]]) -> "subprocess.Popen[bytes]":
        source = folder / "requests.jsonl"
        source.write_text("".join(f"{json.dumps(one)}\n" for one in requests))
        process = subprocess.Popen(
            [sys.executable, "-m", "holdfast", "run", str(source), "--api-base", url],
            cwd=folder,
            env=os.environ | {"STRIPE_API_KEY": "sk_test_planted4eC39HqLyjWDarj"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
