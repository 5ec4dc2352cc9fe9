"""Changes of state of limiters, which subscribers of events are told of."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from holdfast.stream import process_stream

_stream = process_stream()


@dataclass(slots=True)
class LimitCut:
    """A refusal has slowed a scope down.

    Attributes:
        account: whose limit it is, in a short name that is no secret.
        scope: `account`, an endpoint or an object.
        reason: the answer's `Stripe-Rate-Limited-Reason`, if it had one.
        rate: requests a second from now on; infinite if that has no bound.
        concurrency: how many may be under way at once, likewise.
        at: when, in unix seconds.
    """

    is_detail: ClassVar[bool] = False
    account: str
    scope: str
    reason: str | None
    rate: float
    concurrency: float
    at: float


@dataclass(slots=True)
class LimitRecovered:
    """A scope is as fast again as it was before it was cut; `at` is when, in unix seconds."""

    is_detail: ClassVar[bool] = False
    account: str
    scope: str
    at: float


def tell_of_cut(
    account: str, scope: str, reason: str | None, rate: float, concurrency: float
) -> None:
    """Publish that a scope was cut, if anybody wants to know."""
    if _stream.wanted:
        _stream.publish(LimitCut(account, scope, reason, rate, concurrency, time.time()))


def tell_of_recoveries(recovered: Iterable[LimitRecovered]) -> None:
    """Publish that scopes have recovered, likewise."""
    for event in recovered:
        if _stream.wanted:
            _stream.publish(event)
