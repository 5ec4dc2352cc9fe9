"""What there is to see of this process: its calls, lanes, limiters and runs, as plain values.

A board listens inline, because a queue may drop events and these numbers are exact. What it does on
a call's thread is small: an operation on a dictionary for a step, a receipt put aside at the end.
Now and then a call's end adds up the receipts put aside; if another thread is at it, it does not
wait.
"""

import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from holdfast.batch.events import RunProgressed
from holdfast.drivers.limiters import limiters
from holdfast.engine import CallEnded, Cause, FaultClass, Receipt, StopReason
from holdfast.forks import in_each_child
from holdfast.lanes import MemoryLanes, keys_for, lanes_in_use
from holdfast.observe.board.hot import AT_ONCE, HotObjects, crowds, hottest
from holdfast.observe.board.limits import limits
from holdfast.observe.board.rows import UNSURE, call_row, unsure_row
from holdfast.observe.board.runs import Runs
from holdfast.observe.board.series import Series
from holdfast.observe.board.slowest import Slowest
from holdfast.observe.board.totals import Totals
from holdfast.observe.board.underway import Look, UnderWay
from holdfast.ratelimit import MemoryLimiter
from holdfast.stream import Subscription, subscribe

# So many ended calls are put aside before they are added up: together that is quicker.
_ASIDE = 32

# A clock that goes back so far was put back, in seconds; by less, it was put right.
_PUT_BACK = 5.0

# A member looked up in its enumeration costs as much as a function call.
_LOCKED = FaultClass.LOCKED
_OK = StopReason.OK


