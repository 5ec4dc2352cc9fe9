"""What a call costs that needs no retry: the time that each retry layer adds to a function.

The function gives its answer at once, so all that is measured is the layer around it. Everybody
runs in one process, in rounds that take turns, and each row is the best of its rounds: a machine
can only ever make a round slower. `parts` is `bare` for the retry layer alone, and `all` for ours
with everything that a call may go through: the lane of an object and a rate limit that is told (for
the engine; code of one's own has neither), the account's retry budget, the deadline of the context,
and a subscriber of events. The row `logged and metered` has a log line and OpenTelemetry's metrics
of each call instead of that subscriber. `us` is the processor time of the thread that makes the
calls, `later_us` that of all other threads, on which log lines are written and durations recorded.
Calls come in bursts, after which everybody's subscribers are waited for, as they have their turn
while the calls of a service wait for the network; so a core that both would share slows down none.

A peer that is not installed is left out; `make bench-setup` installs them all.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import holdfast
from bench import report
from bench.arguments import count
from bench.observed import observed
from holdfast import Policy, observe
from holdfast.drivers import aio, sync
from holdfast.drivers.budgets import budget_of
from holdfast.drivers.deadline import current_deadline
from holdfast.drivers.limiters import limiter_of
from holdfast.drivers.priority import current_priority
from holdfast.drivers.telling import Tell, telling
from holdfast.engine import Call, Request, Response, Send
from holdfast.lanes import MemoryLanes
from holdfast.ratelimit import Limit, RateLimits

ANSWER = Response(200, {"request-id": "req_1"})
POLICY = Policy()
BURST = 100
# Far beyond what can be reached here, so that nobody waits.
FAST = RateLimits(account=Limit(1_000_000))
BARE = Request("POST", "/v1/refunds", "key-1")
ON_OBJECT = Request("POST", "/v1/customers/cus_1", "key-1", ("cus_1",))


def main(arguments: list[str] | None = None) -> int:
    """Measure every layer that is installed and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.overhead", description=__doc__)
    parser.add_argument("--rounds", type=count, default=15, help="rounds; the best one counts")
    parser.add_argument("--calls", type=count, default=4000, help="calls of a layer in a round")
    parser.add_argument("--only", metavar="TEXT", default="", help="clients whose name has TEXT")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE, too")
    given = parser.parse_args(arguments)
    chosen = [layer for layer in LAYERS if given.only in layer.client]
    if not chosen:
        parser.error(f"no client's name has {given.only!r} in it")
    present = [layer for layer in chosen if report.is_installed(layer.package)]
    for package in sorted({layer.package for layer in chosen if layer not in present}):
        print(f"{package} is not installed and left out (make bench-setup)", file=sys.stderr)
    if not present:
        print("nothing is left to measure", file=sys.stderr)
        return 1
    rows = measure(present, given.rounds, given.calls)
    report.show(rows)
    if given.json:
        packages = sorted({layer.package for layer in present} | {"holdfast"})
        settings = {"rounds": given.rounds, "calls": given.calls}
        report.write(given.json, "overhead", packages, settings, rows)
    return 0


@dataclass(frozen=True, slots=True)
class Layer:
    """One row: a retry layer around a function that succeeds.

    Attributes:
        client: whose it is, and which of its ways in.
        package: what must be installed for it.
        mode: `sync` or `async`.
        make: wraps the function; what it gives is called once a call.
        parts: `bare` or `all`.
        around: what is switched on while it is measured.
    """

    client: str
    package: str
    mode: str
    make: Callable[[], Callable[[], Any]]
    parts: str = "bare"
    around: Callable[[], AbstractContextManager[object]] = nullcontext


