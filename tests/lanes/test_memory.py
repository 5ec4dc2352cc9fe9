"""Lanes of one process: exclusion, order, bounds, and nothing left behind."""

import asyncio
import gc
import os
import random
import sys
import threading
import time
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial

import pytest

from holdfast import DeadlineExceeded, Policy
from holdfast.drivers import sync
from holdfast.engine import Call, Request, Response
from holdfast.lanes import LaneFull, MemoryLanes, Ticket, process_lanes


def nobody() -> None:
    """A waker for tickets that the test looks at itself."""


def eventually(holds: Callable[[], bool]) -> None:
    """Wait for another thread to get somewhere."""
    ends = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < ends, "it never came to that"
        time.sleep(0.001)


def test_one_at_a_time_in_order() -> None:
    lanes = MemoryLanes()
    first, second, third = (lanes.enqueue(["cus_1"], nobody) for _ in range(3))
    assert [t.entered for t in (first, second, third)] == [True, False, False]
    first.leave()
    assert [t.entered for t in (first, second, third)] == [False, True, False]
    second.leave()
    third.leave()
    assert len(lanes) == 0


def test_other_objects_do_not_wait() -> None:
    lanes = MemoryLanes()
    lanes.enqueue(["cus_1"], nobody)
    for _ in range(1000):
        lanes.enqueue(["cus_1"], nobody)
    assert lanes.enter(["cus_2"], timeout=0) is not None


def test_leaving_twice_does_no_harm() -> None:
    lanes = MemoryLanes()
    first = lanes.enqueue(["cus_1"], nobody)
    second = lanes.enqueue(["cus_1"], nobody)
    third = lanes.enqueue(["cus_1"], nobody)
    first.leave()
    first.leave()
    assert second.entered
    assert not third.entered


def test_no_objects_no_waiting() -> None:
    lanes = MemoryLanes()
    ticket = lanes.enter([], timeout=0)
    assert ticket is not None
    assert len(lanes) == 0
    ticket.leave()


def test_an_object_named_twice_counts_once() -> None:
    lanes = MemoryLanes()
    ticket = lanes.enter(["cus_1", "cus_1"], timeout=0)
    assert ticket is not None
    assert ticket.keys == ("cus_1",)
    ticket.leave()
    assert len(lanes) == 0


def test_several_lanes_are_entered_together_in_order_of_arrival() -> None:
    lanes = MemoryLanes()
    both = lanes.enqueue(["a", "b"], nobody)
    reverse = lanes.enqueue(["b", "a"], nobody)
    single = lanes.enqueue(["a"], nobody)
    assert [t.entered for t in (both, reverse, single)] == [True, False, False]
    both.leave()
    assert [t.entered for t in (both, reverse, single)] == [False, True, False]
    reverse.leave()
    assert [t.entered for t in (both, reverse, single)] == [False, False, True]


def test_a_cancelled_waiter_frees_its_places_and_those_it_already_had() -> None:
    lanes = MemoryLanes()
    holder = lanes.enqueue(["a"], nobody)
    waiter = lanes.enqueue(["a", "b"], nobody)  # first in b, second in a
    behind = lanes.enqueue(["b"], nobody)
    assert [t.entered for t in (holder, waiter, behind)] == [True, False, False]
    waiter.leave()
    assert [t.entered for t in (holder, waiter, behind)] == [True, False, True]
    behind.leave()
    holder.leave()
    assert len(lanes) == 0


def test_a_bounded_lane_refuses_and_takes_no_place_anywhere() -> None:
    lanes = MemoryLanes(max_waiting=2)
    for _ in range(3):
        lanes.enqueue(["a"], nobody)
    with pytest.raises(LaneFull, match="a already has 2 calls waiting") as caught:
        lanes.enqueue(["b", "a"], nobody)
    assert (caught.value.key, caught.value.max_waiting) == ("a", 2)
    assert len(lanes) == 1
    assert lanes.waiting("a") == 2
    assert lanes.waiting("b") == 0


