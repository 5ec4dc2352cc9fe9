"""The lanes of one process: a FIFO lock an object, for threads and event loops together.

A call takes its place in all of its lanes in one step, under one mutex. So every lane holds its
calls in the same overall order, and the call that came first is first everywhere: no cycle of
waiting can arise, whatever objects the calls name. The mutex is held for a few dictionary
operations and never while anybody waits.
"""

import asyncio
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable

from holdfast.errors import LaneFull


class _Lane:
    """One object's lane: it exists only while somebody holds it."""

    __slots__ = ("holder", "waiting")

    def __init__(self, holder: "Ticket") -> None:
        self.holder = holder
        # Made when the first call has to wait. An OrderedDict, because a cancelled call must give
        # up its place in the middle of ten thousand others in constant time.
        self.waiting: OrderedDict[Ticket, None] | None = None


class Ticket:
    """One call's place in the lanes of its objects."""

    __slots__ = ("_blocked", "_granted", "_lanes", "_left", "keys")

    def __init__(self, lanes: "MemoryLanes", keys: Iterable[str]) -> None:
        self.keys = tuple(dict.fromkeys(keys))
        self._lanes = lanes
        self._blocked = 0
        self._left = False
        self._granted: Callable[[], object] | None = None

    @property
    def entered(self) -> bool:
        """Whether the ticket is first in every one of its lanes and still holds them."""
        return self._blocked == 0 and not self._left

    def leave(self) -> bool:
        """Give up the lanes, or the places in them. Calling it again does nothing.

        Returns:
            Whether somebody who waited now has all of its lanes.
        """
        return self._lanes._leave(self)


