"""When a request may have been executed although nobody was told: money may be in doubt.

A write is in doubt when it may have been executed and no answer says whether it was. Sources:
docs.stripe.com/error-low-level (a 500 is indeterminate), docs.stripe.com/api/idempotent_requests
(what is stored under a key) and docs.stripe.com/api-v2-overview.
"""

from collections.abc import Sequence

from holdfast.engine.classify import FaultClass

# After these a write may have been executed: no answer, an indeterminate one, or the word that
# an earlier attempt of the same key is still at work.
DOUBTFUL = frozenset({FaultClass.INTERRUPTED, FaultClass.SERVER_ERROR, FaultClass.KEY_IN_USE})

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


def _settles(last: FaultClass, status: int | None, *, keyed: bool) -> bool:
    """Whether a rejection tells that an earlier attempt was not executed, or how it ended."""
    if last is not FaultClass.REJECTED or status in _BEFORE_THE_KEY:
        return False
    # Deleting twice answers 404 the second time, also if the first time did it.
    return keyed or status != 404