def test_a_call_may_have_a_bound_of_its_own() -> None:
    lanes = MemoryLanes()
    lanes.enqueue(["a"], nobody)
    lanes.enqueue(["a"], nobody)
    with pytest.raises(LaneFull):
        lanes.enter(["a"], 0, max_waiting=1)


def test_a_bound_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="max_waiting is 0"):
        MemoryLanes(max_waiting=0)


def test_granted_is_called_once_at_once_or_later() -> None:
    lanes = MemoryLanes()
    calls: list[str] = []
    first = lanes.enqueue(["a"], lambda: calls.append("first"))
    second = lanes.enqueue(["a"], lambda: calls.append("second"))
    assert calls == ["first"]
    first.leave()
    assert calls == ["first", "second"]
    second.leave()
    assert calls == ["first", "second"]


def test_whoever_is_gone_is_passed_over() -> None:
    lanes = MemoryLanes()
    holder = lanes.enqueue(["a"], nobody)
    for _ in range(5000):  # deep enough to overflow a recursion
        lanes.enqueue(["a"], lambda: False)
    last = lanes.enqueue(["a"], nobody)
    holder.leave()
    assert last.entered
    last.leave()
    lanes.enqueue(["a"], lambda: False)
    assert len(lanes) == 0


def test_a_thread_waits_its_turn() -> None:
    lanes = MemoryLanes()
    holder = lanes.enter(["a"])
    assert holder is not None
    entered: list[Ticket | None] = []
    thread = threading.Thread(target=lambda: entered.append(lanes.enter(["a"], timeout=20)))
    thread.start()
    eventually(lambda: lanes.waiting("a") == 1)
    assert entered == []
    holder.leave()
    thread.join()
    assert entered[0] is not None
    assert entered[0].entered


def test_a_thread_that_waited_too_long_leaves_no_trace() -> None:
    lanes = MemoryLanes()
    holder = lanes.enter(["a"])
    assert holder is not None
    assert lanes.enter(["a", "b"], timeout=0.01) is None
    assert lanes.waiting("a") == 0
    assert len(lanes) == 1
    holder.leave()
    assert len(lanes) == 0


def test_a_task_that_waited_too_long_leaves_no_trace() -> None:
    lanes = MemoryLanes()
    holder = lanes.enter(["a"])
    assert holder is not None
    assert asyncio.run(lanes.enter_async(["a", "b"], timeout=0.01)) is None
    assert len(lanes) == 1
    holder.leave()
    assert len(lanes) == 0


def test_a_cancelled_task_leaves_no_trace() -> None:
    async def main() -> None:
        lanes = MemoryLanes()
        holder = await lanes.enter_async(["a"])
        assert holder is not None
        tasks = [asyncio.create_task(lanes.enter_async(["a", str(n)])) for n in range(100)]
        await asyncio.sleep(0)
        assert lanes.waiting("a") == 100
        for task in tasks[:-1]:
            task.cancel()
        done = await asyncio.gather(*tasks[:-1], return_exceptions=True)
        assert all(isinstance(error, asyncio.CancelledError) for error in done)
        assert lanes.waiting("a") == 1
        holder.leave()
        last = await tasks[-1]
        assert last is not None
        last.leave()
        assert len(lanes) == 0

    asyncio.run(main())


def test_a_task_cancelled_at_the_moment_of_its_grant_passes_the_lane_on() -> None:
    async def main() -> None:
        lanes = MemoryLanes()
        holder = await lanes.enter_async(["a"])
        assert holder is not None
        task = asyncio.create_task(lanes.enter_async(["a"]))
        await asyncio.sleep(0)
        holder.leave()  # granted, but the task has not run yet
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
        assert len(lanes) == 0

    asyncio.run(main())


