"""The lanes of one process: threads and tasks wait in them for their turn."""

import asyncio
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from contextvars import ContextVar

from holdfast.forks import in_each_child
from holdfast.lanes.changes import tell_of_lock, tell_of_widths
from holdfast.lanes.heat import Heat
from holdfast.lanes.relations import Relations
from holdfast.lanes.table import LaneTable, Ticket

holding: "ContextVar[tuple[Ticket, ...]]" = ContextVar("holdfast_holding", default=())
"""The tickets of the serialized blocks around this code, the outermost first."""


class MemoryLanes(LaneTable):
    """FIFO lanes of one process.

    Args:
        max_waiting: how many calls may wait in one lane; the next one is refused with `LaneFull`.
        clock: gives the time in seconds, for what is only true for a while.

    Attributes:
        heat: which objects were seen locked lately.
        relations: which object belongs to which.
    """

    heat: Heat
    relations: Relations

    def __init__(
        self, max_waiting: int = 10_000, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        super().__init__(max_waiting)
        with _registering:
            _instances.add(self)

    def _reset(self) -> None:
        super()._reset()
        self.heat = Heat(clock=self._clock)
        self.relations = Relations()

    def seen_locked(self, keys: Iterable[str]) -> None:
        """A request on these objects was refused because one of them was locked."""
        keys = tuple(keys)
        self.heat.mark(keys)
        with self._mutex:
            changed = [(key, self._widths.of(key)) for key in keys if self._widths.locked(key)]
        tell_of_lock(keys)
        tell_of_widths(changed)

    def enter(
        self,
        keys: Iterable[str],
        timeout: float | None = None,
        *,
        max_waiting: int | None = None,
        width: int = 1,
        on_wait: Callable[[], object] | None = None,
    ) -> Ticket | None:
        """Wait, on this thread, until the lanes of `keys` are entered.

        Lanes that a serialized block around it holds are entered already; for others it waits in
        the block's place.

        Args:
            keys: the objects.
            timeout: how long to wait at most, in seconds; None waits for ever.
            max_waiting: as in `enqueue`.
            width: as in `enqueue`.
            on_wait: is called if it has to wait.

        Returns:
            The ticket, or None when the time passed first (the places are given up then).

        Raises:
            LaneFull: as in `enqueue`.
        """
        ticket, elder = self._ticket(keys, width)
        try:
            if self._enter_free(ticket, elder):
                if self._late:
                    self._leave_late()
                return ticket
            gate = threading.Lock()
            gate.acquire()
            self._enqueue(ticket, gate.release, max_waiting, elder)
            if not ticket.entered:
                if on_wait is not None:
                    on_wait()
                gate.acquire(timeout=_seconds(timeout))
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
        width: int = 1,
        on_wait: Callable[[], object] | None = None,
    ) -> Ticket | None:
        """Wait, in this task, until the lanes of `keys` are entered. Like `enter` otherwise.

        A cancelled wait gives up its places.
        """
        ticket, elder = self._ticket(keys, width)
        try:
            if self._enter_free(ticket, elder):
                if self._late:
                    self._leave_late()
                return ticket
            gate = _Gate()
            self._enqueue(ticket, gate.open, max_waiting, elder)
            if not ticket.entered:
                if on_wait is not None:
                    on_wait()
                try:
                    gate.open_after(timeout)
                    await gate.future
                finally:
                    gate.close()
        except BaseException:
            ticket.leave()
            raise
        return _entered_or_left(ticket)

    def _ticket(self, keys: Iterable[str], width: int) -> tuple[Ticket, int | None]:
        """A new ticket; in a serialized block, without what is held and with the block's age."""
        around = holding.get()
        if not around:
            return Ticket(self, keys, width), None
        blocks = [block for block in around if block._lanes is self and block.entered]
        if not blocks:
            return Ticket(self, keys, width), None
        held = {key for block in blocks for key in block.keys}
        return Ticket(self, (key for key in keys if key not in held), width), blocks[0].born


class _Gate:
    """What a task waits on, opened from any thread."""

    __slots__ = ("_loop", "_thread", "_timer", "future")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._timer: asyncio.TimerHandle | None = None
        self.future: asyncio.Future[None] = self._loop.create_future()

    def open_after(self, seconds: float | None) -> None:
        """Open it in any case after so many seconds."""
        # Not `asyncio.timeout`: a waiting call would hold much more memory.
        if seconds is not None:
            self._timer = self._loop.call_later(seconds, self._set)

    def close(self) -> None:
        """Nobody waits on it any more."""
        if self._timer is not None:
            self._timer.cancel()

    def open(self) -> bool:
        """Let the task go on. False when its loop was closed under it: nobody is there."""
        try:
            if threading.get_ident() == self._thread and self._loop.is_running():
                self._set()  # no detour through the loop's selector
            else:
                self._loop.call_soon_threadsafe(self._set)
        except RuntimeError:
            return False
        return True

    def _set(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


def _seconds(timeout: float | None) -> float:
    """How long to wait, as `threading.Lock` takes it: below 0 means for ever, or is an error."""
    return -1 if timeout is None else min(max(timeout, 0.0), threading.TIMEOUT_MAX)


def _entered_or_left(ticket: Ticket) -> Ticket | None:
    # Granted and timed out at the same moment counts as granted: its turn has come.
    if ticket.entered:
        return ticket
    ticket.leave()
    # Granted between the look and the leaving: the lanes were passed on, so it is a time-out.
    return None


_instances: "weakref.WeakSet[MemoryLanes]" = weakref.WeakSet()
_registering = threading.Lock()


def lanes_in_use() -> tuple[MemoryLanes, ...]:
    """All lanes of this process, to look at: the shared ones and those of clients and batches."""
    with _registering:
        return tuple(_instances)


def _after_fork() -> None:
    global _registering
    _registering = threading.Lock()
    for lanes in _instances:
        lanes._reset()


in_each_child(_after_fork)

_process_lanes = MemoryLanes()


def process_lanes() -> MemoryLanes:
    """The lanes that all clients of this process share unless they are given others."""
    return _process_lanes
