"""Lines of results: without secrets, and in the file exactly once."""

import json
import stat
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.batch import JournalBusy, JournalMismatch, Status, UsageError
from holdfast.batch.journal import Journal
from holdfast.batch.loading import load
from holdfast.batch.results import Result, ResultsFile, is_results
from holdfast.engine import Attempt, FaultClass
from holdfast.redaction import REDACTED, Redactor

WriteFile = Callable[..., Path]
LINES = [f'{{"id":"r-{n}","status":"ok","waits":{{}}}}' for n in range(1, 8)]


def exchange(number: int, fault: FaultClass, **changes: Any) -> Attempt:
    made = Attempt(number, fault, 200, f"req_{number}", None, False, at=0.25, seconds=0.125)
    return replace(made, **changes)


def result(**changes: Any) -> Result:
    locked = exchange(1, FaultClass.LOCKED, status=429, error_code="lock_timeout")
    fields: dict[str, Any] = {
        "id": "r-1",
        "method": "POST",
        "path": "/v1/customers/cus_1",
        "objects": ("cus_1",),
        "status": Status.OK,
        "stop_reason": "ok",
        "began_at": 1_800_000_000.5,
        "seconds": 1.125,
        "exchanges": [locked, exchange(2, FaultClass.OK, at=1.0, replayed=True)],
        "waits": {"lane": 0.25},
    }
    return Result(**{**fields, **changes})


def test_a_line_says_how_it_ended() -> None:
    text = result(answer={"id": "cus_1", "description": "\u00e9\n"}).text()
    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text) == {
        "id": "r-1",
        "method": "POST",
        "path": "/v1/customers/cus_1",
        "objects": ["cus_1"],
        "status": "ok",
        "http_status": 200,
        "request_id": "req_2",
        "attempts": 2,
        "fault_classes": ["locked", "ok"],
        "stop_reason": "ok",
        "began_at": 1_800_000_000.5,
        "seconds": 1.125,
        "exchanges": [
            {
                "at": 0.25,
                "seconds": 0.125,
                "fault": "locked",
                "status": 429,
                "request_id": "req_1",
                "error_code": "lock_timeout",
                "replayed": False,
            },
            {
                "at": 1.0,
                "seconds": 0.125,
                "fault": "ok",
                "status": 200,
                "request_id": "req_2",
                "error_code": None,
                "replayed": True,
            },
        ],
        "waits": {"lane": 0.25},
        "answer": {"id": "cus_1", "description": "\u00e9\n"},
    }


def test_a_request_that_was_not_sent_has_no_exchange() -> None:
    line = json.loads(result(status=Status.UNSURE, exchanges=()).text())
    assert (line["attempts"], line["fault_classes"], line["exchanges"]) == (0, [], [])
    assert (line["http_status"], line["request_id"]) == (None, None)


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
    text = result(status=Status.FAILED, error={"message": "bad key of-ours!"}).text(["of-ours"])
    assert json.loads(text)["error"]["message"] == f"bad key {REDACTED}!"


def test_personal_data_is_left_out_unless_it_is_asked_for() -> None:
    ended = result(
        path="/v1/customers/jenny%40example.com",
        answer={"name": "Jenny", "client_secret": "pi_1_secret_2", "note": "of jenny@example.com"},
    )
    line = json.loads(ended.text())
    assert line["path"] == f"/v1/customers/{REDACTED}"
    assert line["answer"] == {
        "name": REDACTED,
        "client_secret": REDACTED,
        "note": f"of {REDACTED}",
    }
    line = json.loads(ended.text(redactor=Redactor(personal=())))
    assert line["path"] == "/v1/customers/jenny%40example.com"
    assert line["answer"] == {
        "name": "Jenny",
        "client_secret": REDACTED,
        "note": "of jenny@example.com",
    }


def test_what_was_sent_is_left_out_of_the_sentences_of_an_error() -> None:
    ended = result(status=Status.FAILED, error={"message": "No Jenny Rosen with CVC 9137: Ros"})
    sent = {"name": "Jenny Rosen", "card": {"number": "42", "cvc": 9137}, "nick": "Ros"}
    line = json.loads(ended.text(sent=sent))
    assert line["error"]["message"] == f"No {REDACTED} with CVC {REDACTED}: Ros"


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