def test_a_task_whose_loop_was_closed_is_passed_over() -> None:
    lanes = MemoryLanes()
    holder = lanes.enter(["a"])
    assert holder is not None
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(lanes.enter_async(["a"]))
    loop.run_until_complete(asyncio.sleep(0))
    assert lanes.waiting("a") == 1
    loop.close()
    thread = threading.Thread(target=holder.leave)
    thread.start()
    thread.join()
    assert len(lanes) == 0
    waiting.cancel  # noqa: B018 - the task is kept until here
    waiting._log_destroy_pending = False  # type: ignore[attr-defined]


def test_threads_and_tasks_exclude_each_other_in_order_and_leave_nothing() -> None:
    """10,000 calls on 100 objects, from 8 threads and an event loop at once."""
    lanes = MemoryLanes()
    inside: Counter[str] = Counter()
    overlaps: list[str] = []
    queued: defaultdict[str, list[int]] = defaultdict(list)
    served: defaultdict[str, list[int]] = defaultdict(list)
    order = threading.Lock()
    per_thread, tasks = 1_000, 2_000

    def work(call: int, keys: list[str], ticket: Ticket) -> None:
        for key in keys:
            inside[key] += 1
            if inside[key] != 1:
                overlaps.append(key)
            served[key].append(call)
        if call % 10 == 0:
            time.sleep(0)  # let another thread in
        for key in keys:
            inside[key] -= 1
        ticket.leave()

    def keys_of(call: int, chance: random.Random) -> list[str]:
        return [f"cus_{n}" for n in chance.sample(range(100), 1 + call % 3)]

    def line_up(call: int, keys: list[str], granted: Callable[[], object]) -> Ticket:
        # The order of arrival is fixed and noted in one step, to hold the lanes to it.
        with order:
            ticket = lanes.enqueue(keys, granted)
            for key in keys:
                queued[key].append(call)
        return ticket

    def thread_main(number: int) -> None:
        chance = random.Random(number)
        for call in range(number * per_thread, (number + 1) * per_thread):
            keys = keys_of(call, chance)
            gate = threading.Event()
            ticket = line_up(call, keys, gate.set)
            assert gate.wait(60)
            work(call, keys, ticket)

    async def task_main(call: int, chance: random.Random) -> None:
        loop = asyncio.get_running_loop()
        gate = asyncio.Event()
        keys = keys_of(call, chance)
        ticket = line_up(call, keys, lambda: loop.call_soon_threadsafe(gate.set))
        await asyncio.wait_for(gate.wait(), 60)
        work(call, keys, ticket)

    async def loop_main() -> None:
        chance = random.Random(99)
        limit = asyncio.Semaphore(50)

        async def bounded(call: int) -> None:
            async with limit:
                await task_main(call, chance)

        await asyncio.gather(*(bounded(8 * per_thread + n) for n in range(tasks)))

    threads = [threading.Thread(target=thread_main, args=(n,)) for n in range(8)]
    threads.append(threading.Thread(target=lambda: asyncio.run(loop_main())))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert overlaps == []
    assert sum(map(len, served.values())) == sum(map(len, queued.values())) > 10_000
    assert served == queued
    assert len(lanes) == 0
    assert lanes._lanes == {}


