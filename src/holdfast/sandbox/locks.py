"""Exclusive locks on objects: first come, first served, and a bounded wait for each lock.

A claim takes its locks one after the other in sorted order, so two claims never wait for each
other in a circle. Each lock is waited for at most `wait` seconds, which is how PostgreSQL's
`lock_timeout` counts too: per lock, not per request.

All times are those of the event loop. A lock that is handed over is granted at the instant at
which the holder was due to leave, not at the slightly later one at which the timer fired, so
that a queue of holds takes the sum of the holds and does not drift; but never before the heir
began to wait.
"""

from asyncio import TimerHandle
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import count
from typing import Protocol

from holdfast.sandbox.lock_trace import LockStep, LockTrace


class Timers(Protocol):
    """The part of an event loop that the locks need."""

    def time(self) -> float: ...

    def call_at(
        self, when: float, callback: Callable[..., object], *args: object
    ) -> TimerHandle: ...


LockKey = tuple[str, str]
"""Account and object id."""


class Claim:
    """A request's claim on the locks of its objects.

    Attributes:
        keys: the locks, in the order in which they are taken.
        wait: the longest wait for each of them in seconds; None waits for ever.
        taken: how many of the keys are held.
        waiting_since: when the wait for the next one began, if there is one.
        owner: who claims, for people who look at the locks.
        number: tells the claims of a trace apart.
        request_id: of the request that claims, if one does.
    """

    __slots__ = (
        "_granted",
        "_timed_out",
        "_timer",
        "keys",
        "number",
        "owner",
        "request_id",
        "taken",
        "wait",
        "waiting_since",
    )

    def __init__(
        self,
        keys: tuple[LockKey, ...],
        wait: float | None,
        granted: Callable[["Claim", float], None],
        timed_out: Callable[[str], None],
        owner: str,
        number: int,
        request_id: str | None,
    ) -> None:
        self.keys = keys
        self.wait = wait
        self.owner = owner
        self.number = number
        self.request_id = request_id
        self.taken = 0
        self.waiting_since: float | None = None
        self._granted = granted
        self._timed_out = timed_out
        self._timer: TimerHandle | None = None


class _Lock:
    """A lock that is held. A free lock has no entry in the table."""

    __slots__ = ("holder", "since", "waiting")

    def __init__(self, holder: Claim, since: float) -> None:
        self.holder = holder
        self.since = since
        self.waiting: OrderedDict[Claim, None] = OrderedDict()


