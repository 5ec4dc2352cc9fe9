"""A file that others write to is read without a trace, and without standing in their way."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from holdfast.batch.readonly import ReadOnlyFile

Script = Callable[[str], "subprocess.Popen[str]"]
COUNT = "SELECT count(*), total(x) FROM t"

KILLED_WITH_A_LOG = """
database.execute("PRAGMA journal_mode = WAL")
database.execute("INSERT INTO t VALUES (5)")
os.kill(os.getpid(), 9)
"""
KILLED_WITHIN_A_TRANSACTION = """
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN")
database.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(100_000)])
os.kill(os.getpid(), 9)
"""
# Two rows at a time that add up to nothing; the file is opened and closed again and again.
WRITES_ON_AND_ON = """
for n in range(60):
    with closing(sqlite3.connect(sys.argv[1], isolation_level=None)) as database:
        while True:
            try:
                database.execute(f"PRAGMA journal_mode = {'WAL' if n % 3 else 'DELETE'}")
                break
            except sqlite3.OperationalError:
                time.sleep(0.002)  # SQLite does not wait for a reader here
        for x in range(5):
            database.execute("BEGIN")
            database.executemany("INSERT INTO t VALUES (?)", [(x,)] * 50 + [(-x,)] * 50)
            database.execute("COMMIT")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of one row."""
    path = tmp_path / "a folder, 100%?#" / "file"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (x INTEGER)")
        database.execute("INSERT INTO t VALUES (1)")
        database.commit()
    return path


@pytest.fixture
def script(path: Path) -> Iterator[Script]:
    """Run a program with the file open; what still runs at the test's end is killed."""
    beginning = (
        "import os, sqlite3, sys, time\nfrom contextlib import closing\n"
        "database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    )
    with ExitStack() as stack:

        def begin(text: str) -> "subprocess.Popen[str]":
            process = subprocess.Popen(
                [sys.executable, "-c", beginning + text, path], stdout=subprocess.PIPE, text=True
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield begin


def folder(path: Path) -> dict[str, tuple[int, bytes]]:
    """What is in the file's folder: when it was changed, and its bytes."""
    return {
        file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in path.parent.iterdir()
    }


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_file_at_rest(path: Path, mode: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA journal_mode = {mode}")
    before = folder(path)
    assert ReadOnlyFile(path).rows(COUNT) == [(1, 1.0)]
    assert folder(path) == before
    assert list(before) == ["file"]


def test_a_file_that_is_written_to(path: Path, script: Script) -> None:
    process = script(
        "database.execute('PRAGMA journal_mode = WAL')\n"
        "for _ in range(3):\n"
        "    database.execute('INSERT INTO t VALUES (1)')\n"
        "    print(flush=True)\n"
        "    time.sleep(0.1)\n"
        "time.sleep(60)"
    )
    assert process.stdout is not None
    seen = []
    for _ in range(3):
        process.stdout.readline()
        ((count, _),) = ReadOnlyFile(path).rows(COUNT)
        seen.append(count)
    assert seen[0] >= 2
    assert seen == sorted(seen)
    before = folder(path)
    assert ReadOnlyFile(path).rows(COUNT) == [(4, 4.0)]
    assert folder(path) == before
    assert before.keys() == {"file", "file-wal", "file-shm"}


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_writer_in_the_same_process_keeps_its_locks(
    path: Path, script: Script, mode: str
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"PRAGMA journal_mode = {mode}")
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO t VALUES (1)")
        assert ReadOnlyFile(path).rows(COUNT) == [(1, 1.0)]
        other = script(
            "database.execute('PRAGMA busy_timeout = 0')\n"
            "try:\n"
            "    database.execute('BEGIN IMMEDIATE')\n"
            "except sqlite3.OperationalError as error:\n"
            "    print(error)"
        )
        assert other.communicate(timeout=30)[0] == "database is locked\n"
        database.execute("COMMIT")
    assert ReadOnlyFile(path).rows(COUNT) == [(2, 2.0)]


@pytest.mark.parametrize("lost", ["", "file-shm"])
def test_a_file_whose_writer_was_killed(path: Path, script: Script, lost: str) -> None:
    script(KILLED_WITH_A_LOG).wait(30)
    if lost:
        path.with_name(lost).unlink()
    before = folder(path)
    assert "file-wal" in before
    assert ReadOnlyFile(path).rows(COUNT) == [(2, 6.0)]
    assert folder(path) == before


def test_a_file_whose_writer_was_killed_within_a_transaction(path: Path, script: Script) -> None:
    script(KILLED_WITHIN_A_TRANSACTION).wait(30)
    before = folder(path)
    assert "file-journal" in before
    with pytest.raises(sqlite3.OperationalError):
        ReadOnlyFile(path).rows(COUNT)
    assert folder(path) == before


def test_whatever_the_writer_does_each_answer_is_of_one_moment(path: Path, script: Script) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM t")
        database.commit()
    process = script("database.close()\n" + WRITES_ON_AND_ON)
    file = ReadOnlyFile(path)
    answers: list[tuple[int, float]] = []

    def look() -> None:
        while process.poll() is None:
            answers.extend(file.rows(COUNT))

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert process.returncode == 0
    assert len(set(answers)) > 5
    assert {count % 100 for count, _ in answers} == {0}
    assert {total for _, total in answers} == {0.0}
    assert file.rows(COUNT) == [(30_000, 0.0)]


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ReadOnlyFile(tmp_path / "none").rows(COUNT)
    assert list(tmp_path.iterdir()) == []


def test_no_database(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("remember " * 100)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        ReadOnlyFile(tmp_path / "notes").rows(COUNT)
    assert [file.name for file in tmp_path.iterdir()] == ["notes"]
