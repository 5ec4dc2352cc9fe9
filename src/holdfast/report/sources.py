"""What a report is made of: journals, and files of results read line by line."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from holdfast.batch import BatchError, JournalView, open_journal
from holdfast.batch.again.family import find_family
from holdfast.batch.journal_format import is_journal
from holdfast.report.ending import Ending, ending_of, read_ending
from holdfast.report.errors import ReportUsageError

_LONGEST_LINE = 1 << 24


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A write that may have been sent and has no result.

    Attributes:
        id: its id in the file of requests.
        method: the HTTP method.
        path: the path, without its query.
        begun_at: when it was about to be sent, in unix seconds.
    """

    id: str
    method: str
    path: str
    begun_at: float


@dataclass(slots=True)
class About:
    """What is known of a source.

    Attributes:
        path: the file.
        kind: `journal` or `results`.
        target: where the requests went, if it says so.
        file: SHA-256 of the file of requests, if it says so.
        total: how many requests the file of requests has, if it says so.
        seconds: how long the runs took altogether, if it says so.
        retry_of: the name of the journal that it retries, if it is the journal of a retry.
        retries: journals of retries beside it.
        live: whether a run is at work on it; a file of results alone does not tell.
        ended: how many results were read from it.
        torn: whether its last line was cut off.
        strange: lines that are no results.
        first_strange: the first of these, counted from 1.
    """

    path: Path
    kind: str
    target: str | None = None
    file: str | None = None
    total: int | None = None
    seconds: float | None = None
    retry_of: str | None = None
    retries: tuple[Path, ...] = ()
    live: bool = False
    ended: int = 0
    torn: bool = False
    strange: int = 0
    first_strange: int | None = None

    @property
    def left(self) -> int | None:
        """How many requests have no result in it; None if it does not tell."""
        return None if self.total is None else max(self.total - self.ended, 0)


class Source(Protocol):
    """What a report reads."""

    @property
    def about(self) -> About:
        """What is known of it; complete once its endings were read."""

    def endings(self) -> Iterator[Ending]:
        """How each request ended, in the order in which they did."""

    def under_way(self) -> Iterator[UnderWay]:
        """The writes that may have been sent and have no result, if the source knows them."""


class ResultsSource:
    """A file of results alone.

    Args:
        path: the file.

    Raises:
        ReportUsageError: it cannot be read, or does not hold results.
    """

    def __init__(self, path: Path) -> None:
        self.about: About = About(path, "results")
        with _opened(path) as file:
            first = file.readline(_LONGEST_LINE)
        # A run that has no result yet leaves an empty file, one that was killed a torn line.
        if first.endswith(b"\n") and read_ending(first) is None:
            raise ReportUsageError(
                f"{path}:1: this is no result of holdfast run: give the journal or the results "
                "of a run"
            )

    def endings(self) -> Iterator[Ending]:
        """How each request ended. A torn last line and strange lines are counted in `about`."""
        with _opened(self.about.path) as file:
            number = 0
            while line := file.readline(_LONGEST_LINE):
                number += 1
                if not line.endswith(b"\n"):
                    line += self._rest(file)
                ending = read_ending(line)
                if ending is not None:
                    self.about.ended += 1
                    yield ending
                elif not line.endswith(b"\n"):
                    self.about.torn = True
                elif line.strip():
                    self._strange(number)

    def under_way(self) -> Iterator[UnderWay]:
        """None: the results do not tell what is left."""
        return iter(())

    def _rest(self, file: BinaryIO) -> bytes:
        """Pass over what is left of a line that is far too long; only its break is kept."""
        while more := file.readline(_LONGEST_LINE):
            if more.endswith(b"\n"):
                return b"\n"
        return b""

    def _strange(self, number: int) -> None:
        self.about.strange += 1
        if self.about.first_strange is None:
            self.about.first_strange = number


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ReportUsageError(f"{path} cannot be read: {error.strerror}") from error


class JournalSource:
    """The journal of a run, which may be going on, or may have been killed.

    Args:
        path: the file.

    Raises:
        ReportUsageError: it cannot be read, or holds no requests yet.
    """

    def __init__(self, path: Path) -> None:
        with _told():
            self._view = open_journal(path)
            about, retry_of = self._view.about, self._view.about.retry_of
            self.about: About = About(
                path,
                "journal",
                target=about.target,
                file=about.file,
                total=about.total,
                seconds=self._view.totals()["seconds"],
                retry_of=None if retry_of is None else retry_of.journal,
                retries=_retries_of(self._view),
                live=self._view.live(),
            )

    def endings(self) -> Iterator[Ending]:
        """How each request ended."""
        with _told():
            for _, values in self._view.results():
                ending = ending_of(values)
                if ending is None:
                    continue
                self.about.ended += 1
                yield ending

    def under_way(self) -> Iterator[UnderWay]:
        """The writes that may have been sent and have no result."""
        with _told():
            for request in self._view.under_way():
                path, _, _ = request["path"].partition("?")
                yield UnderWay(request["id"], request["method"], path, request["begun_at"])


def open_source(path: Path) -> Source:
    """A journal or a file of results, whichever it is.

    Raises:
        ReportUsageError: it cannot be read, or is something else.
    """
    return JournalSource(path) if is_journal(path) else ResultsSource(path)


def _retries_of(journal: JournalView) -> tuple[Path, ...]:
    if journal.about.retry_of is not None:
        return ()
    return tuple(view.path for view in find_family(journal).retries)


@contextmanager
def _told() -> Iterator[None]:
    """What is wrong with a journal is wrong with the report."""
    try:
        yield
    except BatchError as error:
        raise ReportUsageError(str(error)) from error
