"""The journal of a run: an SQLite file with the requests, their keys, and how each one ended.

Every commit reaches the disk (`synchronous = FULL`) before anything that relies on it happens. The
requests are written once, when the file is loaded; after that rows are only added.
"""

import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from holdfast.batch.conclusion import Status
from holdfast.batch.errors import JournalMismatch, UsageError
from holdfast.batch.file_locks import folder_locked
from holdfast.batch.journal_format import (
    APPLICATION,
    FORMAT,
    SCHEMA,
    About,
    Entry,
    about_of,
    delete_database,
    entry_of,
    meta_of,
)
from holdfast.batch.reading import Request
from holdfast.batch.tally import Tally

_PAGE = 256
# Whoever reads is in the way of a change of the journal's mode for a few milliseconds, and
# SQLite's own wait for locks does not apply to it.
_TRIES = 200
_PAUSE = 0.01
_WAIT_FOR_READERS = 2.0

_PENDING = """
SELECT requests.*, begun.at FROM requests LEFT JOIN begun USING (line)
WHERE line > ? AND NOT EXISTS (SELECT 1 FROM results WHERE results.line = requests.line)
ORDER BY line LIMIT ?
"""


class Journal:
    """An open journal. It may be used from any thread.

    Args:
        path: the SQLite file; made, readable by its owner only, if there is none.

    Raises:
        UsageError: the file cannot be opened or made.
        JournalMismatch: the file is something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mutex = threading.Lock()
        self._database = _open(path)
        try:
            self.about = self._read_about()
            if self.about is not None:
                _set_mode(self._database, "WAL")
            self.tally = Tally(dict(self._database.execute("SELECT name, value FROM tally")))
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, in one piece: nothing of it stays in files beside it."""
        with self._mutex:
            if self.about is not None:
                # Where that fails the log stays, and the next one to write takes it in.
                with (
                    folder_locked(self.path.parent, wait=_WAIT_FOR_READERS),
                    suppress(sqlite3.OperationalError),
                ):
                    _set_mode(self._database, "DELETE")
            self._database.close()

    def discard(self) -> None:
        """Delete a journal that holds nothing."""
        self.close()
        delete_database(self.path)

    @contextmanager
    def loading(self) -> Iterator["Loading"]:
        """Write the requests down in one transaction: all of them or, on any exception, none."""
        with _transaction(self._database) as database:
            yield Loading(database)

    def loaded(self, about: About) -> None:
        """Take note that the requests are there."""
        self.about = about
        _set_mode(self._database, "WAL")

    def pending(self) -> Iterator[Entry]:
        """The requests without a result, in the file's order, read page by page."""
        last = 0
        while True:
            with self._mutex:
                rows = self._database.execute(_PENDING, (last, _PAGE)).fetchall()
            for row in rows:
                yield entry_of(row)
            if len(rows) < _PAGE:
                return
            last = rows[-1][0]

    def write(
        self, begun: Sequence[tuple[int, float]], results: Sequence[tuple[int, bool, str]]
    ) -> None:
        """Write a group down in one transaction, together with what changed in the tally.

        Args:
            begun: line and time of the requests about to be sent.
            results: line, whether it is ok, and the text of the result, of those that ended.
        """
        with self._mutex, _transaction(self._database) as database:
            database.executemany("INSERT OR IGNORE INTO begun VALUES (?, ?)", begun)
            database.executemany("INSERT INTO results (line, ok, text) VALUES (?, ?, ?)", results)
            database.executemany(
                "INSERT OR REPLACE INTO tally VALUES (?, ?)", list(self.tally.take_changes())
            )

    def result_count(self) -> int:
        """How many results there are."""
        with self._mutex:
            row = self._database.execute("SELECT count(*) FROM results").fetchone()
        return int(row[0])

    def result_at(self, position: int) -> str | None:
        """The text of the result at a position, counted from 1 in the order of their ends."""
        with self._mutex:
            row = self._database.execute(
                "SELECT text FROM results WHERE position = ?", (position,)
            ).fetchone()
        return None if row is None else str(row[0])

    def results_after(self, position: int) -> Iterator[str]:
        """The texts of the results behind a position, in order."""
        while True:
            with self._mutex:
                rows = self._database.execute(
                    "SELECT position, text FROM results WHERE position > ? "
                    "ORDER BY position LIMIT ?",
                    (position, _PAGE),
                ).fetchall()
            for row in rows:
                yield row[1]
            if len(rows) < _PAGE:
                return
            position = rows[-1][0]

    def not_ok(self, limit: int) -> list[dict[str, Any]]:
        """Results that are not ok: the unsure ones first, since these must be looked up."""
        with self._mutex:
            rows = self._database.execute(
                "SELECT text FROM results WHERE NOT ok"
                " ORDER BY json_extract(text, '$.status') IS NOT ?, position LIMIT ?",
                (Status.UNSURE, limit),
            ).fetchall()
        return [json.loads(text) for (text,) in rows]

    def _read_about(self) -> About | None:
        return about_of(dict(self._database.execute("SELECT name, value FROM meta")))


