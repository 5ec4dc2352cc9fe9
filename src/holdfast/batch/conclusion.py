"""What a request's end means: done, failed, or in doubt.

A write is in doubt when it may have been executed and no answer says whether it was. Sources:
docs.stripe.com/error-low-level (a 500 is indeterminate), docs.stripe.com/api/idempotent_requests
(what is stored under a key, and for how long) and docs.stripe.com/api-v2-overview.
"""

from collections.abc import Sequence
from enum import StrEnum

from holdfast.batch.reading import Request
from holdfast.engine import FaultClass


class Status(StrEnum):
    """How a request of a batch ended."""

    OK = "ok"
    FAILED = "failed"
    UNSURE = "unsure"


KEY_EXPIRED = "key_expired"

# For so long Stripe surely keeps an idempotency key, in seconds.
_KEY_LIFETIMES = {"/v1/": 24 * 3600.0, "/v2/": 30 * 24 * 3600.0}

# After these a write may have been executed: no answer, an indeterminate one, or the word that
# an earlier attempt of the same key is still at work.
_DOUBTFUL = frozenset({FaultClass.INTERRUPTED, FaultClass.SERVER_ERROR, FaultClass.KEY_IN_USE})

# These are answered before the idempotency layer is asked, so they say nothing about an earlier
# attempt.
_BEFORE_THE_KEY = frozenset({401, 403})

_WHY_UNSURE = {
    FaultClass.INTERRUPTED: "no whole answer came, so it may or may not have been executed",
    FaultClass.SERVER_ERROR: "the server failed while it worked on it, so it may or may not have "
    "been executed",
    FaultClass.KEY_IN_USE: "an earlier attempt of it was still being executed",
}


def conclude(
    request: Request,
    faults: Sequence[FaultClass],
    http_status: int | None,
    *,
    begun_before: bool,
) -> Status:
    """Tell how a request ended.

    Args:
        request: what was sent.
        faults: the fault class of every attempt, in order.
        http_status: the last answer's, if there was one.
        begun_before: whether it may have been sent already before an interruption of the run.
    """
    last = faults[-1]
    if last is FaultClass.OK:
        return Status.OK
    if not request.writes:
        return Status.FAILED
    if last in _DOUBTFUL:
        return Status.UNSURE
    earlier = begun_before or any(fault in _DOUBTFUL for fault in faults)
    if earlier and not _settles(request, last, http_status):
        return Status.UNSURE
    return Status.FAILED


def why_unsure(faults: Sequence[FaultClass]) -> str:
    """The reason of an `unsure`, for a person."""
    reason = _WHY_UNSURE.get(
        faults[-1], "an earlier attempt may have been executed, and the last answer does not tell"
    )
    return f"{reason}; look at the object in Stripe before sending it again"


def key_expired(request: Request, begun_at: float | None, now: float) -> bool:
    """Whether the request's idempotency key may be forgotten by Stripe.

    Args:
        request: the request.
        begun_at: when it was first sent, in unix seconds; None if it never was.
        now: the wall clock.
    """
    if begun_at is None or not request.keyed:
        return False
    return now - begun_at >= _KEY_LIFETIMES[request.path[:4]]


def _settles(request: Request, last: FaultClass, http_status: int | None) -> bool:
    """Whether a rejection tells that an earlier attempt was not executed, or how it ended."""
    if last is not FaultClass.REJECTED or http_status in _BEFORE_THE_KEY:
        return False
    # Deleting twice answers 404 the second time, also if the first time did it.
    return request.keyed or http_status != 404
