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
from contextvars import Context, copy_context
from enum import IntEnum
from queue import Empty, SimpleQueue
from typing import Any, Self

from holdfast.forks import in_each_child

logger = logging.getLogger("holdfast.stream")

LIMIT = 10_000
"""How many events may wait for a subscriber by default."""

# Woken for each event, the thread would take the interpreter from the calls again and again; many
# at once are told in a fraction of the time, too.
_GATHER = 0.1
# When so many wait, they are told at once: each keeps a few objects alive, and beyond some hundred
# of these the garbage collector goes round and costs calls more than all else here.
_PLENTY = 32
# With nothing to tell for so long, in seconds, the thread ends.
_IDLE = 5.0
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
        self._complained: set[type[Exception]] = set()
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
        except Exception as error:
            self.failed += 1
            # Once a kind: a subscriber that fails at each event would bury everything else.
            if type(error) not in self._complained:
                self._complained.add(type(error))
                logger.exception(
                    "the subscriber %s failed on %s; further failures of this kind are counted, "
                    "not logged",
                    self.name,
                    type(event).__name__,
                )
        else:
            self.delivered += 1

    def _begin_anew(self) -> None:
        self._mutex = threading.Lock()


class Inline(Subscription):
    """Told on the thread, or in the task, that publishes: its time is the call's.

    For what has to be there during the call, such as a span. It may be told by several threads at
    once, and of a change of state while lanes or a limiter are locked: it must not make calls.
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

    __slots__ = ("_exact", "_hurry", "_queue", "_thread", "limit")

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
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        self._queue: SimpleQueue[tuple[Context | None, Any]] = SimpleQueue()
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
        if waiting >= _PLENTY and not self._hurry.is_set():
            self._hurry.set()
        if waiting >= self.limit:
            if self._exact:
                self._tell(event)
                return
            with self._mutex:
                self.dropped += 1
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
        told = threading.Event()
        self._queue.put((None, told))
        self._hurry.set()
        if self._thread is None:
            self._start()
        return told.wait(timeout)

    def _start(self) -> None:
        with self._mutex:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name=f"holdfast-tell-{self.name}", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        queue = self._queue
        while True:
            try:
                first = queue.get(timeout=_IDLE)
            except Empty:
                if self._end():
                    return
                continue
            self._hurry.wait(_GATHER)
            self._hurry.clear()
            self._deliver(*first)
            for _ in range(queue.qsize()):
                self._deliver(*queue.get())

    def _end(self) -> bool:
        """Let the thread end. What was put meanwhile keeps it; what comes later starts another."""
        with self._mutex:
            self._thread = None
            if self._queue.empty():
                return True
            self._thread = threading.current_thread()
            return False

    def _deliver(self, context: Context | None, event: Any) -> None:
        if context is None:
            event.set()  # of `flush`
        else:
            context.run(self._tell, event)

    def _begin_anew(self) -> None:
        super()._begin_anew()
        # What waits here is told by the parent.
        self._queue = SimpleQueue()
        self._hurry = threading.Event()
        self._thread = None


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
    global _mutex
    _mutex = threading.Lock()
    for subscription in _queued:
        subscription._begin_anew()


def _at_exit() -> None:
    until = time.monotonic() + _LAST_WORDS
    with _mutex:
        busy = [subscription for subscription in _queued if subscription.waiting]
    for subscription in busy:
        subscription.flush(max(0.0, until - time.monotonic()))


in_each_child(_after_fork)
atexit.register(_at_exit)
