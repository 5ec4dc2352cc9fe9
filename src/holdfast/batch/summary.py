"""What a run did: its figures, for a person and for a program."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.batch import tally as names
from holdfast.batch.journal import Journal
from holdfast.batch.journal_format import About
from holdfast.batch.snapshot import Snapshot
from holdfast.batch.workspace import Workspace
from holdfast.durations import format_duration
from holdfast.showing import shown

_LISTED = 10
_LONGEST_WHY = 1000


@dataclass(frozen=True, slots=True)
class HotObject:
    """An object that many requests touch: how many, and how long they queued for it together."""

    key: str
    requests: int
    waited: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of all that was done for a file.

    Attributes:
        figures: counts and time.
        attempts: how many times anything was sent.
        retries: attempts beyond the first ones, by the fault class that caused them.
        waits: seconds waited by all requests together, by cause.
        hottest: the objects that most requests touch.
        not_ok: the first results that are not ok.
        done_before: how many requests earlier runs had done already.
        target: where the requests went.
        results: the file of results.
        journal: the journal.
    """

    figures: Snapshot
    attempts: int
    retries: dict[str, int]
    waits: dict[str, float]
    hottest: tuple[HotObject, ...]
    not_ok: tuple[dict[str, Any], ...]
    done_before: int
    target: str
    results: str
    journal: str

    @property
    def all_ok(self) -> bool:
        """Whether every request of the file is done and ok."""
        return self.figures.ok == self.figures.total

    @property
    def left(self) -> int:
        """How many requests have no result yet."""
        return self.figures.total - self.figures.done

    @property
    def interrupted(self) -> bool:
        """Whether the run was stopped before it was done."""
        return self.left > 0

    @property
    def nothing_was_left(self) -> bool:
        """Whether earlier runs had done everything."""
        return self.done_before == self.figures.total

    @property
    def attempts_per_request(self) -> float:
        """The mean over the requests that ended."""
        return _mean(self.attempts, self.figures.done)

    def as_dict(self) -> dict[str, object]:
        """The summary as plain values that `json.dumps` takes."""
        figures = self.figures
        return {
            "total": figures.total,
            "done": figures.done,
            "ok": figures.ok,
            "failed": figures.failed,
            "unsure": figures.unsure,
            "left": self.left,
            "done_before": self.done_before,
            "interrupted": self.interrupted,
            "seconds": round(figures.seconds, 3),
            "requests_per_s": round(figures.rate, 1),
            "attempts": self.attempts,
            "attempts_per_request": round(self.attempts_per_request, 4),
            "retries": self.retries,
            "waits": {cause: round(seconds, 3) for cause, seconds in self.waits.items()},
            "hottest": [
                {"object": hot.key, "requests": hot.requests, "waited": round(hot.waited, 3)}
                for hot in self.hottest
            ],
            "target": self.target,
            "results": self.results,
            "journal": self.journal,
        }

    def lines(self) -> Iterator[str]:
        """The summary for a person."""
        figures = self.figures
        yield (
            f"{figures.done:,} of {figures.total:,} requests done: {figures.ok:,} ok, "
            f"{figures.failed:,} failed, {figures.unsure:,} unsure"
        )
        yield _row("time", f"{format_duration(figures.seconds)}, {figures.rate:,.0f} requests/s")
        yield _row("attempts", f"{self.attempts_per_request:.3f} a request")
        yield _row("retries", _listed(f"{cause} {n:,}" for cause, n in self.retries.items()))
        waits = (
            f"{cause} {format_duration(_mean(seconds, figures.done))}"
            for cause, seconds in self.waits.items()
        )
        yield _row("waited", f"{_listed(waits)} a request")
        if self.hottest:
            yield "hottest objects"
            for hot in self.hottest:
                waited = format_duration(_mean(hot.waited, hot.requests))
                key = shown(hot.key)
                yield f"  {key}: {hot.requests:,} requests, each in its queue for {waited}"
        yield _row("results", self.results)
        yield from self._not_ok_lines()

    def _not_ok_lines(self) -> Iterator[str]:
        if not self.not_ok:
            return
        yield "not ok"
        for result in self.not_ok:
            yield f"  {shown(result['id'])}: {result['status']}, {_why(result)}"
        left_out = self.figures.failed + self.figures.unsure - len(self.not_ok)
        if left_out > 0:
            yield f"  ... and {left_out:,} more"
        yield f"  each one's error and reason are in {self.results}"


def summarise(
    journal: Journal, about: About, workspace: Workspace, target: str, *, done_before: int
) -> Summary:
    """Sum up what a journal holds."""
    tally = journal.tally
    waited = tally.parts(names.HOT)
    return Summary(
        figures=Snapshot.of(tally, about.total),
        attempts=tally.count(names.ATTEMPTS),
        retries={fault: round(n) for fault, n in tally.parts(names.RETRIES).items()},
        waits=tally.parts(names.WAITS),
        hottest=tuple(HotObject(key, n, waited.get(key, 0.0)) for key, n in about.hottest),
        not_ok=tuple(journal.not_ok(_LISTED)),
        done_before=done_before,
        target=target,
        results=str(workspace.results),
        journal=str(workspace.journal),
    )


def nothing_done(target: str, journal: Path) -> Summary:
    """The figures of a run that had nothing to do."""
    return Summary(
        figures=Snapshot(total=0, done=0, ok=0, failed=0, unsure=0, retries=0, seconds=0.0),
        attempts=0,
        retries={},
        waits={},
        hottest=(),
        not_ok=(),
        done_before=0,
        target=target,
        results="",
        journal=str(journal),
    )


def _mean(total: float, number: int) -> float:
    return total / number if number else 0.0


def _row(name: str, value: str) -> str:
    return f"{name:<10}{value}"


def _listed(parts: Iterator[str]) -> str:
    return ", ".join(parts) or "none"


def _why(result: dict[str, Any]) -> str:
    error = result.get("error") or {}
    message = result.get("reason") or error.get("message") or result["stop_reason"]
    status = result["http_status"]
    why = shown(str(message), _LONGEST_WHY)
    return why if status is None else f"HTTP {status}, {why}"
