"""Journals without a run: what a run would have written, on a clock of the test's own."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from holdfast.batch import tally as names
from holdfast.batch.conclusion import Status
from holdfast.batch.journal import Journal
from holdfast.batch.journal_format import About
from holdfast.batch.reading import Request
from holdfast.batch.results import Result
from holdfast.batch.workspace import Workspace
from holdfast.engine import Attempt, FaultClass

ANSWER = {"id": "cus_1", "object": "customer", "text": ',"answer":' * 3}


class WrittenJournal:
    """A journal that a test writes as a run does.

    Args:
        path: the file.
        requests: method, path and parameters of each, in the file's order.
        run: tells it from other journals.
    """

    def __init__(
        self, path: Path, requests: Sequence[tuple[str, str, dict[str, object]]], run: str = ""
    ) -> None:
        self.path = path
        self.requests = requests
        self._journal = Journal(path)
        with self._journal.loading() as loading:
            for line, (method, where, params) in enumerate(requests, 1):
                loading.add(line, Request(f"r-{line}", method, where, params), f"key-{line}")
            about = About("file", "https://api.stripe.com", len(requests), (), run)
            loading.finish(about)
        self._journal.loaded(about)
        self._closed = False

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._journal.close()

    def begin(self, *lines: int, at: float) -> None:
        """These requests are about to be sent."""
        self._journal.write([(line, at) for line in lines], [])

    def end(self, results: Iterable[tuple[int, Result]], seconds: float = 1.0) -> None:
        """These requests have ended, all in one group."""
        tally, rows = self._journal.tally, []
        for line, result in results:
            tally.add(names.DONE, 1)
            tally.add(result.status.value, 1)
            tally.add(names.ATTEMPTS, result.attempts)
            for fault in result.fault_classes[:-1]:
                tally.add(names.RETRIES, 1, fault)
            rows.append((line, result.status is Status.OK, result.text()))
        tally.add(names.SECONDS, seconds)
        self._journal.write([], rows)

    def result(
        self,
        line: int,
        *faults: FaultClass,
        began_at: float,
        takes: float = 0.1,
        waited: float = 0.0,
        objects: Sequence[str] = (),
    ) -> tuple[int, Result]:
        """How a request ended; its last fault tells how."""
        method, path, _ = self.requests[line - 1]
        exchanges = [
            Attempt(
                number,
                fault,
                None,
                f"req_{line}",
                None,
                False,
                waited + takes * (number - 1),
                takes,
            )
            for number, fault in enumerate(faults, 1)
        ]
        status = {FaultClass.OK: Status.OK, FaultClass.INTERRUPTED: Status.UNSURE}
        ended = status.get(faults[-1], Status.FAILED)
        result = Result(
            id=f"r-{line}",
            method=method,
            path=path,
            objects=objects,
            status=ended,
            stop_reason="ok" if ended is Status.OK else "attempts",
            began_at=began_at,
            seconds=waited + takes * len(faults),
            exchanges=exchanges,
            waits={"lane": waited},
            answer=ANSWER if ended is Status.OK else None,
            error=None if ended is Status.OK else {"message": "no"},
            reason="no whole answer came" if ended is Status.UNSURE else None,
        )
        return line, result

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """As long as this lasts a run seems to be at work on it."""
        with Workspace(self.path, self.path.with_name("results.jsonl")).locked():
            yield