def measure(layers: list[Layer], rounds: int, calls: int) -> list[report.Row]:
    """Time all layers round by round, and give the best time of each, in microseconds a call."""
    made = [(layer, layer.make()) for layer in layers]
    best = dict.fromkeys(layers, float("inf"))
    later = dict.fromkeys(layers, float("inf"))
    with asyncio.Runner() as runner:
        for _ in range(rounds):
            for layer, call in made:
                with layer.around():
                    others = _others()
                    if layer.mode == "sync":
                        seconds = _time(call, calls)
                    else:
                        seconds = runner.run(_time_async(call, calls))
                    others = _others() - others
                best[layer] = min(best[layer], seconds / calls * 1e6)
                later[layer] = min(later[layer], others / calls * 1e6)
    return [
        {
            "client": layer.client,
            "mode": layer.mode,
            "parts": layer.parts,
            "us": us,
            "later_us": later[layer],
        }
        for layer, us in best.items()
    ]


def _others() -> float:
    """The processor time of all threads but this one, in seconds."""
    return time.process_time() - time.thread_time()


def _time(call: Callable[[], object], calls: int) -> float:
    spent = 0.0
    for burst in _bursts(calls):
        began = time.thread_time()
        for _ in burst:
            call()
        spent += time.thread_time() - began
        observe.flush(60)
    return spent


async def _time_async(call: Callable[[], Awaitable[object]], calls: int) -> float:
    spent = 0.0
    for burst in _bursts(calls):
        began = time.thread_time()
        for _ in burst:
            await call()
        spent += time.thread_time() - began
        observe.flush(60)
    return spent


def _bursts(calls: int) -> Iterator[range]:
    for begun in range(0, calls, BURST):
        yield range(min(BURST, calls - begun))


def answer() -> Response:
    """The function itself, without any layer."""
    return ANSWER


async def answer_async() -> Response:
    """The same as a coroutine."""
    return ANSWER


def _send(_: Send) -> Response:
    return ANSWER


async def _send_async(_: Send) -> Response:
    return ANSWER


def ours_observed() -> Callable[[], object]:
    """The engine with everything, telling whoever has subscribed."""
    lanes = MemoryLanes()
    return lambda: sync.run(_everything(telling(None)), _send, lanes=lanes)


def ours_observed_async() -> Callable[[], Awaitable[object]]:
    """The same in a task."""
    lanes = MemoryLanes()
    return lambda: aio.run(_everything(telling(None)), _send_async, lanes=lanes)


def ours(*, everything: bool) -> Callable[[], object]:
    """The engine with its driver, as an integration uses them."""
    lanes, make = MemoryLanes(), _calls(everything=everything)
    return lambda: sync.run(make(), _send, lanes=lanes)


def ours_async(*, everything: bool) -> Callable[[], Awaitable[object]]:
    """The same in a task."""
    lanes, make = MemoryLanes(), _calls(everything=everything)
    return lambda: aio.run(make(), _send_async, lanes=lanes)


def _calls(*, everything: bool) -> Callable[[], Call]:
    if not everything:
        return lambda: Call(BARE, POLICY, clock=time.monotonic, random=random.random)
    return lambda: _everything((_ignore, True))


def _everything(told: tuple[Tell | None, bool]) -> Call:
    budget = budget_of("bench", POLICY.retry_budget, time.monotonic())
    deadline = current_deadline()
    tell, details = told
    return Call(
        ON_OBJECT,
        POLICY,
        clock=time.monotonic,
        random=random.random,
        budget=budget,
        deadline=deadline,
        tokens=limiter_of("bench", FAST).admission(
            ON_OBJECT.method, ON_OBJECT.path, current_priority(POLICY.priority)
        ),
        tell=tell,
        details=details,
    )


def _ignore(_: object) -> None:
    pass


def retrying(function: Callable[[], object], *, everything: bool) -> Callable[[], Any]:
    """The decorator for functions and coroutine functions."""
    if everything:
        return holdfast.retrying(OSError, attempts=4, on_event=_ignore)(function)
    return holdfast.retrying(OSError, attempts=4, budget=None)(function)


def attempts() -> Callable[[], object]:
    """The loop around a block."""
    loop = holdfast.attempts(OSError, attempts=4, budget=None)

    def call() -> None:
        for attempt in loop:
            with attempt:
                answer()

    return call


def attempts_async() -> Callable[[], Awaitable[object]]:
    """The same in a coroutine."""
    loop = holdfast.attempts(OSError, attempts=4, budget=None)

    async def call() -> None:
        async for attempt in loop:
            with attempt:
                await answer_async()

    return call


