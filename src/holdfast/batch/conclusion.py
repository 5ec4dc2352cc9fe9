"""What a request's end means: done, failed, or in doubt.

`holdfast.engine.doubt` has the rule. Sources of the rest: docs.stripe.com/api/idempotent_requests
(for how long a key is kept) and docs.stripe.com/api-v2-overview.
"""

from collections.abc import Sequence
from enum import StrEnum

from holdfast.batch.reading import Request
from holdfast.engine import FaultClass
from holdfast.engine.doubt import is_in_doubt


class Status(StrEnum):
    """How a request of a batch ended."""

    OK = "ok"
    FAILED = "failed"
    UNSURE = "unsure"


KEY_EXPIRED = "key_expired"

# For so long Stripe surely keeps an idempotency key, in seconds.
_KEY_LIFETIMES = {"/v1/": 24 * 3600.0, "/v2/": 30 * 24 * 3600.0}

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
    if faults[-1] is FaultClass.OK:
        return Status.OK
    unsure = request.writes and is_in_doubt(
        faults, http_status, keyed=request.keyed, begun_before=begun_before
    )
    return Status.UNSURE if unsure else Status.FAILED


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