class MemoryLanes:
    """FIFO lanes of one process.

    Args:
        max_waiting: how many calls may wait in one lane; the next one is refused with `LaneFull`.
    """

    def __init__(self, max_waiting: int = 10_000) -> None:
        if max_waiting < 1:
            raise ValueError(f"max_waiting is {max_waiting}: it must be at least 1 call")
        self.max_waiting = max_waiting
        self._reset()
        _instances.add(self)

    def _reset(self) -> None:
        self._mutex = threading.Lock()
        self._lanes: dict[str, _Lane] = {}

    def __len__(self) -> int:
        """How many lanes exist now: those of objects that somebody holds."""
        return len(self._lanes)

    def waiting(self, key: str) -> int:
        """How many calls wait in the lane of `key` (its holder not counted)."""
        with self._mutex:
            lane = self._lanes.get(key)
            return len(lane.waiting) if lane is not None and lane.waiting is not None else 0

    def enqueue(
        self,
        keys: Iterable[str],
        granted: Callable[[], object],
        *,
        max_waiting: int | None = None,
    ) -> Ticket:
        """Take a place in the lanes of `keys`, without waiting for them.

        Args:
            keys: the objects; doubles count once. None at all is granted at once.
            granted: called exactly once, when the ticket is first in all of its lanes: before
                `enqueue` returns, or later from whatever thread frees the last of them. It must
                not block. If it returns `False`, nobody is there any more and the lanes pass on.
            max_waiting: bound for this call, instead of the one of the lanes.

        Returns:
            The ticket; its `leave()` frees the lanes, or the places in the queues.

        Raises:
            LaneFull: a lane has `max_waiting` calls waiting; no place was taken in any.
        """
        ticket = Ticket(self, keys)
        self._enqueue(ticket, granted, max_waiting)
        if ticket.entered and granted() is False:
            ticket.leave()
        return ticket

    def enter(
        self,
        keys: Iterable[str],
        timeout: float | None = None,
        *,
        max_waiting: int | None = None,
    ) -> Ticket | None:
        """Wait, on this thread, until the lanes of `keys` are entered.

        Args:
            keys: the objects.
            timeout: how long to wait at most, in seconds; None waits for ever.
            max_waiting: as in `enqueue`.

        Returns:
            The ticket, or None when the time passed first (the places are given up then).

        Raises:
            LaneFull: as in `enqueue`.
        """
        gate = threading.Lock()
        gate.acquire()
        ticket = Ticket(self, keys)
        try:
            self._enqueue(ticket, gate.release, max_waiting)
            if not ticket.entered:
                gate.acquire(timeout=-1 if timeout is None else min(timeout, threading.TIMEOUT_MAX))
        except BaseException:
            ticket.leave()
            raise
        return _entered_or_left(ticket)

    async def enter_async(
        self,
        keys: Iterable[str],
        timeout: float | None = None,  # noqa: ASYNC109 - the twin of `enter`
        *,
        max_waiting: int | None = None,
    ) -> Ticket | None:
        """Wait, in this task, until the lanes of `keys` are entered. Like `enter` otherwise.

        A cancelled wait gives up its places.
        """
        loop = asyncio.get_running_loop()
        gate: asyncio.Future[None] = loop.create_future()

        def open_gate() -> None:
            if not gate.done():
                gate.set_result(None)

        def granted() -> bool:
            try:
                loop.call_soon_threadsafe(open_gate)
            except RuntimeError:
                return False  # the loop was closed under a waiting task: pass the lanes on
            return True

        ticket = Ticket(self, keys)
        try:
            self._enqueue(ticket, granted, max_waiting)
            if not ticket.entered:
                async with asyncio.timeout(timeout):
                    await gate
        except TimeoutError:
            pass
        except BaseException:
            ticket.leave()
            raise
        return _entered_or_left(ticket)

    def _enqueue(
        self, ticket: Ticket, granted: Callable[[], object], max_waiting: int | None
    ) -> None:
        bound = self.max_waiting if max_waiting is None else max_waiting
        lanes = self._lanes
        with self._mutex:
            for key in ticket.keys:
                lane = lanes.get(key)
                if lane is not None and lane.waiting is not None and len(lane.waiting) >= bound:
                    raise LaneFull(key, bound)
            for key in ticket.keys:
                lane = lanes.get(key)
                if lane is None:
                    lanes[key] = _Lane(ticket)
                    continue
                if lane.waiting is None:
                    lane.waiting = OrderedDict()
                lane.waiting[ticket] = None
                ticket._blocked += 1
            if ticket._blocked:
                ticket._granted = granted

    def _leave(self, ticket: Ticket) -> bool:
        leaving = [ticket]
        passed_on = False
        while leaving:
            for heir in self._release(leaving.pop()):
                granted, heir._granted = heir._granted, None
                if granted is not None and granted() is False:
                    leaving.append(heir)
                else:
                    passed_on = True
        return passed_on

    def _release(self, ticket: Ticket) -> list[Ticket]:
        """Take a ticket out of its lanes; return the tickets that thereby have all of theirs."""
        heirs = []
        with self._mutex:
            if ticket._left:
                return []
            ticket._left = True
            for key in ticket.keys:
                lane = self._lanes.get(key)
                if lane is None:
                    continue  # never queued, or forked away
                if lane.holder is not ticket:
                    if lane.waiting is not None:
                        lane.waiting.pop(ticket, None)
                elif lane.waiting:
                    heir, _ = lane.waiting.popitem(last=False)
                    lane.holder = heir
                    heir._blocked -= 1
                    if heir._blocked == 0:
                        heirs.append(heir)
                else:
                    del self._lanes[key]
        return heirs


def _entered_or_left(ticket: Ticket) -> Ticket | None:
    # Granted and timed out at the same moment counts as granted: its turn has come.
    if ticket.entered:
        return ticket
    ticket.leave()
    # Granted between the look and the leaving: the lanes were passed on, so it is a time-out.
    return None


_instances: "weakref.WeakSet[MemoryLanes]" = weakref.WeakSet()


def _after_fork() -> None:
    # The child has one thread and none of the parent's calls; a mutex held by another thread at
    # the moment of the fork would stay locked for ever.
    for lanes in _instances:
        lanes._reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

_process_lanes = MemoryLanes()


def process_lanes() -> MemoryLanes:
    """The lanes that all clients of this process share unless they are given others."""
    return _process_lanes
