"""Batches under way: how far they are, and how long they will take."""

import sys
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any, Protocol

SHOWN = 20
"""How many runs a snapshot shows: those that were told of last."""

_LATELY = 30.0
_NOTES = 100


class Progress(Protocol):
    """How far a run is, as `holdfast.batch.Snapshot` has it."""

    @property
    def total(self) -> int:
        """The requests of the file."""

    @property
    def done(self) -> int:
        """Those that ended."""

    @property
    def ok(self) -> int:
        """Those that succeeded."""

    @property
    def failed(self) -> int:
        """Those that did not."""

    @property
    def unsure(self) -> int:
        """Those that may have been executed."""

    @property
    def retries(self) -> int:
        """Attempts beyond the first ones."""

    @property
    def rate(self) -> float:
        """Requests a second."""


class Pace:
    """How fast a run is lately.

    Attributes:
        per_s: requests a second over the last half minute; None while nobody can say.
    """

    __slots__ = ("_notes", "per_s")

    def __init__(self) -> None:
        self._notes: deque[tuple[float, int]] = deque(maxlen=_NOTES)
        self.per_s: float | None = None

    def note(self, done: int, now: float) -> None:
        """Take note of how many requests have ended by now (unix seconds)."""
        notes = self._notes
        while notes and (now - notes[0][0] > _LATELY or notes[0][0] > now):
            notes.popleft()
        notes.append((now, done))
        seconds = now - notes[0][0]
        self.per_s = (done - notes[0][1]) / seconds if seconds >= 1.0 else None


@dataclass(slots=True)
class _Run:
    """What was told of a run last."""

    progress: Progress
    waiting: int
    running: bool
    pace: Pace


class Runs:
    """The newest progress of each run of this process, which any thread may tell."""

    __slots__ = ("_mutex", "_newest")

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._newest: OrderedDict[str, _Run] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many requests wait for their objects before they become calls."""
        with self._mutex:
            return sum(run.waiting for run in self._newest.values())

    def told(self, event: Any) -> None:
        """Take note of an event, if it is one of a run: `holdfast.batch.RunProgressed`."""
        # Whoever runs a batch has imported it; nobody else has to.
        events = sys.modules.get("holdfast.batch.events")
        if events is None or type(event) is not events.RunProgressed:
            return
        with self._mutex:
            run = self._newest.get(event.name)
            if run is None:
                run = self._newest[event.name] = _Run(event.snapshot, 0, True, Pace())
                if len(self._newest) > SHOWN:
                    self._newest.popitem(last=False)
            run.progress, run.waiting, run.running = event.snapshot, event.waiting, event.running
            run.pace.note(run.progress.done, event.at)
            self._newest.move_to_end(event.name)

    def rows(self) -> list[dict[str, object]]:
        """The runs, the one that was told of last first."""
        with self._mutex:
            newest = list(reversed(self._newest.items()))
        return [
            run_row(name, run.progress, run.pace.per_s if run.running else None, run.running)
            for name, run in newest
        ]


def run_row(name: str, progress: Progress, per_s: float | None, running: bool) -> dict[str, object]:
    """A run as a snapshot shows it.

    Args:
        name: what it is called.
        progress: how far it is.
        per_s: how fast it is lately; None for its mean.
        running: whether anybody is at work on it; else nobody knows how long it will take.
    """
    rate, left = progress.rate if per_s is None else per_s, progress.total - progress.done
    return {
        "name": name,
        "total": progress.total,
        "done": progress.done,
        "ok": progress.ok,
        "failed": progress.failed,
        "unsure": progress.unsure,
        "retries": progress.retries,
        "per_s": rate,
        "left_s": _time_left(left, rate if running else 0.0),
        "finished": not left,
    }


def _time_left(left: int, rate: float) -> float | None:
    if not left:
        return 0.0
    return left / rate if rate > 0 else None
