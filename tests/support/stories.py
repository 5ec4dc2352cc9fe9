"""Calls whose outcomes are written down beforehand, on a clock of the test's own."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from holdfast.drivers import sync
from holdfast.engine import Call, Event, Outcome, Request, Send
from holdfast.lanes import MemoryLanes
from holdfast.policy import Policy


@dataclass
class FakeTime:
    """A clock that only moves when told to, and remembers every sleep."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


@dataclass
class Story:
    """A call whose outcomes are written down beforehand, and what became of it."""

    outcomes: Iterable[Outcome | BaseException]
    clock: FakeTime = field(default_factory=FakeTime)
    takes: float = 0.0
    sent: list[Send] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    random: Callable[[], float] = lambda: 0.5

    def __post_init__(self) -> None:
        self._script = iter(self.outcomes)

    def send(self, command: Send) -> Outcome:
        self.sent.append(command)
        self.clock.now += self.takes
        outcome = next(self._script)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def call(self, request: Request, policy: Policy, **options: Any) -> Call:
        self.made = Call(request, policy, clock=self.clock, random=self.random, **options)
        return self.made

    def run(
        self,
        request: Request,
        policy: Policy | None = None,
        *,
        lanes: MemoryLanes | None = None,
        events: bool = False,
        **options: Any,
    ) -> Outcome:
        if events:
            options["tell"] = self.events.append
        call = self.call(request, policy or Policy(), **options)
        return sync.run(
            call,
            self.send,
            lanes=lanes or MemoryLanes(),
            sleep=self.clock.sleep,
        )
