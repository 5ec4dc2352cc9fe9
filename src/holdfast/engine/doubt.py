"""When a request may have been executed although nobody was told: money may be in doubt.

A write is in doubt when it may have been executed and no answer says whether it was. Sources:
docs.stripe.com/error-low-level (a 500 is indeterminate), docs.stripe.com/api/idempotent_requests
(what is stored under a key, and for how long) and docs.stripe.com/api-v2-overview.
"""

from collections.abc import Sequence

from holdfast.engine.classify import FaultClass

# After these a write may have been executed: no answer, an indeterminate one, or the word that
# an earlier attempt of the same key is still at work.
DOUBTFUL = frozenset({FaultClass.INTERRUPTED, FaultClass.SERVER_ERROR, FaultClass.KEY_IN_USE})

_WHY = {
    FaultClass.INTERRUPTED: "no whole answer came, so it may or may not have been executed",
    FaultClass.SERVER_ERROR: "the server failed while it worked on it, so it may or may not have "
    "been executed",
    FaultClass.KEY_IN_USE: "an earlier attempt of it was still being executed",
}
_WHY_ELSE = "an earlier attempt may have been executed, and the last answer does not tell"

# For so long Stripe surely keeps an idempotency key, in seconds, and which methods it minds one
# for.
_KEY_LIFETIMES = {
    ("POST", "/v1/"): 24 * 3600.0,
    ("POST", "/v2/"): 30 * 24 * 3600.0,
    ("DELETE", "/v2/"): 30 * 24 * 3600.0,
}

# These are answered before the idempotency layer is asked, so they say nothing about an earlier
# attempt.
_BEFORE_THE_KEY = frozenset({401, 403})


def is_in_doubt(
    faults: Sequence[FaultClass],
    status: int | None,
    *,
    keyed: bool,
    begun_before: bool = False,
) -> bool:
    """Tell whether a write that ended may have been executed without an answer that says so.

    Args:
        faults: the fault class of every attempt, in order; at least one.
        status: the last answer's HTTP status, if there was one.
        keyed: whether it has an idempotency key that the server minds.
        begun_before: whether it may have been sent earlier, too.
    """
    last = faults[-1]
    if last is FaultClass.OK:
        return False
    if last in DOUBTFUL:
        return True
    earlier = begun_before or any(fault in DOUBTFUL for fault in faults)
    return earlier and not _settles(last, status, keyed=keyed)


def why_in_doubt(faults: Sequence[FaultClass]) -> str:
    """Why a write is in doubt, as a part of a sentence.

    Args:
        faults: the fault class of every attempt that was answered or failed, in order; none at all
            where it was broken off during the first.
    """
    last = faults[-1] if faults else FaultClass.INTERRUPTED
    return _WHY.get(last, _WHY_ELSE)


def key_lifetime(method: str, path: str) -> float | None:
    """For how long Stripe surely keeps the idempotency key of a request, in seconds.

    Returns:
        None where no key makes it safe to repeat.
    """
    return _KEY_LIFETIMES.get((method, path[:4]))


def _settles(last: FaultClass, status: int | None, *, keyed: bool) -> bool:
    """Whether a rejection tells that an earlier attempt was not executed, or how it ended."""
    if last is not FaultClass.REJECTED or status in _BEFORE_THE_KEY:
        return False
    # Deleting twice answers 404 the second time, also if the first time did it.
    return keyed or status != 404
