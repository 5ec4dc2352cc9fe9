"""What lanes cost: time where nobody waits, memory where somebody does.

`us` rows are microseconds. A call's are those that its lane adds to the engine and its driver, the
best of several rounds that take turns with calls without lanes; a machine can only ever make a
round slower. A free lane's are those to enter and to leave it, alone and beside a crowd that waits
in another lane; `ratio` is the one over the other.

`bytes` rows are what Python's own account of its memory (tracemalloc) says. Per call that waits, on
a thread and in a task: what the lanes hold for it; the thread's stack and the task itself are there
without lanes, too, and asyncio's own future and timer, which any wait in a task takes, are in a row
of their own. And in all: what is held more after a million objects, each of them entered, left,
named by an answer and seen locked once, than after a tenth of as many: `bytes` of all that can be
reached from the lanes, `blocks` of memory of the whole interpreter (small ones, one an object).
What lanes learn is bounded, so that is about nothing.
"""

import argparse
import asyncio
import gc
import random
import sys
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType

from bench import report
from bench.arguments import count
from holdfast import Limit, Policy, RateLimits
from holdfast.drivers import aio, sync
from holdfast.engine import Call, Request, Response, Send
from holdfast.lanes import ADAPTIVE, MemoryLanes
from holdfast.ratelimit import MemoryLimiter

ANSWER = Response(200, {"request-id": "req_1"})
POLICY = Policy()
PLAIN = Request("POST", "/v1/customers/cus_1", "key-1")

ON_OBJECT = Request("POST", "/v1/customers/cus_1", "key-1", ("cus_1",))
# Told, and far beyond what can be reached here, so that nobody waits.
FAST = RateLimits(account=Limit(1_000_000))

# What a call may go through before it is sent: its lanes, and the limiter.
PARTS = {
    "lanes": (ON_OBJECT, False),
    "limiter": (PLAIN, True),
    "lanes and limiter": (ON_OBJECT, True),
}


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.lanes", description=__doc__)
    parser.add_argument("--rounds", type=count, default=15, help="rounds; the best one counts")
    parser.add_argument("--calls", type=count, default=4000, help="calls of a round")
    parser.add_argument("--waiting", type=count, default=10_000, help="calls that wait in a lane")
    parser.add_argument("--threads", type=count, default=500, help="threads that wait in a lane")
    parser.add_argument("--objects", type=count, default=1_000_000, help="objects to touch")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE, too")
    given = parser.parse_args(arguments)
    ours, asyncios = asyncio.run(waiting_tasks(given.waiting))
    rows = [
        *added_cost(given.rounds, given.calls),
        *beside_a_crowd(given.rounds, given.calls, given.waiting),
        _row("a waiting call, thread", "bytes", waiting_threads(given.threads)),
        _row("a waiting call, task", "bytes", ours),
        _row("a waiting call, task: asyncio's share", "bytes", asyncios),
    ]
    reachable, blocks = growth(given.objects)
    rows.append(_row(f"{given.objects} objects later", "bytes", reachable))
    rows.append(_row(f"{given.objects} objects later", "blocks", blocks))
    report.show(rows)
    if given.json:
        settings = {name: value for name, value in vars(given).items() if name != "json"}
        report.write(given.json, "lanes", ["holdfast"], settings, rows)
    return 0


def _row(what: str, unit: str, value: float) -> report.Row:
    return {"client": "holdfast", "what": what, "unit": unit, "value": value}


def added_cost(rounds: int, calls: int) -> list[report.Row]:
    """What each part adds to a call that nobody keeps waiting."""
    requests = {"": (PLAIN, False), **PARTS}
    best = {(mode, part): float("inf") for mode in ("sync", "async") for part in requests}
    lanes = MemoryLanes()
    with asyncio.Runner() as runner:
        for _ in range(rounds):
            for part, (request, limited) in requests.items():
                limiter = MemoryLimiter(FAST) if limited else None
                seconds = _time(request, lanes, calls, limiter)
                best["sync", part] = min(best["sync", part], seconds)
                seconds = runner.run(_time_async(request, lanes, calls, limiter))
                best["async", part] = min(best["async", part], seconds)
    return [
        _row(f"{part} of a call, {mode}", "us", (best[mode, part] - best[mode, ""]) / calls * 1e6)
        for mode in ("sync", "async")
        for part in PARTS
    ]


def _call(request: Request, limiter: MemoryLimiter | None) -> Call:
    tokens = None if limiter is None else limiter.admission(request.method, request.path)
    return Call(request, POLICY, clock=time.monotonic, random=random.random, tokens=tokens)


def _time(
    request: Request, lanes: MemoryLanes, calls: int, limiter: MemoryLimiter | None = None
) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        sync.run(_call(request, limiter), _send, lanes=lanes)
    return time.perf_counter() - began


