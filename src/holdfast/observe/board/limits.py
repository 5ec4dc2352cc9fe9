"""Every limiter in use: how fast its account goes, and what it may."""

import math
from collections.abc import Sequence

from holdfast.ratelimit import MemoryLimiter, ScopeReading

LIMITERS = 20
"""How many limiters a snapshot shows: those used last."""
SCOPES = 10
"""How many endpoints and objects it shows of each."""


def limits(limiters: Sequence[MemoryLimiter]) -> list[dict[str, object]]:
    """How each scope of each limiter does, the limiter that was used last first.

    Args:
        limiters: all of them, the one used last at the end.
    """
    return [
        _row(limiter.name, reading)
        for limiter in reversed(limiters[-LIMITERS:])
        for reading in limiter.survey(SCOPES)
    ]


def _row(account: str, reading: ScopeReading) -> dict[str, object]:
    return {
        "account": account,
        "scope": reading.name,
        "rate": round(reading.rate, 1),
        "limit": _bound(reading.limit),
        "concurrency": _bound(reading.concurrency),
        "under_way": reading.under_way,
        "waiting": reading.waiting,
        "cut": reading.is_cut,
    }


def _bound(value: float) -> float | None:
    return None if value == math.inf else value
