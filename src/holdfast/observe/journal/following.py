"""What is new in a journal since the last look, while another process writes it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.batch.readonly import ReadOnlyFile, Row
from holdfast.batch.snapshot import Snapshot
from holdfast.batch.tally import Tally

_PAGE = 1000

# One statement sees one moment: the tally is written together with the results that it counts.
_MOMENT = """
SELECT name, value FROM tally
UNION ALL SELECT '', coalesce((SELECT max(position) FROM results), 0)
UNION ALL SELECT ' ', (SELECT value FROM meta WHERE name = 'run')
"""
_RESULTS = """
SELECT position, text FROM results WHERE position > ? AND position <= ? ORDER BY position
"""
_NOT_OK = """
SELECT position, text, begun.at FROM results LEFT JOIN begun USING (line)
WHERE NOT ok AND position > ? AND position <= ? ORDER BY position LIMIT ?
"""
_LEFT = """
SELECT requests.line, begun.line IS NOT NULL FROM requests LEFT JOIN begun USING (line)
WHERE requests.line >= ?
    AND NOT EXISTS (SELECT 1 FROM results WHERE results.line = requests.line)
ORDER BY requests.line LIMIT ?
"""
_REQUESTS_LEFT = """
SELECT line, path, params FROM requests
WHERE line > ? AND NOT EXISTS (SELECT 1 FROM results WHERE results.line = requests.line)
ORDER BY line LIMIT ?
"""

# The answer comes after all that is of interest here, and is most of the text. A quotation mark
# within a text is escaped, so these characters stand nowhere else.
_ANSWER = ',"answer":'

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a run is at one moment.

    Attributes:
        position: that of the newest result; they are numbered from 1.
        tally: all figures up to that one.
        run: which run it is; "" in a journal of an earlier version.
    """

    position: int
    tally: Tally
    run: str = ""

    def snapshot(self, total: int) -> Snapshot:
        """The figures of the run, which has so many requests."""
        return Snapshot.of(self.tally, total)


class Following:
    """Reads a journal piece by piece. Nothing stays open and the writer is not disturbed.

    Args:
        path: the journal; it must be one.

    What the methods raise if it cannot be read: OSError, sqlite3.Error.
    """

    def __init__(self, path: Path) -> None:
        self._file = ReadOnlyFile(path)

    def moment(self) -> Moment:
        """How far the run is now."""
        values: dict[str, Any] = dict(self._file.rows(_MOMENT))
        position, run = int(values.pop("")), values.pop(" ")
        return Moment(position, Tally(values), run or "")

    def results(self, after: int, until: int) -> list[Result]:
        """The results of some positions, without their answers.

        Args:
            after: the last position before them.
            until: the last one of them.
        """
        return [_head(row) for row in self._file.rows(_RESULTS, (after, until))]

    def not_ok(self, after: int, until: int) -> Iterator[Result]:
        """Those results of some positions that are not ok.

        Each has `begun_at` beside what a result has: when it was first about to be sent, in unix
        seconds, in whichever run that was; None if that was not noted.
        """
        while rows := self._file.rows(_NOT_OK, (after, until, _PAGE)):
            for row in rows:
                yield {**_head(row), "begun_at": row[2]}
            after = rows[-1][0]

    def left(self, first: int, limit: int) -> list[tuple[int, bool]]:
        """The first requests without a result, and whether each may have been sent.

        Args:
            first: no line before this one has no result.
            limit: how many, at the most.
        """
        return [(line, bool(begun)) for line, begun in self._file.rows(_LEFT, (first, limit))]

    def requests_left(self, after: int, limit: int) -> list[tuple[int, str, dict[str, Any]]]:
        """Line, path and parameters of the first requests behind a line that have no result."""
        rows = self._file.rows(_REQUESTS_LEFT, (after, limit))
        return [(line, path, json.loads(params)) for line, path, params in rows]


def _head(row: Row) -> Result:
    text: str = row[1]
    head, answer, _ = text.partition(_ANSWER)
    result: Result = json.loads(f"{head}}}" if answer else text)
    return result
