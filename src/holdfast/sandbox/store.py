"""The sandbox's state in an SQLite file, so that it outlives the process, however that ends.

One transaction a request holds its objects, its ledger rows and its idempotency record: after a
kill either all of them are there or none. The file belongs to one sandbox at a time, guarded by a
lock on the file beside it.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from json import JSONEncoder, loads
from pathlib import Path

from holdfast.sandbox.idempotency import Record
from holdfast.sandbox.ledger import Row
from holdfast.sandbox.state import JsonObject

WAIT_FOR_OTHER = 10.0
_POLL = 0.02
_FORMAT = 1
_APPLICATION = 0x48464442  # "HFDB"

_SCHEMA = """
CREATE TABLE objects (
    position INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    json TEXT NOT NULL,
    UNIQUE (account, id)
);
CREATE TABLE ledger (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    object TEXT NOT NULL,
    object_id TEXT NOT NULL,
    effect TEXT NOT NULL,
    idempotency_key TEXT,
    request_id TEXT NOT NULL,
    account TEXT NOT NULL
);
CREATE TABLE idempotency (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    request_id TEXT NOT NULL,
    created REAL NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (account, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_created ON idempotency (created);
"""
_PUT = (
    "INSERT INTO objects (account, id, json) VALUES (?, ?, ?) "
    "ON CONFLICT (account, id) DO UPDATE SET json = excluded.json"
)
_REMOVE = "DELETE FROM objects WHERE account = ? AND id = ?"
_APPEND = "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_REMEMBER = "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_encode = JSONEncoder(separators=(",", ":")).encode


class StoreInUse(RuntimeError):
    """Another sandbox holds the store and did not let go of it."""


class Store:
    """The file of one sandbox. It is opened in one thread and used in another, one after the other.

    Args:
        path: the SQLite file; made if there is none, in a folder that exists.
        wait: how long to wait for another sandbox to let go of it, in seconds.
        monotonic: a clock for that wait.
        sleep: waits, in seconds.

    Raises:
        StoreInUse: another sandbox still has it.
        OSError: the file or its lock cannot be made.
        RuntimeError: the file is no store of a sandbox of this format.
    """

    def __init__(
        self,
        path: Path,
        *,
        wait: float = WAIT_FOR_OTHER,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path = path
        self._lock = _lock(path, wait, monotonic, sleep)
        try:
            self._database = _open(path)
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Close the file and let the next sandbox have it."""
        self._database.close()
        os.close(self._lock)

    def is_empty(self) -> bool:
        """Whether nothing was ever put in."""
        row = self._database.execute(
            "SELECT EXISTS (SELECT 1 FROM objects) OR EXISTS (SELECT 1 FROM ledger)"
        ).fetchone()
        return not row[0]

    def objects(self) -> Iterator[tuple[str, JsonObject]]:
        """Every object with its account, in the order of their creation."""
        for account, text in self._database.execute(
            "SELECT account, json FROM objects ORDER BY position"
        ):
            yield account, loads(text)

    def rows(self) -> Iterator[Row]:
        """The ledger."""
        return map(Row._make, self._database.execute("SELECT * FROM ledger ORDER BY seq"))

    def records(self, since: float) -> Iterator[Record]:
        """The idempotency records made after `since` (unix seconds); older ones are deleted."""
        self._database.execute("DELETE FROM idempotency WHERE created <= ?", (since,))
        for row in self._database.execute("SELECT * FROM idempotency ORDER BY created"):
            yield Record(*row)

    def put_all(self, account: str, objects: Iterable[JsonObject]) -> None:
        """Write the objects of a seed, all or none."""
        self._transact([(_PUT, [(account, obj["id"], _encode(obj)) for obj in objects])])

    def commit(
        self,
        account: str,
        staged: Mapping[str, JsonObject | None],
        rows: Sequence[Row],
        record: Record | None,
    ) -> None:
        """Write all that one request did, or nothing.

        Args:
            account: whose objects they are.
            staged: the objects by id; None removes one.
            rows: for the ledger.
            record: the finished idempotency record, if the request had a key.

        Raises:
            sqlite3.Error: the file cannot be written; nothing of it is there.
        """
        put = [(account, id_, _encode(obj)) for id_, obj in staged.items() if obj is not None]
        removed = [(account, id_) for id_, obj in staged.items() if obj is None]
        self._transact(
            [
                (_PUT, put),
                (_REMOVE, removed),
                (_APPEND, rows),
                (_REMEMBER, [] if record is None else [_columns(record)]),
            ]
        )

    def _transact(self, steps: Sequence[tuple[str, Sequence[Sequence[object]]]]) -> None:
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            for statement, values in steps:
                if values:
                    database.executemany(statement, values)
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise


def _columns(record: Record) -> tuple[object, ...]:
    return (
        record.account,
        record.key,
        record.method,
        record.path,
        record.fingerprint,
        record.request_id,
        record.created,
        record.status,
        record.body,
    )


def _lock(
    path: Path, wait: float, monotonic: Callable[[], float], sleep: Callable[[float], None]
) -> int:
    """Take the lock beside the store. The kernel frees it when the process ends, even by a kill."""
    beside = path.with_name(path.name + ".lock")
    descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    give_up = monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= give_up:
                os.close(descriptor)
                raise StoreInUse(
                    f"{path} is in use by another sandbox: stop that one, or give another --store"
                ) from None
            sleep(_POLL)
        except BaseException:
            os.close(descriptor)
            raise
        else:
            return descriptor


def _open(path: Path) -> sqlite3.Connection:
    try:
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except sqlite3.OperationalError as error:
        raise OSError(f"{path} cannot be opened: {error}") from error
    try:
        _prepare(path, database)
    except sqlite3.DatabaseError as error:
        database.close()
        raise RuntimeError(f"{path} is no store of a sandbox: {error}") from error
    except BaseException:
        database.close()
        raise
    return database


def _prepare(path: Path, database: sqlite3.Connection) -> None:
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    fresh = not tables and not application
    if not fresh and (application != _APPLICATION or version != _FORMAT):
        raise RuntimeError(
            f"{path} is no store of this version of the sandbox: delete it or give another --store"
        )
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    if fresh:
        database.executescript(
            f"BEGIN; {_SCHEMA} PRAGMA application_id = {_APPLICATION}; "
            f"PRAGMA user_version = {_FORMAT}; COMMIT;"
        )
