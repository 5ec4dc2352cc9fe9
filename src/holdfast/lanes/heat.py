"""Which objects were seen locked lately."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

COOLS_AFTER = 60.0
"""For how long an object counts as hot after it was last seen locked, in seconds."""


class Heat:
    """Objects that were seen locked, until they cool. Any thread may use it.

    Args:
        seconds: how long an object stays hot.
        limit: how many objects are remembered; the one seen longest ago goes first.
        clock: gives the time in seconds; only differences count.
    """

    __slots__ = ("_clock", "_limit", "_mutex", "_seconds", "_until")

    def __init__(
        self,
        seconds: float = COOLS_AFTER,
        limit: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._limit = limit
        self._clock = clock
        self._mutex = threading.Lock()
        # In the order in which they cool: all stay hot for the same time.
        self._until: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        """How many objects are remembered; a cooled one may be among them for a while."""
        return len(self._until)

    def mark(self, keys: Iterable[str]) -> None:
        """Objects were seen locked."""
        with self._mutex:
            until = self._clock() + self._seconds
            for key in keys:
                self._until[key] = until
                self._until.move_to_end(key)
            while len(self._until) > self._limit:
                self._until.popitem(last=False)

    def hot(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Those of some objects that are hot."""
        with self._mutex:
            self._cool()
            return tuple(key for key in keys if key in self._until)

    def _cool(self) -> None:
        now = self._clock()
        while self._until:
            key = next(iter(self._until))
            if self._until[key] > now:
                return
            del self._until[key]