class LockTable:
    """The locks that are held and the claims that wait for them.

    Args:
        timers: the event loop.
        trace: where every step is noted; None notes nothing.

    Attributes:
        waits: how often a claim has had to wait.
        timeouts: how often a wait has ended without the lock.
    """

    def __init__(self, timers: Timers, trace: LockTrace | None = None) -> None:
        self._timers = timers
        self._trace = trace
        self._numbers = count(1)
        self._locks: dict[LockKey, _Lock] = {}
        self.waits = 0
        self.timeouts = 0

    def __len__(self) -> int:
        """How many locks are held."""
        return len(self._locks)

    def claim(
        self,
        keys: tuple[LockKey, ...],
        wait: float | None,
        granted: Callable[["Claim", float], None],
        timed_out: Callable[[str], None],
        owner: str,
        request_id: str | None = None,
    ) -> None:
        """Claim locks.

        Args:
            keys: the locks, sorted.
            wait: the longest wait for each lock in seconds; 0 does not wait, None waits for ever.
            granted: called once all are held, with the claim and the time of the grant; perhaps
                before this returns.
            timed_out: called when one was not to be had, with its object id; none is held then.
            owner: who claims, as `held()` and `waiting()` show it.
            request_id: of the request that claims, for the trace.
        """
        claim = Claim(keys, wait, granted, timed_out, owner, next(self._numbers), request_id)
        now = self._timers.time()
        for key in keys:
            self._note(now, LockStep.CLAIMED, key, claim)
        self._advance(claim, now)

    def hold(
        self,
        key: LockKey,
        seconds: float,
        owner: str,
        held: Callable[[], None] | None = None,
        left: Callable[[], None] | None = None,
    ) -> None:
        """Hold a lock for a time, after those who came before, as a process of Stripe's would.

        Args:
            key: the lock.
            seconds: how long.
            owner: who holds it, as `held()` shows it.
            held: called when it is held, if given.
            left: called when it was let go, if given.
        """

        def granted(claim: Claim, at: float) -> None:
            self._timers.call_at(at + seconds, leave, claim, at + seconds)
            if held is not None:
                held()

        def leave(claim: Claim, at: float) -> None:
            self.release(claim, at)
            if left is not None:
                left()

        self.claim((key,), None, granted, _never, owner)

    def release(self, claim: Claim, at: float) -> None:
        """Give back the locks that a claim holds, and hand each to the first that waits for it.

        Args:
            claim: a claim that holds locks.
            at: the instant at which it left them.
        """
        heirs: list[tuple[Claim, float]] = []
        for key in claim.keys[: claim.taken]:
            self._note(at, LockStep.RELEASED, key, claim)
            heir = self._next_in_line(key)
            if heir is not None:
                heirs.append((heir, self._hand_over(key, heir, at)))
        claim.taken = 0
        for heir, granted_at in heirs:
            self._advance(heir, granted_at)

    def held(self) -> Iterator[tuple[LockKey, Claim, float]]:
        """The locks that are held: key, holder, and since when."""
        for key, lock in self._locks.items():
            yield key, lock.holder, lock.since

    def waiting(self) -> Iterator[tuple[LockKey, Claim]]:
        """The claims that wait, in the order of their turn within each lock."""
        for key, lock in self._locks.items():
            for claim in lock.waiting:
                yield key, claim

    def _advance(self, claim: Claim, at: float) -> None:
        """Take the locks that are free; at the first that is not, queue."""
        while claim.taken < len(claim.keys):
            key = claim.keys[claim.taken]
            lock = self._locks.get(key)
            if lock is not None:
                self._queue(claim, key, lock, at)
                return
            self._locks[key] = _Lock(claim, at)
            claim.taken += 1
            self._note(at, LockStep.GRANTED, key, claim)
        claim._granted(claim, at)

    def _queue(self, claim: Claim, key: LockKey, lock: _Lock, at: float) -> None:
        if claim.wait is not None and claim.wait <= 0:
            self._fail(claim, key, at)
            return
        self.waits += 1
        self._note(at, LockStep.WAITS, key, claim)
        lock.waiting[claim] = None
        claim.waiting_since = at
        if claim.wait is not None:
            until = at + claim.wait
            claim._timer = self._timers.call_at(until, self._give_up, claim, key, until)

    def _next_in_line(self, key: LockKey) -> Claim | None:
        """Who gets the lock next; when nobody waits for it, it leaves the table."""
        lock = self._locks[key]
        if lock.waiting:
            return lock.waiting.popitem(last=False)[0]
        del self._locks[key]
        return None

    def _hand_over(self, key: LockKey, heir: Claim, at: float) -> float:
        """Make the heir the holder. Returns the instant of its grant."""
        granted_at = at if heir.waiting_since is None else max(at, heir.waiting_since)
        heir.waiting_since = None
        if heir._timer is not None:
            heir._timer.cancel()
            heir._timer = None
        heir.taken += 1
        lock = self._locks[key]
        lock.holder, lock.since = heir, granted_at
        self._note(granted_at, LockStep.GRANTED, key, heir)
        return granted_at

    def _give_up(self, claim: Claim, key: LockKey, at: float) -> None:
        claim._timer = None
        claim.waiting_since = None
        del self._locks[key].waiting[claim]
        self._fail(claim, key, at)

    def _fail(self, claim: Claim, key: LockKey, at: float) -> None:
        """Refuse a claim at the instant at which its wait was over.

        A release at that instant, and not at the later one of the timer, lets no heir wait longer
        than it may.
        """
        self.timeouts += 1
        self._note(at, LockStep.TIMED_OUT, key, claim)
        self.release(claim, at)
        claim._timed_out(key[1])

    def _note(self, at: float, event: LockStep, key: LockKey, claim: Claim) -> None:
        if self._trace is not None:
            self._trace.note(at, event, key, claim.number, claim.owner, claim.request_id)


def _never(object_id: str) -> None:
    raise AssertionError(f"a claim without a limit on its wait timed out on {object_id}")
