"""The commands that a report prints, given to a shell as they stand, retry what they say."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from holdfast.batch import open_journal
from holdfast.batch.again.handles import handle_of
from holdfast.cli import main
from holdfast.sandbox import Sandbox

Command = Callable[..., tuple[int, str, str]]

KEY = "sk_test_planted4eC39HqLyjWDarj"
SHOWN = ["r-1", "--fresh", "it's; touch pwned", '"$(touch pwned)" `touch pwned`', "!x\\n"]
# Those that cannot be shown as they are: secrets, controls, and what fills the page.
HIDDEN = ["anna@example.com", "sk_test_4eC39HqLyjWDarjtT1zdp7dc", "a\tb\nc", "u\u202ev", "L" * 400]
COMMAND = re.compile(r'<code class="command">([^<]*)</code>')


@pytest.fixture
def box() -> Any:
    with Sandbox(hold=0.0) as running:
        yield running


@pytest.fixture
def folder(
    tmp_path: Path,
    box: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Path:
    """A folder in which a run has been, whose every request is unsure; `said` is what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STRIPE_API_KEY", KEY)
    lines = (
        json.dumps(
            {
                "id": id_,
                "method": "POST",
                "path": "/v1/customers",
                "params": {"metadata": {"number": str(number)}},
            }
        )
        for number, id_ in enumerate([*SHOWN, *HIDDEN])
    )
    (tmp_path / "requests.jsonl").write_text("\n".join(lines))
    attempts = 2 * (len(SHOWN) + len(HIDDEN))
    box.fault("POST", "/v1/customers", "html_500", count=attempts)
    words = ["--api-base", box.url, "--max-retries", "1", "--journal", "my run/its journal.sqlite"]
    assert main(["run", "requests.jsonl", *words, "--results", "my run/results.jsonl"]) == 1
    (tmp_path / "said").write_text("".join(capsys.readouterr()))
    return tmp_path


def in_a_shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    holdfast = f'holdfast() {{ {shlex.quote(sys.executable)} -m holdfast "$@"; }}'
    return subprocess.run(
        ["/bin/bash", "-c", f"{holdfast}\n{line}"],
        cwd=folder,
        env=os.environ | {"STRIPE_API_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_each_command_retries_its_request_and_nothing_else(
    folder: Path, box: Sandbox, command: Command
) -> None:
    journal = "my run/its journal.sqlite"
    code, said, _ = command(journal, "--out", "r.html", "--json", "r.json")
    assert code == 0
    commands = {unescape(text) for text in COMMAND.findall((folder / "r.html").read_text())}
    [everything] = {text for text in commands if "--only" not in text}
    assert f"    {everything}\n" in said
    single = commands - {everything}
    assert len(single) == len(SHOWN) + len(HIDDEN)
    told = json.loads((folder / "r.json").read_text())
    assert {one["retry"] for group in told["not_ok"] for one in group["requests"]} == single

    retried = 0
    for id_ in [SHOWN[1], SHOWN[2], SHOWN[3], *HIDDEN[:1], HIDDEN[2]]:
        name = id_ if id_ in SHOWN else handle_of(id_)
        [line] = [text for text in single if f"--only={name}" in shlex.split(text)]
        done = in_a_shell(line, folder)
        assert done.returncode == 0, done.stderr
        retried += 1
        assert "1 of 1 requests done: 1 ok" in done.stdout
        [journal_of_it] = (folder / "my run").glob(f"*retry-{retried}.sqlite")
        with open_journal(journal_of_it) as again:
            assert list(again.ids()) == [id_]
    done = in_a_shell(everything, folder)
    rest = len(single) - retried
    assert f"{rest} of {rest} requests done: {rest} ok" in done.stdout
    assert len(box.ledger()) == len(single)
    assert not (folder / "pwned").exists()


def test_nothing_that_is_told_has_ids_that_are_secrets(folder: Path, command: Command) -> None:
    report = ["my run/its journal.sqlite", "--out", "r.html", "--json", "r.json"]
    _, printed, _ = command(*report, "--csv", "r.csv")
    said = (folder / "said").read_text()
    files = [(folder / name).read_text() for name in ("r.html", "r.json", "r.csv")]
    for text in (said, printed, *files):
        assert "anna@" not in text
        assert "4eC39" not in text
        assert "\u202e" not in text
    assert "it's; touch pwned: unsure" in said
    # In its own line, though the id has a line break.
    assert re.search(r"^  a\\x09b.*c: unsure", said, re.MULTILINE)


def test_a_name_that_is_no_request_s_is_refused(folder: Path, box: Sandbox) -> None:
    words = ["--retry", "my run/its journal.sqlite", "--api-base", box.url]
    for name in ("sha256:0123", handle_of("nobody")):
        done = in_a_shell(shlex.join(["holdfast", "run", *words, "--only", name]), folder)
        assert done.returncode == 2
        assert f'there is no request "{name}" in the journal' in done.stderr
