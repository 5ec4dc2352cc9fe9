"""Looking at the journal of a run, while it runs or afterwards, without touching it."""

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from holdfast.batch import tally as names
from holdfast.batch.errors import JournalMismatch, NoRequestsYet, UsageError
from holdfast.batch.file_locks import take_lock
from holdfast.batch.journal_format import (
    APPLICATION,
    FORMAT,
    About,
    Entry,
    about_of,
    entry_of,
)
from holdfast.batch.loading import objects_of
from holdfast.batch.reading import Request
from holdfast.batch.readonly import ReadOnlyFile, Row
from holdfast.batch.snapshot import Snapshot
from holdfast.batch.tally import Tally
from holdfast.redaction import redact_path, redact_value

_PAGE = 1000

_RESULTS = """
SELECT position, text, id, method, path, params
FROM results JOIN requests USING (line) WHERE position > ? ORDER BY position LIMIT ?
"""
_ENDED = """
SELECT position, ok, text, requests.*, begun.at
FROM results JOIN requests USING (line) LEFT JOIN begun USING (line)
WHERE position > ? AND ok <= ? ORDER BY position LIMIT ?
"""
_UNDER_WAY = """
SELECT requests.*, begun.at FROM requests JOIN begun USING (line)
WHERE line > ? AND NOT EXISTS (SELECT 1 FROM results WHERE results.line = requests.line)
ORDER BY line LIMIT ?
"""
_ENTRY_OF = {
    int: "SELECT requests.*, begun.at FROM requests LEFT JOIN begun USING (line) WHERE line = ?",
    str: "SELECT requests.*, begun.at FROM requests LEFT JOIN begun USING (line) WHERE id = ?",
}


