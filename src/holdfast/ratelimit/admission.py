"""One call's dealings with the limiter: it gets a token for each attempt, or learns it is too late.

An admission belongs to one call and has one attempt at a time. Its fields beyond the first four are
the limiter's, which changes them under its mutex.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from holdfast.ratelimit.gates import Gate, TaskGate, ThreadGate
from holdfast.ratelimit.priority import Priority

if TYPE_CHECKING:
    from holdfast.ratelimit.line import Line
    from holdfast.ratelimit.memory import MemoryLimiter
    from holdfast.ratelimit.scope import Scope


class Admission:
    """What a call has to do with its account's limiter.

    Args:
        limiter: whose tokens it gets.
        method: the request's method, in capitals.
        path: its path, without a query.
        priority: whether it goes before others.
    """

    __slots__ = (
        "_asleep",
        "_limiter",
        "again",
        "at",
        "deadline",
        "gate",
        "held",
        "is_sent",
        "line",
        "method",
        "number",
        "path",
        "place",
        "priority",
        "since",
        "wakes_at",
    )

    # Set when it takes a place in a line.
    again: bool
    place: int
    since: float
    deadline: float
    wakes_at: float
    gate: Gate

    def __init__(
        self, limiter: "MemoryLimiter", method: str, path: str, priority: Priority
    ) -> None:
        self._limiter = limiter
        self.method = method
        self.path = path
        self.priority = priority
        self.at = 0.0
        self.held: tuple[Scope, ...] = ()
        self.line: Line | None = None
        self.number = 0
        self.is_sent = False
        self._asleep = False

    def admit(
        self,
        timeout: float,
        max_waiting: int,
        *,
        again: bool,
        on_wait: Callable[[], object] | None = None,
    ) -> float | None:
        """Wait, on this thread, for a token of each scope.

        Args:
            timeout: how long to wait at most, in seconds.
            max_waiting: how many calls may wait; one more is refused.
            again: whether the call has been sent before; such a one is never refused, and goes
                before those that have not.
            on_wait: is called if it has to wait.

        Returns:
            How long it waited, in seconds; None if its turn cannot come in time. It is told so as
            soon as that is known: at once, in most cases.

        Raises:
            LimiterFull: too many calls wait already.
        """
        limiter = self._limiter
        if limiter.pass_at_once(self):
            return 0.0
        gate = ThreadGate()
        try:
            rest = limiter.join(self, gate, timeout, max_waiting, again=again)
            if rest and on_wait is not None:
                on_wait()
            while rest:
                gate.sleep(rest)
                rest = limiter.look(self)
        except BaseException:
            limiter.abandon(self)
            raise
        return None if rest is None else self.at - self.since

    async def admit_async(
        self,
        timeout: float,  # noqa: ASYNC109 - the twin of `admit`
        max_waiting: int,
        *,
        again: bool,
        on_wait: Callable[[], object] | None = None,
    ) -> float | None:
        """Wait, in this task. Like `admit` otherwise; a cancelled wait gives up its place."""
        limiter = self._limiter
        if limiter.pass_at_once(self):
            return 0.0
        gate = TaskGate()
        try:
            rest = limiter.join(self, gate, timeout, max_waiting, again=again)
            if rest and on_wait is not None:
                on_wait()
            while rest:
                await gate.sleep(rest)
                rest = limiter.look(self)
        except BaseException:
            limiter.abandon(self)
            raise
        return None if rest is None else self.at - self.since

    def take(self) -> None:
        """Take the tokens without waiting, even if they are not there yet."""
        self._limiter.take(self)

    def end(self) -> None:
        """The attempt is over, however it ended. Calling it again does nothing."""
        if self.is_sent:
            self._limiter.end(self)

    def refused(self, reason: str | None, pause: float) -> None:
        """Tell the limiter that a rate limit refused the attempt: it slows that scope down.

        Args:
            reason: the answer's `Stripe-Rate-Limited-Reason`.
            pause: for how many seconds the server wants to see nothing of the scope.
        """
        self._limiter.refuse(self, reason, pause)

    # --- for the limiter, under its mutex

    def fall_asleep(self) -> None:
        """From now on `wake` has something to do."""
        self.gate.close()
        self._asleep = True

    def awake(self) -> None:
        """It has woken by itself."""
        self._asleep = False

    def wake(self) -> bool:
        """Wake it, if it sleeps. False: it is gone for good."""
        if not self._asleep:
            return True
        self._asleep = False
        return self.gate.open()
