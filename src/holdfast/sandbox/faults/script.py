"""The script: the faults that are still to come, in order, and the stages they come in."""

from asyncio import TimerHandle
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from holdfast.sandbox.faults.fault import Fault, Outage
from holdfast.sandbox.faults.kinds import Moment
from holdfast.sandbox.locks import Timers

MOST_FAULTS = 1_000
Line = Fault | Outage


@dataclass(frozen=True, slots=True)
class Stage:
    """Faults that come together.

    Attributes:
        lines: the faults.
        seconds: how long the stage lasts; None lets it end when all its faults are spent.
    """

    lines: tuple[Line, ...]
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is to happen in a run.

    Attributes:
        lines: faults that are in force from the begin.
        stages: faults that come one stage after the other.
    """

    lines: tuple[Line, ...] = ()
    stages: tuple[Stage, ...] = ()


@dataclass(slots=True)
class _Entry:
    """A fault in force, since when, and whether it belongs to the stage."""

    fault: Fault
    since: float
    staged: bool


class FaultScript:
    """The faults that are still to come, in the order in which they were scripted.

    Args:
        timers: the event loop.
        random: where chance comes from.

    Attributes:
        refuse: closes the port for so many seconds; whoever owns the port sets it.
    """

    refuse: Callable[[float], None] | None
    _outages: dict[Outage, TimerHandle]
    _stage_end: TimerHandle | None

    def __init__(self, timers: Timers, random: Random) -> None:
        self.random = random
        self.refuse = None
        self._timers = timers
        self._entries: list[_Entry] = []
        self._stages: deque[Stage] = deque()
        self._stage: Stage | None = None
        self._outages = {}
        self._stage_end = None

    def __bool__(self) -> bool:
        """Whether a request could meet a fault."""
        return bool(self._entries)

    def add(self, line: Line) -> None:
        """Put a fault at the end of the script.

        Raises:
            ValueError: the script is full.
        """
        if len(self._entries) + len(self._outages) >= MOST_FAULTS:
            raise ValueError(f"the script already has {MOST_FAULTS} faults: clear it, or use count")
        self._put(line, self._timers.time(), staged=False)

    def play(self, scenario: Scenario) -> None:
        """Put a scenario into force: its faults at once, its stages one after the other.

        Raises:
            ValueError: the script is full.
        """
        for line in scenario.lines:
            self.add(line)
        self._stages.extend(scenario.stages)
        if self._stage is None:
            self._next_stage(self._timers.time())

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that a request meets, if any.

        One that strikes on arrival is spent on the request; every other one waits for its answer
        and has to be settled.
        """
        self._drop_spent()
        now = self._timers.time()
        for entry in self._entries:
            fault = entry.fault
            if fault.meets(method, path, now - entry.since, self.random):
                fault.left -= 1
                if fault.moment is not Moment.ARRIVAL:
                    fault.pending += 1
                self._drop_spent()
                return fault
        return None

    def settle(self, fault: Fault, *, struck: bool) -> None:
        """Say whether a fault struck the answer that it waited for; if not, it is there again."""
        fault.pending -= 1
        if not struck:
            fault.left += 1
        self._drop_spent()

    def clear(self) -> None:
        """Drop all of them, and the stages to come. Connections that are refused stay so."""
        for timer in [*self._outages.values(), self._stage_end]:
            if timer is not None:
                timer.cancel()
        self._outages.clear()
        self._entries.clear()
        self._stages.clear()
        self._stage = self._stage_end = None

    def as_list(self) -> list[dict[str, Any]]:
        """What is left of the script; of the stages, the present one."""
        lines: list[Line] = [entry.fault for entry in self._entries]
        return [line.as_dict() for line in (*lines, *self._outages)]

    def _put(self, line: Line, since: float, *, staged: bool) -> None:
        if isinstance(line, Fault):
            self._entries.append(_Entry(line, since, staged))
        elif line.begin:
            self._outages[line] = self._timers.call_at(since + line.begin, self._begin, line)
        else:
            self._begin(line)

    def _begin(self, outage: Outage) -> None:
        end = self._timers.time() + outage.seconds
        self._outages[outage] = self._timers.call_at(end, self._end, outage)
        if self.refuse is not None:
            self.refuse(outage.seconds)

    def _end(self, outage: Outage) -> None:
        del self._outages[outage]
        self._end_stage_if_spent()

    def _drop_spent(self) -> None:
        now = self._timers.time()
        self._entries = [
            entry for entry in self._entries if not entry.fault.is_spent(now - entry.since)
        ]
        self._end_stage_if_spent()

    def _end_stage_if_spent(self) -> None:
        stage = self._stage
        if stage is None or stage.seconds is not None or self._outages:
            return
        if not any(entry.staged for entry in self._entries):
            self._next_stage(self._timers.time())

    def _next_stage(self, now: float) -> None:
        self._entries = [entry for entry in self._entries if not entry.staged]
        if not self._stages:
            self._stage = None
            return
        self._stage = stage = self._stages.popleft()
        for line in stage.lines:
            self._put(line, now, staged=True)
        if stage.seconds is not None:
            end = now + stage.seconds
            self._stage_end = self._timers.call_at(end, self._next_stage, end)
