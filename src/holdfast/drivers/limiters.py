"""The limiters of this process, one for each account."""

import threading
from collections import OrderedDict
from collections.abc import Hashable

from holdfast.forks import in_each_child
from holdfast.ratelimit import MemoryLimiter, RateLimits

# As with retry budgets: one that has not called for so long has nothing left to remember.
_LIMIT = 4096

_mutex = threading.Lock()
_limiters: OrderedDict[tuple[Hashable, RateLimits], MemoryLimiter] = OrderedDict()
_made = 0


def limiter_of(account: Hashable, limits: RateLimits) -> MemoryLimiter:
    """The limiter that all calls of an account share.

    Args:
        account: what tells accounts apart; nothing secret, for people see what `str` makes of it.
        limits: what the policy tells of it.
    """
    global _made
    place = (account, limits)
    with _mutex:
        limiter = _limiters.get(place)
        if limiter is None:
            _made += 1
            limiter = _limiters[place] = MemoryLimiter(limits, name=f"{account} #{_made}")
            if len(_limiters) > _LIMIT:
                _limiters.popitem(last=False)
        else:
            _limiters.move_to_end(place)
        return limiter


def limiters() -> tuple[MemoryLimiter, ...]:
    """The limiters of all accounts, the one that was asked longest ago first."""
    with _mutex:
        return tuple(_limiters.values())


def _after_fork() -> None:
    global _mutex
    _mutex = threading.Lock()


in_each_child(_after_fork)
