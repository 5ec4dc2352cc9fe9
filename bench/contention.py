"""Many workers on few objects: whose updates land, and how close to the lock's own limit?

Every client updates the same customers of one sandbox, one client after the other. A customer's
lock is held for `--hold` by each update, so an object takes 1/hold updates a second at the very
most; `work_over_limit` is the share of that which the client reached.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

import stripe

import holdfast
from bench import report, servers
from holdfast.durations import parse_duration

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


def main(arguments: list[str] | None = None) -> int:
    """Run every client and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.contention", description=__doc__)
    parser.add_argument("--workers", type=_count, default=64, help="threads that send at once")
    parser.add_argument("--objects", type=_count, default=1, help="customers that they update")
    parser.add_argument("--calls", type=_count, default=256, help="updates in all, per client")
    parser.add_argument("--hold", type=_seconds, default=0.02, help="seconds a lock is held")
    parser.add_argument(
        "--lock-wait", type=_seconds, default=0.1, help="seconds a lock is waited for"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE, too")
    parser.add_argument("--only", metavar="TEXT", default="", help="clients whose name has TEXT")
    given = parser.parse_args(arguments)
    settings = Settings(given.workers, given.objects, given.calls, given.hold, given.lock_wait)
    options = (f"--hold={settings.hold}", f"--lock-wait={settings.lock_wait}")
    rows = []
    with servers.sandbox(*options) as url:
        for name, make in CLIENTS.items():
            if given.only in name:
                rows.append(measure(name, make(url), url, settings))
                print(f"{name}: done", file=sys.stderr)
    if not rows:
        parser.error(f"no client's name has {given.only!r} in it")
    report.show(rows)
    if given.json:
        packages = ["holdfast", "stripe", "urllib3", "requests"]
        report.write(given.json, "contention", packages, vars(settings), rows)
    return 0


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _seconds(text: str) -> float:
    return parse_duration(text)


_count.__name__, _seconds.__name__ = "number (1 or more)", "duration (20ms, 0.02)"


def measure(name: str, update: Update, url: str, settings: Settings) -> report.Row:
    """Let all workers update at once, and count what came of it."""
    plain = stripe.StripeClient(KEY, base_addresses={"api": url})
    customers = [plain.v1.customers.create().id for _ in range(settings.objects)]
    before = servers.stats(url)["requests"]
    start = threading.Barrier(settings.workers + 1)
    waits: list[float] = []
    done: list[object] = []
    lost: list[stripe.StripeError] = []

    def work(worker: int) -> None:
        start.wait()
        for call in range(worker, settings.calls, settings.workers):
            began = time.perf_counter()
            try:
                done.append(update(customers[call % settings.objects], call))
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
    cuts = quantiles(waits, n=100, method="inclusive")
    return {
        "client": name,
        "ok": ok,
        "lost": len(lost),
        "attempts_per_call": sent / settings.calls,
        "work_over_limit": ok * settings.hold / settings.objects / makespan,
        "p50_s": cuts[49],
        "p99_s": cuts[98],
    }


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


def ours(url: str) -> Update:
    """Holdfast as it comes."""
    client = holdfast.stripe_client(KEY, base_addresses={"api": url})
    return lambda customer, call: _update(client, customer, call)


def _update(client: stripe.StripeClient, customer: str, call: int) -> Any:
    return client.v1.customers.update(customer, {"metadata": {"call": str(call)}})


CLIENTS: dict[str, Callable[[str], Update]] = {
    "stripe, 0 retries": sdk(0),
    "stripe, 2 retries": sdk(2),
    "stripe, 3 retries": sdk(3),
    "robustRetrieve": wrapper,
    "mutex + stripe, 3 retries": mutex,
    "holdfast": ours,
}

if __name__ == "__main__":
    sys.exit(main())
