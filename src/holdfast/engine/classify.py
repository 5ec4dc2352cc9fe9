"""THE table: outcome -> fault class. The reference page of the docs is made from it.

Sources: Stripe's pages on rate limits (docs.stripe.com/rate-limits), idempotent requests and
advanced error handling (docs.stripe.com/error-low-level).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from holdfast.engine.outcome import Failure, Outcome, Phase, Response


class FaultClass(StrEnum):
    """What an outcome means."""

    OK = "ok"
    REJECTED = "rejected"
    LOCKED = "locked"
    THROTTLED = "throttled"
    KEY_IN_USE = "key_in_use"
    CONFLICT = "conflict"
    SERVER_ERROR = "server_error"
    UNREACHABLE = "unreachable"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: the first whose test holds gives the class."""

    fault: FaultClass
    when: str
    test: Callable[[Response], bool]


# Account creation answers a rate limit as a 400 without any code (stripe-node #2223).
_TOO_QUICKLY = "creating accounts too quickly"


def _is_throttled(response: Response) -> bool:
    if response.status == 429:
        return True
    return response.status == 400 and (
        response.error_code == "rate_limit"
        or response.header("stripe-rate-limited-reason") is not None
        or _TOO_QUICKLY in (response.error_message or "")
    )


RULES = (
    Rule(FaultClass.OK, "status 200 to 299", lambda r: 200 <= r.status < 300),
    Rule(
        FaultClass.LOCKED,
        "error code `lock_timeout`, whatever the status or the headers",
        lambda r: r.error_code == "lock_timeout",
    ),
    Rule(
        FaultClass.KEY_IN_USE,
        "error code `idempotency_key_in_use`",
        lambda r: r.error_code == "idempotency_key_in_use",
    ),
    Rule(FaultClass.CONFLICT, "any other status 409", lambda r: r.status == 409),
    Rule(
        FaultClass.THROTTLED,
        "any other status 429; or status 400 with error code `rate_limit`, a "
        "`Stripe-Rate-Limited-Reason`, or the message that accounts are created too quickly",
        _is_throttled,
    ),
    Rule(
        FaultClass.SERVER_ERROR,
        "status 500 and above, or 424",
        lambda r: r.status >= 500 or r.status == 424,
    ),
    Rule(FaultClass.REJECTED, "any other status", lambda _: True),
)
*_TESTED, _OTHERWISE = RULES

PHASES = {
    Phase.CONNECT: FaultClass.UNREACHABLE,
    Phase.SENT: FaultClass.INTERRUPTED,
    Phase.BODY: FaultClass.INTERRUPTED,
}


def classify(outcome: Outcome) -> FaultClass:
    """Tell what an outcome means."""
    if isinstance(outcome, Failure):
        return PHASES[outcome.phase]
    for rule in _TESTED:
        if rule.test(outcome):
            return rule.fault
    return _OTHERWISE.fault


def limit_reason(outcome: Outcome) -> str | None:
    """Which rate limit refused a request, in the words of `Stripe-Rate-Limited-Reason`.

    The 400 for accounts that are created too quickly has no reason; it is its endpoint's.
    """
    if isinstance(outcome, Failure):
        return None
    reason = outcome.header("stripe-rate-limited-reason")
    return "endpoint-rate" if reason is None and outcome.status == 400 else reason
