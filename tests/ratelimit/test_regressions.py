"""Mistakes that other limiters have made, each with the name of what it guards against."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
import tracemalloc
import weakref
from typing import Any

import pytest
from limiting import World, most_in_any

from holdfast.ratelimit import Limit, MemoryLimiter, RateLimits

RATE = 200.0


def limiter(rate: float = RATE, burst: float = 2, **options: object) -> MemoryLimiter:
    return MemoryLimiter(RateLimits(account=Limit(rate, burst), **options))  # type: ignore[arg-type]


def assert_promise(times: list[float], rate: float = RATE, burst: float = 2) -> None:
    """No window of time has more than it may."""
    full_at = -1e9
    for at in sorted(times):
        full_at = max(full_at, at) + 1 / rate
        assert full_at - at <= burst / rate + 1e-4


@pytest.mark.parametrize("rate", [5.0, 25.0, 100.0])
def test_the_first_period_admits_no_more_than_any_other(rate: float) -> None:
    """aiolimiter #200 and #298: a full bucket and its refill made twice the rate at first."""
    world = World(RateLimits(account=Limit(rate)))
    for _ in range(500):
        world.call()
    world.run(4.0)
    burst = max(2.0, rate / 10)
    assert most_in_any(world.times(), 1.0) <= rate + burst
    assert world.times().count(1000.0) <= burst


def test_tasks_that_race_are_never_admitted_together() -> None:
    """pyrate-limiter #191: two tasks saw the same free place."""
    shared, times = limiter(), list[float]()

    async def one() -> None:
        admission = shared.admission("POST", "/v1/customers")
        assert await admission.admit_async(30.0, 1000, again=False) is not None
        times.append(admission.at)
        await asyncio.sleep(0)
        admission.end()

    async def main() -> None:
        await asyncio.gather(*(one() for _ in range(60)))

    asyncio.run(main())
    assert len(times) == 60
    assert_promise(times)


