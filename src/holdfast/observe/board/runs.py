"""Batches under way: how far they are, and how long they will take."""

from collections import deque
from dataclasses import dataclass

from holdfast.batch.events import RunProgressed
from holdfast.batch.snapshot import Snapshot

SHOWN = 20
"""How many runs a snapshot shows: those that were told of last."""

# How far back a pace goes, and how far its notes are apart, in seconds.
_LATELY = 30.0
_APART = 0.5


class Pace:
    """How fast a run is lately.

    Attributes:
        per_s: requests a second over the last half minute; None while nobody can say.
    """

    __slots__ = ("_notes", "per_s")

    def __init__(self) -> None:
        self._notes: deque[tuple[float, int]] = deque(maxlen=int(_LATELY / _APART) + 1)
        self.per_s: float | None = None

    def note(self, done: int, now: float) -> None:
        """Take note of how many requests have ended by now (unix seconds)."""
        notes = self._notes
        while notes and (now - notes[0][0] > _LATELY or notes[0][0] > now):
            notes.popleft()
        if not notes or now - notes[-1][0] >= _APART:
            notes.append((now, done))
        seconds = now - notes[0][0]
        self.per_s = (done - notes[0][1]) / seconds if seconds >= 1.0 else None


@dataclass(frozen=True, slots=True)
class _Run:
    """What was told of a run last."""

    progress: Snapshot
    waiting: int
    running: bool
    at: float
    pace: Pace


class Runs:
    """The newest progress of each run of this process.

    Each run tells of itself on one thread; others may look. No mutex: whoever is told of a call's
    end asks here, and that may happen in the midst of anything.
    """

    __slots__ = ("_newest",)

    def __init__(self) -> None:
        self._newest: dict[str, _Run] = {}

    @property
    def waiting(self) -> int:
        """How many requests wait for their objects before they become calls."""
        return sum(run.waiting for run in list(self._newest.values()))

    def told(self, event: RunProgressed) -> None:
        """Take note of how far a run is."""
        earlier = self._newest.get(event.name)
        pace = Pace() if earlier is None else earlier.pace
        pace.note(event.snapshot.done, event.at)
        run = _Run(event.snapshot, event.waiting, event.running, event.at, pace)
        self._newest[event.name] = run
        for name, _ in self._in_order()[SHOWN:]:
            self._newest.pop(name, None)

    def rows(self) -> list[dict[str, object]]:
        """The runs, the one that was told of last first."""
        return [
            run_row(name, run.progress, run.pace.per_s if run.running else None, run.running)
            for name, run in self._in_order()
        ]

    def _in_order(self) -> "list[tuple[str, _Run]]":
        """Those that were told of last come first."""
        runs = list(self._newest.items())  # a copy, which other threads cannot change
        return sorted(runs, key=lambda item: -item[1].at)


def run_row(name: str, progress: Snapshot, per_s: float | None, running: bool) -> dict[str, object]:
    """A run as a snapshot shows it.

    Args:
        name: what it is called.
        progress: how far it is.
        per_s: how fast it is lately; None for its mean.
        running: whether anybody is at work on it. One that was stopped does nothing a second.
    """
    left = progress.total - progress.done
    rate = progress.rate if per_s is None else per_s
    if left and not running:
        rate = 0.0
    return {
        "name": name,
        "total": progress.total,
        "done": progress.done,
        "ok": progress.ok,
        "failed": progress.failed,
        "unsure": progress.unsure,
        "retries": progress.retries,
        "per_s": rate,
        "left_s": _time_left(left, rate),
        "finished": not left,
    }


def _time_left(left: int, rate: float) -> float | None:
    if not left:
        return 0.0
    return left / rate if rate > 0 else None
