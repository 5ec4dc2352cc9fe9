"""A call that waited for its objects before it was made tells of it as of a wait of its own."""

from collections.abc import Callable
from typing import Any

import pytest

from holdfast import DeadlineExceeded, Policy
from holdfast.engine import (
    Call,
    CallEnded,
    CallStarted,
    Cause,
    Enter,
    Event,
    LanesEntered,
    Queued,
    Request,
    Response,
    Send,
    Waiting,
)

OK = Response(200, {})


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def made(now: list[float]) -> Callable[..., Call]:
    """Make calls whose clock is `now`."""

    def make(request: Request, told: list[Event] | None = None, **policy: Any) -> Call:
        tell = None if told is None else told.append
        return Call(request, Policy(**policy), clock=lambda: now[0], random=lambda: 0.5, tell=tell)

    return make


def request(queued: Queued | None, *lanes: str) -> Request:
    return Request("POST", "/v1/x", "key", lanes, "https://api.stripe.com", queued)


@pytest.mark.parametrize("waited", [2.5, 0.5])
def test_the_wait_is_the_calls(made: Callable[..., Call], now: list[float], waited: float) -> None:
    told: list[Event] = []
    call = made(request(Queued(("cus_1", "sub_1"), waited)), told)
    steps = call.steps()
    assert next(steps) == Send(1, 80.0)
    now[0] += 0.25
    with pytest.raises(StopIteration):
        steps.send(OK)
    receipt = call.receipt
    assert receipt.lanes == ("cus_1", "sub_1")
    assert receipt.server == "https://api.stripe.com"
    assert receipt.waits == {Cause.LANE: waited}
    assert (receipt.attempts[0].at, receipt.attempts[0].seconds) == (waited, 0.25)
    assert receipt.seconds == waited + 0.25
    steps_told = [event for event in told if isinstance(event, Waiting | LanesEntered)]
    assert steps_told == [
        Waiting(receipt, Cause.LANE, 0.0),
        LanesEntered(receipt, ("cus_1", "sub_1"), waited),
    ]
    assert [type(event) for event in (told[0], told[-1])] == [CallStarted, CallEnded]


def test_who_did_not_wait_is_not_told_to_have_waited(made: Callable[..., Call]) -> None:
    told: list[Event] = []
    call = made(request(Queued(("cus_1",), 0.0)), told)
    next(call.steps())
    assert not any(isinstance(event, Waiting) for event in told)
    assert [event.waited for event in told if isinstance(event, LanesEntered)] == [0.0]


def test_without_objects_there_is_no_lane_to_tell_of(made: Callable[..., Call]) -> None:
    told: list[Event] = []
    call = made(request(Queued((), 1.0)), told)
    next(call.steps())
    assert call.receipt.waits == {Cause.LANE: 1.0}
    assert not any(isinstance(event, Waiting | LanesEntered) for event in told)


def test_lanes_of_its_own_are_entered_after_that(
    made: Callable[..., Call], now: list[float]
) -> None:
    call = made(request(Queued(("cus_1",), 1.0), "mine"))
    steps = call.steps()
    entering = next(steps)
    assert isinstance(entering, Enter)
    assert entering.lanes == ("mine",)
    now[0] += 0.5
    steps.send(True)
    assert call.receipt.lanes == ("cus_1", "mine")
    assert call.receipt.waits == {Cause.LANE: 1.5}


def test_the_deadline_begins_when_the_call_is_made(
    made: Callable[..., Call], now: list[float]
) -> None:
    call = made(request(Queued(("cus_1",), 60.0), "mine"), deadline=5.0)
    steps = call.steps()
    entering = next(steps)
    assert isinstance(entering, Enter)
    assert entering.timeout == 5.0
    now[0] += 5.0
    with pytest.raises(DeadlineExceeded, match="its deadline of 5 s passed"):
        steps.send(True)
    assert call.receipt.seconds == 65.0
