"""Sources -> figures: each request counted once, by its latest result."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.report.ending import Ending
from holdfast.report.errors import ReportUsageError
from holdfast.report.figures import Figures
from holdfast.report.sources import About, Source, UnderWay, open_source

_NAMED = 50


@dataclass(slots=True)
class Report:
    """What a report tells.

    Attributes:
        sources: what it was made of: a run, then its retries.
        made_at: when it was made, in unix seconds.
        figures: the figures.
        on_the_wire: writes without a result that may have been sent, the first ones.
        on_the_wire_count: how many these are.
        replaced: results that a later one of the same request replaced.
    """

    sources: tuple[About, ...]
    made_at: float
    figures: Figures = field(default_factory=Figures)
    on_the_wire: list[UnderWay] = field(default_factory=list)
    on_the_wire_count: int = 0
    replaced: int = 0

    @property
    def left(self) -> int | None:
        """How many requests of the run have no result; None if nobody knows."""
        return self.sources[0].left

    @property
    def total(self) -> int | None:
        """How many requests there are; None if nobody knows."""
        return None if self.left is None else self.figures.done + self.left

    @property
    def seconds(self) -> float | None:
        """How long it took: the time of the runs, else from the first request to the last."""
        spent = [about.seconds for about in self.sources if about.seconds is not None]
        return sum(spent) if len(spent) == len(self.sources) else self.figures.span

    @property
    def live(self) -> bool:
        """Whether a run is at work on one of the sources."""
        return any(about.live for about in self.sources)

    @property
    def journal(self) -> About | None:
        """The journal that requests are retried from: the last one given."""
        journals = [about for about in self.sources if about.kind == "journal"]
        return journals[-1] if journals else None


def read_report(
    paths: Sequence[Path],
    *,
    watch: Callable[[Ending], object] = lambda _: None,
    wall_clock: Callable[[], float] = time.time,
) -> Report:
    """Read a run, or a run and its retries.

    Args:
        paths: journals and files of results, the oldest first. Of a request that is in several,
            the last one's result counts.
        watch: is told of every ending that counts.
        wall_clock: the time in unix seconds; the age of an idempotency key goes by it.

    Raises:
        ReportUsageError: one cannot be read, or is something else.
    """
    _check_apart(paths)
    sources = [open_source(path) for path in paths]
    report = Report(tuple(source.about for source in sources), wall_clock())
    for ending in _latest(sources, report):
        report.figures.add(ending)
        watch(ending)
    for source in sources:
        for request in source.under_way():
            report.on_the_wire_count += 1
            if len(report.on_the_wire) < _NAMED:
                report.on_the_wire.append(request)
    return report


def _latest(sources: Sequence[Source], report: Report) -> Iterator[Ending]:
    """Every request's latest ending.

    The last source is read first, so that only the ids of the later ones, which are the retries
    of few, are remembered.
    """
    seen: set[str] = set()
    for number in range(len(sources) - 1, -1, -1):
        for ending in sources[number].endings():
            if ending.id in seen:
                report.replaced += 1
                continue
            if number:
                seen.add(ending.id)
            yield ending


def _check_apart(paths: Sequence[Path]) -> None:
    if not paths:
        raise ReportUsageError("give the journal or the results of a run")
    seen: set[Path] = set()
    for path in paths:
        resolved = path.resolve()
        if resolved in seen:
            raise ReportUsageError(f"{path} is given twice: give each file once")
        seen.add(resolved)
