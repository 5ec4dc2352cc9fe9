"""A call held against a small model of its own, in whatever order things happen to it.

The model is written from the design's words: one table of answers, one list of reasons in their
order. All times are binary fractions, so every sum is exact and the very edge of a deadline is hit.
"""

import math
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from holdfast import DeadlineExceeded, LaneFull, Policy, StopReason
from holdfast.engine import (
    Backoff,
    Budget,
    Call,
    CallEnded,
    Command,
    Enter,
    Event,
    Failure,
    Jitter,
    Outcome,
    Phase,
    Request,
    Response,
    RetryBudget,
    Send,
    Sleep,
)

BEGAN = 64.0
LANES = ("cus_1", "sub_1")
BUDGET = Budget(share=0.5, per_second=0.25, window=8.0)


@dataclass(frozen=True)
class Told:
    """An answer, and what the design takes it for."""

    outcome: Outcome
    fault: str
    word: bool | None = None
    hint: float | None = None
    final: bool = False


def _response(status: int, code: str | None = None, **headers: str) -> Response:
    return Response(status, {k.replace("_", "-"): v for k, v in headers.items()}, code)


ANSWERS = [
    Told(_response(200), "ok"),
    Told(_response(200, Stripe_Should_Retry="true"), "ok"),
    Told(_response(402, "card_declined"), "rejected"),
    Told(_response(402, Stripe_Should_Retry="TRUE"), "rejected", True),
    Told(_response(429, "lock_timeout"), "locked"),
    Told(_response(429, "lock_timeout", Stripe_Should_Retry="false"), "locked", False),
    Told(_response(400, "lock_timeout", Retry_After="1"), "locked", None, 1.0),
    Told(_response(429), "throttled"),
    Told(_response(429, "rate_limit", Stripe_Should_Retry="true"), "throttled", True),
    Told(_response(409, "idempotency_key_in_use"), "key_in_use"),
    Told(_response(409), "conflict"),
    Told(_response(500), "server_error"),
    Told(_response(500, Stripe_Should_Retry="true"), "server_error", True),
    Told(_response(503, Stripe_Should_Retry="False"), "server_error", False),
    Told(_response(503, Retry_After="3"), "server_error", None, 3.0),
    Told(_response(503, Retry_After="64"), "server_error", None, 64.0),
    Told(Failure(Phase.CONNECT, OSError()), "unreachable"),
    Told(Failure(Phase.CONNECT, OSError(), retryable=False), "unreachable", final=True),
    Told(Failure(Phase.SENT, OSError()), "interrupted"),
    Told(Failure(Phase.BODY, OSError()), "interrupted"),
]


@dataclass
class Model:
    """What the call has to do, in the design's words."""

    repeatable: bool
    max_retries: int
    retry_after: str
    deadline: float
    draw: float
    tokens: float
    tokens_at: float = BEGAN

    def verdict(self, told: Told, attempt: int, now: float) -> StopReason | float:
        """The reason to stop, or the seconds to wait."""
        delay = self.delay(told, attempt, now)
        allowed = told.word is True
        unsafe = told.fault in ("interrupted", "server_error") and not self.repeatable
        reasons = [
            (told.fault == "ok", StopReason.OK),
            (now >= self.deadline, StopReason.DEADLINE),
            (told.word is False, StopReason.SERVER_SAID_NO),
            (told.fault == "throttled", StopReason.THROTTLED),
            (told.fault == "rejected" and not allowed, StopReason.REJECTED),
            (told.final, StopReason.NOT_RETRYABLE),
            (unsafe and not allowed, StopReason.NOT_IDEMPOTENT),
            (attempt > self.max_retries, StopReason.ATTEMPTS),
            (now + delay >= self.deadline, StopReason.DEADLINE),
        ]
        stop = next((reason for holds, reason in reasons if holds), None)
        if stop is not None:
            return stop
        return delay if self.pay(told, now) else StopReason.BUDGET

    def delay(self, told: Told, attempt: int, now: float) -> float:
        """Full jitter, but never nothing for a key in use; longer if the server asks for it."""
        if told.fault == "key_in_use":
            delay = min(4.0 ** (attempt - 1), 16.0) * (1 + self.draw) / 2
        elif told.fault == "locked":
            delay = min(0.25 * 2.0 ** (attempt - 1), 1.0) * self.draw
        else:
            delay = min(0.5 * 2.0 ** (attempt - 1), 4.0) * self.draw
        if told.hint is None or self.retry_after == "ignore":
            return delay
        left = self.deadline - now
        hint = left / 2 if self.retry_after == "cap" and told.hint >= left else told.hint
        return max(delay, hint)

    def pay(self, told: Told, now: float) -> bool:
        """Savings drift towards what the window holds; contention pays 5 where failure pays 14."""
        full = BUDGET.per_second * BUDGET.window
        drift = math.exp((self.tokens_at - now) / BUDGET.window)
        self.tokens = full + (self.tokens - full) * drift
        self.tokens_at = now
        cost = 5 / 14 if told.fault in ("locked", "key_in_use") else 1.0
        if self.tokens < cost:
            return False
        self.tokens -= cost
        return True