async def _time_async(
    request: Request, lanes: MemoryLanes, calls: int, limiter: MemoryLimiter | None = None
) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        await aio.run(_call(request, limiter), _send_async, lanes=lanes)
    return time.perf_counter() - began


def _send(_: Send) -> Response:
    return ANSWER


async def _send_async(_: Send) -> Response:
    return ANSWER


def beside_a_crowd(rounds: int, calls: int, waiting: int) -> list[report.Row]:
    """A free lane, alone and beside one that many wait in."""
    alone, crowded = MemoryLanes(), MemoryLanes(max_waiting=waiting)
    crowd = [crowded.enqueue(["cus_hot"], _nobody) for _ in range(waiting + 1)]
    best = {"alone": float("inf"), "crowded": float("inf")}
    for _ in range(rounds):
        for name, lanes in (("alone", alone), ("crowded", crowded)):
            best[name] = min(best[name], _enter_and_leave(lanes, calls))
    for ticket in reversed(crowd):
        ticket.leave()
    return [
        _row("a free lane", "us", best["alone"] / calls * 1e6),
        _row(f"a free lane beside {waiting} waiting", "us", best["crowded"] / calls * 1e6),
        _row(f"a free lane beside {waiting} waiting", "ratio", best["crowded"] / best["alone"]),
    ]


def _enter_and_leave(lanes: MemoryLanes, calls: int) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        lanes.enqueue(["cus_free"], _nobody).leave()
    return time.perf_counter() - began


def _nobody() -> None:
    """A waker for a call that is not there."""


def waiting_threads(number: int) -> float:
    """Bytes that a waiting call on a thread holds."""
    lanes = MemoryLanes(max_waiting=number)
    holder = lanes.enqueue(["cus_1"], _nobody)
    go = threading.Event()

    def work(name: str) -> None:
        go.wait()
        ticket = lanes.enter((name, "cus_1"))
        if ticket is not None:
            ticket.leave()

    # The names are the request's own, and there before.
    threads = [threading.Thread(target=work, args=(f"sub_{n}",)) for n in range(number)]
    for thread in threads:
        thread.start()

    def let_them_wait() -> None:
        go.set()
        while lanes.waiting("cus_1") < number:
            time.sleep(0.001)

    grown = _grown(let_them_wait)
    holder.leave()
    for thread in threads:
        thread.join()
    return grown / number


async def waiting_tasks(number: int) -> tuple[float, float]:
    """Bytes that a waiting call in a task holds: those of the lanes, and those of asyncio."""
    lanes = MemoryLanes(max_waiting=number)
    holder = lanes.enqueue(["cus_1"], _nobody)
    go = asyncio.Event()

    async def work(name: str) -> None:
        await go.wait()
        ticket = await lanes.enter_async((name, "cus_1"), 3600.0)
        if ticket is not None:
            ticket.leave()

    tasks = [asyncio.create_task(work(f"sub_{n}")) for n in range(number)]
    await asyncio.sleep(0)
    tracemalloc.start()
    go.set()
    await asyncio.sleep(0)  # each of them now waits
    snapshot = tracemalloc.take_snapshot()
    tracemalloc.stop()
    if lanes.waiting("cus_1") != number:
        raise RuntimeError(f"only {lanes.waiting('cus_1')} of {number} tasks wait")
    holder.leave()
    await asyncio.gather(*tasks)
    held = Counter[bool]()
    for trace in snapshot.statistics("filename"):
        held["asyncio" in trace.traceback[0].filename] += trace.size
    return held[False] / number, held[True] / number


def growth(objects: int) -> tuple[int, int]:
    """What is held more after so many objects than after a tenth of them: bytes and blocks."""
    lanes = MemoryLanes()

    def touch(first: int, last: int) -> None:
        for number in range(first, last):
            one, key = f"sub_{number}", f"cus_{number}"
            ticket = lanes.enqueue([one, key], _nobody, width=ADAPTIVE)
            lanes.relations.learn(b'{"id": "%s", "customer": "%s"}' % (one.encode(), key.encode()))
            lanes.seen_locked((key,))
            ticket.leave(clean=True)

    touch(0, objects // 10)
    size, blocks = _size(lanes), sys.getallocatedblocks()
    touch(objects // 10, objects)
    return _size(lanes) - size, sys.getallocatedblocks() - blocks


def _size(root: object) -> int:
    """The bytes of everything that can be reached from an object, but for code."""
    gc.collect()
    seen: dict[int, object] = {}
    todo = [root]
    while todo:
        one = todo.pop()
        if id(one) not in seen and not isinstance(one, type | ModuleType | FunctionType):
            seen[id(one)] = one
            todo.extend(gc.get_referents(one))
    return sum(map(sys.getsizeof, seen.values()))


def _grown(work: Callable[[], object]) -> int:
    tracemalloc.start()
    before = _traced()
    work()
    grown = _traced() - before
    tracemalloc.stop()
    return grown


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


if __name__ == "__main__":
    sys.exit(main())