# The peers are imported by name: they are no part of the project's own environment.


def tenacity(function: Callable[[], object]) -> Callable[[], Any]:
    """Four attempts with full jitter; the decorator suits both kinds of function."""
    t = import_module("tenacity")
    decorate = t.retry(
        stop=t.stop_after_attempt(4),
        wait=t.wait_random_exponential(max=5),
        retry=t.retry_if_exception_type(OSError),
        reraise=True,
    )
    wrapped: Callable[[], Any] = decorate(function)
    return wrapped


def stamina(function: Callable[[], object]) -> Callable[[], Any]:
    """Its decorator, as its documentation shows it."""
    wrapped: Callable[[], Any] = import_module("stamina").retry(on=OSError, attempts=4)(function)
    return wrapped


def backoff(function: Callable[[], object]) -> Callable[[], Any]:
    """Its decorator with its defaults: exponential waits with full jitter."""
    b = import_module("backoff")
    wrapped: Callable[[], Any] = b.on_exception(b.expo, OSError, max_tries=4)(function)
    return wrapped


def pyresilience(function: Callable[[], object]) -> Callable[[], Any]:
    """Its decorator with a retry and nothing else."""
    p = import_module("pyresilience")
    wrapped: Callable[[], Any] = p.resilient(retry=p.RetryConfig(max_attempts=4))(function)
    return wrapped


def redress() -> Callable[[], Any]:
    """Its policy with a retry and nothing else."""
    r = import_module("redress")
    retry = r.Retry(
        classifier=r.default_classifier,
        strategy=r.decorrelated_jitter(max_s=5.0),
        max_attempts=4,
        deadline_s=120.0,
    )
    return partial(r.Policy(retry=retry).call, answer)


def redress_async() -> Callable[[], Any]:
    """The same for coroutines."""
    r = import_module("redress")
    retry = r.AsyncRetry(
        classifier=r.default_classifier,
        strategy=r.decorrelated_jitter(max_s=5.0),
        max_attempts=4,
        deadline_s=120.0,
    )
    return partial(r.AsyncPolicy(retry=retry).call, answer_async)


def _both(client: str, wrap: Callable[[Callable[[], object]], Callable[[], Any]]) -> list[Layer]:
    return [
        Layer(client, client, "sync", partial(wrap, answer)),
        Layer(client, client, "async", partial(wrap, answer_async)),
    ]


def _retrying(parts: str) -> list[Layer]:
    wrap = partial(retrying, everything=parts == "all")
    return [
        Layer("holdfast.retrying", "holdfast", "sync", partial(wrap, answer), parts),
        Layer("holdfast.retrying", "holdfast", "async", partial(wrap, answer_async), parts),
    ]


LAYERS = [
    Layer("no layer", "holdfast", "sync", lambda: answer),
    Layer("no layer", "holdfast", "async", lambda: answer_async),
    Layer("holdfast", "holdfast", "sync", partial(ours, everything=False)),
    Layer("holdfast", "holdfast", "async", partial(ours_async, everything=False)),
    Layer("holdfast", "holdfast", "sync", partial(ours, everything=True), "all"),
    Layer("holdfast", "holdfast", "async", partial(ours_async, everything=True), "all"),
    Layer("holdfast, logged and metered", "holdfast", "sync", ours_observed, "all", observed),
    Layer(
        "holdfast, logged and metered", "holdfast", "async", ours_observed_async, "all", observed
    ),
    *_retrying("bare"),
    *_retrying("all"),
    Layer("holdfast.attempts", "holdfast", "sync", attempts),
    Layer("holdfast.attempts", "holdfast", "async", attempts_async),
    *_both("pyresilience", pyresilience),
    *_both("backoff", backoff),
    Layer("redress", "redress", "sync", redress),
    Layer("redress", "redress", "async", redress_async),
    *_both("stamina", stamina),
    *_both("tenacity", tenacity),
]

if __name__ == "__main__":
    sys.exit(main())
