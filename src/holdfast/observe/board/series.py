"""What happened in each of the last seconds."""

from collections.abc import Iterable

STEP = 1
"""The length of a bucket, in seconds."""
BUCKETS = 120
"""How many buckets there are."""


class Series:
    """Counts by fault class, and how many calls waited, in one bucket a second.

    The memory is that of the buckets, whatever happens. Whoever calls it keeps others away.

    Args:
        now: unix seconds; the series begins with zeros before it.
    """

    __slots__ = ("_classes", "_level", "_until", "_waiting")

    def __init__(self, now: float) -> None:
        self._until = int(now)
        self._classes: dict[str, list[int]] = {}
        self._waiting = [0] * BUCKETS
        self._level = 0

    def add(self, fault: str, at: float) -> None:
        """Count an attempt that ended at a moment; what is older than all buckets is left out."""
        second = int(at)
        if second > self._until:
            self._advance(second)
        elif second <= self._until - BUCKETS:
            return
        buckets = self._classes.get(fault)
        if buckets is None:
            buckets = self._classes[fault] = [0] * BUCKETS
        buckets[second % BUCKETS] += 1

    def level(self, waiting: int, now: float) -> None:
        """Note how many calls wait now; until the next note it counts as so many."""
        if int(now) > self._until:
            self._advance(int(now))
        self._level = waiting
        self._waiting[self._until % BUCKETS] = waiting

    def as_dict(self, now: float, also: Iterable[tuple[str, float]] = ()) -> dict[str, object]:
        """The buckets up to now, the oldest first; the last second is still going on.

        Args:
            now: unix seconds.
            also: fault class and end of attempts that count this once: their calls go on.
        """
        if int(now) > self._until:
            self._advance(int(now))
        classes = {fault: self._in_order(counts) for fault, counts in self._classes.items()}
        first = self._until - BUCKETS + 1
        for fault, at in also:
            place = int(at) - first
            if 0 <= place < BUCKETS:
                classes.setdefault(fault, [0] * BUCKETS)[place] += 1
        return {
            "step": STEP,
            "until": self._until,
            "classes": classes,
            "waiting": self._in_order(self._waiting),
        }

    def _advance(self, second: int) -> None:
        for passed in range(max(self._until, second - BUCKETS) + 1, second + 1):
            place = passed % BUCKETS
            self._waiting[place] = self._level
            for buckets in self._classes.values():
                buckets[place] = 0
        self._until = second

    def _in_order(self, buckets: list[int]) -> list[int]:
        first = (self._until + 1) % BUCKETS
        return buckets[first:] + buckets[:first]
