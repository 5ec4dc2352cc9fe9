"""Many workers on few objects: whose updates land, and how close to the lock's own limit?

Every client updates customers of one sandbox, one client after the other. A customer's lock is held
for a time by each update, and by nobody else at that time, so however many workers there are, an
object's updates take at least the sum of their holds. `work_over_limit` is that least time over the
time that it took: of the busiest object, because the others' updates run beside its own. So with
`--skew` it is the hottest object's queue that bounds the run, and the rest counts for nothing as
long as it is done by then.

Holds that are all alike (`--hold`) need no measuring. With `--hold-sigma` (holds drawn from a
lognormal distribution with `--hold` as its median) or `--background` (another process holds each
object for that share of the time, for `--hold` at once) the sandbox's trace of its locks tells the
holds; the time that the other process held the object is nobody's to use and is taken off.

`holdfast` is the client as it comes, one call of an object at a time in strict order; `holdfast
adaptive` lets its lanes grow (`lane_width="adaptive"`).
"""

import argparse
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any

import stripe

import holdfast
from bench import report, servers
from bench.arguments import count
from holdfast import Policy
from holdfast.durations import parse_duration
from holdfast.lanes import MemoryLanes

SEED = 1

KEY = "sk_test_contention"
Update = Callable[[str, int], object]


@dataclass
class Settings:
    """The size of the run."""

    workers: int
    objects: int
    calls: int
    hold: float
    lock_wait: float
    skew: float = 0.0
    hold_sigma: float = 0.0
    background: float = 0.0

    @property
    def traced(self) -> bool:
        """Whether the holds have to be measured."""
        return self.hold_sigma > 0 or self.background > 0

    def sandbox_options(self) -> list[str]:
        """What the sandbox is started with."""
        hold = f"{self.hold}"
        if self.hold_sigma:
            hold = f"lognormal:{self.hold},{self.hold_sigma}"
        options = [f"--hold={hold}", f"--lock-wait={self.lock_wait}", f"--random-seed={SEED}"]
        if self.traced:
            options.append("--lock-trace")
        if self.background:
            options.append(f"--background={self.background:.6%} {self.hold} customer")
        return options

    def targets(self) -> list[int]:
        """Which object each call is for; with a skew, the n-th is as likely as 1 / n^skew."""
        if not self.skew:
            return [call % self.objects for call in range(self.calls)]
        weights = [1 / rank**self.skew for rank in range(1, self.objects + 1)]
        return Random(SEED).choices(range(self.objects), weights, k=self.calls)


