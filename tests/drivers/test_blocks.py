"""Lanes of one's own, and serialized blocks."""

import asyncio
import contextvars
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import holdfast
from holdfast import DeadlineExceeded, LaneFull, Policy
from holdfast.drivers import aio, sync
from holdfast.drivers.blocks import own_lanes
from holdfast.engine import Call, Outcome, Request, Response, Send
from holdfast.lanes import ADAPTIVE, MemoryLanes, process_lanes

OK = Response(200, {})


def nobody() -> None:
    """A waker for tickets that the test looks at itself."""


def call_on(*lanes: str, seconds: float = 20.0) -> Call:
    request = Request("POST", "/v1/customers/cus_1", "key", lanes)
    return Call(request, Policy(deadline=seconds), clock=time.monotonic, random=random.random)


def send(_: Send) -> Outcome:
    return OK


async def send_async(_: Send) -> Outcome:
    await asyncio.sleep(0)
    return OK


def in_a_thread(work: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def eventually(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < ends, "it never came to that"
        time.sleep(0.001)


def test_a_lane_of_ones_own_is_for_the_block() -> None:
    with holdfast.lane("import"):
        with holdfast.lane("tenant-1", "tenant-2"):
            assert own_lanes() == ("import", "tenant-1", "tenant-2")
        assert own_lanes() == ("import",)
    assert own_lanes() == ()


def test_a_lane_goes_into_tasks_and_not_into_threads() -> None:
    seen: list[tuple[str, ...]] = []

    async def task() -> None:
        seen.append(own_lanes())

    async def main() -> None:
        with holdfast.lane("import"):
            made = asyncio.create_task(task())
        await made

    asyncio.run(main())
    with holdfast.lane("import"):
        in_a_thread(lambda: seen.append(own_lanes())).join()
    assert seen == [("import",), ()]


@pytest.mark.parametrize("block", [holdfast.lane, holdfast.serialized])
@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ((), "has no name: give at least one"),
        (("",), "is given '': a name must be a text"),
        ((None,), "is given None: a name must be a text"),
    ],
)
def test_a_name_is_needed(block: Any, names: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        block(*names)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_is_above_nothing(timeout: float) -> None:
    with pytest.raises(ValueError, match="it must be above 0 s"):
        holdfast.serialized("cus_1", timeout=timeout)


def test_calls_inside_do_not_wait_for_their_block() -> None:
    lanes = MemoryLanes()
    with holdfast.serialized("cus_1", lanes=lanes):
        assert sync.run(call_on("cus_1"), send, lanes=lanes) is OK
        assert sync.run(call_on("cus_1", "sub_1"), send, lanes=lanes) is OK
        assert lanes.occupied(["cus_1", "sub_1"]) == ("cus_1",)
    assert len(lanes) == 0


def test_calls_in_tasks_of_the_block_do_not_wait_for_it() -> None:
    async def main() -> None:
        lanes = MemoryLanes()
        async with holdfast.serialized("cus_1", lanes=lanes):
            calls = [aio.run(call_on("cus_1"), send_async, lanes=lanes) for _ in range(3)]
            assert await asyncio.gather(*calls) == [OK, OK, OK]
        assert len(lanes) == 0

    asyncio.run(main())


def test_blocks_inside_blocks_on_the_same_object() -> None:
    lanes = MemoryLanes()
    with holdfast.serialized("cus_1", lanes=lanes):
        with holdfast.serialized("cus_1", "sub_1", lanes=lanes):
            assert sync.run(call_on("sub_1"), send, lanes=lanes) is OK
        assert lanes.occupied(["cus_1", "sub_1"]) == ("cus_1",)
        assert sync.run(call_on("cus_1"), send, lanes=lanes) is OK


def test_other_threads_wait_for_the_block() -> None:
    lanes = MemoryLanes()
    order: list[str] = []

    def other() -> None:
        sync.run(call_on("cus_1"), send, lanes=lanes)
        order.append("the other thread")

    with holdfast.serialized("cus_1", lanes=lanes):
        thread = in_a_thread(other)
        eventually(lambda: lanes.waiting("cus_1") == 1)
        sync.run(call_on("cus_1"), send, lanes=lanes)
        order.append("the block")
    thread.join()
    assert order == ["the block", "the other thread"]


def test_a_task_that_outlives_its_block_waits_like_everybody() -> None:
    async def main() -> None:
        lanes = MemoryLanes()
        go = asyncio.Event()

        async def late() -> bool:
            await go.wait()
            return await lanes.enter_async(["cus_1"], 0.01) is None

        async with holdfast.serialized("cus_1", lanes=lanes):
            task = asyncio.create_task(late())
            await asyncio.sleep(0)
        async with holdfast.serialized("cus_1", lanes=lanes):
            go.set()
            assert await task

    asyncio.run(main())


def test_read_modify_write_from_threads_and_tasks_loses_nothing() -> None:
    lanes = MemoryLanes()
    balance = 0

    def add_one() -> None:
        nonlocal balance
        seen = balance
        time.sleep(0)
        balance = seen + 1

    def thread_main() -> None:
        for _ in range(50):
            with holdfast.serialized("cus_1", lanes=lanes):
                add_one()

    async def task_main() -> None:
        nonlocal balance
        for _ in range(10):
            async with holdfast.serialized("cus_1", lanes=lanes):
                seen = balance
                await asyncio.sleep(0)
                balance = seen + 1

    async def loop_main() -> None:
        await asyncio.gather(*(task_main() for _ in range(10)))

    threads = [in_a_thread(thread_main) for _ in range(4)]
    asyncio.run(loop_main())
    for thread in threads:
        thread.join()
    assert balance == 4 * 50 + 10 * 10
    assert len(lanes) == 0


def test_a_block_takes_the_whole_width_of_an_adaptive_lane() -> None:
    lanes = MemoryLanes()
    crowd = [lanes.enqueue(["cus_1"], nobody, width=ADAPTIVE) for _ in range(10)]
    for ticket in crowd[:5]:
        ticket.leave(clean=True)
    assert [ticket.entered for ticket in crowd[5:]] == [True, True, False, False, False]
    for ticket in crowd[6:]:
        ticket.leave()
    with pytest.raises(DeadlineExceeded):
        holdfast.serialized("cus_1", timeout=0.01, lanes=lanes).__enter__()
    crowd[5].leave()
    with holdfast.serialized("cus_1", lanes=lanes):
        assert not lanes.enqueue(["cus_1"], nobody, width=ADAPTIVE).entered


def test_a_block_that_comes_too_late_was_not_entered() -> None:
    lanes = MemoryLanes()
    lanes.enqueue(["cus_1"], nobody)
    sentence = "the block was not entered: cus_1, cus_2 could not be had within 0.01 s"
    with pytest.raises(DeadlineExceeded, match=sentence):
        with holdfast.serialized("cus_1", "cus_2", timeout=0.01, lanes=lanes):
            raise AssertionError("nobody gets here")

    async def main() -> None:
        async with holdfast.serialized("cus_1", "cus_2", timeout=0.01, lanes=lanes):
            raise AssertionError("nobody gets here")

    with pytest.raises(DeadlineExceeded, match=sentence):
        asyncio.run(main())
    assert lanes.waiting("cus_1") == 0
    assert lanes.occupied(["cus_2"]) == ()


def test_the_deadline_around_it_bounds_the_wait() -> None:
    lanes = MemoryLanes()
    lanes.enqueue(["cus_1"], nobody)
    with holdfast.deadline(0.02):
        block = holdfast.serialized("cus_1", lanes=lanes)
        with pytest.raises(DeadlineExceeded):
            block.__enter__()
        time.sleep(0.02)
        with pytest.raises(DeadlineExceeded, match="within 0 s"):
            block.__enter__()


def test_a_crowd_is_refused() -> None:
    lanes = MemoryLanes()
    for _ in range(2):
        lanes.enqueue(["cus_1"], nobody)
    with pytest.raises(LaneFull):
        holdfast.serialized("cus_1", max_waiting=1, lanes=lanes).__enter__()


def test_a_cancelled_block_frees_its_place() -> None:
    async def main() -> None:
        lanes = MemoryLanes()
        holder = await lanes.enter_async(["cus_1"])
        assert holder is not None

        async def block() -> None:
            async with holdfast.serialized("cus_1", lanes=lanes):
                await asyncio.sleep(20)

        waiting = asyncio.create_task(block())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert lanes.waiting("cus_1") == 0
        inside = asyncio.create_task(block())
        await asyncio.sleep(0)
        holder.leave()
        await asyncio.sleep(0.001)
        inside.cancel()
        with pytest.raises(asyncio.CancelledError):
            await inside
        assert len(lanes) == 0

    asyncio.run(main())


def test_whatever_is_raised_inside_the_block_is_left() -> None:
    lanes = MemoryLanes()
    with pytest.raises(ZeroDivisionError):
        with holdfast.serialized("cus_1", lanes=lanes):
            raise ZeroDivisionError
    assert len(lanes) == 0
    lanes.enqueue(["cus_1"], nobody)
    with pytest.raises(DeadlineExceeded):  # and its context has forgotten it
        holdfast.serialized("cus_1", timeout=0.01, lanes=lanes).__enter__()


def test_a_block_is_entered_once_at_a_time_and_may_be_used_again() -> None:
    lanes = MemoryLanes()
    block = holdfast.serialized("cus_1", lanes=lanes)
    for _ in range(2):
        with block:
            with pytest.raises(RuntimeError, match="entered already: make one for each"):
                block.__enter__()
            assert len(lanes) == 1
    block.__exit__(None, None, None)
    assert len(lanes) == 0


def test_known_parents_belong_to_the_block() -> None:
    lanes = MemoryLanes()
    lanes.relations.learn(b'{"id": "sub_1", "customer": "cus_1"}')
    with holdfast.serialized("sub_1", lanes=lanes):
        assert not lanes.enqueue(["cus_1"], nobody).entered


def test_what_is_learned_inside_does_not_block_the_block() -> None:
    """Others who know the relation, too, wait for the block and hold nothing that it needs."""
    lanes = MemoryLanes()
    with holdfast.serialized("sub_1", lanes=lanes):
        lanes.relations.learn(b'{"id": "sub_1", "customer": "cus_1"}')
        others = lanes.enqueue(["sub_1", "cus_1"], nobody)
        assert sync.run(call_on("sub_1", "cus_1", seconds=5), send, lanes=lanes) is OK
    assert others.entered


def test_without_lanes_named_it_is_those_of_the_process() -> None:
    with holdfast.serialized("cus_of_the_process"):
        assert process_lanes().occupied(["cus_of_the_process"]) == ("cus_of_the_process",)

        def elsewhere() -> bool:
            return process_lanes().enter(["cus_of_the_process"], 0) is None

        assert contextvars.Context().run(elsewhere)
    assert process_lanes().occupied(["cus_of_the_process"]) == ()
