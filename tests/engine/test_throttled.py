"""What follows a rate limit's refusal, with and without a limiter, step by step."""

from typing import Any

import pytest

from holdfast import DeadlineExceeded, LimiterFull, Policy, StopReason
from holdfast.engine import (
    Admit,
    Admitted,
    AttemptStarted,
    Backoff,
    Call,
    CallEnded,
    CallStarted,
    Cause,
    Event,
    Failure,
    FaultClass,
    Jitter,
    Outcome,
    Phase,
    Refused,
    Request,
    Response,
    RetryBudget,
    RetryScheduled,
    Rules,
    Send,
    Sleep,
    Waiting,
)
from holdfast.engine.budget import Budget
from holdfast.engine.classify import limit_reason

POST = Request("POST", "/v1/refunds", "key-1")
OK = Response(200, {})
LOCKED = Response(429, {}, "lock_timeout")
THROTTLED = Response(429, {"Stripe-Rate-Limited-Reason": "endpoint-rate"}, "rate_limit")
SAYS_TRUE = Response(429, {"Stripe-Should-Retry": "true"})
SAYS_FALSE = Response(429, {"Stripe-Should-Retry": "false"})
HINT = Response(429, {"Retry-After": "7"})
FIXED = Backoff(1.0, 64.0, jitter=Jitter.NONE)


# In the place of a limiter: these tests answer for it.
TOKENS: Any = object()


class Dialogue:
    """A call that is answered by hand."""

    def __init__(self, policy: Policy | None = None, **options: Any) -> None:
        self.now = 1000.0
        policy = policy or Policy(backoff=FIXED, locked_backoff=FIXED, deadline=100.0)
        self.events: list[Event] = []
        self.slow = 0.0
        self.call = Call(
            POST,
            policy,
            clock=lambda: self.now,
            random=lambda: 0.5,
            tokens=TOKENS,
            tell=self.note,
            **options,
        )
        self.steps = self.call.steps()
        self.command: Any = next(self.steps)
        self.value: Outcome | None = None

    def note(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, RetryScheduled):
            self.now += self.slow

    def answer(self, reply: object, after: float = 0.0) -> Any:
        self.now += after
        try:
            self.command = self.steps.send(reply)
        except StopIteration as end:
            self.command, self.value = None, end.value
        return self.command


def test_every_attempt_pays() -> None:
    talk = Dialogue()
    assert talk.command == Admit(TOKENS, 100.0, 10_000, again=False)
    assert isinstance(talk.answer(0.0), Send)
    assert isinstance(talk.answer(LOCKED), Sleep)
    assert talk.answer(None, after=1.0) == Admit(TOKENS, 99.0, 10_000, again=True)
    assert isinstance(talk.answer(0.0), Send)
    assert talk.answer(OK) is None
    assert talk.call.receipt.waits == {"backoff": 1.0}


def test_a_refused_call_asks_for_another_token_without_a_sleep() -> None:
    talk = Dialogue()
    talk.answer(0.0)
    assert talk.answer(THROTTLED, after=0.5) == Refused(TOKENS, "endpoint-rate", 0.0)
    assert talk.answer(None) == Admit(TOKENS, 99.5, 10_000, again=True)
    assert talk.answer(2.0, after=2.0) == Send(2, 80.0)
    assert talk.answer(OK) is None
    assert talk.value is OK
    receipt = talk.call.receipt
    assert receipt.fault_classes == ["throttled", "ok"]
    assert receipt.waits == {"limiter": 2.0}
    assert "waited 2.00 s (limiter)" in receipt.sentence()


def test_a_token_that_would_come_too_late_ends_it_before_it_is_sent() -> None:
    talk = Dialogue()
    with pytest.raises(
        DeadlineExceeded, match=r"its deadline of 100 s passes before the rate limit lets it go"
    ):
        talk.answer(None)
    assert talk.call.receipt.stop is StopReason.DEADLINE
    assert talk.call.receipt.waits == {}


def test_a_wait_that_a_cut_made_too_long_is_in_the_receipt() -> None:
    talk = Dialogue()
    with pytest.raises(DeadlineExceeded):
        talk.answer(None, after=3.0)
    assert talk.call.receipt.waits == {"limiter": 3.0}


def test_a_token_that_comes_after_the_deadline_is_not_used() -> None:
    talk = Dialogue()
    with pytest.raises(DeadlineExceeded):
        talk.answer(100.0, after=100.0)


def test_a_refused_call_that_is_too_late_returns_the_refusal() -> None:
    talk = Dialogue()
    talk.answer(0.0)
    talk.answer(THROTTLED)
    talk.answer(None)
    assert talk.answer(None) is None
    assert talk.value is THROTTLED
    assert talk.call.receipt.stop is StopReason.DEADLINE


