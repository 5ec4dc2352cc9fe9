"""No faster than the account allows: token buckets and caps, told or learned from refusals.

`MemoryLimiter` serves the calls of one account in one process, its threads and its event loops
alike.
"""

from holdfast.ratelimit.admission import Admission
from holdfast.ratelimit.changes import LimitCut, LimitRecovered
from holdfast.ratelimit.limits import (
    PUBLISHED,
    Limit,
    RateLimit,
    RateLimits,
    check_rate_limit,
    limits_for,
    published_limits,
)
from holdfast.ratelimit.memory import MemoryLimiter
from holdfast.ratelimit.priority import Priority
from holdfast.ratelimit.scopes import ScopeState
from holdfast.ratelimit.survey import ScopeReading

__all__ = [
    "PUBLISHED",
    "Admission",
    "Limit",
    "LimitCut",
    "LimitRecovered",
    "MemoryLimiter",
    "Priority",
    "RateLimit",
    "RateLimits",
    "ScopeReading",
    "ScopeState",
    "check_rate_limit",
    "limits_for",
    "published_limits",
]
