"""What the journal of a run looks like: its tables, and what their rows are."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.batch.reading import Request

APPLICATION = 0x48464A4E  # "HFJN"
FORMAT = 1

SCHEMA = """
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


@dataclass(frozen=True, slots=True)
class Entry:
    """A request of the journal.

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
class RetryOf:
    """What a journal retries.

    Attributes:
        journal: the name of the journal of the first run, which is in the same folder.
        run: the `run` of that journal; another one may have taken its name since.
        only: the ids that were asked for; none for all that did not end well.
    """

    journal: str
    run: str
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class About:
    """What a journal is the journal of.

    Attributes:
        file: SHA-256 of the file of requests.
        target: what the requests are sent to, without any secret.
        total: how many requests there are.
        hottest: the objects that most requests touch, with their numbers.
        run: tells it from all other journals; "" in those of earlier versions.
        retry_of: what it retries, if it is the journal of a retry.
    """

    file: str
    target: str
    total: int
    hottest: tuple[tuple[str, int], ...]
    run: str = ""
    retry_of: RetryOf | None = None


def meta_of(about: About) -> dict[str, str]:
    """What a journal is of, as it is written down."""
    meta = {
        "file": about.file,
        "target": about.target,
        "total": str(about.total),
        "hottest": json.dumps(about.hottest),
        "run": about.run,
    }
    if about.retry_of is not None:
        meta["retry_of"] = about.retry_of.journal
        meta["retry_of_run"] = about.retry_of.run
        meta["only"] = json.dumps(about.retry_of.only)
    return meta


def about_of(meta: Mapping[str, str]) -> About | None:
    """Read what a journal is of; None while the requests are not written down as a whole."""
    if "total" not in meta:
        return None
    hottest = tuple((key, number) for key, number in json.loads(meta["hottest"]))
    retry_of = None
    if "retry_of" in meta:
        only = tuple(json.loads(meta["only"]))
        retry_of = RetryOf(meta["retry_of"], meta["retry_of_run"], only)
    run = meta.get("run", "")
    return About(meta["file"], meta["target"], int(meta["total"]), hottest, run, retry_of)


def entry_of(row: Iterable[Any]) -> Entry:
    """Read a row of `requests.*, begun.at`."""
    line, id_, method, path, params, account, key, own_key, begun_at = row
    request = Request(id_, method, path, json.loads(params), account, key)
    return Entry(line, request, bool(own_key), begun_at)


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
    return head.startswith(b"SQLite format 3\0") and head[68:72] == APPLICATION.to_bytes(4)
