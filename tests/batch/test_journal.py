"""The journal keeps what it is told, and tells what is left."""

import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.batch import JournalMismatch, UsageError
from holdfast.batch.journal import Journal
from holdfast.batch.journal_format import is_journal
from holdfast.batch.loading import load

WriteFile = Callable[..., Path]


@pytest.fixture
def path(write_file: WriteFile) -> Path:
    """A journal of 600 requests."""
    source = write_file(
        {"id": str(n), "method": "POST", "path": f"/v1/customers/cus_{n}"} for n in range(600)
    )
    path = source.with_name("journal")
    with Journal(path) as journal:
        load(source, journal, "target", report=print)
    return path


def test_what_has_a_result_is_not_pending(path: Path) -> None:
    with Journal(path) as journal:
        journal.write([], [(line, True, f'{{"n":{line}}}') for line in range(2, 601, 2)])
    with Journal(path) as journal:
        assert [entry.line for entry in journal.pending()] == list(range(1, 600, 2))
        assert journal.result_at(1) == '{"n":2}'
        assert journal.result_at(301) is None
        assert list(journal.results_after(298)) == ['{"n":598}', '{"n":600}']
        assert len(list(journal.results_after(0))) == 300


def test_the_first_sending_is_remembered(path: Path) -> None:
    with Journal(path) as journal:
        journal.write([(1, 100.0), (2, 100.0)], [])
        journal.write([(1, 200.0), (3, 200.0)], [])
        begun = [entry.begun_at for entry in journal.pending()][:4]
    assert begun == [100.0, 100.0, 200.0, None]


def test_the_tally_goes_with_the_results(path: Path) -> None:
    with Journal(path) as journal:
        journal.tally.add("done", 2)
        journal.tally.add("retries", 3, "locked")
        journal.write([], [(1, True, "{}")])
        journal.tally.add("done", 1)  # never written
    with Journal(path) as journal:
        assert journal.tally.count("done") == 2
        assert journal.tally.parts("retries") == {"locked": 3}


def test_a_group_is_written_whole_or_not_at_all(path: Path) -> None:
    with Journal(path) as journal:
        journal.write([], [(5, True, "{}")])
        with pytest.raises(sqlite3.IntegrityError):
            journal.write([(6, 1.0)], [(6, True, "{}"), (5, True, "{}")])
        left = {entry.line: entry.begun_at for entry in journal.pending()}
    assert 5 not in left
    assert left[6] is None


def test_only_the_owner_may_read_it(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_not_ok_come_in_order(path: Path) -> None:
    with Journal(path) as journal:
        journal.write([], [(n, n % 3 > 0, f'{{"n":{n}}}') for n in range(1, 13)])
        assert journal.not_ok(3) == [{"n": 3}, {"n": 6}, {"n": 9}]


def test_what_is_unsure_comes_before_what_failed(path: Path) -> None:
    with Journal(path) as journal:
        results = [f'{{"n":{n},"status":"{"unsure" if n > 4 else "failed"}"}}' for n in range(1, 7)]
        journal.write([], [(n, False, text) for n, text in enumerate(results, 1)])
        assert [result["n"] for result in journal.not_ok(4)] == [5, 6, 1, 2]


def test_another_database_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    database = sqlite3.connect(other)
    database.execute("CREATE TABLE t (x)")
    database.commit()
    database.close()
    before = other.read_bytes()
    with pytest.raises(JournalMismatch, match="no journal of this version"):
        Journal(other)
    assert other.read_bytes() == before
    assert not is_journal(other)


def test_what_is_no_database_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("remember the milk\n" * 100)
    with pytest.raises(JournalMismatch, match="is no journal"):
        Journal(other)
    assert other.read_text().startswith("remember")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be opened"):
        Journal(tmp_path)


def test_a_journal_is_known_again(path: Path, tmp_path: Path) -> None:
    assert is_journal(path)
    assert not is_journal(tmp_path / "nothing")
