"""What was read of one journal so far."""

from collections import Counter, deque
from typing import Any

from holdfast.batch import retry_command
from holdfast.batch import tally as names
from holdfast.batch.again.handles import showable
from holdfast.batch.journal_view import JournalView
from holdfast.batch.snapshot import Snapshot
from holdfast.batch.tally import Tally
from holdfast.observe.board.hot import AT_ONCE, HotObjects, hottest
from holdfast.observe.board.rows import UNSURE
from holdfast.observe.board.runs import Pace, run_row
from holdfast.observe.board.series import Series
from holdfast.observe.board.slowest import MINUTES, Slowest
from holdfast.observe.journal.following import Following, Moment, Result
from holdfast.observe.journal.rows import result_row, unsure_row
from holdfast.observe.journal.window import Queues, Window

ROWS = 10_000
"""How many results one look reads at the most, the newest first."""

_PAGE = 1000


class JournalState:
    """The figures of one run, as far as its journal was read.

    Args:
        view: the journal.
        name: what the run is called.
    """

    def __init__(self, view: JournalView, name: str) -> None:
        self._view = view
        self._name = name
        self._journal = Following(view.path)
        self._moment = Moment(0, Tally())
        self._unread: list[tuple[int, int]] = []
        self._began_at: float | None = None
        self._ended_at = 0.0
        self._last_faults: Counter[str] = Counter()
        self._stops: Counter[str] = Counter()
        self._unsure: deque[Result] = deque(maxlen=UNSURE)
        self._series = Series(0.0)
        self._hot = HotObjects()
        self._slowest: Slowest[Result] = Slowest()
        self._window = Window()
        self._pace = Pace()

    def goes_on(self) -> bool:
        """Take note of how far the run is. False: it is another run, which began anew."""
        before, now = self._moment.position, self._journal.moment()
        # A new file may have the number of the one that was deleted, and more results.
        if now.position < before or now.run != self._view.about.run:
            return False
        self._moment = now
        if now.position > before:
            self._unread.append((before, now.position))
            for result in self._journal.not_ok(before, now.position):
                self._last_faults.update(result["fault_classes"][-1:])
                self._stops[result["stop_reason"]] += 1
                if result["status"] == "unsure":
                    self._unsure.append(result)
            if not before:
                self._began_at = self._journal.results(0, 1)[0].get("began_at")
        return True

    def snapshot(self, now: float) -> dict[str, object]:
        """Everything there is to see now (unix seconds)."""
        live = self._view.live()
        self._read_back(now, live=live)
        # A run that is over is shown as it was in the end.
        at = now if live or not self._ended_at else self._ended_at
        progress = self._moment.snapshot(self._view.about.total)
        queues = self._window.look(self._journal) if live else Queues()
        self._series.level(queues.waiting, at)
        self._pace.note(progress.done, now)
        return {
            "source": {
                "kind": "journal",
                "name": self._name,
                "pid": None,
                "began_at": now if self._began_at is None else self._began_at,
                "now": now,
                "ended_at": None if live else self._ended_at or None,
                "live": live,
            },
            "totals": self._totals(progress, queues),
            "series": self._series.as_dict(at),
            "limits": [],
            "hot": hottest(self._hot, queues.lanes, {}, at),
            "slowest": [result_row(result) for result in self._slowest.newest(at)],
            "unsure": [
                unsure_row(result, self._retry(result), now) for result in reversed(self._unsure)
            ],
            "runs": [run_row(self._name, progress, self._pace.per_s if live else None, live)],
        }

    def _totals(self, progress: Snapshot, queues: Queues) -> dict[str, Any]:
        tally = self._moment.tally
        # Each attempt but the last of a request was followed by a retry.
        classes, stops = Counter(self._last_faults), Counter(self._stops)
        for fault, number in tally.parts(names.RETRIES).items():
            classes[fault] += round(number)
        if progress.ok:
            classes["ok"] += progress.ok
            stops["ok"] += progress.ok
        return {
            "calls": progress.done,
            "in_flight": queues.sent,
            "attempts": tally.count(names.ATTEMPTS),
            "retries": progress.retries,
            "waiting": {"lane": queues.waiting, "limiter": 0, "backoff": 0},
            "classes": dict(classes),
            "stops": dict(stops),
            "unsure": progress.unsure,
            "dropped": 0,
        }

    def _retry(self, result: Result) -> str:
        return retry_command(
            self._view.path, [showable(result["id"])], target=self._view.about.target
        )

    def _read_back(self, now: float, *, live: bool) -> None:
        """Read results from the newest one backwards, until they are too old to be shown."""
        budget = ROWS
        while self._unread and budget > 0:
            after, until = self._unread.pop()
            first = max(after, until - min(_PAGE, budget))
            newest = max(
                [self._add(result, now) for result in self._journal.results(first, until)],
                default=0.0,
            )
            budget -= until - first
            self._ended_at = max(self._ended_at, newest)
            if newest <= (now if live else self._ended_at) - MINUTES:
                self._unread.clear()  # the rest is older
            elif first > after:
                self._unread.append((after, first))

    def _add(self, result: Result, now: float) -> float:
        """Add a result to what happened lately. Returns when it ended, in unix seconds."""
        began_at = result.get("began_at")
        if began_at is None:
            return 0.0  # of a journal of an earlier version
        objects, exchanges = result["objects"], result["exchanges"]
        for exchange in exchanges:
            at = min(now, began_at + exchange["at"] + exchange["seconds"])
            self._series.add(exchange["fault"], at)
            if exchange["fault"] == "locked":
                self._hot.locked(objects, at)
        ended_at: float = min(now, began_at + result["seconds"])
        self._slowest.add(result, result["seconds"], ended_at)
        waited = result["waits"].get("lane", 0.0)
        if waited >= AT_ONCE:
            self._hot.waited(objects, waited, ended_at)
        else:
            self._hot.passed(objects, ended_at)
        return ended_at
