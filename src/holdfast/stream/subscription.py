"""One subscriber of events: on a thread of its own, or inline.

A queued subscriber may be slow, stuck or broken: what publishes puts an event into a bounded queue
and goes on. The thread is there only while there is something to tell.
"""

import atexit
import logging
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from enum import IntEnum
from queue import SimpleQueue
from typing import Any, Self

from holdfast.forks import in_each_child

logger = logging.getLogger("holdfast.stream")

LIMIT = 10_000
"""How many events may wait for a subscriber by default."""

# Woken for each event, the thread would take the interpreter from the calls again and again; many
# at once are told in a fraction of the time, too.
_GATHER = 0.1
# When so many wait, they are told at once: each keeps a few objects alive, and with thousands of
# these the garbage collector goes round and costs calls more than all else here.
_PLENTY = 256
# How long a thread waits for another one's turn to end, in seconds.
_TURN = 0.05
# With nothing to tell for so long, in seconds, the thread ends.
_IDLE = 5.0
# On the thread of a call these are most likely Ctrl-C and the handler of a signal.
_FOR_THE_PROGRAM = (KeyboardInterrupt, SystemExit)
# How long the end of the process waits for what is still to be told, in seconds.
_LAST_WORDS = 1.0


class Wanted(IntEnum):
    """Which events a subscriber wants; fewer cost a call less."""

    NOTHING = 0
    ENDS = 1
    """The ends of calls, with their receipts, and changes of state."""
    ALL = 2
    """Each step of each call, too."""


class Subscription(ABC):
    """A subscriber, until it is closed.

    Attributes:
        wanted: which events it gets.
        delivered: how many it was given.
        dropped: how many it was not, because too many were waiting for it.
        failed: how often it raised an exception; the first of each kind is logged.
    """

    __slots__ = (
        "__weakref__",
        "_complained",
        "_forget",
        "_mutex",
        "_subscriber",
        "delivered",
        "dropped",
        "failed",
        "wanted",
    )

    def __init__(
        self,
        subscriber: Callable[[Any], object],
        wanted: Wanted,
        forget: "Callable[[Subscription], object] | None" = None,
    ) -> None:
        self._subscriber = subscriber
        self._forget = forget
        self._mutex = threading.Lock()
        self._complained: set[type] = set()
        self.wanted = wanted
        self.delivered = self.dropped = self.failed = 0

    @abstractmethod
    def put(self, event: object) -> None:
        """Have the subscriber told; never raises, and never waits for a queued one."""

    @abstractmethod
    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until it was told of everything published so far.

        Args:
            timeout: how long to wait at most, in seconds.

        Returns:
            Whether it was; False for a subscriber that is too slow or stuck.
        """

    def close(self) -> None:
        """Publish to it no more; what waits for it is still told. A second time does nothing."""
        forget, self._forget = self._forget, None
        if forget is not None:
            forget(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The subscriber's own name, to tell subscriptions apart."""
        subscriber = self._subscriber
        name = getattr(subscriber, "__qualname__", None) or type(subscriber).__qualname__
        return str(name)

    @property
    def wants_all(self) -> bool:
        """Whether it gets each step of each call."""
        return self.wanted is Wanted.ALL

    def _tell(self, event: object) -> None:
        try:
            self._subscriber(event)
        except _FOR_THE_PROGRAM:
            self.failed += 1
            raise
        except BaseException as error:  # noqa: BLE001 - a CancelledError of its own, say
            self.failed += 1
            self._complain(error, event)
        else:
            self.delivered += 1

    def _complain(self, error: BaseException, event: object) -> None:
        # Once a kind: a subscriber that fails at each event would bury everything else.
        if type(error) not in self._complained:
            self._complained.add(type(error))
            logger.error(
                "the subscriber %s failed on %s; further failures of this kind are counted, "
                "not logged",
                self.name,
                type(event).__name__,
                exc_info=error,
            )

    def _begin_anew(self) -> None:
        self._mutex = threading.Lock()


class Inline(Subscription):
    """Told on the thread, or in the task, that publishes: its time is the call's.

    For what has to be there during the call, such as a span. It may be told by several threads at
    once, and in the midst of anything: the garbage collection ends a call that was forgotten.
    """

    __slots__ = ()

    def put(self, event: object) -> None:
        """Tell it now."""
        self._tell(event)

    def flush(self, timeout: float = 5.0) -> bool:  # noqa: ARG002 - as the base has it
        """It has been told of everything already."""
        return True


