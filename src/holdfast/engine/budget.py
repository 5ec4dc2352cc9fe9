"""The retry budget: retries as a share of traffic, so that an outage is not amplified.

A token bucket as in Finagle's `RetryBudget` (20 % of traffic, at least 10 a second, saved up for
10 seconds); the lower charge for contention is that of botocore 1.44 (5 against 14).
"""

import math
import threading
from dataclasses import dataclass

from holdfast.engine.classify import FaultClass

# What a retry takes out. An object that is locked, or a key that is in use, is no sign of a
# server in trouble, and a rate limit is the limiter's business.
_CONTENTION = 5 / 14
COSTS = {
    FaultClass.LOCKED: _CONTENTION,
    FaultClass.THROTTLED: _CONTENTION,
    FaultClass.KEY_IN_USE: _CONTENTION,
}


@dataclass(frozen=True, slots=True)
class Budget:
    """How many retries a budget allows.

    Attributes:
        share: retries for each call, where there is much traffic.
        per_second: retries a second, where there is little: the larger of the two counts.
        window: for how many seconds unused retries are saved up.
    """

    share: float = 0.2
    per_second: float = 10.0
    window: float = 10.0

    def __post_init__(self) -> None:
        for name, low, high, unit in _BOUNDS:
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}: it must be from {low:g} to {high:g} {unit}")


_BOUNDS = (
    ("share", 0, 10, "retries a call"),
    ("per_second", 0, 100_000, "retries a second"),
    ("window", 1, 3600, "s"),
)


class RetryBudget:
    """The retries that are left to the calls of one account. Any thread may use it.

    Args:
        settings: how many it allows.
        now: the clock, in seconds; the same one as in every later call.
    """

    __slots__ = ("_at", "_floor", "_mutex", "_settings", "_tokens")

    def __init__(self, settings: Budget, now: float) -> None:
        self._settings = settings
        self._mutex = threading.Lock()
        self._at = now
        self._tokens = settings.per_second * settings.window
        self._floor = 0.0  # what time alone has paid in since the last call

    def deposit(self, now: float) -> None:
        """Take note of a call."""
        with self._mutex:
            self._pass_time(now)
            self._tokens += max(0.0, self._settings.share - self._floor)
            self._floor = 0.0

    def withdraw(self, fault: FaultClass, now: float) -> bool:
        """Pay for a retry after such a fault; False, and nothing is paid, if it is too dear."""
        cost = COSTS.get(fault, 1.0)
        with self._mutex:
            self._pass_time(now)
            if self._tokens < cost:
                return False
            self._tokens -= cost
            return True

    def _pass_time(self, now: float) -> None:
        passed = now - self._at
        if passed <= 0:
            return  # another thread's clock was read later and came first
        self._at = now
        # What is saved fades away over the window, so a steady income gathers to a window's worth.
        fading = math.exp(-passed / self._settings.window)
        income = self._settings.per_second * passed
        saved = self._settings.per_second * self._settings.window * (1.0 - fading)
        self._tokens = self._tokens * fading + saved
        self._floor += income
