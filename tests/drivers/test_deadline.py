"""Deadlines that the context carries."""

import asyncio
import threading
import time
from typing import Any

import pytest

import holdfast
from holdfast import DeadlineExceeded, Policy, StopReason
from holdfast.drivers.allowance import current_allowance
from holdfast.drivers.blocks import own_lanes
from holdfast.drivers.deadline import current_deadline
from holdfast.drivers.priority import current_priority
from holdfast.engine import Backoff, Jitter, Request, Response

LOCKED = Response(429, {}, "lock_timeout")
WAITS = Policy(locked_backoff=Backoff(10, 10, jitter=Jitter.NONE))


def test_outside_of_any_block_there_is_none() -> None:
    assert current_deadline() is None


def test_a_block_ends_so_many_seconds_later_and_leaves_nothing() -> None:
    before = time.monotonic()
    with holdfast.deadline(30):
        ends = current_deadline()
        assert ends is not None
        assert before + 30 <= ends <= time.monotonic() + 30
    assert current_deadline() is None


def test_an_inner_block_can_only_be_shorter() -> None:
    with holdfast.deadline(30):
        outer = current_deadline()
        with holdfast.deadline(1000):
            assert current_deadline() == outer
        with holdfast.deadline(1):
            inner = current_deadline()
            assert inner is not None
            assert outer is not None
            assert inner < outer
        assert current_deadline() == outer


def test_an_error_ends_the_block_too() -> None:
    with pytest.raises(ZeroDivisionError), holdfast.deadline(30):
        raise ZeroDivisionError
    assert current_deadline() is None


def test_tasks_inside_have_it_and_threads_do_not() -> None:
    async def look() -> float | None:
        return current_deadline()

    async def main() -> None:
        with holdfast.deadline(30):
            assert await asyncio.create_task(look()) == current_deadline()

    asyncio.run(main())
    seen: list[float | None] = []
    with holdfast.deadline(30):
        thread = threading.Thread(target=lambda: seen.append(current_deadline()))
        thread.start()
        thread.join()
    assert seen == [None]


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_deadline_has_to_be_ahead(seconds: float) -> None:
    with pytest.raises(ValueError, match="it must be above 0 s"):
        holdfast.deadline(seconds)


def test_a_call_ends_by_the_outer_deadline(story: Any) -> None:
    tale = story([LOCKED, LOCKED])
    tale.run(Request("GET", "/v1/x"), WAITS, deadline=tale.clock.now + 15)
    assert len(tale.sent) == 2
    assert tale.sent[1].timeout == 5
    assert tale.made.receipt.stop is StopReason.DEADLINE


def test_the_policys_own_deadline_still_holds(story: Any) -> None:
    tale = story([LOCKED, Response(200, {})])
    tale.run(Request("GET", "/v1/x"), WAITS, deadline=tale.clock.now + 1000)
    assert tale.sent[0].timeout == 80


def test_a_call_after_the_deadline_is_not_sent(story: Any) -> None:
    tale = story([])
    with pytest.raises(DeadlineExceeded, match="deadline of 0 s passed before its first attempt"):
        tale.run(Request("GET", "/v1/x"), deadline=tale.clock.now - 1)
    assert tale.made.receipt.attempts == []


@pytest.mark.parametrize(
    "block",
    [
        holdfast.deadline(30),
        holdfast.allowance(2),
        holdfast.priority("background"),
        holdfast.lane("import"),
    ],
)
def test_a_block_that_is_inside_itself_is_refused_and_nothing_of_it_stays(block: Any) -> None:
    with block, pytest.raises(RuntimeError, match="make one for each `with`"), block:
        pass
    assert (current_deadline(), current_allowance(), own_lanes()) == (None, None, ())
    assert current_priority("interactive") == "interactive"
    with block:
        pass