class Queued(Subscription):
    """Told on a thread of its own, in order, one event at a time.

    It is called within a copy of the context (`contextvars`) that the event arose in.

    Args:
        subscriber: what is called.
        wanted: which events it gets.
        limit: how many events may wait for it; the next one is dropped and counted.
        exact: tell it of that one on the thread of the call, instead of dropping it. Then it must
            be quick, and not mind the order or two threads at once.
        forget: is told when it is closed.
    """

    __slots__ = ("_exact", "_flushed", "_is_run", "_patience", "_queue", "_thread", "limit")

    _queue: SimpleQueue[tuple[Context | None, Any]]
    _flushed: threading.Event
    _thread: threading.Thread | None

    def __init__(
        self,
        subscriber: Callable[[Any], object],
        wanted: Wanted,
        limit: int = LIMIT,
        forget: Callable[[Subscription], object] | None = None,
        *,
        exact: bool = False,
    ) -> None:
        if limit < 1:
            raise ValueError(f"limit is {limit}: it must be at least 1 event")
        super().__init__(subscriber, wanted, forget)
        self.limit = limit
        self._exact = exact
        self._begin_queue()
        with _mutex:
            _queued.add(self)

    @property
    def waiting(self) -> int:
        """How many events wait for it."""
        return self._queue.qsize()

    def put(self, event: object) -> None:
        """Have it told soon, or count the event as dropped."""
        queue = self._queue
        waiting = queue.qsize()
        if waiting >= _PLENTY and self._patience.locked():
            self._hurry()
        if waiting >= self.limit:
            if self._exact:
                self._tell(event)
                return
            with self._mutex:
                self.dropped += 1
            if self._thread is None:  # it could not be started
                self._start()
            return
        queue.put((copy_context(), event))
        if self._thread is None:
            self._start()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until it was told of everything published so far."""
        if not self._queue.qsize() and self._thread is None:
            return True
        if threading.current_thread() is self._thread:
            return False  # by the subscriber itself: it would wait for its own end
        until = time.monotonic() + timeout
        self._hurry()
        if self._thread is None:
            self._start()
        # Each leaves a mark in the queue. Behind one that nobody has come to there is no need for
        # another: whoever asks a stuck subscriber again and again would fill the memory with them.
        if not self._flushed.wait(timeout):
            return False
        told = self._flushed = threading.Event()
        self._queue.put((None, told))
        self._hurry()
        if self._thread is None:  # it may have ended just now
            self._start()
        return told.wait(max(0.0, until - time.monotonic()))

    def _hurry(self) -> None:
        with suppress(RuntimeError):  # it is told so already
            self._patience.release()

    def _start(self) -> None:
        # A lock that is only ever tried: a call that ends in the midst of this, by the garbage
        # collection or in the handler of a signal, comes here again on the same thread.
        if not self._is_run.acquire(blocking=False):
            return
        thread = threading.Thread(target=self._run, name=f"holdfast-tell-{self.name}", daemon=True)
        self._thread = thread
        try:
            thread.start()
        except RuntimeError as error:
            # The process has too many threads, or is about to end. The next event tries again.
            self._thread = None
            self._is_run.release()
            if type(self) not in self._complained:
                self._complained.add(type(self))
                logger.warning("the subscriber %s is told of nothing now: %s", self.name, error)

    def _run(self) -> None:
        queue = self._queue
        idle_until = time.monotonic() + _IDLE
        while True:
            # It looks by itself, and goes away when nothing comes: a call that had to wake it would
            # pay more for that than for all else.
            self._patience.acquire(timeout=_GATHER)
            waiting = queue.qsize()
            if waiting:
                self._tell_all(waiting)
            now = time.monotonic()
            if waiting:
                idle_until = now + _IDLE
            elif now >= idle_until and self._end():
                return

    def _tell_all(self, number: int) -> None:
        # One thread after the other: all at once, they would hand the interpreter around, at the
        # expense of the calls. Nobody waits for long, though, for a subscriber that is stuck.
        is_mine = _turn.acquire(timeout=_TURN)
        try:
            for _ in range(number):
                self._deliver(*self._queue.get())
        finally:
            if is_mine:
                _turn.release()

    def _end(self) -> bool:
        """Let the thread end. What was put meanwhile keeps it; what comes later starts another."""
        self._thread = None
        self._is_run.release()
        if self._queue.empty() or not self._is_run.acquire(blocking=False):
            return True
        self._thread = threading.current_thread()
        return False

    def _deliver(self, context: Context | None, event: Any) -> None:
        if context is None:
            event.set()  # of `flush`
            return
        try:
            context.run(self._tell, event)
        except _FOR_THE_PROGRAM as error:
            self._complain(error, event)  # neither of them was meant for this thread

    def _begin_anew(self) -> None:
        super()._begin_anew()
        self._begin_queue()  # what waits in the old one is told by the parent

    def _begin_queue(self) -> None:
        self._queue = SimpleQueue()
        # Held while there is time to gather. No `Event`: in the midst of waiting for one, the
        # garbage collection may end a call, and the thread would wait for itself.
        self._patience = threading.Lock()
        self._patience.acquire()
        self._flushed = threading.Event()
        self._flushed.set()
        self._thread = None
        # Held by the thread, from before it begins until it ends.
        self._is_run = threading.Lock()


_turn = threading.Lock()
_mutex = threading.Lock()
_queued: "weakref.WeakSet[Queued]" = weakref.WeakSet()


def queued() -> list[Queued]:
    """The queued subscriptions of the process, those of single clients among them."""
    with _mutex:
        return list(_queued)


def flush_all(timeout: float) -> bool:
    """Flush every queued subscription of the process, each for so many seconds at most."""
    # All of them, also behind one that does not come to its end.
    done = [subscription.flush(timeout) for subscription in queued()]
    return all(done)


def _after_fork() -> None:
    global _mutex, _turn
    _mutex, _turn = threading.Lock(), threading.Lock()
    for subscription in _queued:
        subscription._begin_anew()


def _at_exit() -> None:
    until = time.monotonic() + _LAST_WORDS
    with _mutex:
        # A thread may have taken the last event out of the queue, and not have told it yet.
        busy = [one for one in _queued if one.waiting or one._thread is not None]
    for subscription in busy:
        subscription.flush(max(0.0, until - time.monotonic()))


in_each_child(_after_fork)
atexit.register(_at_exit)
