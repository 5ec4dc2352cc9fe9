"""Lines of results: without secrets, and in the file exactly once."""

import json
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from holdfast.batch import JournalBusy, JournalMismatch, Status, UsageError
from holdfast.batch.journal import Journal
from holdfast.batch.loading import load
from holdfast.batch.results import REDACTED, Result, ResultsFile, is_results

WriteFile = Callable[..., Path]
LINES = [f'{{"id":"r-{n}","status":"ok","waits":{{}}}}' for n in range(1, 8)]


def result(**changes: Any) -> Result:
    fields: dict[str, Any] = {
        "id": "r-1",
        "status": Status.OK,
        "http_status": 200,
        "request_id": "req_1",
        "fault_classes": ["locked", "ok"],
        "stop_reason": "ok",
        "waits": {"lane": 0.25},
    }
    return Result(**{**fields, **changes})


def test_a_line_says_how_it_ended() -> None:
    text = result(answer={"id": "cus_1", "name": "\u00e9\n"}).text()
    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text) == {
        "id": "r-1",
        "status": "ok",
        "http_status": 200,
        "request_id": "req_1",
        "attempts": 2,
        "fault_classes": ["locked", "ok"],
        "stop_reason": "ok",
        "waits": {"lane": 0.25},
        "answer": {"id": "cus_1", "name": "\u00e9\n"},
    }


def test_a_line_of_a_failure_has_the_error_and_no_answer() -> None:
    failed = result(status=Status.FAILED, answer=None, error={"code": "card_declined"})
    line = json.loads(failed.text())
    assert line["error"] == {"code": "card_declined"}
    assert "answer" not in line
    assert "reason" not in line


def test_secrets_are_left_out_wherever_they_are() -> None:
    intent = {"id": "pi_1", "client_secret": "pi_1_secret_a", "metadata": {"client_secret": 1}}
    answer = {"data": [intent], "latest": {"payment_intent": intent}, "secret": "whsec_b"}
    text = result(answer=answer).text()
    assert "pi_1_secret_a" not in text
    assert "whsec_b" not in text
    assert json.loads(text)["answer"]["data"][0]["client_secret"] == REDACTED
    error = result(status=Status.FAILED, error={"payment_intent": intent}).text()
    assert "pi_1_secret_a" not in error


def test_the_key_is_left_out_even_of_a_message() -> None:
    text = result(status=Status.FAILED, error={"message": "bad key sk_live_x!"}).text(["sk_live_x"])
    assert json.loads(text)["error"]["message"] == f"bad key {REDACTED}!"


@pytest.fixture
def journal(write_file: WriteFile) -> Iterable[Journal]:
    """A journal with seven results."""
    source = write_file({"id": f"r-{n}", "method": "GET", "path": "/v1/x"} for n in range(1, 10))
    with Journal(source.with_name("journal")) as journal:
        load(source, journal, "target", report=print)
        journal.write([], [(n, True, line) for n, line in enumerate(LINES, start=1)])
        yield journal


@pytest.mark.parametrize("kept", range(len("".join(LINES)) + len(LINES) + 1))
def test_a_file_torn_anywhere_is_put_right(tmp_path: Path, journal: Journal, kept: int) -> None:
    whole = "".join(f"{line}\n" for line in LINES)
    path = tmp_path / "results.jsonl"
    path.write_text(whole[:kept])
    ResultsFile(path, journal).close()
    assert path.read_text() == whole


def test_lines_are_appended_after_what_is_there(tmp_path: Path, journal: Journal) -> None:
    path = tmp_path / "results.jsonl"
    with ResultsFile(path, journal) as results:
        results.append(["x", "y"])
        assert path.read_text().splitlines() == [*LINES, "x", "y"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content", ["other\n", "other", "".join(f"{line}\n" for line in LINES) + "more", "\n" * 20]
)
def test_what_is_not_ours_is_left_alone(tmp_path: Path, journal: Journal, content: str) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text(content)
    with pytest.raises(JournalMismatch, match="does not hold the results"):
        ResultsFile(path, journal)
    assert path.read_text() == content


def test_two_cannot_write_to_one_file(tmp_path: Path, journal: Journal) -> None:
    path = tmp_path / "results.jsonl"
    with ResultsFile(path, journal), pytest.raises(JournalBusy):
        ResultsFile(path, journal)


def test_a_file_that_cannot_be_opened(tmp_path: Path, journal: Journal) -> None:
    with pytest.raises(UsageError, match="cannot be opened"):
        ResultsFile(tmp_path, journal)


@pytest.mark.parametrize(
    ("content", "ours"),
    [
        ("", True),
        (LINES[0] + "\n", True),
        (LINES[0][:4], True),
        (LINES[0][:-3], True),
        ('{"id": "r-1", "method": "GET", "path": "/v1/x"}\n', False),
        ('{"id": "r-1"', False),
        ("notes\n", False),
        ("[1]\n", False),
    ],
)
def test_results_are_known_again(tmp_path: Path, content: str, ours: bool) -> None:
    path = tmp_path / "file"
    path.write_text(content)
    assert is_results(path) is ours