def test_refusals_use_up_the_attempts() -> None:
    talk = Dialogue(Policy(max_retries=1))
    for _ in range(2):
        talk.answer(0.0)
        assert isinstance(talk.answer(THROTTLED), Refused)
        talk.answer(None)
    assert talk.command is None
    assert talk.call.receipt.stop is StopReason.ATTEMPTS


def test_refusals_use_up_the_budget() -> None:
    budget = RetryBudget(Budget(share=0.0, per_second=0.0, window=10.0), 1000.0)
    talk = Dialogue(budget=budget)
    talk.answer(0.0)
    talk.answer(THROTTLED)
    assert talk.answer(None) is None
    assert talk.call.receipt.stop is StopReason.BUDGET


@pytest.mark.parametrize(
    ("policy", "answer", "reason"),
    [
        (Policy(throttled="raise"), THROTTLED, StopReason.THROTTLED),
        (Policy(throttled="raise"), SAYS_TRUE, StopReason.THROTTLED),
        (Policy(), SAYS_FALSE, StopReason.SERVER_SAID_NO),
    ],
)
def test_who_does_not_go_on_tells_the_limiter_all_the_same(
    policy: Policy, answer: Response, reason: StopReason
) -> None:
    talk = Dialogue(policy)
    talk.answer(0.0)
    assert isinstance(talk.answer(answer), Refused)
    assert talk.answer(None) is None
    assert talk.value is answer
    assert talk.call.receipt.stop is reason


def test_the_servers_true_goes_through_the_limiter_all_the_same() -> None:
    talk = Dialogue()
    talk.answer(0.0)
    assert isinstance(talk.answer(SAYS_TRUE), Refused)
    assert isinstance(talk.answer(None), Admit)


def test_a_preset_with_a_rate_sleeps_as_the_package_does() -> None:
    rules = Rules(throttled_on_word=True)
    talk = Dialogue(Policy(throttled="raise", rate_limit=25, rules=rules, backoff=FIXED))
    talk.answer(0.0)
    assert talk.answer(SAYS_TRUE) == Refused(TOKENS, None, 0.0)
    assert talk.answer(None) == Sleep(1.0)


def test_a_hint_of_the_server_is_the_limiters_pause() -> None:
    talk = Dialogue()
    talk.answer(0.0)
    assert talk.answer(HINT) == Refused(TOKENS, None, 7.0)
    assert isinstance(talk.answer(None), Admit)


def test_a_hint_beyond_the_deadline_ends_it() -> None:
    talk = Dialogue(Policy(deadline=5.0))
    talk.answer(0.0)
    assert isinstance(talk.answer(HINT), Refused)
    assert talk.answer(None) is None
    assert talk.call.receipt.stop is StopReason.DEADLINE


def test_events_tell_of_the_wait() -> None:
    talk = Dialogue()
    asked = talk.command
    talk.now += 0.5
    asked.on_wait()
    talk.answer(2.0, after=1.5)
    receipt = talk.call.receipt
    assert talk.events == [
        CallStarted(receipt),
        Waiting(receipt, Cause.LIMITER, 0.5),
        Admitted(receipt, 2.0),
        AttemptStarted(receipt, 1),
    ]
    assert isinstance(talk.answer(THROTTLED, after=1.0), Refused)
    talk.answer(None)
    assert talk.events[-1] == RetryScheduled(receipt, FaultClass.THROTTLED, 0.0, 3.0)


def test_where_nobody_is_told_there_is_nothing_to_call_for_a_wait() -> None:
    talk = Dialogue(details=False)
    assert talk.command.on_wait is None


def test_who_did_not_wait_has_no_event_of_it() -> None:
    talk = Dialogue()
    talk.answer(0.0)
    receipt = talk.call.receipt
    assert talk.events == [CallStarted(receipt), AttemptStarted(receipt, 1)]


def test_a_full_limiter_is_a_reason_of_its_own() -> None:
    talk = Dialogue()
    with pytest.raises(LimiterFull):
        talk.steps.throw(LimiterFull(5))
    assert talk.call.receipt.stop is StopReason.LIMITER_FULL


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (THROTTLED, "endpoint-rate"),
        (Response(429, {}), None),
        (Response(400, {}, None, None, "creating accounts too quickly"), "endpoint-rate"),
        (Response(400, {"stripe-rate-limited-reason": "global-rate"}), "global-rate"),
        (Failure(Phase.SENT, OSError()), None),
    ],
)
def test_which_limit_refused(outcome: Outcome, reason: str | None) -> None:
    assert limit_reason(outcome) == reason


def test_a_subscriber_that_takes_all_the_time_leaves_none_for_another_attempt() -> None:
    talk = Dialogue()
    talk.slow = 200.0
    talk.answer(0.0)
    assert isinstance(talk.answer(THROTTLED), Refused)
    assert talk.answer(None) is None
    assert talk.value is THROTTLED
    assert isinstance(talk.events[-1], CallEnded)
    assert talk.call.receipt.stop is StopReason.DEADLINE
