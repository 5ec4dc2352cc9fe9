"""Percentiles of any number of durations in a few kilobytes.

Durations fall into bins whose edges grow by a constant factor, so a percentile is right within 1%
however many there are. The idea is that of DDSketch (vldb.org/pvldb/vol12/p2195-masson.pdf).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

_GROWTH = 1.02  # a bin's middle is within 1 % of all it holds
_LOG_GROWTH = math.log(_GROWTH)
_SHORTEST = 1e-5  # seconds; all below is one bin
_LAST_BIN = math.ceil(math.log(1e9 / _SHORTEST) / _LOG_GROWTH)


@dataclass(slots=True)
class Histogram:
    """Durations in seconds, counted.

    Attributes:
        count: how many there are.
        total: their sum.
        longest: the longest of them, exactly.
        shortest: the shortest of them, exactly; infinite if there are none.
    """

    count: int = 0
    total: float = 0.0
    longest: float = 0.0
    shortest: float = math.inf
    _bins: dict[int, int] = field(default_factory=dict)

    def add(self, seconds: float) -> None:
        """Count a duration."""
        self.count += 1
        self.total += seconds
        self.longest = max(self.longest, seconds)
        self.shortest = min(self.shortest, seconds)
        number = 0
        if seconds > _SHORTEST:
            number = min(math.ceil(math.log(seconds / _SHORTEST) / _LOG_GROWTH), _LAST_BIN)
        self._bins[number] = self._bins.get(number, 0) + 1

    @property
    def mean(self) -> float:
        """Their mean; 0 if there are none."""
        return self.total / self.count if self.count else 0.0

    def percentile(self, share: float) -> float:
        """The duration that this share of them does not exceed, within 1 %; 0 if there are none.

        Args:
            share: from 0 to 1; 0.5 is the median.
        """
        rank = max(math.ceil(share * self.count), 1)
        if rank >= self.count:
            return self.longest
        for number in sorted(self._bins):
            rank -= self._bins[number]
            if rank <= 0:
                return max(self.shortest, min(_middle(number), self.longest))
        return self.longest

    def columns(self, most: int) -> Iterator[tuple[float, float, int]]:
        """The shape: columns of equal width on a logarithmic scale, without gaps.

        Args:
            most: how many columns there may be.

        Returns:
            From, until (in seconds) and how many, the shortest first.
        """
        if not self._bins:
            return
        first, last = min(self._bins), max(self._bins)
        width = math.ceil((last - first + 1) / most)
        for start in range(first, last + 1, width):
            inside = sum(self._bins.get(n, 0) for n in range(start, start + width))
            yield _edge(start - 1), _edge(start + width - 1), inside


def _edge(number: int) -> float:
    """The upper edge of a bin."""
    return 0.0 if number < 0 else _SHORTEST * _GROWTH**number


def _middle(number: int) -> float:
    return 0.0 if number == 0 else _edge(number) / math.sqrt(_GROWTH)
