"""Counts over time in a bounded number of buckets, however long the run."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

MOST = 120
_FINEST = 0.125  # seconds


@dataclass(slots=True)
class Series:
    """Counts by kind in buckets of equal width; the width doubles when there are too many.

    Attributes:
        width: of a bucket, in seconds.
        most: how many buckets there may be.
    """

    width: float = _FINEST
    most: int = MOST
    _buckets: dict[int, dict[str, int]] = field(default_factory=dict)
    _first: int | None = None
    _last: int = 0

    def add(self, at: float, kind: str) -> None:
        """Count one at a time.

        Args:
            at: unix seconds.
            kind: what it is.
        """
        number = math.floor(at / self.width)
        self._first = number if self._first is None else min(self._first, number)
        self._last = max(self._last, number)
        counts = self._buckets.setdefault(number, {})
        counts[kind] = counts.get(kind, 0) + 1
        while self._last - self._first >= self.most:
            self._double()

    @property
    def began_at(self) -> float:
        """Where the first bucket begins, in unix seconds; 0 if there is none."""
        return (self._first or 0) * self.width

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every kind there is, the most frequent first."""
        totals: dict[str, int] = {}
        for counts in self._buckets.values():
            for kind, count in counts.items():
                totals[kind] = totals.get(kind, 0) + count
        return tuple(sorted(totals, key=lambda kind: (-totals[kind], kind)))

    def __len__(self) -> int:
        return 0 if self._first is None else self._last - self._first + 1

    def buckets(self) -> Iterator[tuple[float, dict[str, int]]]:
        """Every bucket from the first to the last, empty ones too: when it begins, and counts."""
        for number in range(self._first or 0, (self._first or 0) + len(self)):
            yield number * self.width, self._buckets.get(number, {})

    def _double(self) -> None:
        self.width *= 2
        merged: dict[int, dict[str, int]] = {}
        for number, counts in self._buckets.items():
            into = merged.setdefault(number // 2, {})
            for kind, count in counts.items():
                into[kind] = into.get(kind, 0) + count
        self._buckets = merged
        self._first = min(merged)
        self._last = max(merged)
