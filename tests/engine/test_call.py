"""A call from its first step to its last, on a clock of the test's own."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from holdfast import DeadlineExceeded, LaneFull, Policy, StopReason
from holdfast.engine import (
    Admit,
    Admitted,
    AttemptEnded,
    AttemptStarted,
    Backoff,
    Call,
    CallEnded,
    CallStarted,
    Cause,
    Enter,
    Failure,
    FaultClass,
    Jitter,
    LanesEntered,
    Phase,
    Receipt,
    Request,
    Response,
    RetryScheduled,
    Send,
    Situation,
    Waiting,
)
from holdfast.lanes import MemoryLanes
from holdfast.ratelimit import MemoryLimiter

OK = Response(200, {"request-id": "req_ok"})
LOCKED = Response(429, {}, "lock_timeout")
REJECTED = Response(402, {}, "card_declined")
BROKEN = Failure(Phase.SENT, ConnectionResetError())
FIXED = Backoff(1.0, 64.0, jitter=Jitter.NONE)
POLICY = Policy(backoff=FIXED, locked_backoff=FIXED, deadline=100, attempt_timeout=30)
POST = Request("POST", "/v1/refunds", "key-1")
UNKEYED = Request("POST", "/v1/refunds")


def test_a_success_takes_one_attempt(story: Any) -> None:
    tale = story([OK], takes=0.25)
    assert tale.run(POST) is OK
    receipt = tale.made.receipt
    assert receipt.stop is StopReason.OK
    assert receipt.seconds == 0.25
    assert receipt.waits == {}
    assert [(a.number, a.fault, a.request_id) for a in receipt.attempts] == [(1, "ok", "req_ok")]


def test_a_locked_object_is_waited_for(story: Any) -> None:
    tale = story([LOCKED, LOCKED, OK], takes=0.1)
    assert tale.run(POST, POLICY) is OK
    assert tale.clock.slept == [1.0, 2.0]
    receipt = tale.made.receipt
    assert receipt.fault_classes == ["locked", "locked", "ok"]
    assert receipt.waits == {"backoff": 3.0}
    assert [a.at for a in receipt.attempts] == pytest.approx([0.0, 1.1, 3.2])
    assert receipt.seconds == pytest.approx(3.3)


def test_the_last_outcome_is_returned_when_the_attempts_are_used_up(story: Any) -> None:
    last = Response(429, {}, "lock_timeout")
    tale = story([LOCKED, LOCKED, LOCKED, last])
    assert tale.run(POST, POLICY) is last
    assert tale.made.receipt.stop is StopReason.ATTEMPTS


def test_a_lost_answer_is_asked_for_again_with_a_key(story: Any) -> None:
    replayed = Response(200, {"Idempotent-Replayed": "true"})
    tale = story([BROKEN, replayed])
    assert tale.run(POST, POLICY) is replayed
    assert tale.made.receipt.fault_classes == ["interrupted", "ok"]
    assert [a.replayed for a in tale.made.receipt.attempts] == [False, True]


def test_a_lost_answer_is_not_asked_for_again_without_one(story: Any) -> None:
    tale = story([BROKEN])
    assert tale.run(UNKEYED, POLICY) is BROKEN
    assert tale.made.receipt.stop is StopReason.NOT_IDEMPOTENT


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
def test_safe_methods_need_no_key(story: Any, method: str) -> None:
    tale = story([BROKEN, OK])
    assert tale.run(Request(method, "/v1/customers/cus_1"), POLICY) is OK


def test_an_attempt_gets_what_is_left_of_the_deadline(story: Any) -> None:
    tale = story([LOCKED, LOCKED, OK], takes=40)
    tale.run(POST, replace(POLICY, deadline=90))
    assert [command.timeout for command in tale.sent] == [30, 30, 7]


def test_no_attempt_starts_after_a_sleep_that_lasted_too_long(story: Any) -> None:
    tale = story([LOCKED, OK])
    tale.clock.sleep = lambda _: setattr(tale.clock, "now", tale.clock.now + 500)
    assert tale.run(POST, POLICY) is LOCKED
    assert tale.made.receipt.stop is StopReason.DEADLINE
    assert len(tale.sent) == 1


def test_a_call_that_never_got_its_turn_was_not_sent(story: Any) -> None:
    lanes = MemoryLanes()
    lanes.enter(["cus_1"])
    tale = story([])
    request = Request("POST", "/v1/customers/cus_1", "key", ("cus_1",))
    with pytest.raises(DeadlineExceeded, match=r"was not sent: its deadline of 0.01 s .* cus_1"):
        tale.run(request, Policy(deadline=0.01), lanes=lanes)
    assert tale.made.receipt.stop is StopReason.DEADLINE
    assert tale.made.receipt.attempts == []


def test_a_turn_that_came_after_the_deadline_is_no_turn(story: Any) -> None:
    tale = story([])
    request = Request("POST", "/v1/customers/cus_1", "key", ("cus_1",))
    steps = tale.call(request, POLICY).steps()
    assert isinstance(next(steps), Enter)
    tale.clock.now += 100
    with pytest.raises(DeadlineExceeded):
        steps.send(True)


def test_a_full_lane_refuses_the_call(story: Any) -> None:
    lanes = MemoryLanes()
    lanes.enter(["cus_1"])
    lanes.enqueue(["cus_1"], lambda: None)
    tale = story([])
    request = Request("POST", "/v1/customers/cus_1", "key", ("cus_1",))
    with pytest.raises(LaneFull, match="cus_1 already has 1 calls waiting"):
        tale.run(request, Policy(max_waiting=1), lanes=lanes, events=True)
    assert tale.made.receipt.stop is StopReason.LANE_FULL
    assert tale.events == [CallStarted(tale.made.receipt), CallEnded(tale.made.receipt)]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ZeroDivisionError(), StopReason.ERROR),
        (KeyboardInterrupt(), StopReason.CANCELLED),
        (asyncio.CancelledError(), StopReason.CANCELLED),
    ],
)
@pytest.mark.parametrize("events", [True, False])
def test_what_the_transport_raises_ends_the_call(
    story: Any, error: BaseException, reason: StopReason, events: bool
) -> None:
    tale = story([LOCKED, error])
    with pytest.raises(type(error)) as caught:
        tale.run(POST, POLICY, events=events)
    assert caught.value is error
    assert tale.made.receipt.stop is reason
    assert len(tale.made.receipt.attempts) == 1
    assert (CallEnded(tale.made.receipt) in tale.events) is events


@pytest.mark.parametrize("events", [True, False])
def test_a_closed_call_has_a_receipt(story: Any, events: bool) -> None:
    tale = story([])
    steps = tale.call(POST, POLICY, tell=tale.events.append if events else None).steps()
    next(steps)
    steps.close()
    assert tale.made.receipt.stop is StopReason.CANCELLED
    assert (CallEnded(tale.made.receipt) in tale.events) is events


def test_events_tell_the_whole_story(story: Any) -> None:
    request = Request("POST", "/v1/customers/cus_1", "key", ("cus_1",))
    tale = story([LOCKED, OK])
    tale.run(request, POLICY, events=True)
    receipt = tale.made.receipt
    first, second = receipt.attempts
    assert tale.events == [
        CallStarted(receipt),
        LanesEntered(receipt, ("cus_1",), 0.0),
        AttemptStarted(receipt, 1),
        AttemptEnded(receipt, first),
        RetryScheduled(receipt, FaultClass.LOCKED, 1.0, 0.0),
        AttemptStarted(receipt, 2),
        AttemptEnded(receipt, second),
        CallEnded(receipt),
    ]


def test_lanes_are_entered_before_the_first_attempt_and_kept(story: Any) -> None:
    request = Request("POST", "/v1/customers/cus_1", "key", ("cus_1", "sub_1"))
    tale = story([])
    steps = tale.call(request, POLICY).steps()
    entering = next(steps)
    assert entering == Enter(("cus_1", "sub_1"), 100.0, POLICY.max_waiting)
    assert steps.send(True) == Send(1, 30)
    steps.send(LOCKED)
    assert isinstance(steps.send(None), Send)  # no second Enter


def test_who_wants_no_details_is_told_of_the_end_alone(story: Any) -> None:
    request = Request("POST", "/v1/customers/cus_1", "key", ("cus_1",))
    tale = story([LOCKED, OK])
    tale.run(request, POLICY, events=True, details=False)
    assert tale.events == [CallEnded(tale.made.receipt)]


@pytest.mark.parametrize("events", [True, False])
def test_a_wait_is_told_when_it_begins(story: Any, events: bool) -> None:
    request = Request("POST", "/v1/customers/cus_1", "key", ("cus_1",))
    tale = story([])
    steps = tale.call(request, POLICY, tell=tale.events.append if events else None).steps()
    entering = next(steps)
    assert isinstance(entering, Enter)
    assert (entering.on_wait is not None) is events
    if entering.on_wait is not None:
        tale.clock.now += 0.5
        entering.on_wait()
        assert tale.events[-1] == Waiting(tale.made.receipt, Cause.LANE, 0.5)


def test_a_call_broken_off_during_an_attempt_is_unanswered(story: Any) -> None:
    tale = story([LOCKED, KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt):
        tale.run(POST, POLICY)
    assert tale.made.receipt.unanswered
    assert tale.made.receipt.in_doubt


def test_a_call_broken_off_between_attempts_is_not_in_doubt(story: Any) -> None:
    tale = story([LOCKED])
    steps = tale.call(POST, POLICY).steps()
    next(steps)
    steps.send(LOCKED)
    steps.close()
    assert tale.made.receipt.unanswered is False
    assert not tale.made.receipt.in_doubt


def test_a_call_broken_off_before_its_first_attempt_is_not_in_doubt(story: Any) -> None:
    tale = story([])
    steps = tale.call(Request("POST", "/v1/customers/cus_1", "key", ("cus_1",)), POLICY).steps()
    next(steps)
    with pytest.raises(KeyboardInterrupt):
        steps.throw(KeyboardInterrupt())
    assert tale.made.receipt.unanswered is False
    assert not tale.made.receipt.in_doubt


def test_a_sleep_that_lasts_just_until_the_deadline_was_too_long(story: Any) -> None:
    tale = story([LOCKED, OK])
    tale.clock.sleep = lambda _: setattr(tale.clock, "now", tale.clock.now + POLICY.deadline)
    assert tale.run(POST, POLICY) is LOCKED
    assert tale.made.receipt.stop is StopReason.DEADLINE


def test_a_capped_hint_is_half_of_the_time_that_is_left(story: Any) -> None:
    tale = story([Response(503, {"Retry-After": "500"}), OK], takes=10.0)
    assert tale.run(POST, replace(POLICY, retry_after="cap")) is OK
    assert tale.clock.slept == [45.0]


def test_a_hint_in_the_past_makes_no_wait(story: Any) -> None:
    past = {
        "date": "Mon, 23 Nov 2026 11:00:00 GMT",
        "retry-after": "Mon, 23 Nov 2026 10:00:00 GMT",
    }
    tale = story([Response(503, past), OK])
    assert tale.run(POST, replace(POLICY, backoff=Backoff(0.125, 1.0, jitter=Jitter.NONE))) is OK
    assert tale.clock.slept == [0.125]


def test_a_call_that_has_not_begun_has_an_empty_receipt() -> None:
    receipt = Call(POST, POLICY, clock=lambda: 7.0, random=lambda: 0.5).receipt
    assert receipt == Receipt("POST", "/v1/refunds", [], {}, None, 0.0, idempotency_key="key-1")
    assert receipt.key_fingerprint is not None


def test_a_rule_of_ones_own_is_told_the_situation(story: Any) -> None:
    told: list[Situation] = []

    def rule(at: Situation) -> StopReason | None:
        told.append(at)
        return StopReason.RULES if at.attempt == 2 else None

    tale = story([LOCKED, REJECTED, OK])
    assert tale.run(POST, POLICY, rule=rule) is REJECTED
    assert tale.made.receipt.stop is StopReason.RULES
    assert [(at.attempt, at.fault, at.outcome, at.repeatable) for at in told] == [
        (1, FaultClass.LOCKED, LOCKED, True),
        (2, FaultClass.REJECTED, REJECTED, True),
    ]
    assert [(at.now, at.deadline) for at in told] == [(1000.0, 1100.0), (1001.0, 1100.0)]


@pytest.mark.parametrize(("width", "asked"), [(1, 1), (3, 3), ("adaptive", 0)])
def test_lanes_are_entered_at_the_policys_width(story: Any, width: Any, asked: int) -> None:
    request = Request("POST", "/v1/customers/cus_1", "key", ("cus_1",))
    steps = story([]).call(request, replace(POLICY, lane_width=width)).steps()
    assert next(steps) == Enter(("cus_1",), 100.0, POLICY.max_waiting, asked)


def test_refusals_are_told_and_a_success_is_not(story: Any) -> None:
    told: list[FaultClass] = []
    tale = story([LOCKED, BROKEN, OK])
    assert tale.run(POST, POLICY, refused=told.append) is OK
    assert told == [FaultClass.LOCKED, FaultClass.INTERRUPTED]


def test_a_call_that_is_interrupted_as_it_ends_tells_its_end_once() -> None:
    told: list[Any] = []
    interrupted = False

    def clock() -> float:
        nonlocal interrupted
        ends = bool(call.receipt.attempts) if made else False
        if ends and not interrupted:
            interrupted = True
            raise KeyboardInterrupt
        return 1.0

    made = False
    call = Call(POST, POLICY, clock=clock, random=lambda: 0.0, tell=told.append, details=False)
    made = True
    steps = call.steps()
    assert isinstance(next(steps), Send)
    with pytest.raises(KeyboardInterrupt):
        steps.send(OK)
    assert told == [CallEnded(call.receipt)]
    assert call.receipt.stop is StopReason.CANCELLED
    assert call.receipt.attempts


def test_events_say_when_they_happened_from_the_start_of_the_call() -> None:
    now = 1000.0
    told: list[Any] = []
    tokens = MemoryLimiter().admission("POST", "/v1/refunds")
    request = replace(POST, lanes=("ch_1",))
    call = Call(
        request, POLICY, clock=lambda: now, random=lambda: 0.0, tokens=tokens, tell=told.append
    )
    steps = call.steps()
    assert isinstance(next(steps), Enter)
    now += 2.0
    assert isinstance(steps.send(True), Admit)
    now += 3.0
    assert isinstance(steps.send(3.0), Send)
    now += 4.0
    steps.send(LOCKED)
    at = {
        type(event): event.at for event in told if not isinstance(event, CallStarted | AttemptEnded)
    }
    assert at == {LanesEntered: 2.0, Admitted: 5.0, AttemptStarted: 5.0, RetryScheduled: 9.0}
    assert call.receipt.attempts[0].at == 5.0
    steps.close()


def test_what_a_server_calls_its_error_is_redacted(story: Any) -> None:
    tale = story([Response(402, {}, "no_jenny@example.com")])
    tale.run(POST)
    assert tale.made.receipt.attempts[0].error_code == "[redacted]"