class JournalView:
    """The journal of a run as it is in the moment of each question. Nothing is kept open, so it
    may be asked for days and from any thread, and never stands in the way of the run.

    Attributes:
        path: the file.
        about: what it is the journal of.

    What the methods raise if the file is gone or broken by then: UsageError.
    """

    def __init__(self, path: Path, about: About, file: ReadOnlyFile) -> None:
        self.path = path
        self.about = about
        self._file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """There is nothing to close; it is here so that a view can be used as a context."""

    def snapshot(self) -> Snapshot:
        """How far the run is."""
        return Snapshot.of(self._tally(), self.about.total)

    def totals(self) -> dict[str, Any]:
        """The figures of all that was done so far.

        Returns:
            `total`, `done`, `left`, `ok`, `failed`, `unsure`, `attempts`: numbers of requests and
            of attempts; `retries`: attempts beyond the first ones by the fault class that caused
            them; `waits`: seconds waited by cause; `hot`: seconds waited for each of the objects
            that most requests touch; `seconds`: time spent, without the time between two runs.
        """
        tally = self._tally()
        figures = Snapshot.of(tally, self.about.total)
        return {
            "total": figures.total,
            "done": figures.done,
            "left": figures.total - figures.done,
            "ok": figures.ok,
            "failed": figures.failed,
            "unsure": figures.unsure,
            "attempts": tally.count(names.ATTEMPTS),
            "retries": {fault: round(n) for fault, n in tally.parts(names.RETRIES).items()},
            "waits": tally.parts(names.WAITS),
            "hot": tally.parts(names.HOT),
            "seconds": figures.seconds,
        }

    def results(self, after: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
        """The results behind a position, in the order in which requests ended.

        A result has the fields of a line of the results file. In journals of earlier versions the
        line lacks `method`, `path` and `objects`, which are added here, and `began_at`, `seconds`
        and `exchanges`, which nobody knows.

        Args:
            after: a position that was seen before, or 0 for all.

        Returns:
            Each one with its position, counted from 1.
        """
        while True:
            rows = self._rows(_RESULTS, (after, _PAGE))
            for row in rows:
                yield row[0], _result(row)
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    def ended(self, *, only_not_ok: bool) -> Iterator[tuple[Entry, dict[str, Any]]]:
        """The requests that ended, with their keys, each with its result, in the same order."""
        after = 0
        while True:
            rows = self._rows(_ENDED, (after, not only_not_ok, _PAGE))
            for _, _, text, *entry in rows:
                yield entry_of(entry), json.loads(text)
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    def lines(self) -> list[int]:
        """The lines of all requests in the file."""
        return [line for (line,) in self._rows("SELECT line FROM requests")]

    def ids(self) -> Iterator[str]:
        """The ids of all requests in the file."""
        return (id_ for (id_,) in self._rows("SELECT id FROM requests"))

    def is_ok(self, line: int) -> bool:
        """Whether the request of a line has ended well."""
        return bool(self._rows("SELECT 1 FROM results WHERE line = ? AND ok", (line,)))

    def entry(self, which: int | str) -> Entry | None:
        """A request with its idempotency key, by its line or id; None if there is none."""
        rows = self._rows(_ENTRY_OF[type(which)], (which,))
        return entry_of(rows[0]) if rows else None

    def request(self, which: int | str) -> dict[str, Any] | None:
        """A request by its line in the file or its id, to be shown.

        Without its idempotency key, and without secrets and personal data; `entry` has them.

        Returns:
            `line`, `id`, `method`, `path` (without a query), `objects`, `params`, `account` and
            `begun_at` (unix seconds, None if it was never about to be sent, or is a GET); None if
            there is no such request.
        """
        entry = self.entry(which)
        return None if entry is None else _described(entry)

    def under_way(self) -> Iterator[dict[str, Any]]:
        """The writes that may have been sent and have no result, as `request` gives them.

        While the run is at work these are under way or about to be. If it was interrupted, they
        may have been executed; the run asks for them again when it goes on.
        """
        after = 0
        while True:
            rows = self._rows(_UNDER_WAY, (after, _PAGE))
            for row in rows:
                yield _described(entry_of(row))
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    def live(self) -> bool:
        """Whether a run is at work on it in this moment."""
        try:
            descriptor = os.open(
                self.path.with_name(f"{self.path.name}.lock"), os.O_RDONLY | os.O_CLOEXEC
            )
        except OSError:
            return False
        try:
            return not take_lock(descriptor, shared=True)
        finally:
            os.close(descriptor)

    def _tally(self) -> Tally:
        return Tally(dict(self._rows("SELECT name, value FROM tally")))

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> list[Row]:
        return _ask(self._file, query, values)


def open_journal(path: Path | str) -> JournalView:
    """Look at the journal of a run, also while the run writes to it.

    Args:
        path: the journal, such as `holdfast-run/journal.sqlite`.

    Raises:
        JournalMismatch: the file is something else, or a journal of another version.
        NoRequestsYet: nothing was sent so far; it may be loaded in this moment.
        UsageError: there is no such file, or it cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder, not a journal" if path.is_dir() else "does not exist"
        raise UsageError(f"the journal {path} {what}: give the one that holdfast run wrote")
    file = ReadOnlyFile(path)
    ((application, version),) = _ask(
        file, "SELECT * FROM pragma_application_id, pragma_user_version"
    )
    if application != APPLICATION:
        raise JournalMismatch(f"{path} is no journal of holdfast run")
    if version != FORMAT:
        raise JournalMismatch(
            f"{path} is the journal of another version of Holdfast (format {version}; this one "
            f"reads {FORMAT})"
        )
    about = about_of(dict(_ask(file, "SELECT name, value FROM meta")))
    if about is None:
        raise NoRequestsYet(
            f"the journal {path} holds no requests yet: the run is still reading its file, or was "
            "interrupted while it did, and nothing was sent"
        )
    return JournalView(path, about, file)


def _ask(file: ReadOnlyFile, query: str, values: tuple[object, ...] = ()) -> list[Row]:
    try:
        return file.rows(query, values)
    except sqlite3.OperationalError as error:
        raise UsageError(f"the journal {file.path} cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise JournalMismatch(f"{file.path} is no journal: {error}") from error
    except OSError as error:
        raise UsageError(f"the journal {file.path} cannot be read: {error.strerror}") from error


def _result(row: Row) -> dict[str, Any]:
    _, text, id_, method, path, params = row
    result: dict[str, Any] = json.loads(text)
    if "objects" not in result:
        request = Request(id_, method, path, json.loads(params))
        result |= {
            "method": method,
            "path": redact_path(request.shown_path),
            "objects": _objects(request),
        }
    return result


def _described(entry: Entry) -> dict[str, Any]:
    request = entry.request
    return {
        "line": entry.line,
        "id": request.id,
        "method": request.method,
        "path": redact_path(request.shown_path),
        "objects": _objects(request),
        "params": redact_value(request.params),
        "account": request.account,
        "begun_at": entry.begun_at,
    }


def _objects(request: Request) -> list[str]:
    return list(objects_of(request))