class Board:
    """The figures of this process, from when it is attached on.

    It sees every call that is made while it is attached, on whatever thread or event loop. Its
    memory is bounded, whatever happens. A forked child has figures of its own, which begin at zero.

    Args:
        name: what the source is called; by default the name of the program.
        clock: gives unix seconds.
        lanes: gives all lanes in use.
        limiters: gives all limiters in use, the one used last at the end.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        clock: Callable[[], float] = time.time,
        lanes: Callable[[], Sequence[MemoryLanes]] = lanes_in_use,
        limiters: Callable[[], Sequence[MemoryLimiter]] = limiters,
    ) -> None:
        self._name = _program() if name is None else name
        self._clock = clock
        self._lanes = lanes
        self._limiters = limiters
        self._subscription: Subscription | None = None
        self._begin_anew()
        _boards.add(self)

    def _begin_anew(self) -> None:
        now = self._clock()
        self._mutex = threading.Lock()
        self._began_at = now
        self._aside: deque[Receipt] = deque()
        self._under_way = UnderWay()
        self._totals = Totals()
        self._forget_times(now)
        self._unsure: deque[Receipt] = deque(maxlen=UNSURE)
        self._runs = Runs()
        self._steps: dict[type, Callable[..., object]] = {
            **self._under_way.steps,
            CallEnded: self._ended,
        }

    def _forget_times(self, now: float) -> None:
        self._latest = now
        self._series = Series(now)
        self._hot = HotObjects()
        self._slowest: Slowest[Receipt] = Slowest()

    def __enter__(self) -> Self:
        return self.attach()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def attach(self) -> Self:
        """Begin to listen; a second time does nothing.

        Returns:
            The board itself.
        """
        if self._subscription is None:
            self._under_way.clear()  # how the calls of an earlier time went on, nobody has seen
            self._subscription = subscribe(self._told, inline=True)
        return self

    def close(self) -> None:
        """Listen no more; what was seen is still shown. A second time does nothing."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.close()

    def snapshot(self) -> dict[str, object]:
        """Everything there is to see now, as plain values that `json.dumps` takes."""
        subscription = self._subscription
        # Nobody adds up calls meanwhile, so that each call is either among those that ended or
        # among those that go on.
        with self._mutex:
            now = self._clock()
            self._add_up(now)
            look = self._under_way.look()
            return {
                "source": {
                    "kind": "process",
                    "name": self._name,
                    "pid": os.getpid(),
                    "began_at": self._began_at,
                    "now": now,
                    "live": subscription is not None,
                },
                "totals": {
                    **self._totals.as_dict(one.attempt for one in look.attempts),
                    "in_flight": look.in_flight,
                    "waiting": look.waiting_for(self._runs.waiting),
                    "dropped": 0 if subscription is None else _lost(subscription),
                },
                "series": self._series.as_dict(
                    now, ((one.attempt.fault._value_, one.ended_at) for one in look.attempts)
                ),
                "limits": limits(self._limiters()),
                "hot": self._hottest(look, now),
                "slowest": [call_row(receipt) for receipt in self._slowest.newest(now)],
                "unsure": [unsure_row(receipt, now) for receipt in reversed(self._unsure)],
                "runs": self._runs.rows(),
            }

    def _told(self, event: Any) -> None:
        step = self._steps.get(type(event))
        if step is not None:
            step(event)
        elif type(event) is RunProgressed:
            self._runs.told(event)

    def _ended(self, event: CallEnded) -> None:
        receipt = event.receipt
        if not receipt.server:
            return  # a block of the user's own code, no request
        aside = self._aside
        aside.append(receipt)
        if len(aside) >= _ASIDE and self._mutex.acquire(blocking=False):
            try:
                self._add_up(self._clock())
            finally:
                self._mutex.release()

    # Under the mutex.

    def _add_up(self, now: float) -> None:
        if now < self._latest - _PUT_BACK:
            # What was kept by its time is yet to come now, and would hide all that does come.
            self._forget_times(now)
        self._latest = now
        aside = self._aside
        for _ in range(len(aside)):
            self._add(aside.popleft(), now)
        self._series.level(self._under_way.waiting + self._runs.waiting, now)

    def _add(self, receipt: Receipt, now: float) -> None:
        queued = self._under_way.ended(receipt)
        self._totals.add(receipt)
        began_at = receipt.began_at or now - receipt.seconds
        for attempt in receipt.attempts:
            # The clock of a wall may be put back under a call.
            at = min(now, began_at + attempt.at + attempt.seconds)
            self._series.add(attempt.fault._value_, at)
            if attempt.fault is _LOCKED:
                self._hot.locked(_objects(receipt), at)
        ended_at = min(now, began_at + receipt.seconds)
        self._slowest.add(receipt, receipt.seconds, ended_at)
        waited = receipt.waits.get(Cause.LANE, 0.0)
        if queued and waited >= AT_ONCE:
            self._hot.waited(receipt.lanes, waited, ended_at)
        else:
            self._hot.passed(receipt.lanes, ended_at)
        if receipt.stop is not _OK and receipt.in_doubt:
            self._totals.unsure += 1
            self._unsure.append(receipt)

    def _hottest(self, look: Look, now: float) -> list[dict[str, object]]:
        locked = [
            key
            for one in look.attempts
            if one.attempt.fault is _LOCKED
            for key in _objects(one.receipt)
        ]
        lanes = crowds(self._lanes(), {*self._hot.contended(now), *locked})
        still_waiting = look.waiting_at(lanes, now)
        return hottest(self._hot, lanes, still_waiting, now, locked)


def _program() -> str:
    """The name of the program, or of the package that is run as one (`python -m`)."""
    path = Path(sys.argv[0])
    return (path.parent.name if path.name == "__main__.py" else path.name) or "python"


def _objects(receipt: Receipt) -> tuple[str, ...]:
    """What a call may have found locked; without lanes, as far as its path tells."""
    return receipt.lanes or keys_for(receipt.path)


def _lost(subscription: Subscription) -> int:
    return subscription.dropped + subscription.failed


_boards: "weakref.WeakSet[Board]" = weakref.WeakSet()


def _after_fork() -> None:
    for board in _boards:
        board._begin_anew()


in_each_child(_after_fork)
