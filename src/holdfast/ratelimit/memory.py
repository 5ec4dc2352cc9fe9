"""The limiter of one account in one process, for threads and event loops together.

A call gets the tokens of all of its scopes in one step, under one mutex. The mutex is held for a
few operations and never while anybody waits. Nobody keeps the time for the others: whoever waits
sleeps until its own token is due, then hands out whatever is due by then, to itself and to others,
and is woken before only if its token comes earlier than it thought. So no thread runs in the
background, and a waiter whose event loop stands still holds up nobody who waits for a rate.
"""

import math
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable

from holdfast.errors import LimiterFull
from holdfast.forks import in_each_child
from holdfast.mutex import owned
from holdfast.ratelimit.admission import Admission
from holdfast.ratelimit.changes import LimitRecovered, tell_of_cut, tell_of_recoveries
from holdfast.ratelimit.gates import Gate
from holdfast.ratelimit.limits import UNKNOWN, RateLimits
from holdfast.ratelimit.priority import Priority
from holdfast.ratelimit.queue import Queue
from holdfast.ratelimit.reasons import refusal_for
from holdfast.ratelimit.scopes import Scopes, ScopeState
from holdfast.ratelimit.survey import ScopeReading, liveliest

# To wake somebody costs more than to be so late, in seconds.
_LATE = 0.0005
_OVERDUE = 0.05


