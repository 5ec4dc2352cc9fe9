"""The journal of a run: an SQLite file with the requests, their keys, and how each one ended.

Every commit reaches the disk (`synchronous = FULL`) before anything that relies on it happens. The
requests are written once, when the file is loaded; after that rows are only added.
"""

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from holdfast.batch.errors import JournalMismatch, UsageError
from holdfast.batch.reading import Request
from holdfast.batch.tally import Tally

_APPLICATION = 0x48464A4E  # "HFJN"
_FORMAT = 1
_PAGE = 256

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE requests (
    line INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    params TEXT NOT NULL,
    account TEXT,
    key TEXT,
    own_key INTEGER NOT NULL
);
CREATE TABLE own_keys (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    line INTEGER NOT NULL,
    request BLOB NOT NULL,
    PRIMARY KEY (account, key)
) WITHOUT ROWID;
CREATE TABLE begun (line INTEGER PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE results (
    position INTEGER PRIMARY KEY,
    line INTEGER NOT NULL UNIQUE,
    ok INTEGER NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX results_not_ok ON results (position) WHERE NOT ok;
CREATE TABLE tally (name TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID;
"""

_PENDING = """
SELECT line, id, method, path, params, account, key, own_key, begun.at
FROM requests LEFT JOIN begun USING (line)
WHERE line > ? AND NOT EXISTS (SELECT 1 FROM results WHERE results.line = requests.line)
ORDER BY line LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A request of the journal that has no result yet.

    Attributes:
        line: its line in the file; the order of the run.
        request: the request with its idempotency key.
        own_key: whether the key is the file's own.
        begun_at: when it was first about to be sent, in unix seconds; None if it never was.
    """

    line: int
    request: Request
    own_key: bool
    begun_at: float | None


@dataclass(frozen=True, slots=True)
class About:
    """What a journal is the journal of.

    Attributes:
        file: SHA-256 of the file of requests.
        target: what the requests are sent to, without any secret.
        total: how many requests there are.
        hottest: the objects that most requests touch, with their numbers.
    """

    file: str
    target: str
    total: int
    hottest: tuple[tuple[str, int], ...]


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
                self._database.execute("PRAGMA journal_mode = WAL")
            self.tally = Tally(dict(self._database.execute("SELECT name, value FROM tally")))
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._mutex:
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
        self._database.execute("PRAGMA journal_mode = WAL")

    def pending(self) -> Iterator[Entry]:
        """The requests without a result, in the file's order, read page by page."""
        last = 0
        while True:
            with self._mutex:
                rows = self._database.execute(_PENDING, (last, _PAGE)).fetchall()
            for row in rows:
                yield _entry(row)
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
        """The first results that are not ok."""
        with self._mutex:
            rows = self._database.execute(
                "SELECT text FROM results WHERE NOT ok ORDER BY position LIMIT ?", (limit,)
            ).fetchall()
        return [json.loads(text) for (text,) in rows]

    def _read_about(self) -> About | None:
        meta = dict(self._database.execute("SELECT name, value FROM meta"))
        if "total" not in meta:
            return None
        hottest = tuple((key, number) for key, number in json.loads(meta["hottest"]))
        return About(meta["file"], meta["target"], int(meta["total"]), hottest)


class Loading:
    """Writes a file's requests down, within one transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def claim_id(self, line: int, id_: str) -> int | None:
        """Reserve an id for a line that cannot be sent. Returns the line that has it, if any."""
        return self._insert((line, id_, "", "", "", None, None, False))

    def add(self, line: int, request: Request, key: str | None) -> int | None:
        """Write a request down. Returns the line that has its id already, if any does."""
        return self._insert(
            (
                line,
                request.id,
                request.method,
                request.path,
                json.dumps(request.params, separators=(",", ":")),
                request.account,
                key,
                request.idempotency_key is not None,
            )
        )

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
        values = {
            "file": about.file,
            "target": about.target,
            "total": str(about.total),
            "hottest": json.dumps(about.hottest),
        }
        self._database.executemany("INSERT INTO meta VALUES (?, ?)", values.items())

    def _insert(self, row: tuple[object, ...]) -> int | None:
        done = self._database.execute(
            "INSERT OR IGNORE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row
        )
        if done.rowcount:
            return None
        found = self._database.execute("SELECT line FROM requests WHERE id = ?", (row[1],))
        return int(found.fetchone()[0])


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


def delete_database(path: Path) -> None:
    """Delete an SQLite file and what SQLite keeps beside it."""
    for part in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + part).unlink(missing_ok=True)


def is_journal(path: Path) -> bool:
    """Whether a file is a journal, of whatever format."""
    try:
        with path.open("rb") as file:
            head = file.read(72)
    except OSError:
        return False
    # https://www.sqlite.org/fileformat.html: the application id stands at byte 68.
    return head.startswith(b"SQLite format 3\0") and head[68:72] == _APPLICATION.to_bytes(4)


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
            f"BEGIN; {_SCHEMA} PRAGMA application_id = {_APPLICATION}; "
            f"PRAGMA user_version = {_FORMAT}; COMMIT;"
        )
    elif application != _APPLICATION or version != _FORMAT:
        raise JournalMismatch(
            f"{path} is no journal of this version of holdfast run: give another --journal"
        )


def _entry(row: Iterable[Any]) -> Entry:
    line, id_, method, path, params, account, key, own_key, begun_at = row
    request = Request(id_, method, path, json.loads(params), account, key)
    return Entry(line, request, bool(own_key), begun_at)


def _digest(request: Request) -> bytes:
    """What an idempotency key stands for: method, path and parameters."""
    text = json.dumps([request.method, request.path, request.params], sort_keys=True)
    return hashlib.sha256(text.encode()).digest()
