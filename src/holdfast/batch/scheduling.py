"""Which request is sent next.

Requests that share an object go one at a time, in the file's order; others side by side. A bounded
window of requests is read ahead, so that those behind a hot object's queue need not wait for it.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.batch.journal_format import Entry
from holdfast.lanes import MemoryLanes, Ticket

WINDOW = 4096


@dataclass(slots=True, eq=False)
class Job:
    """A request on its way.

    Attributes:
        entry: the request.
        objects: what it touches, and so where it queues.
        beside: what else it queues for.
        queued_at: when it took its place, on the schedule's clock.
        lane_wait: how long it waited for its turn, in seconds.
    """

    entry: Entry
    objects: tuple[str, ...]
    beside: tuple[str, ...] = ()
    queued_at: float = 0.0
    lane_wait: float = 0.0
    ticket: Ticket | None = None


class Schedule:
    """The order of a run. Its methods may be called from any thread.

    A job passes through `add` (it queues for its objects), `begin` (a call-back, once it is first
    everywhere and its sending is near), `ready`, `take` (a worker has it), `sent`, `leave` (its
    objects are free) and `ended`.

    Args:
        begin: is told of each job that will be sent soon, and calls `ready` when it may be. It
            must not block.
        near: how many jobs may be between `begin` and `sent`.
        clock: gives the time in seconds; only differences count.
        window: how many jobs may be on their way at once.
    """

    def __init__(
        self,
        begin: Callable[[Job], object],
        *,
        near: int,
        clock: Callable[[], float],
        window: int = WINDOW,
    ) -> None:
        self._begin = begin
        self._near = near
        self._clock = clock
        self._window = window
        self._lanes = MemoryLanes(max_waiting=window)
        # Re-entrant: the lanes call `_granted` on the thread that enters or leaves.
        self._mutex = threading.RLock()
        self._room = threading.Condition(self._mutex)
        self._work = threading.Condition(self._mutex)
        self._granted_jobs: deque[Job] = deque()
        self._ready_jobs: deque[Job] = deque()
        self._near_now = 0
        self._on_their_way = 0
        self._queued = 0
        self._complete = False
        self._stopped = False

    def add(self, job: Job) -> bool:
        """Queue a job, waiting for room in the window. False when the run was stopped."""
        with self._mutex:
            while self._on_their_way >= self._window and not self._stopped:
                self._room.wait()
            if self._stopped:
                return False
            self._on_their_way += 1
            self._queued += 1
            job.queued_at = self._clock()
            # The ticket is there before anybody can see the job: they need this lock.
            queues = job.objects + job.beside
            job.ticket = self._lanes.enqueue(queues, lambda: self._granted(job))
            if job.ticket.entered:
                job.lane_wait = 0.0
            return True

    @property
    def waiting(self) -> int:
        """How many jobs of the window wait for their objects."""
        return self._queued

    def complete(self) -> None:
        """No job will be added any more."""
        with self._mutex:
            self._complete = True
            self._work.notify_all()

    def ready(self, job: Job) -> None:
        """A job may be sent."""
        with self._mutex:
            self._ready_jobs.append(job)
            self._work.notify()

    def take(self) -> Job | None:
        """Wait for the next job to send; None when there is none any more, or the run stopped."""
        with self._mutex:
            while not self._stopped:
                if self._ready_jobs:
                    return self._ready_jobs.popleft()
                if self._complete and not self._on_their_way:
                    return None
                self._work.wait()
            return None

    def sent(self) -> None:
        """A job that was taken is not being sent any more."""
        with self._mutex:
            self._near_now -= 1
            self._begin_some()

    def leave(self, job: Job) -> None:
        """Free the objects of a job for the next ones."""
        with self._mutex:
            if job.ticket is not None:
                job.ticket.leave()

    def ended(self) -> None:
        """A job's result is on the disk."""
        with self._mutex:
            self._on_their_way -= 1
            self._room.notify()
            if self._complete and not self._on_their_way:
                self._work.notify_all()

    def stop(self) -> None:
        """Begin nothing more."""
        with self._mutex:
            self._stopped = True
            self._room.notify_all()
            self._work.notify_all()

    def _granted(self, job: Job) -> None:
        with self._mutex:
            job.lane_wait = self._clock() - job.queued_at
            self._queued -= 1
            self._granted_jobs.append(job)
            self._begin_some()

    def _begin_some(self) -> None:
        while self._granted_jobs and self._near_now < self._near and not self._stopped:
            self._near_now += 1
            self._begin(self._granted_jobs.popleft())