class MemoryLimiter:
    """The tokens of one account.

    Args:
        limits: what is known of the account; by default nothing, so that only refusals slow it.
        clock: gives the time in seconds; only differences count.
        name: what people are told that it is; nothing secret.
    """

    def __init__(
        self,
        limits: RateLimits = UNKNOWN,
        *,
        clock: Callable[[], float] = time.monotonic,
        name: str = "account",
    ) -> None:
        self.name = name
        self.limits = limits
        self._clock = clock
        self._reset()
        _instances.add(self)

    def _reset(self) -> None:
        self._mutex = threading.RLock()
        self._is_mine = owned(self._mutex)
        # Calls that the garbage collection ends while this thread is at the limiter.
        self._late: deque[tuple[Callable[[Admission], object], Admission]] = deque()
        self._recovered: list[LimitRecovered] = []
        self._scopes = Scopes(self.limits, self._note_recovery)
        self._queue = Queue(self.limits.interactive_share)
        self._numbers = 0
        self._latest = -math.inf
        self._behind = 0.0

    def admission(
        self, method: str, path: str, priority: Priority = Priority.INTERACTIVE
    ) -> Admission:
        """What a call has to do with the limiter.

        Args:
            method: the request's method, in capitals.
            path: its path, without a query.
            priority: whether it goes before others.
        """
        return Admission(self, method, path, priority)

    @property
    def waiting(self) -> int:
        """How many calls wait for a token."""
        return self._queue.waiting

    @property
    def in_flight(self) -> int:
        """How many attempts were let go and have not ended."""
        return self._scopes.in_flight

    def states(self) -> dict[str, ScopeState]:
        """How the scopes stand that exist now, by name: `account`, endpoints and objects."""
        with self._mutex:
            states = self._scopes.states(self._now())
        if self._late or self._recovered:
            self._after()
        return states

    def survey(self, limit: int) -> tuple[ScopeReading, ...]:
        """How the scopes do, for whoever watches: the account, then the liveliest others.

        It costs calls nothing: however many scopes there are, the mutex is held for a copy of their
        table, and then to read those that were chosen.

        Args:
            limit: how many scopes to name beside the account, at the most.
        """
        with self._mutex:
            scopes = self._scopes
            account, *others = scopes.all()
            sent = scopes.sent_lately(self._now())
        chosen = (account, *liveliest(others, limit))
        rates = sent.rates(scopes)
        with self._mutex:
            now = self._now()
            readings = tuple(scopes.reading(scope, rates, now) for scope in chosen)
        if self._late or self._recovered:
            self._after()
        return readings

    # What an admission asks for.

    def pass_at_once(self, who: Admission) -> bool:
        """Take the tokens, if they are there and nobody waits."""
        with self._mutex:
            scopes, now = self._scopes, self._now()
            if not scopes.bounded:
                scopes.admit(who, (), now)
                return True
            if self._queue.waiting:
                return False
            needed = scopes.of(who, now)
            scopes.grow(needed, now)
            for scope in needed:
                if scope.ready_at() > now:
                    return False
            scopes.admit(who, needed, now)
            scopes.settle(now)
            return True

    def join(
        self, who: Admission, gate: Gate, timeout: float, max_waiting: int, *, again: bool
    ) -> float | None:
        """Take a place in the line.

        Args:
            who: the call.
            gate: where it will sleep.
            timeout: how long it may wait, in seconds.
            max_waiting: how many may wait already.
            again: whether it was sent before.

        Returns:
            How long to sleep before the next `look`, in seconds; 0 if it has its tokens, None if
            they would come too late, and it has left.

        Raises:
            LimiterFull: too many wait already.
        """
        with self._mutex:
            now = self._now()
            self._hand_out(now)
            if not again and self._queue.waiting >= max_waiting:
                raise LimiterFull(max_waiting)
            who.gate, who.again, who.deadline = gate, again, now + timeout
            who.since = who.wakes_at = now
            if not who.number:
                self._numbers += 1
                who.number = self._numbers
            self._queue.add(who, self._scopes.of(who, now), now)
            found = self._look(who, now, new=True)
        if self._late or self._recovered:
            self._after()
        return found

    def look(self, who: Admission) -> float | None:
        """Hand out what is due, and see how the one who asks stands; like `join`."""
        with self._mutex:
            who.awake()
            found = self._look(who, self._now(), new=False)
        if self._late or self._recovered:
            self._after()
        return found

    def take(self, who: Admission) -> None:
        """Take the tokens whether they are there or not."""
        with self._mutex:
            now = self._now()
            self._scopes.admit(who, self._scopes.of(who, now), now)

    def abandon(self, who: Admission) -> None:
        """Give up the place in the line, or the tokens: they go to whoever is next."""
        if self._is_mine():
            self._late.append((self.abandon, who))
            return
        with self._mutex:
            if who.line is not None:
                self._queue.remove(who)
            elif who.is_sent:
                self._scopes.take_back(who)
            self._hand_out(self._now())
        if self._late or self._recovered:
            self._after()

    def end(self, who: Admission) -> None:
        """The attempt is over."""
        if self._is_mine():
            self._late.append((self.end, who))
            return
        with self._mutex:
            if self._scopes.end(who, self._latest) and self._queue.waiting:
                self._hand_out(self._now())
        if self._late or self._recovered:
            self._after()

    def refuse(self, who: Admission, reason: str | None, pause: float) -> None:
        """Slow down the scope that a refusal is about, once for all that were sent before."""
        refusal = refusal_for(reason)
        with self._mutex:
            now = self._now()
            scope = self._scopes.refused(refusal.level, who, now)
            cut = scope.concurrency if refusal.concurrency else scope.rate
            is_news = who.at > cut.cut_at
            if is_news and refusal.concurrency:
                scope.concurrency.cut(scope.under_way + 1, now)
            elif is_news:
                scope.cut(self._scopes.measured(scope, now), now)
            if pause > 0:
                scope.hold(now + pause)
            rate, concurrency = scope.rate.value, scope.concurrency.value
        if self._late or self._recovered:
            self._after()
        if is_news:
            tell_of_cut(self.name, scope.name, reason, rate, concurrency)

    def _after(self) -> None:
        """What is not to be done under the mutex.

        A subscriber may want to know how the limiter stands, be slow, or be interrupted.
        """
        while self._late:
            try:
                act, who = self._late.popleft()
            except IndexError:
                break  # another thread has it
            act(who)
        if self._recovered:
            with self._mutex:
                recovered, self._recovered = self._recovered, []
            tell_of_recoveries(recovered)

    # Under the mutex.

    def _note_recovery(self, scope: str) -> None:
        self._recovered.append(LimitRecovered(self.name, scope, time.time()))

    def _now(self) -> float:
        """The time, which never goes back.

        A clock that does has gone on since, by nobody knows how much; to wait until it has caught
        up would stop everybody.
        """
        now = self._clock() + self._behind
        if now < self._latest:
            self._behind += self._latest - now
            now = self._latest
        self._latest = now
        return now

    def _look(self, who: Admission, now: float, *, new: bool) -> float | None:
        self._hand_out(now)
        line = who.line
        if line is None:
            return 0.0 if who.is_sent else None
        due = self._queue.due(who, now, self._scopes.account, new=new)
        if due >= who.deadline:
            self._queue.remove(who)
            return None
        # When one of those under way ends, nobody can say; whoever ends wakes the next.
        who.wakes_at = who.deadline if line.ready_at() == math.inf else due
        who.fall_asleep()
        return max(who.wakes_at - now, _LATE)

    def _hand_out(self, now: float) -> None:
        """Give tokens to all whose turn it is, and wake the next one if it sleeps too long."""
        queue, scopes = self._queue, self._scopes
        if not queue.waiting:
            return
        scopes.grow(queue.scopes(), now)
        while (who := queue.pop(now)) is not None:
            if who.deadline <= now:
                who.wake()  # to be told that it is too late
                continue
            needed = scopes.of(who, now)
            if any(scope.ready_at() > now for scope in needed):
                # A limit has come up since it took its place, and others already wait for that.
                who.again = True
                queue.add(who, needed, now)
                continue
            scopes.admit(who, needed, now)
            if not who.wake():
                scopes.take_back(who)
        while (upcoming := queue.next()) is not None:
            soonest, who = upcoming
            # Who has overslept its own time may be gone for good.
            in_time = now - _OVERDUE <= who.wakes_at <= soonest + _LATE
            if in_time or who.wake():
                return
            queue.remove(who)


_instances: "weakref.WeakSet[MemoryLimiter]" = weakref.WeakSet()


def _after_fork() -> None:
    for limiter in _instances:
        limiter._reset()


in_each_child(_after_fork)