class Loading:
    """Writes a file's requests down, within one transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def claim_id(self, line: int, id_: str) -> int | None:
        """Reserve an id for a line that cannot be sent. Returns the line that has it, if any."""
        return self._insert((line, id_, "", "", "", None, None, False))

    def add(self, line: int, request: Request, key: str | None) -> int | None:
        """Write a request down. Returns the line that has its id already, if any does."""
        own_key = request.idempotency_key is not None
        return self._insert((*_columns(line, request), key, own_key))

    def put(self, entry: Entry) -> None:
        """Write a request of an earlier journal down, in place of an earlier one of its line."""
        request = entry.request
        self._database.execute(
            "INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*_columns(entry.line, request), request.idempotency_key, entry.own_key),
        )
        self._database.execute("DELETE FROM begun WHERE line = ?", (entry.line,))
        if entry.begun_at is not None:
            self._database.execute("INSERT INTO begun VALUES (?, ?)", (entry.line, entry.begun_at))

    def drop(self, line: int) -> None:
        """Take a request back."""
        self._database.execute("DELETE FROM requests WHERE line = ?", (line,))
        self._database.execute("DELETE FROM begun WHERE line = ?", (line,))

    def claim_key(self, line: int, request: Request) -> int | None:
        """Take the file's own key for a request.

        Returns:
            The line that uses the key for another request, if any does.
        """
        owner = (request.account or "", request.idempotency_key)
        digest = _digest(request)
        done = self._database.execute(
            "INSERT OR IGNORE INTO own_keys VALUES (?, ?, ?, ?)", (*owner, line, digest)
        )
        if done.rowcount:
            return None
        first, other = self._database.execute(
            "SELECT line, request FROM own_keys WHERE account = ? AND key = ?", owner
        ).fetchone()
        return None if other == digest else int(first)

    def finish(self, about: About) -> None:
        """Write down what the journal is of."""
        self._database.executemany("INSERT INTO meta VALUES (?, ?)", meta_of(about).items())

    def _insert(self, row: tuple[object, ...]) -> int | None:
        done = self._database.execute(
            "INSERT OR IGNORE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row
        )
        if done.rowcount:
            return None
        found = self._database.execute("SELECT line FROM requests WHERE id = ?", (row[1],))
        return int(found.fetchone()[0])


def _columns(line: int, request: Request) -> tuple[object, ...]:
    """The first columns of `requests`."""
    params = json.dumps(request.params, separators=(",", ":"))
    return (line, request.id, request.method, request.path, params, request.account)


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Commit at the end, or roll back on any exception."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database
        database.execute("COMMIT")
    except BaseException:
        # SQLite itself rolls back after some errors, such as a full disk.
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _set_mode(database: sqlite3.Connection, mode: str) -> None:
    """Go over to a write-ahead log, or take in what it has and go back."""
    for left in reversed(range(_TRIES)):
        try:
            database.execute(f"PRAGMA journal_mode = {mode}")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or not left:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _open(path: Path) -> sqlite3.Connection:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.OperationalError) as error:
        raise UsageError(f"the journal {path} cannot be opened: {error}") from error
    try:
        _prepare(path, database)
    except BaseException as error:
        database.close()
        if isinstance(error, sqlite3.DatabaseError):
            raise JournalMismatch(f"{path} is no journal: {error}") from error
        raise
    return database


def _prepare(path: Path, database: sqlite3.Connection) -> None:
    database.execute("PRAGMA synchronous = FULL")
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not tables and not application:
        database.executescript(
            f"BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION}; "
            f"PRAGMA user_version = {FORMAT}; COMMIT;"
        )
    elif application != APPLICATION or version != FORMAT:
        raise JournalMismatch(
            f"{path} is no journal of this version of holdfast run: give another --journal"
        )


def _digest(request: Request) -> bytes:
    """What an idempotency key stands for: method, path and parameters."""
    text = json.dumps([request.method, request.path, request.params], sort_keys=True)
    return hashlib.sha256(text.encode()).digest()