class CallMachine(RuleBasedStateMachine):
    """Whatever may happen to a call, one thing at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGAN
        self.events: list[Event] = []
        self.attempts: list[tuple[int, str]] = []
        self.waits: dict[str, float] = {}
        self.pending: Command | None = None
        self.asked_at = BEGAN
        self.stop: StopReason | None = None

    @initialize(
        method=st.sampled_from(["GET", "POST", "DELETE"]),
        key=st.sampled_from([None, "key-1"]),
        lanes=st.sampled_from([(), LANES]),
        retries=st.integers(0, 5),
        retry_after=st.sampled_from(["give_up", "cap", "ignore"]),
        seconds=st.sampled_from([1.0, 6.0, 512.0]),
        outer=st.sampled_from([None, None, 0.0, 2.0, 8.0]),
        draw=st.sampled_from([0.0, 0.5, 0.75]),
        bounded=st.booleans(),
        events=st.booleans(),
    )
    def begin(
        self,
        method: str,
        key: str | None,
        lanes: tuple[str, ...],
        retries: int,
        retry_after: Any,
        seconds: float,
        outer: float | None,
        draw: float,
        bounded: bool,
        events: bool,
    ) -> None:
        policy = Policy(
            max_retries=retries,
            deadline=seconds,
            attempt_timeout=4.0,
            backoff=Backoff(0.5, 4.0),
            locked_backoff=Backoff(0.25, 1.0),
            key_in_use_backoff=Backoff(1.0, 16.0, 4.0, Jitter.EQUAL),
            retry_after=retry_after,
        )
        self.method, self.lanes, self.told_events = method, lanes, events
        self.call = Call(
            Request(method, "/v1/refunds", key, lanes),
            policy,
            clock=lambda: self.now,
            random=lambda: draw,
            budget=RetryBudget(BUDGET, self.now) if bounded else None,
            deadline=None if outer is None else self.now + outer,
            tell=self.events.append if events else None,
        )
        self.model = Model(
            repeatable=key is not None or method != "POST",
            max_retries=retries,
            retry_after=retry_after,
            deadline=BEGAN + (seconds if outer is None else min(seconds, outer)),
            draw=draw,
            tokens=BUDGET.per_second * BUDGET.window + BUDGET.share if bounded else math.inf,
        )
        self.steps = self.call.steps()
        if lanes:
            self.advance(None)
            assert self.pending == Enter(lanes, self.model.deadline - BEGAN, policy.max_waiting)
        else:
            self.first_attempt(None)

    def advance(self, reply: object) -> Any:
        """Answer the call; gives its value if it ends."""
        self.pending = None
        try:
            command = self.steps.send(reply)
        except StopIteration as end:
            return end.value
        self.pending, self.asked_at = command, self.now
        return None

    def first_attempt(self, reply: object) -> None:
        """The first attempt follows, or the call is too late for it."""
        if self.now >= self.model.deadline or reply is False:
            with pytest.raises(DeadlineExceeded) as caught:
                self.advance(reply)
            where = (
                "while it waited for cus_1, sub_1" if reply is False else "before its first attempt"
            )
            assert str(caught.value) == (
                f"{self.method} /v1/refunds was not sent: its deadline of "
                f"{self.model.deadline - BEGAN:g} s passed {where}"
            )
            self.stop = StopReason.DEADLINE
            return
        self.advance(reply)
        self.expect_attempt()

    def expect_attempt(self) -> None:
        left = self.model.deadline - self.now
        assert left > 0
        assert self.pending == Send(len(self.attempts) + 1, min(4.0, left))

    running = precondition(lambda self: self.pending is not None)

    @running
    @rule(seconds=st.sampled_from([0.25, 1.0, 4.0, 32.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: isinstance(self.pending, Enter))
    @rule(entered=st.sampled_from([True, True, True, False]))
    def the_lanes_answer(self, entered: bool) -> None:
        self.waits["lane"] = self.now - self.asked_at
        self.first_attempt(entered)

    @precondition(lambda self: isinstance(self.pending, Send))
    @rule(told=st.sampled_from(ANSWERS))
    def the_server_answers(self, told: Told) -> None:
        number = len(self.attempts) + 1
        self.attempts.append((number, told.fault))
        expected = self.model.verdict(told, number, self.now)
        value = self.advance(told.outcome)
        if isinstance(expected, StopReason):
            assert self.pending is None
            assert value is told.outcome
            self.stop = expected
        else:
            assert self.pending == Sleep(expected)
        self.last = told.outcome

    @precondition(lambda self: isinstance(self.pending, Sleep))
    @rule(late=st.sampled_from([0.0, 0.0, 0.25, 2.0]))
    def the_sleep_ends(self, late: float) -> None:
        assert isinstance(self.pending, Sleep)
        self.now += self.pending.seconds + late
        self.waits["backoff"] = self.waits.get("backoff", 0.0) + self.now - self.asked_at
        value = self.advance(None)
        if self.now >= self.model.deadline:
            assert value is self.last
            self.stop = StopReason.DEADLINE
        else:
            self.expect_attempt()

    @running
    @rule(
        case=st.sampled_from(
            [
                (KeyboardInterrupt, StopReason.CANCELLED),
                (ZeroDivisionError, StopReason.ERROR),
                (LaneFull, StopReason.LANE_FULL),
            ]
        )
    )
    def something_is_raised(self, case: tuple[type[BaseException], StopReason]) -> None:
        kind, reason = case
        error = LaneFull("cus_1", 1) if kind is LaneFull else kind()
        with pytest.raises(kind) as caught:
            self.steps.throw(error)
        assert caught.value is error
        self.pending, self.stop = None, reason

    @running
    @rule()
    def it_is_closed(self) -> None:
        self.steps.close()
        self.pending, self.stop = None, StopReason.CANCELLED

    @precondition(lambda self: self.stop is not None)
    @rule()
    def nothing_follows_the_end(self) -> None:
        with pytest.raises(StopIteration):
            next(self.steps)

    @invariant()
    def the_receipt_tells_it_all(self) -> None:
        if not hasattr(self, "call"):
            return
        receipt = self.call.receipt
        assert [(a.number, a.fault.value) for a in receipt.attempts] == self.attempts
        assert {cause.value: seconds for cause, seconds in receipt.waits.items()} == self.waits
        assert receipt.stop is self.stop
        assert len(self.attempts) <= self.model.max_retries + 1
        if self.stop is not None:
            assert receipt.seconds == self.now - BEGAN
            ended = [event for event in self.events if isinstance(event, CallEnded)]
            assert ended == ([CallEnded(receipt)] if self.told_events else [])

    def teardown(self) -> None:
        if hasattr(self, "steps"):
            self.steps.close()


def test_a_call_does_what_the_model_says() -> None:
    run_state_machine_as_test(
        CallMachine, settings=settings(max_examples=300, stateful_step_count=25, deadline=None)
    )


@pytest.mark.soak
def test_a_call_does_what_the_model_says_for_long() -> None:
    run_state_machine_as_test(
        CallMachine, settings=settings(max_examples=20_000, stateful_step_count=40, deadline=None)
    )