def main(arguments: list[str] | None = None) -> int:
    """Run every client and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.contention", description=__doc__)
    parser.add_argument("--workers", type=count, default=64, help="threads that send at once")
    parser.add_argument("--objects", type=count, default=1, help="customers that they update")
    parser.add_argument("--calls", type=count, default=256, help="updates in all, per client")
    parser.add_argument("--hold", type=_seconds, default=0.02, help="seconds a lock is held")
    parser.add_argument(
        "--lock-wait", type=_seconds, default=0.1, help="seconds a lock is waited for"
    )
    parser.add_argument(
        "--skew", type=_share(5), default=0.0, help="exponent of Zipf's law; 0 treats all alike"
    )
    parser.add_argument(
        "--hold-sigma", type=_share(2), default=0.0, help="spread of the logarithm of the holds"
    )
    parser.add_argument(
        "--background",
        type=_share(0.9),
        default=0.0,
        help="share of the time for which another process holds each object",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE, too")
    parser.add_argument("--only", metavar="TEXT", default="", help="clients whose name has TEXT")
    given = parser.parse_args(arguments)
    chosen = {name: make for name, make in CLIENTS.items() if given.only in name}
    if not chosen:
        parser.error(f"no client's name has {given.only!r} in it")
    names = Settings.__dataclass_fields__
    settings = Settings(**{name: getattr(given, name) for name in names})
    rows = []
    for name, make in chosen.items():
        # A sandbox each, so that all draw the same holds.
        with servers.sandbox(*settings.sandbox_options()) as url:
            rows.append(measure(name, make(url), url, settings))
        print(f"{name}: done", file=sys.stderr)
    report.show(rows)
    if given.json:
        packages = ["holdfast", "stripe", "urllib3", "requests"]
        report.write(given.json, "contention", packages, asdict(settings), rows)
    return 0


def _seconds(text: str) -> float:
    return parse_duration(text)


def _share(most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        number = float(text)
        if not 0 <= number <= most:
            raise ValueError(text)
        return number

    parse.__name__ = f"number (0 to {most:g})"
    return parse


_seconds.__name__ = "duration (20ms, 0.02)"


def measure(name: str, update: Update, url: str, settings: Settings) -> report.Row:
    """Let all workers update at once, and count what came of it."""
    plain = stripe.StripeClient(KEY, base_addresses={"api": url})
    customers = [plain.v1.customers.create().id for _ in range(settings.objects)]
    before = servers.stats(url)["requests"]
    start = threading.Barrier(settings.workers + 1)
    targets = settings.targets()
    after = servers.last_lock_event(url) if settings.traced else 0
    waits: list[float] = []
    done: list[int] = []
    lost: list[stripe.StripeError] = []

    def work(worker: int) -> None:
        start.wait()
        for call in range(worker, settings.calls, settings.workers):
            began = time.perf_counter()
            try:
                update(customers[targets[call]], call)
                done.append(targets[call])
            except stripe.StripeError as error:
                lost.append(error)
            waits.append(time.perf_counter() - began)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(settings.workers)]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    makespan = time.perf_counter() - began
    ok = len(done)
    if ok + len(lost) != settings.calls:
        raise RuntimeError(f"{name}: only {ok} + {len(lost)} of {settings.calls} calls ended")
    sent = servers.stats(url)["requests"] - before
    if settings.traced:
        reached = _traced_share(servers.lock_trace(url, after), makespan)
    else:
        reached = max(Counter(done).values(), default=0) * settings.hold / makespan
    cuts = quantiles(waits, n=100, method="inclusive")
    return {
        "client": name,
        "ok": ok,
        "lost": len(lost),
        "attempts_per_call": sent / settings.calls,
        "work_over_limit": reached,
        "p50_s": cuts[49],
        "p99_s": cuts[98],
    }


def _traced_share(events: Iterable[dict[str, Any]], makespan: float) -> float:
    """How much of the time that the busiest object had for requests they held its lock."""
    granted: dict[tuple[int, str], float] = {}
    ours: defaultdict[str, float] = defaultdict(float)
    others: defaultdict[str, float] = defaultdict(float)
    for event in events:
        place = (event["claim"], event["object"])
        if event["event"] == "granted":
            granted[place] = event["at"]
        elif event["event"] == "released" and place in granted:
            held = ours if event["request_id"] is not None else others
            held[event["object"]] += event["at"] - granted.pop(place)
    return max((held / (makespan - others[name]) for name, held in ours.items()), default=0.0)


def sdk(retries: int) -> Callable[[str], Update]:
    """The official package, with so many retries."""

    def make(url: str) -> Update:
        client = stripe.StripeClient(KEY, base_addresses={"api": url}, max_network_retries=retries)
        return lambda customer, call: _update(client, customer, call)

    return make


def wrapper(url: str) -> Update:
    """The hand-written retry of many code bases: on `lock_timeout`, longer waits each time."""
    client = stripe.StripeClient(KEY, base_addresses={"api": url})

    def update(customer: str, call: int) -> object:
        refusals = []
        for wait in (0.5, 1.0, 1.5):
            try:
                return _update(client, customer, call)
            except stripe.RateLimitError as error:
                if error.error is None or error.error.code != "lock_timeout":
                    raise
                refusals.append(error)
            time.sleep(wait)
        raise refusals[-1]

    return update


def mutex(url: str) -> Update:
    """A plain lock for each object in front of the official package with 3 retries."""
    client = stripe.StripeClient(KEY, base_addresses={"api": url}, max_network_retries=3)
    table = threading.Lock()
    locks: dict[str, threading.Lock] = {}

    def update(customer: str, call: int) -> object:
        with table:
            lock = locks.setdefault(customer, threading.Lock())
        with lock:
            return _update(client, customer, call)

    return update


def ours(policy: Policy) -> Callable[[str], Update]:
    """Holdfast with lanes of its own."""

    def make(url: str) -> Update:
        client = holdfast.stripe_client(
            KEY, policy, lanes=MemoryLanes(), base_addresses={"api": url}
        )
        return lambda customer, call: _update(client, customer, call)

    return make


def _update(client: stripe.StripeClient, customer: str, call: int) -> Any:
    return client.v1.customers.update(customer, {"metadata": {"call": str(call)}})


CLIENTS: dict[str, Callable[[str], Update]] = {
    "stripe, 0 retries": sdk(0),
    "stripe, 2 retries": sdk(2),
    "stripe, 3 retries": sdk(3),
    "robustRetrieve": wrapper,
    "mutex + stripe, 3 retries": mutex,
    "holdfast": ours(Policy()),
    "holdfast adaptive": ours(Policy(lane_width="adaptive")),
}

if __name__ == "__main__":
    sys.exit(main())
