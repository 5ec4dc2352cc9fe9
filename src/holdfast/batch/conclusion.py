"""What a request's end means: done, failed, or in doubt.

`holdfast.engine.doubt` has the rules.
"""

from collections.abc import Sequence
from enum import StrEnum

from holdfast.batch.reading import Request
from holdfast.engine import FaultClass
from holdfast.engine.doubt import is_in_doubt, key_lifetime, why_in_doubt


class Status(StrEnum):
    """How a request of a batch ended."""

    OK = "ok"
    FAILED = "failed"
    UNSURE = "unsure"


KEY_EXPIRED = "key_expired"

WHY_REPLAYED = (
    "the answer is the one stored under the idempotency key that the file gives it, and was not "
    "made anew; with another key it would be"
)


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
        faults: the fault class of every attempt, in order; none if it was not sent.
        http_status: the last answer's, if there was one.
        begun_before: whether it may have been sent already before an interruption of the run, or
            by the run that is retried.
    """
    if not faults:
        return Status.UNSURE if request.writes and begun_before else Status.FAILED
    if faults[-1] is FaultClass.OK:
        return Status.OK
    unsure = request.writes and is_in_doubt(
        faults, http_status, keyed=request.keyed, begun_before=begun_before
    )
    return Status.UNSURE if unsure else Status.FAILED


def why_unsure(faults: Sequence[FaultClass]) -> str:
    """The reason of an `unsure`, for a person."""
    reason = "it may have been sent before, and was not sent this time"
    if faults:
        reason = why_in_doubt(faults)
    return f"{reason}; look at the object in Stripe before sending it again"


def key_expired(request: Request, begun_at: float | None, now: float) -> bool:
    """Whether the request's idempotency key may be forgotten by Stripe.

    Args:
        request: the request.
        begun_at: when it was first sent, in unix seconds; None if it never was.
        now: the wall clock.
    """
    lifetime = key_lifetime(request.method, request.path)
    if begun_at is None or lifetime is None:
        return False
    return now - begun_at >= lifetime
