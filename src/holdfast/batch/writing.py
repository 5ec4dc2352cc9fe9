"""The one thread that writes: the journal in groups, then the results file."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from holdfast.batch.journal import Journal
from holdfast.batch.results import ResultsFile

_GROUP = 1024


@dataclass(frozen=True, slots=True)
class Begun:
    """A request is about to be sent."""

    line: int
    at: float
    then: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Ended:
    """A request ended; `count` adds it to the tally."""

    line: int
    ok: bool
    text: str
    count: Callable[[], object]
    then: Callable[[], object]


class Writer:
    """Writes down what it is told, many at a time: while one group goes to the disk, the next one
    gathers. `then` of a record is called once the record is on the disk.

    Its queue needs no bound of its own: nobody has more than one record in it, and the requests
    on their way are bounded.

    Args:
        journal: where records go first.
        results: where the results go then.
    """

    def __init__(self, journal: Journal, results: ResultsFile) -> None:
        self._journal = journal
        self._results = results
        self._queue: SimpleQueue[Begun | Ended | None] = SimpleQueue()
        self._closed = threading.Event()

    def put(self, record: Begun | Ended) -> None:
        """Have a record written. After `close` it is dropped: the request is sent again, with
        the same idempotency key, when the run goes on."""
        if not self._closed.is_set():
            self._queue.put(record)

    def close(self) -> None:
        """Let `run` end, once everything put so far is written."""
        self._closed.set()
        self._queue.put(None)

    def run(self) -> None:
        """Write until closed."""
        while True:
            group, last = self._gather()
            if group:
                self._write(group)
            if last:
                return

    def _gather(self) -> tuple[list[Begun | Ended], bool]:
        """Wait for a record; take those that have come by then."""
        group: list[Begun | Ended] = []
        record = self._queue.get()
        while record is not None:
            group.append(record)
            if len(group) >= _GROUP:
                return group, False
            try:
                record = self._queue.get_nowait()
            except Empty:
                return group, False
        return group, True

    def _write(self, group: Sequence[Begun | Ended]) -> None:
        begun = [(record.line, record.at) for record in group if isinstance(record, Begun)]
        ended = [record for record in group if isinstance(record, Ended)]
        for record in ended:
            record.count()
        self._journal.write(begun, [(record.line, record.ok, record.text) for record in ended])
        if ended:
            self._results.append(record.text for record in ended)
        for any_record in group:
            any_record.then()