def test_the_waiting_forms_exclude_threads_and_tasks_too() -> None:
    """The same through `enter` and `enter_async`, with some that give up and some cancelled."""
    lanes = MemoryLanes()
    inside: Counter[str] = Counter()
    done = Counter[str]()

    def use(keys: list[str], ticket: Ticket) -> None:
        for key in keys:
            inside[key] += 1
            assert inside[key] == 1
        time.sleep(0)
        for key in keys:
            inside[key] -= 1
        ticket.leave()

    failures: list[BaseException] = []

    def thread_main(number: int) -> None:
        chance = random.Random(number)
        try:
            for _ in range(300):
                keys = [f"o{n}" for n in chance.sample(range(10), 2)]
                ticket = lanes.enter(keys, timeout=chance.choice([None, 0.0005]))
                if ticket is not None:
                    use(keys, ticket)
                done["thread"] += 1
        except BaseException as error:
            failures.append(error)
            raise

    async def one(chance: random.Random) -> None:
        keys = [f"o{n}" for n in chance.sample(range(10), 2)]
        ticket = await lanes.enter_async(keys, timeout=chance.choice([None, 0.001]))
        if ticket is not None:
            use(keys, ticket)

    async def loop_main() -> None:
        chance = random.Random(77)
        for _ in range(40):
            tasks = [asyncio.create_task(one(chance)) for _ in range(20)]
            await asyncio.sleep(0)
            tasks[3].cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            failures.extend(result for result in results if isinstance(result, Exception))
            done["task"] += 20

    threads = [threading.Thread(target=thread_main, args=(n,)) for n in range(4)]
    threads.append(threading.Thread(target=lambda: asyncio.run(loop_main())))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert done == {"thread": 1200, "task": 800}
    assert len(lanes) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_begins_with_free_lanes() -> None:
    lanes = process_lanes()
    ticket = lanes.enter(["forked"])
    assert ticket is not None
    child = os.fork()
    if child == 0:
        os._exit(0 if lanes.enter(["forked"], timeout=0) is not None and len(lanes) == 1 else 1)
    _, status = os.waitpid(child, 0)
    ticket.leave()
    assert os.waitstatus_to_exitcode(status) == 0
    assert len(lanes) == 0


def _operations(work: Callable[[], object]) -> int:
    """How many calls of functions a piece of work makes."""
    calls = Counter[str]()
    gc.collect()  # what it calls back is no part of the work
    gc.disable()
    sys.setprofile(lambda _frame, event, _argument: calls.update((event,)))
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return calls["call"] + calls["c_call"]


def test_ten_thousand_waiting_calls_cost_a_free_lane_nothing() -> None:
    alone, crowded = MemoryLanes(), MemoryLanes()
    crowd = [crowded.enqueue(["cus_hot"], nobody, max_waiting=20_000) for _ in range(10_001)]

    def enter_and_leave(lanes: MemoryLanes) -> None:
        lanes.enqueue(["cus_free"], nobody).leave()

    free = _operations(partial(enter_and_leave, alone))
    assert _operations(partial(enter_and_leave, crowded)) == free > 0
    # Nor does giving up a place in the middle, or the change at the head, cost more in a crowd.
    middle = _operations(crowd[5_000].leave)
    few = [alone.enqueue(["cus_hot"], nobody) for _ in range(10)]
    assert middle == _operations(few[5].leave)
    assert _operations(crowd[0].leave) == _operations(few[0].leave)


def test_a_waiting_call_holds_less_than_a_kilobyte() -> None:
    lanes = MemoryLanes()
    lanes.enqueue(["cus_1"], nobody)
    keys = [(f"sub_{n}", "cus_1") for n in range(1_000)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tickets = [lanes.enqueue(names, nobody) for names in keys]
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(tickets) == lanes.waiting("cus_1") == 1_000
    assert 0 < held / 1_000 <= 1_024


def test_a_time_that_is_up_already_is_no_wait() -> None:
    lanes = MemoryLanes()
    lanes.enqueue(["cus_1"], nobody)
    # -1 is the one that `threading.Lock` takes for ever.
    assert [lanes.enter(["cus_1"], timeout=seconds) for seconds in (-0.5, -1.0)] == [None, None]
    assert lanes.waiting("cus_1") == 0


def test_a_call_that_begins_after_its_deadline_is_told_so_although_its_lane_is_taken() -> None:
    lanes = MemoryLanes()
    lanes.enqueue(["cus_1"], nobody)
    call = Call(
        Request("POST", "/v1/customers/cus_1", "key", ("cus_1",)),
        Policy(),
        clock=time.monotonic,
        random=random.random,
        deadline=time.monotonic() - 0.5,
    )
    with pytest.raises(DeadlineExceeded, match="was not sent"):
        sync.run(call, lambda _: Response(200, {}), lanes=lanes)
