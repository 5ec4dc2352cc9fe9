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
from typing import NamedTuple

from holdfast.sandbox.idempotency import VERSIONS, Record, rules_of
from holdfast.sandbox.ledger import Row
from holdfast.sandbox.state import JsonObject

WAIT_FOR_OTHER = 10.0
_POLL = 0.02
_FORMAT = 3
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
    api TEXT NOT NULL,
    PRIMARY KEY (account, api, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_created ON idempotency (created);
CREATE TABLE clock (only INTEGER PRIMARY KEY CHECK (only = 0), ahead REAL NOT NULL);
CREATE TABLE snapshots (name TEXT PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE deliveries (
    event TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    owner TEXT NOT NULL,
    account TEXT NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (event, endpoint)
);
"""
_PUT = (
    "INSERT INTO objects (account, id, json) VALUES (?, ?, ?) "
    "ON CONFLICT (account, id) DO UPDATE SET json = excluded.json"
)
_REMOVE = "DELETE FROM objects WHERE account = ? AND id = ?"
_APPEND = "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_REMEMBER = "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DROP_OLD = "DELETE FROM idempotency WHERE api = ? AND created <= ?"
_SET_CLOCK = "INSERT OR REPLACE INTO clock VALUES (0, ?)"
_KEEP_SNAPSHOT = "INSERT OR REPLACE INTO snapshots VALUES (?, ?)"
_DROP_SNAPSHOT = "DELETE FROM snapshots WHERE name = ?"
_DELIVER = "INSERT INTO deliveries VALUES (?, ?, ?, ?, ?)"
_DROP_DELIVERY = "DELETE FROM deliveries WHERE event = ? AND endpoint = ?"
_CLEAR = (
    "DELETE FROM objects",
    "DELETE FROM ledger",
    "DELETE FROM idempotency",
    "DELETE FROM deliveries",
)
_encode = JSONEncoder(separators=(",", ":")).encode


class OutboxRow(NamedTuple):
    """A delivery that has begun: its event, the endpoint and whose they are.

    Attributes:
        event: its id.
        endpoint: its id.
        owner: whose endpoint it is.
        account: whose event it is.
        content: the event.
    """

    event: str
    endpoint: str
    owner: str
    account: str
    content: JsonObject


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

    def records(self, now: float) -> Iterator[Record]:
        """The idempotency records that count at `now` (unix seconds); older ones are deleted."""
        for rules in VERSIONS:
            self._database.execute(_DROP_OLD, (rules.api, now - rules.kept_for))
        for *columns, _ in self._database.execute("SELECT * FROM idempotency ORDER BY created"):
            yield Record(*columns)

    def clock_ahead(self) -> float:
        """How far the clock was moved ahead, in seconds."""
        row = self._database.execute("SELECT ahead FROM clock").fetchone()
        return 0.0 if row is None else float(row[0])

    def set_clock(self, ahead: float) -> None:
        """Remember how far the clock was moved ahead, in seconds."""
        self._transact([(_SET_CLOCK, [(ahead,)])])

    def deliveries(self) -> Iterator[OutboxRow]:
        """The deliveries of events that have not ended, in the order in which they began."""
        for event, endpoint, owner, account, text in self._database.execute(
            "SELECT * FROM deliveries ORDER BY rowid"
        ):
            yield OutboxRow(event, endpoint, owner, account, loads(text))

    def drop_delivery(self, event: str, endpoint: str) -> None:
        """Forget a delivery that has ended."""
        self._transact([(_DROP_DELIVERY, [(event, endpoint)])])

    def snapshots(self) -> Iterator[tuple[str, str]]:
        """The snapshots: name and JSON text."""
        yield from self._database.execute("SELECT name, json FROM snapshots ORDER BY name")

    def keep_snapshot(self, name: str, text: str) -> None:
        """Write a snapshot, in place of one of the same name."""
        self._transact([(_KEEP_SNAPSHOT, [(name, text)])])

    def drop_snapshot(self, name: str) -> None:
        """Delete a snapshot, if it is there."""
        self._transact([(_DROP_SNAPSHOT, [(name,)])])

    def replace(
        self,
        objects: Mapping[str, Iterable[JsonObject]],
        rows: Sequence[Row],
        records: Iterable[Record],
        clock_ahead: float,
    ) -> None:
        """Write another state in place of all that is there, but for the snapshots.

        Args:
            objects: by account, in the order of their creation.
            rows: the ledger.
            records: the finished idempotency records.
            clock_ahead: how far the clock was moved ahead, in seconds.

        Raises:
            sqlite3.Error: the file cannot be written; it is as it was.
        """
        put = [
            (account, obj["id"], _encode(obj)) for account, all_ in objects.items() for obj in all_
        ]
        self._transact(
            [
                *((statement, [()]) for statement in _CLEAR),
                (_PUT, put),
                (_APPEND, rows),
                (_REMEMBER, [_columns(record) for record in records]),
                (_SET_CLOCK, [(clock_ahead,)]),
            ]
        )

    def put_all(self, account: str, objects: Iterable[JsonObject]) -> None:
        """Write the objects of a seed, all or none."""
        self._transact([(_PUT, [(account, obj["id"], _encode(obj)) for obj in objects])])

    def commit(
        self,
        account: str,
        staged: Mapping[str, JsonObject | None],
        rows: Sequence[Row],
        record: Record | None,
        elsewhere: Mapping[str, Mapping[str, JsonObject | None]] | None = None,
        deliveries: Iterable[OutboxRow] = (),
    ) -> None:
        """Write all that one request did, or nothing.

        Args:
            account: whose objects they are.
            staged: the objects by id; None removes one.
            rows: for the ledger.
            record: the finished idempotency record, if the request had a key.
            elsewhere: the objects of other accounts, by account and id.
            deliveries: of events to webhooks that are to begin.

        Raises:
            sqlite3.Error: the file cannot be written; nothing of it is there.
        """
        put, removed = [], []
        for owner, objects in {account: staged, **(elsewhere or {})}.items():
            put += [(owner, id_, _encode(obj)) for id_, obj in objects.items() if obj is not None]
            removed += [(owner, id_) for id_, obj in objects.items() if obj is None]
        self._transact(
            [
                (_PUT, put),
                (_REMOVE, removed),
                (_APPEND, rows),
                (_REMEMBER, [] if record is None else [_columns(record)]),
                (_DELIVER, [(*row[:4], _encode(row.content)) for row in deliveries]),
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
        rules_of(record.path).api,
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
