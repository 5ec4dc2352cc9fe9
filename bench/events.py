"""What it costs the calls that somebody, or nobody, is told of them.

The first table is the processor time of an untouched call through the engine (`us`, of the thread
that makes it; best of the rounds, which take turns): without any point at which the engine tells
something, which are cut out of its source; with nobody subscribed; and with a subscriber of the
ends of calls alone, and of every step. `more_us` is what a row costs beyond the first.

The second one has several threads make calls for a while, at a pace that tells of RATE events a
second, to nobody, to a subscriber that takes everything, and to one that is stuck in its first
event: how long calls took, and what became of the events.
"""

import argparse
import ast
import importlib.util
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from bench import report
from bench.arguments import count
from holdfast import Policy, observe
from holdfast.drivers import sync
from holdfast.drivers.telling import telling
from holdfast.engine import Request, Response, Send
from holdfast.engine import call as engine
from holdfast.lanes import MemoryLanes
from holdfast.observe import Wanted
from holdfast.stream import Subscription

ANSWER = Response(200, {"request-id": "req_1"})
POLICY = Policy()
REQUEST = Request("POST", "/v1/refunds", "key-1")
EVENTS = 4
"""What an untouched call tells: that it began, its attempt, the attempt's end, and its own."""
THREADS = 4
BEAT = 0.01
"""How often a thread makes its calls, in seconds."""


def main(arguments: list[str] | None = None) -> int:
    """Measure both and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.events", description=__doc__)
    parser.add_argument("--rounds", type=count, default=15, help="rounds; the best one counts")
    parser.add_argument("--calls", type=count, default=4000, help="calls of a row in a round")
    parser.add_argument("--rate", type=count, default=12_000, help="events a second (12000)")
    parser.add_argument("--seconds", type=count, default=3, help="how long at this rate (3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE, too")
    given = parser.parse_args(arguments)
    costs = measure_costs(given.rounds, given.calls)
    report.show(costs)
    print()
    stuck = [measure_pace(name, given.rate, given.seconds) for name in PACED]
    report.show(stuck)
    if given.json is not None:
        settings = {name: value for name, value in vars(given).items() if name != "json"}
        report.write(given.json, "events", [], settings, [*costs, *stuck])
    return 0


def measure_costs(rounds: int, calls: int) -> list[dict[str, object]]:
    """The processor time of a call by what is subscribed, in rows."""
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, (call, subscribed) in TOLD.items():
            with subscribed():
                took = _time(call, calls)
            observe.flush(60)
            best[name] = min(best.get(name, took), took)
    least = best[WITHOUT]
    return [
        {
            "told": name,
            "us": seconds / calls * 1e6,
            "more_us": (seconds - least) / calls * 1e6,
        }
        for name, seconds in best.items()
    ]


def _time(call: Callable[[], object], calls: int) -> float:
    began = time.thread_time()
    for _ in range(calls):
        call()
    return time.thread_time() - began


def measure_pace(name: str, rate: int, seconds: float) -> dict[str, object]:
    """What calls take while so many events a second arise, and what becomes of those, as a row."""
    each = max(1, round(rate * BEAT / EVENTS / THREADS))
    with PACED[name]() as subscription:
        began = time.monotonic()
        with ThreadPoolExecutor(THREADS) as pool:
            works = [pool.submit(_paced, each, began + seconds) for _ in range(THREADS)]
            took = sorted(one for work in works for one in work.result())
        lasted = time.monotonic() - began
    published = len(took) * EVENTS
    row: dict[str, object] = {
        "subscriber": name,
        "events_per_s": round(published / lasted),
        "p50_us": took[len(took) // 2] * 1e6,
        "p99_us": took[len(took) * 99 // 100] * 1e6,
        "published": published,
        "delivered": 0,
        "dropped": 0,
    }
    if subscription is not None:
        row |= {"delivered": subscription.delivered, "dropped": subscription.dropped}
        if subscription.delivered + subscription.dropped != published:
            raise RuntimeError(f"events were lost: {row}")
    return row


def _paced(each: int, until: float) -> list[float]:
    """Make so many calls a beat; gives the seconds that each took."""
    took: list[float] = []
    next_beat = time.monotonic()
    while next_beat < until:
        for _ in range(each):
            began = time.perf_counter()
            _call()
            took.append(time.perf_counter() - began)
        next_beat += BEAT
        time.sleep(max(0.0, next_beat - time.monotonic()))
    return took


def _call() -> None:
    _run(engine.Call)


_lanes = MemoryLanes()


def _run(kind: type[engine.Call]) -> None:
    tell, details = telling(None)
    call = kind(
        REQUEST, POLICY, clock=time.monotonic, random=random.random, tell=tell, details=details
    )
    sync.run(call, _send, lanes=_lanes)


def _send(_: Send) -> Response:
    return ANSWER


class _Untold(ast.NodeTransformer):
    """Cuts out each `if tell is not None:`, and with it all that the engine tells."""

    def __init__(self) -> None:
        self.cut = 0

    def visit_If(self, node: ast.If) -> ast.AST | None:
        """Leave it out if it asks whether anybody is told."""
        if ast.unparse(node.test) in {"tell is not None", "self._tell is not None"}:
            self.cut += 1
            return ast.Pass() if node.orelse == [] else self.generic_visit(node)
        return self.generic_visit(node)


def _without_events() -> Callable[[], None]:
    """A call through the engine as it would be if it told nothing."""
    source = Path(str(engine.__file__)).read_text(encoding="utf-8")
    untold = _Untold()
    tree = untold.visit(ast.parse(source))
    if untold.cut < EVENTS:
        raise RuntimeError("the engine's source tells in another way than this knows")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "untold.py"
        file.write_text(ast.unparse(ast.fix_missing_locations(tree)), encoding="utf-8")
        kind = _imported(file).Call

    def run() -> None:
        call = kind(REQUEST, POLICY, clock=time.monotonic, random=random.random)
        sync.run(call, _send, lanes=_lanes)

    return run


def _imported(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look themselves up there.
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


def _ignore(_: object) -> None:
    pass


@contextmanager
def _stuck() -> Iterator[Subscription]:
    let_go = threading.Event()
    with observe.subscribe(lambda _: let_go.wait()) as subscription:
        try:
            yield subscription
        finally:
            let_go.set()
            subscription.flush(60)


@contextmanager
def _free() -> Iterator[Subscription]:
    with observe.subscribe(_ignore) as subscription:
        yield subscription
        subscription.flush(60)


WITHOUT = "engine without events"
TOLD: dict[str, tuple[Callable[[], object], Callable[[], AbstractContextManager[Any]]]] = {
    WITHOUT: (_without_events(), nullcontext),
    "nobody": (_call, nullcontext),
    "ends": (_call, partial(observe.subscribe, _ignore, only=Wanted.ENDS)),
    "all": (_call, partial(observe.subscribe, _ignore)),
    "all, inline": (_call, partial(observe.subscribe, _ignore, inline=True)),
}

PACED: dict[str, Callable[[], AbstractContextManager[Subscription | None]]] = {
    "none": nullcontext,
    "takes all": _free,
    "stuck": _stuck,
}


if __name__ == "__main__":
    sys.exit(main())
