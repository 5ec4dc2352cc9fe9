"""The decision after an attempt: return, retry after so long, or give up for a named reason."""

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol

from holdfast.engine.classify import FaultClass
from holdfast.engine.outcome import Failure, Outcome, Response
from holdfast.engine.receipt import StopReason
from holdfast.engine.rules import Rules

if TYPE_CHECKING:
    from holdfast.policy import Policy

# Repeating these is harmless whether or not they were processed (docs.stripe.com/error-low-level
# guarantees it of GET and DELETE; RFC 9110, section 9.2.2, of the others).
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})

# After these the request may have been executed all the same.
INDETERMINATE = frozenset({FaultClass.INTERRUPTED, FaultClass.SERVER_ERROR})


@dataclass(slots=True)
class Verdict:
    """What follows an attempt: `reason` ends the call; without one it is sent again."""

    reason: StopReason | None
    delay: float = 0.0


@dataclass(slots=True)
class Situation:
    """Where a call stands when its attempt has ended.

    Attributes:
        fault: what the outcome meant.
        outcome: what came back.
        attempt: how many attempts were made.
        repeatable: whether a second execution would do no harm.
        now: the clock, in seconds.
        deadline: the moment by which the call must have ended, on the same clock.
        admits: whether a limiter decides when it is sent again after a rate limit's refusal.
    """

    fault: FaultClass
    outcome: Outcome
    attempt: int
    repeatable: bool
    now: float
    deadline: float
    admits: bool = False


Rule = Callable[[Situation], StopReason | None]


class Purse(Protocol):
    """What pays for retries: a `RetryBudget`, or something with one inside."""

    def deposit(self, now: float) -> None:
        """Take note of a call."""

    def withdraw(self, fault: FaultClass, now: float) -> bool:
        """Pay for a retry, if that can be done."""


def decide(
    at: Situation,
    policy: "Policy",
    random: Callable[[], float],
    budget: Purse | None = None,
    rule: Rule | None = None,
) -> Verdict:
    """Decide what follows an attempt. The order of the steps is the design's.

    Args:
        at: where the call stands.
        policy: its options.
        random: draws from [0, 1).
        budget: pays for the retry, if there is to be one; None for no bound.
        rule: takes the place of `class_rule`.
    """
    if at.fault is FaultClass.OK:
        return Verdict(StopReason.OK)
    if at.now >= at.deadline:
        return Verdict(StopReason.DEADLINE)
    rules = policy.rules
    reason = class_rule(at, rules) if rule is None else rule(at)
    if reason is not None:
        return Verdict(reason)
    used_up = at.attempt > policy.max_retries
    if used_up and not rules.allows_past_the_last(at.attempt, at.outcome):
        return Verdict(StopReason.ATTEMPTS)
    # The limiter has its own waits.
    admitted = at.admits and at.fault is FaultClass.THROTTLED
    delay = 0.0 if admitted else policy.backoff_for(at.fault).wait(at.attempt, random)
    delay = _with_hint(delay, at, policy)
    if at.now + delay >= at.deadline:
        return Verdict(StopReason.DEADLINE)
    # Last, so that only a retry that will be made is paid for.
    if budget is not None and not budget.withdraw(at.fault, at.now):
        return Verdict(StopReason.BUDGET)
    return Verdict(None, delay)


def class_rule(at: Situation, rules: Rules) -> StopReason | None:
    """The server's word, then the rule of the class: why no retry may follow, if so."""
    outcome = rules.read(at.outcome)
    word = rules.said(outcome)
    if word is False:
        return StopReason.SERVER_SAID_NO
    if word is True and (rules.throttled_on_word or at.fault is not FaultClass.THROTTLED):
        return None
    if at.fault is FaultClass.THROTTLED and at.admits:
        return None
    if not rules.sends_again(at.fault, outcome):
        if isinstance(outcome, Failure) and not outcome.retryable:
            return StopReason.NOT_RETRYABLE
        return _FINAL.get(at.fault, StopReason.RULES)
    if at.fault in INDETERMINATE and not at.repeatable:
        return StopReason.NOT_IDEMPOTENT
    return None


_FINAL = {
    FaultClass.REJECTED: StopReason.REJECTED,
    # Without a limiter, and by default even with a `true`: a blind retry adds to the load.
    FaultClass.THROTTLED: StopReason.THROTTLED,
}


def _with_hint(delay: float, at: Situation, policy: "Policy") -> float:
    """Lengthen the wait to the server's `Retry-After` (Stripe sends none; other APIs do)."""
    hint = None if isinstance(at.outcome, Failure) else _retry_after(at.outcome)
    if hint is None or policy.retry_after == "ignore":
        return delay
    if at.now + hint >= at.deadline and policy.retry_after == "cap":
        # Half of what is left: the attempt then has as much time as the wait had.
        return max(delay, (at.deadline - at.now) / 2)
    return max(delay, hint)


def _retry_after(response: Response) -> float | None:
    """The seconds that a `Retry-After` asks for: a number, or a date set against `Date`.

    RFC 9110, section 10.2.3. The server's own `Date` is the reference, so no clock of ours can be
    wrong; without it a date says nothing.
    """
    text = response.header("retry-after")
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        then = parsedate_to_datetime(text)
        now = parsedate_to_datetime(response.header("date") or "")
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError, OverflowError):  # no date, no zone, or a year out of range
        return None
