"""The slowest calls of the last minutes."""

import heapq
from typing import Generic, TypeVar

SHOWN = 10
"""How many calls a snapshot shows."""
MINUTES = 300.0
"""How far back they go, in seconds."""

_SLOT = 10.0

T = TypeVar("T")


class Slowest(Generic[T]):
    """Keeps the slowest calls by when they ended. Whoever calls it keeps others away.

    At most ten are kept of each ten seconds, so one that ended between ten slower ones is not
    shown once these are older than five minutes, for ten seconds at the most.
    """

    __slots__ = ("_number", "_slots")

    def __init__(self) -> None:
        # By time; each a heap, the quickest first. The number keeps equals apart.
        self._slots: dict[int, list[tuple[float, int, float, T]]] = {}
        self._number = 0

    def add(self, call: T, seconds: float, at: float) -> None:
        """Take note of a call that took so long and ended at a moment (unix seconds)."""
        number = int(at // _SLOT)
        calls = self._slots.get(number)
        if calls is None:
            calls = self._slots[number] = []
            if len(self._slots) > MINUTES // _SLOT + 1:
                del self._slots[min(self._slots)]
        if len(calls) < SHOWN:
            heapq.heappush(calls, (seconds, self._next(), at, call))
        elif seconds > calls[0][0]:
            heapq.heapreplace(calls, (seconds, self._next(), at, call))

    def newest(self, now: float) -> list[T]:
        """The slowest ones of the last five minutes, the slowest first."""
        calls = (call for slot in self._slots.values() for call in slot if call[2] > now - MINUTES)
        found = heapq.nlargest(SHOWN, calls, key=lambda one: one[:2])
        for number in [number for number in self._slots if (number + 1) * _SLOT <= now - MINUTES]:
            del self._slots[number]
        return [call for *_, call in found]

    def _next(self) -> int:
        self._number += 1
        return self._number
