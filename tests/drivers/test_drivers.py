"""The two drivers, held to the same behaviour."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from holdfast import Policy, StopReason, last_receipt
from holdfast.drivers import aio, last, sync
from holdfast.engine import Call, Event, Outcome, Request, Response, Send
from holdfast.lanes import MemoryLanes

OK = Response(200, {})
LOCKED = Response(429, {}, "lock_timeout")
ON_CUSTOMER = Request("POST", "/v1/customers/cus_1", "key", ("cus_1",))

Runner = Callable[..., Outcome]


def _sync(call: Call, send: Callable[[Send], Outcome], **options: Any) -> Outcome:
    return sync.run(call, send, **options)


def _async(call: Call, send: Callable[[Send], Outcome], **options: Any) -> Outcome:
    async def later(command: Send) -> Outcome:
        await asyncio.sleep(0)
        return send(command)

    async def main() -> Outcome:
        outcome = await aio.run(call, later, **options)
        remembered.append(last_receipt())
        return outcome

    remembered: list[Any] = []
    outcome = asyncio.run(main())
    assert remembered == [call.receipt]
    return outcome


@pytest.fixture(params=[_sync, _async], ids=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Runner:
    runner: Runner = request.param
    return runner


@pytest.fixture
def quick(request: pytest.FixtureRequest, run: Runner, fake_time: Any) -> Runner:
    """The driver with a sleep that only moves the clock."""
    sleep = fake_time.sleep if run is _sync else fake_time.sleep_async

    def with_sleep(call: Call, send: Callable[[Send], Outcome], **options: Any) -> Outcome:
        return run(call, send, sleep=sleep, **options)

    return with_sleep


def make(clock: Any, request: Request = ON_CUSTOMER, **options: Any) -> Call:
    return Call(request, Policy(), clock=clock, random=lambda: 0.5, **options)


def test_sends_sleeps_and_returns(quick: Runner, fake_time: Any) -> None:
    outcomes = iter([LOCKED, OK])
    assert quick(make(fake_time), lambda _: next(outcomes), lanes=MemoryLanes()) is OK
    assert fake_time.slept == [0.125]


def test_the_lane_is_held_through_the_retries_and_freed_after(
    quick: Runner, fake_time: Any
) -> None:
    lanes = MemoryLanes()
    outcomes = iter([LOCKED, OK])
    held = []

    def send(_: Send) -> Outcome:
        held.append(len(lanes))
        return next(outcomes)

    quick(make(fake_time), send, lanes=lanes)
    assert held == [1, 1]
    assert len(lanes) == 0


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, asyncio.CancelledError])
def test_the_lane_is_freed_whatever_is_raised(
    quick: Runner, fake_time: Any, error: type[BaseException]
) -> None:
    lanes = MemoryLanes()

    def send(_: Send) -> Outcome:
        raise error

    call = make(fake_time)
    with pytest.raises(error):
        quick(call, send, lanes=lanes)
    assert len(lanes) == 0
    assert call.receipt.stop in (StopReason.ERROR, StopReason.CANCELLED)


def test_the_last_receipt_is_that_of_the_call(fake_time: Any) -> None:
    call = make(fake_time)
    sync.run(call, lambda _: OK, lanes=MemoryLanes())
    assert last_receipt() is call.receipt


def test_a_cancelled_sleep_frees_the_lane(fake_time: Any) -> None:
    lanes = MemoryLanes()
    call = make(fake_time)

    async def send(_: Send) -> Outcome:
        return LOCKED

    async def main() -> None:
        task = asyncio.create_task(aio.run(call, send, lanes=lanes))
        await asyncio.sleep(0)
        assert len(lanes) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert len(lanes) == 0
    assert call.receipt.stop is StopReason.CANCELLED


def test_events_are_told(quick: Runner, fake_time: Any) -> None:
    seen: list[Event] = []
    call = make(fake_time, tell=seen.append)
    quick(call, lambda _: OK, lanes=MemoryLanes())
    names = [type(event).__name__ for event in seen]
    assert names == ["CallStarted", "LanesEntered", "AttemptStarted", "AttemptEnded", "CallEnded"]


def test_a_call_that_cannot_enter_in_time_says_so(run: Runner) -> None:
    import time

    from holdfast import DeadlineExceeded

    lanes = MemoryLanes()
    lanes.enter(["cus_1"])
    policy = Policy(deadline=0.02)
    call = Call(ON_CUSTOMER, policy, clock=time.monotonic, random=lambda: 0.5)
    with pytest.raises(DeadlineExceeded):
        run(call, lambda _: OK, lanes=lanes)
    assert lanes.waiting("cus_1") == 0


def test_whoever_waits_gets_the_lane_when_the_call_ends(run: Runner, fake_time: Any) -> None:
    lanes = MemoryLanes()
    granted: list[str] = []

    def send(_: Send) -> Outcome:
        lanes.enqueue(["cus_1"], lambda: granted.append("heir"))
        assert granted == []
        return OK

    run(make(fake_time), send, lanes=lanes)
    assert granted == ["heir"]


def test_a_coroutine_that_is_closed_passes_its_lane_on(fake_time: Any) -> None:
    async def main() -> None:
        lanes = MemoryLanes()

        async def never(_: Send) -> Outcome:
            await asyncio.Event().wait()
            raise AssertionError("it was closed")

        running = aio.run(make(fake_time), never, lanes=lanes)
        running.send(None)
        heir = lanes.enqueue(["cus_1"], lambda: None)
        running.close()  # as an event loop does that ends before its tasks
        assert heir.entered

    asyncio.run(main())


def test_the_heir_of_a_task_goes_first(fake_time: Any) -> None:
    order: list[str] = []

    async def main() -> None:
        lanes = MemoryLanes()

        async def call(name: str) -> None:
            async def send(_: Send) -> Outcome:
                order.append(f"{name} sends")
                await asyncio.sleep(0)
                return OK

            await aio.run(make(fake_time), send, lanes=lanes)
            order.append(f"{name} goes on")

        await asyncio.gather(call("first"), call("second"))

    asyncio.run(main())
    assert order == ["first sends", "second sends", "first goes on", "second goes on"]


@pytest.mark.parametrize("drive", [_sync, _async])
def test_a_recorder_that_fails_keeps_no_lane(drive: Runner) -> None:
    lanes = MemoryLanes()
    call = Call(ON_CUSTOMER, Policy(), clock=time.monotonic, random=random.random)

    def fail(_: object) -> Response:
        raise ZeroDivisionError

    last.record(fail)
    try:
        with pytest.raises(ZeroDivisionError):
            drive(call, fail, lanes=lanes)
    finally:
        last.forget(fail)
    assert len(lanes) == 0
