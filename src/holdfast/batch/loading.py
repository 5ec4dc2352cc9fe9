"""The file of requests -> the journal: checked as a whole, written down as a whole."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from holdfast.batch.errors import BadRequests, Stopped, UsageError
from holdfast.batch.journal import Journal, Loading
from holdfast.batch.journal_format import About
from holdfast.batch.reading import Line, Reader, Request
from holdfast.lanes import keys_for
from holdfast.showing import shown

_HOTTEST = 5
_COUNTED = 100_000


def new_key() -> str:
    """Make an idempotency key: 122 random bits from the operating system."""
    return str(uuid.uuid4())


def objects_of(request: Request) -> tuple[str, ...]:
    """The objects that a request touches."""
    return keys_for(request.path, request.params)


def load(
    source: Path,
    journal: Journal,
    target: str,
    *,
    report: Callable[[str], object],
    make_key: Callable[[], str] = new_key,
    stopped: Callable[[], bool] = lambda: False,
) -> About:
    """Write the requests of a file into an empty journal.

    Args:
        source: the file.
        journal: where to.
        target: what the requests will be sent to, without any secret.
        report: is told of each problem, as `FILE:LINE: sentence`.
        make_key: gives an idempotency key that was never used.
        stopped: whether to give up.

    Returns:
        What the journal now is of. All is on disk by then.

    Raises:
        BadRequests: lines are bad; all problems were reported, and the journal is as it was.
        UsageError: the file cannot be read.
        Stopped: it was asked to give up; the journal is as it was.
    """
    problems = _Problems(source, report)
    heat = Heat()
    try:
        stream = source.open("rb")
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}") from error
    total = 0
    with stream, journal.loading() as loading:
        reader = Reader(stream)
        for line in reader:
            if stopped():
                raise Stopped(f"stopped while reading {source}; nothing was sent")
            request = _add(line, loading, problems, make_key)
            if request is not None:
                total += 1
                heat.count(objects_of(request))
        problems.raise_any()
        about = About(reader.fingerprint, target, total, heat.hottest(), uuid.uuid4().hex)
        loading.finish(about)
    journal.loaded(about)
    return about


def _add(
    line: Line, loading: Loading, problems: "_Problems", make_key: Callable[[], str]
) -> Request | None:
    for problem in line.problems:
        problems.add(line.number, problem)
    request = line.request
    if request is None:
        if line.id is not None:
            first = loading.claim_id(line.number, line.id)
            problems.add_duplicate(line.number, line.id, first)
        return None
    key = request.idempotency_key
    if key is None and request.keyed:
        key = make_key()
    first = loading.add(line.number, request, key)
    problems.add_duplicate(line.number, request.id, first)
    if request.idempotency_key is not None:
        other = loading.claim_key(line.number, request)
        if other is not None:
            problems.add(
                line.number,
                f"its idempotency_key is already used in line {other} for another "
                "request: give each request its own key, or none",
            )
    return request


class _Problems:
    """What is wrong with the file: all of it is reported, a bounded part of it kept."""

    def __init__(self, source: Path, report: Callable[[str], object]) -> None:
        self._source = source
        self._report = report
        self._count = 0
        self._first: list[str] = []

    def add(self, line: int, sentence: str) -> None:
        text = f"{self._source}:{line}: {sentence}"
        self._report(text)
        self._count += 1
        if len(self._first) < BadRequests.KEPT:
            self._first.append(text)

    def add_duplicate(self, line: int, id_: str, first: int | None) -> None:
        if first is not None:
            self.add(line, f'the id "{shown(id_)}" is already used in line {first}')

    def raise_any(self) -> None:
        if self._count:
            raise BadRequests(str(self._source), self._count, self._first)


class Heat:
    """Counts how many requests touch each object, in bounded memory.

    Exact for up to `_COUNTED` objects. Beyond that the rarest are forgotten now and then: an
    object that is hot is not among them.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def count(self, keys: Iterable[str]) -> None:
        """Count a request that touches these."""
        self._counts.update(keys)
        if len(self._counts) > 2 * _COUNTED:
            self._counts = Counter(dict(self._counts.most_common(_COUNTED)))

    def hottest(self) -> tuple[tuple[str, int], ...]:
        """Those that most requests touch, with their numbers."""
        return tuple(self._counts.most_common(_HOTTEST))
