"""THE table: how a request ended -> the idempotency key of its next try.

The same key where the first try may have been executed, since asking under it again is safe, and
where nothing is stored under it. A new one where the server stored the rejection under the old one
and would only replay it.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from holdfast.batch.conclusion import Status, key_expired
from holdfast.batch.journal_format import Entry
from holdfast.batch.reading import Request
from holdfast.engine import FaultClass

# The new key follows from the old one: two retries of one journal that do not know of each other
# have the same new keys, so that nothing is executed twice.
_NEW_KEYS = uuid.UUID("b2fb3a5e-43a0-4d6b-9a52-0d7ad7a94a4f")

_NOTHING_STORED = frozenset({FaultClass.LOCKED, FaultClass.CONFLICT})

_KEYS_V1 = "docs.stripe.com/api/idempotent_requests"
_KEYS_V2 = "docs.stripe.com/api-v2-overview#idempotency"
_ERRORS = "docs.stripe.com/error-low-level"


@dataclass(frozen=True, slots=True)
class End:
    """How a request ended that is not ok.

    Attributes:
        request: the request.
        status: failed or unsure.
        fault: the class of the last attempt; None if it was not sent.
    """

    request: Request
    status: Status
    fault: FaultClass | None


@dataclass(frozen=True, slots=True)
class KeyRule:
    """One row: the first whose test holds decides.

    Attributes:
        when: which requests it is about.
        new: whether they get a new key; a key that the file gave stays in any case.
        why: the reason.
        source: the page that says so.
        test: whether it is about a request that ended so.
    """

    when: str
    new: bool
    why: str
    source: str
    test: Callable[[End], bool]


RULES = (
    KeyRule(
        "unsure",
        False,
        "it may have been executed; under the same key it is not executed again",
        _ERRORS,
        lambda end: end.status is Status.UNSURE,
    ),
    KeyRule(
        "GET, and DELETE of version 1",
        False,
        "keys have no effect on them",
        _KEYS_V1,
        lambda end: not end.request.keyed,
    ),
    KeyRule(
        "version 2",
        False,
        "what failed is executed again under its key",
        _KEYS_V2,
        lambda end: end.request.path.startswith("/v2/"),
    ),
    KeyRule(
        "not sent, or the server was not reached",
        False,
        "the server knows nothing of it",
        _ERRORS,
        lambda end: end.fault in (None, FaultClass.UNREACHABLE),
    ),
    KeyRule(
        "locked or in conflict",
        False,
        "no execution began, so nothing is stored under the key",
        _KEYS_V1,
        lambda end: end.fault in _NOTHING_STORED,
    ),
    KeyRule(
        "throttled",
        False,
        "rate limiters come before the idempotency keys",
        _ERRORS,
        lambda end: end.fault is FaultClass.THROTTLED,
    ),
    KeyRule(
        "rejected",
        True,
        "the rejection may be stored under the key and would be replayed for 24 hours",
        _KEYS_V1,
        lambda end: end.fault is FaultClass.REJECTED,
    ),
    KeyRule(
        "anything else",
        False,
        "it may have been executed; under the same key it is not executed again",
        _ERRORS,
        lambda _: True,
    ),
)


def rule_for(entry: Entry, result: Mapping[str, Any]) -> KeyRule:
    """The row for a request and its result, which is not ok."""
    faults = result["fault_classes"]
    fault = FaultClass(faults[-1]) if faults else None
    end = End(entry.request, Status(result["status"]), fault)
    return next(rule for rule in RULES if rule.test(end))


def next_try(entry: Entry, result: Mapping[str, Any]) -> Entry:
    """The request as it is sent again.

    What failed surely had no effect, so its next try is a first one; what is unsure has been begun
    when it was, so that its key is not used when Stripe may have forgotten it.
    """
    if Status(result["status"]) is Status.UNSURE:
        return entry
    request, key = entry.request, entry.request.idempotency_key
    if key is not None and not entry.own_key and rule_for(entry, result).new:
        request = replace(request, idempotency_key=str(uuid.uuid5(_NEW_KEYS, key)))
    return replace(entry, request=request, begun_at=None)


def is_replayed(entry: Entry, result: Mapping[str, Any], now: float) -> bool:
    """Whether the next try can but have the stored rejection again, since the file's own key stays.

    Args:
        entry: the request.
        result: how it ended.
        now: unix seconds.
    """
    stays = entry.own_key and rule_for(entry, result).new
    return stays and not key_expired(entry.request, entry.begun_at, now)
