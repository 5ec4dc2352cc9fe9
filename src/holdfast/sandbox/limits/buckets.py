"""Token buckets and counts of what runs, in bounded memory.

A bucket is the one number of the generic cell rate algorithm: the instant at which it is full
again. One that is full is not kept at all, so that memory follows what is in use.
"""

from collections import OrderedDict
from collections.abc import Hashable

from holdfast.sandbox.limits.model import Rate

MOST_BUCKETS = 100_000
"""Beyond these the bucket that was looked at longest ago is forgotten."""
_LOOKED_AT = 4
"""How many buckets are looked at, in turn, whenever a token is taken: more than that can add, so
that the full ones cannot pile up."""
_ROUNDING = 1e-6


class Buckets:
    """Token buckets by name."""

    def __init__(self) -> None:
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        """How many are not full."""
        return len(self._full_at)

    def has_token(self, name: Hashable, rate: Rate, now: float) -> bool:
        """Whether a request may pass."""
        full_at = self._full_at.get(name, now)
        return full_at - now <= (rate.capacity - 1) * rate.interval + _ROUNDING

    def take(self, name: Hashable, rate: Rate, now: float) -> None:
        """Let a request pass."""
        buckets = self._full_at
        buckets[name] = max(buckets.get(name, now), now) + rate.interval
        self._forget(now)

    def _forget(self, now: float) -> None:
        buckets = self._full_at
        for _ in range(min(_LOOKED_AT, len(buckets))):
            oldest = next(iter(buckets))
            if buckets[oldest] > now and len(buckets) <= MOST_BUCKETS:
                buckets.move_to_end(oldest)
            else:
                del buckets[oldest]


class Running:
    """How many requests run, by name."""

    def __init__(self) -> None:
        self._counts: dict[Hashable, int] = {}

    def __len__(self) -> int:
        """How many names have a request that runs."""
        return len(self._counts)

    def count(self, name: Hashable) -> int:
        """How many requests of a name run."""
        return self._counts.get(name, 0)

    def enter(self, name: Hashable) -> None:
        """A request begins to run."""
        self._counts[name] = self._counts.get(name, 0) + 1

    def leave(self, name: Hashable) -> None:
        """A request has ended."""
        left = self._counts[name] - 1
        if left:
            self._counts[name] = left
        else:
            del self._counts[name]
