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


def limiter_of(account: Hashable, limits: RateLimits) -> MemoryLimiter:
    """The limiter that all calls of an account share.

    Args:
        account: what tells accounts apart; nothing secret.
        limits: what the policy tells of it.
    """
    place = (account, limits)
    with _mutex:
        limiter = _limiters.get(place)
        if limiter is None:
            limiter = _limiters[place] = MemoryLimiter(limits)
            if len(_limiters) > _LIMIT:
                _limiters.popitem(last=False)
        else:
            _limiters.move_to_end(place)
        return limiter


def _after_fork() -> None:
    global _mutex
    _mutex = threading.Lock()


in_each_child(_after_fork)
