"""One scope's tokens: a GCRA bucket whose rate follows the server, and a cap on concurrency.

GCRA keeps a single moment: when the bucket would be full again. A token moves it on by one
interval, and one is there while it is no more than `burst - 1` intervals ahead. So no window of
`t` seconds ever sees more than `rate * t + burst`, the first one included, and a clock that jumps
ahead fills the bucket and nothing more.
"""

import math
from collections.abc import Callable

from holdfast.ratelimit.adaptive import AimdConcurrency, CubicRate
from holdfast.ratelimit.limits import Limit

# Sums of intervals miss the moment that was slept for by less than this, in seconds.
_ROUNDING = 1e-6


class Scope:
    """The tokens of an account, an endpoint or a resource. Whoever calls it holds the mutex.

    Args:
        name: what it is, for people.
        limit: what is known of it.
        of_object: whether it is one object's.

    Attributes:
        rate: its rate.
        concurrency: its cap on concurrency.
        under_way: how many requests are.
        awaited: how many calls wait for it.
    """

    __slots__ = (
        "_before",
        "_burst",
        "_counts",
        "_full_at",
        "_interval",
        "_last",
        "_lead",
        "_not_before",
        "awaited",
        "concurrency",
        "name",
        "of_object",
        "rate",
        "under_way",
    )

    def __init__(self, name: str, limit: Limit, *, of_object: bool = False) -> None:
        self.name = name
        self.of_object = of_object
        self.rate = CubicRate(limit.rate)
        self.concurrency = AimdConcurrency(limit.concurrency)
        self.under_way = 0
        self.awaited = 0
        self._burst = limit.burst
        self._counts = limit.concurrency is not None
        self._full_at = self._before = self._not_before = -math.inf
        self._last: object = None
        self._set_pace()

    def _set_pace(self) -> None:
        rate = self.rate.value
        self._interval = 1 / rate
        self._lead = _ROUNDING if rate == math.inf else _ROUNDING + (self._allowed(rate) - 1) / rate

    @property
    def is_bounded(self) -> bool:
        """Whether there is anything to wait for, now or later."""
        return self.rate.value < math.inf or self.concurrency.value < math.inf

    @property
    def is_cut(self) -> bool:
        """Whether a refusal still slows it down."""
        return self.rate.is_cut or self.concurrency.is_cut

    def is_idle(self, now: float) -> bool:
        """Whether nobody waits for it and a new scope would be just like it."""
        full = self._full_at <= now and self._not_before <= now and not self.awaited
        return full and not self.is_cut and not (self.under_way and self._counts)

    def ready_at(self) -> float:
        """When a token is there; infinite while everything that may be under way is."""
        if self.under_way + 1 > self.concurrency.value:
            return math.inf
        return max(self._full_at - self._lead, self._not_before)

    def token_at(self, ahead: int, now: float) -> float:
        """When a token is there for whoever has so many others ahead, if the rate stays."""
        if ahead == 0:
            return max(self._full_at - self._lead, self._not_before)
        rate = self.rate.outlook
        if rate == math.inf:
            return self._not_before
        # Those ahead take theirs now at the earliest.
        full_at = max(self._full_at, self._not_before, now)
        return full_at + (ahead + 1 - self._allowed(rate)) / rate

    def tokens_until(self, until: float) -> float:
        """How many tokens there are for those who wait, until then."""
        rate = self.rate.outlook
        if rate == math.inf or self._full_at == -math.inf:
            return math.inf
        return max(0.0, (until - self._full_at) * rate + self._allowed(rate))

    def take(self, who: object, now: float) -> None:
        """Take a token, also one that is not there yet, and begin a request."""
        self.under_way += 1
        self._last = who
        self._before = self._full_at
        self._full_at = max(self._full_at, now) + self._interval

    def give_back(self, who: object) -> None:
        """Undo `take`: the request was never sent.

        A token can only go to others while it is the last one: those after it were given out at
        moments of their own, and one more now would be one too many.
        """
        self.under_way -= 1
        if self._last is who:
            self._full_at, self._last = self._before, None

    def end(self, sent_at: float, now: float) -> None:
        """A request has ended."""
        self.under_way -= 1
        # Those of before the cut say nothing about how things are now.
        if self.concurrency.is_cut and sent_at > self.concurrency.cut_at:
            self.concurrency.ended(self.under_way, now)

    def cut(self, measured: float, now: float) -> None:
        """Slow down, and begin with no token in the bucket."""
        self.rate.cut(measured, now)
        self._set_pace()
        self._last = None
        self._full_at = max(self._full_at, now + self._interval + self._lead)

    def hold(self, until: float) -> None:
        """Have no token before then."""
        self._not_before = max(self._not_before, until)

    def grow(self, measured: Callable[[], float], now: float) -> None:
        """Recover from cuts as time passes."""
        before = self.rate.value
        if not self.rate.grow(measured, now):
            return
        self._set_pace()
        self._last = None
        if self._full_at > now:
            # As many tokens are missing as before, and they come faster now.
            self._full_at = now + (self._full_at - now) * before / self.rate.value

    def _allowed(self, rate: float) -> float:
        return max(2.0, rate / 10) if self._burst is None else self._burst
