"""Calls that wait for a limiter on a clock of the test's own."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from holdfast.ratelimit import Admission, MemoryLimiter, Priority, RateLimits

FOREVER = 1e9


@dataclass(eq=False, repr=False)
class Caller:
    """Does what a thread or a task does in `Admission.admit`, but sleeps on the test's clock."""

    world: "World"
    admission: Admission
    timeout: float = FOREVER
    again: bool = False
    alive: bool = True
    admitted_at: float | None = None
    too_late_at: float | None = None
    sleeps: int = 0
    _round: int = 0

    @property
    def waits(self) -> bool:
        return self.admitted_at is None and self.too_late_at is None and self.alive

    def begin(self, max_waiting: int = 100_000) -> "Caller":
        self.admitted_at = self.too_late_at = None
        self.alive = True
        limiter = self.world.limiter
        if not self.again and limiter.pass_at_once(self.admission):
            self._settle(0.0)
        else:
            again, timeout = self.again, self.timeout
            self._settle(limiter.join(self.admission, self, timeout, max_waiting, again=again))
        return self

    def close(self) -> None:
        """The gate's part: nothing that woke it before counts any more."""
        self._round += 1

    def open(self) -> bool:
        """The gate's part: woken by another one."""
        if self.alive:
            self.world.later(0.0, self._waker())
        return self.alive

    def cancel(self) -> None:
        self.alive = False
        self._round += 1
        self.world.limiter.abandon(self.admission)

    def end(self) -> None:
        self.admission.end()

    def refused(self, reason: str | None = "global-rate", pause: float = 0.0) -> None:
        self.admission.end()
        self.admission.refused(reason, pause)

    def ask_again(self) -> "Caller":
        self.again = True
        return self.begin()

    def _waker(self) -> Callable[[], None]:
        asked = self._round

        def wake() -> None:
            if self.alive and asked == self._round and self.waits:
                self._round += 1
                self._settle(self.world.limiter.look(self.admission))

        return wake

    def _settle(self, rest: float | None) -> None:
        if rest is None:
            self.too_late_at = self.world.now
        elif rest == 0.0:
            self.admitted_at = self.world.now
            self.world.admitted.append(self)
        else:
            self.sleeps += 1
            self.world.later(rest, self._waker())


@dataclass(repr=False)
class World:
    """A limiter, its clock and those who sleep."""

    limits: RateLimits = field(default_factory=RateLimits)
    now: float = 1000.0
    admitted: list[Caller] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.limiter = MemoryLimiter(self.limits, clock=lambda: self.now)
        self._wakeups: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def call(
        self,
        path: str = "/v1/customers",
        *,
        method: str = "POST",
        priority: Priority = Priority.INTERACTIVE,
        timeout: float = FOREVER,
    ) -> Caller:
        """A call that asks for its tokens now."""
        admission = self.limiter.admission(method, path, priority)
        return Caller(self, admission, timeout).begin()

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._wakeups, (self.now + seconds, next(self._numbers), do))

    def run(self, seconds: float, *, late: float = 0.0) -> None:
        """Let time pass; whoever sleeps wakes `late` seconds late."""
        ends = self.now + seconds
        while self._wakeups and self._wakeups[0][0] + late <= ends:
            at, _, do = heapq.heappop(self._wakeups)
            self.now = max(self.now, at + late)
            do()
        self.now = max(self.now, ends)

    def times(self) -> list[float]:
        """When calls were admitted, from the beginning."""
        return [caller.admitted_at or 0.0 for caller in self.admitted]


def most_in_any(times: list[float], seconds: float) -> int:
    """The largest number of moments in any window of so many seconds."""
    ordered, first, most = sorted(times), 0, 0
    for last, at in enumerate(ordered):
        while ordered[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