def test_threads_and_loops_that_race_are_never_admitted_together() -> None:
    """The same, for three threads, two of them with an event loop of their own."""
    shared, times = limiter(), list[float]()

    def in_a_thread() -> None:
        for _ in range(20):
            admission = shared.admission("POST", "/v1/customers")
            assert admission.admit(30.0, 1000, again=False) is not None
            times.append(admission.at)
            admission.end()

    async def in_a_task() -> None:
        admission = shared.admission("GET", "/v1/refunds")
        assert await admission.admit_async(30.0, 1000, again=False) is not None
        times.append(admission.at)
        admission.end()

    async def many() -> None:
        await asyncio.gather(*(in_a_task() for _ in range(20)))

    runs = [in_a_thread, lambda: asyncio.run(many()), lambda: asyncio.run(many())]
    threads = [threading.Thread(target=run) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert len(times) == 60
    assert_promise(times)


def test_a_wait_for_one_endpoint_blocks_no_other() -> None:
    """pyrate-limiter #301: a lock was held across the sleep, so all keys stood in one line."""
    shared = limiter(1000.0, 1000, endpoints={"POST /v1/slow": Limit(0.01, 1)})
    shared.admission("POST", "/v1/slow").take()
    waiting = shared.admission("POST", "/v1/slow")
    gave_up: list[float | None] = []
    thread = threading.Thread(
        target=lambda: gave_up.append(waiting.admit(1e6, 1000, again=False)), daemon=True
    )
    thread.start()
    while not shared.waiting:
        time.sleep(0.001)
    for _ in range(100):
        assert shared.admission("POST", "/v1/fast").admit(0.001, 1000, again=False) == 0.0
    assert shared.waiting == 1
    shared.abandon(waiting)
    waiting.wake()
    thread.join(10)
    assert gave_up == [None]


def test_cancelling_while_tokens_are_handed_out_never_deadlocks() -> None:
    """pyrate-limiter #108: a waiter that left while another one came stopped everybody."""
    shared = limiter(2000.0)
    served: list[bool] = []

    async def one(number: int) -> None:
        admission = shared.admission("POST", "/v1/customers")
        try:
            async with asyncio.timeout(0.002 if number % 3 else 20.0):
                await admission.admit_async(30.0, 1000, again=False)
            served.append(number % 3 == 0)
        except TimeoutError:
            served.append(number % 3 != 0)
        finally:
            admission.end()

    async def main() -> None:
        await asyncio.gather(*(one(number) for number in range(150)))

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert len(served) == 300
    assert shared.waiting == 0
    assert shared.states()["account"].under_way == 0


def test_no_thread_runs_for_a_limiter() -> None:
    """pyrate-limiter #240: each limiter left a thread behind that could not be stopped."""
    before = threading.active_count()
    limiters = [limiter() for _ in range(50)]
    for one in limiters:
        for _ in range(3):
            admission = one.admission("POST", "/v1/customers")
            admission.admit(5.0, 10, again=False)
            admission.end()
    assert threading.active_count() == before


def test_a_limiter_that_nobody_has_is_gone() -> None:
    one = limiter()
    seen = weakref.ref(one)
    del one
    gc.collect()
    assert seen() is None


def test_an_interrupted_wait_frees_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    from holdfast.ratelimit.gates import ThreadGate

    def interrupted(self: ThreadGate, seconds: float) -> None:
        raise KeyboardInterrupt

    shared = limiter(0.01, 1)
    shared.admission("POST", "/v1/customers").take()
    monkeypatch.setattr(ThreadGate, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        shared.admission("POST", "/v1/customers").admit(1e6, 10, again=False)
    assert shared.waiting == 0


def test_a_cancelled_task_frees_its_place() -> None:
    shared = limiter(0.01, 1)
    shared.admission("POST", "/v1/customers").take()

    async def main() -> None:
        admission = shared.admission("POST", "/v1/customers")
        task = asyncio.create_task(admission.admit_async(1e6, 10, again=False))
        await asyncio.sleep(0)
        assert shared.waiting == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert shared.waiting == 0


def test_a_closed_loop_passes_its_tokens_on() -> None:
    shared = limiter(20.0, 1)
    shared.admission("POST", "/v1/customers").take()
    loop = asyncio.new_event_loop()
    gone = shared.admission("POST", "/v1/customers")
    task: Any = loop.create_task(gone.admit_async(1e6, 10, again=False))
    loop.run_until_complete(asyncio.sleep(0))
    assert shared.waiting == 1
    loop.close()
    next_ = shared.admission("POST", "/v1/customers")
    assert next_.admit(10.0, 10, again=False) is not None
    assert shared.waiting == 0
    task.get_coro().close()
    task._log_destroy_pending = False  # it was destroyed on purpose


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_a_limiter_that_works() -> None:
    code = """
import os, threading
from holdfast.ratelimit import Limit, MemoryLimiter, RateLimits
limiter = MemoryLimiter(RateLimits(account=Limit(0.001, 1)))
limiter.admission("POST", "/v1/a").take()
limiter._mutex.acquire()  # as if another thread had it at the moment of the fork
child = os.fork()
if child == 0:
    waited = limiter.admission("POST", "/v1/a").admit(1.0, 10, again=False)
    os._exit(0 if waited == 0.0 else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "0"


@pytest.mark.parametrize("mode", ["threads", "tasks"])
def test_a_waiting_call_holds_less_than_a_kibibyte(mode: str) -> None:
    from holdfast.ratelimit.gates import Gate, TaskGate, ThreadGate

    shared = limiter(0.001, 1)
    shared.admission("POST", "/v1/customers").take()
    number = 2000

    async def wait(gate: type[ThreadGate] | type[TaskGate]) -> float:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        kept: list[Gate] = []
        for _ in range(number):
            kept.append(gate())
            admission = shared.admission("POST", "/v1/customers")
            shared.join(admission, kept[-1], 1e9, 10_000, again=False)
        used = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        return used / number

    each = asyncio.run(wait(ThreadGate if mode == "threads" else TaskGate))
    assert each < 1024
