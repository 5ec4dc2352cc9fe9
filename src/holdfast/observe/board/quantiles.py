"""Middle values without keeping every value."""

import math

# A value is known to within half of this.
_WIDTH = 0.04
_LOG = math.log1p(_WIDTH)


class Durations:
    """How long things took: their number, the longest, and the middle one to within 2 %.

    Values share a count when they differ by less than 4 %, so however many there are, a few
    hundred counts hold all from a microsecond to a day.

    Attributes:
        number: how many there were.
        total: all of them together, in seconds.
        longest: the longest one, in seconds.
    """

    __slots__ = ("_counts", "_zeros", "longest", "number", "total")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._zeros = 0
        self.number = 0
        self.total = 0.0
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.number += 1
        if seconds <= 0.0:
            self._zeros += 1
            return
        self.total += seconds
        if seconds > self.longest:
            self.longest = seconds
        place = math.floor(math.log(seconds) / _LOG)
        self._counts[place] = self._counts.get(place, 0) + 1

    def merge(self, other: "Durations") -> None:
        """Count all of another's."""
        for place, number in other._counts.items():
            self._counts[place] = self._counts.get(place, 0) + number
        self._zeros += other._zeros
        self.number += other.number
        self.total += other.total
        self.longest = max(self.longest, other.longest)

    def median(self) -> float:
        """The middle value (the lower of two), in seconds; 0 of none at all."""
        left = (self.number + 1) // 2 - self._zeros
        if left <= 0:
            return 0.0
        for place in sorted(self._counts):
            left -= self._counts[place]
            if left <= 0:
                return min(math.exp((place + 0.5) * _LOG), self.longest)
        raise AssertionError("the counts hold every value above 0")
