"""Queries to an SQLite file that somebody may be writing to, without leaving a trace.

Nothing is written, no file appears beside it, and the writer never has to wait for more than the
few milliseconds that a query takes: every query has a connection of its own. One that stayed open
would keep the writer from taking in its write-ahead log when it ends.
"""

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from holdfast.batch.file_locks import folder_locked

Row = tuple[Any, ...]

_TRIES = 40
_PAUSE = 0.025


class _Way(StrEnum):
    """How the file must be opened, as the parameters of an SQLite URI.

    https://www.sqlite.org/wal.html#readonly and https://www.sqlite.org/c3ref/open.html
    """

    # A write-ahead log with its index: somebody writes, or was killed. The index is not touched.
    LOG = "mode=ro&readonly_shm=1"
    # A rollback journal: a first transaction is under way, or was cut short.
    ROLLBACK = "mode=ro"
    # Nothing beside it, or an empty log. To open it as usual would make a log if there was one.
    ALONE = "mode=ro&immutable=1"
    # A log without its index, as a copy may have it: the index would be made beside it.
    COPY = "copy"


_UNLOCKED = frozenset({_Way.ALONE, _Way.COPY})


class ReadOnlyFile:
    """An SQLite file that is only looked at. It may be used from any thread.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self, query: str, values: Sequence[object] = ()) -> list[Row]:
        """Ask for all rows of a query, as of one moment.

        Raises:
            FileNotFoundError: there is no such file.
            sqlite3.Error: it is no SQLite file, or cannot be read for a second.
        """
        for _ in range(_TRIES - 1):
            try:
                rows = self._try(query, values)
            except sqlite3.OperationalError:
                rows = None  # the writer opens or closes it in this moment
            if rows is not None:
                return rows
            time.sleep(_PAUSE)
        last = self._try(query, values)
        if last is None:
            raise sqlite3.OperationalError("it changed again and again while it was read")
        return last

    def _try(self, query: str, values: Sequence[object]) -> list[Row] | None:
        """The rows; None if the file changed while they were read without a lock against it."""
        before = self._look()
        way = before.way
        try:
            rows = self._ask(way, query, values)
        except (OSError, sqlite3.DatabaseError):
            if way in _UNLOCKED and self._look() != before:
                return None
            raise
        return None if way in _UNLOCKED and self._look() != before else rows

    def _ask(self, way: _Way, query: str, values: Sequence[object]) -> list[Row]:
        if way is _Way.COPY:
            with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
                copy = Path(folder) / "copy"
                for part in ("", "-wal"):
                    shutil.copyfile(self._beside(part), f"{copy}{part}")
                return _ask(copy, "mode=rw", query, values)
        # Were the log to go between our look and our reading, SQLite would make a new one.
        with folder_locked(self.path.parent, shared=True, wait=_TRIES * _PAUSE):
            if way is _Way.LOG and self._look().way is not way:
                raise sqlite3.OperationalError("the write-ahead log has just gone")
            return _ask(self.path, way.value, query, values)

    def _look(self) -> "_Look":
        status = self.path.stat()
        return _Look(status.st_ino, status.st_size, status.st_mtime_ns, self._way())

    def _way(self) -> _Way:
        log = self._beside("-wal")
        if log.exists():
            if self._beside("-shm").exists():
                return _Way.LOG
            return _Way.COPY if _size(log) else _Way.ALONE
        return _Way.ROLLBACK if self._beside("-journal").exists() else _Way.ALONE

    def _beside(self, part: str) -> Path:
        return self.path.with_name(self.path.name + part)


class _Look(NamedTuple):
    """What differs once somebody has begun to write, or has written."""

    file: int
    size: int
    changed: int
    way: _Way


def _ask(path: Path, parameters: str, query: str, values: Sequence[object]) -> list[Row]:
    uri = f"file:{quote(str(path.absolute()))}?{parameters}"
    with closing(sqlite3.connect(uri, uri=True)) as database:
        return database.execute(query, values).fetchall()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
