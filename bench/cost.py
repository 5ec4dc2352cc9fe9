"""What one whole `customers.create` costs in CPU: the official package as it comes, and Holdfast.

The server is the sandbox, in a process of its own, so only the client's side counts: the SDK, the
retry layer and the HTTP client, in user and system time. The clients take turns, round by round,
and the best round of each counts: a machine can only ever make a round dearer. `holdfast` runs
with everything on: retries and their budget, lanes, and a subscriber of events. `logged and
metered` has a log line and OpenTelemetry's metrics of each call instead of that subscriber.

`--candidates` adds the HTTP clients that a transport could be made of, each sending the same
request on its own, without the SDK or Holdfast; one that is not installed is left out.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import stripe

import holdfast
from bench import cost_candidates, report, servers
from bench.arguments import count
from bench.observed import observed
from holdfast import observe

KEY = "sk_test_cost"
CUSTOMER: Any = {"name": "Ada Lovelace", "email": "ada@example.com"}

# The one whose cost is 1.0, of each mode.
DEFAULTS = {"sync": "stripe (requests)", "async": "stripe (httpx)"}

Make = Callable[[str], Callable[[], Any]]


@dataclass(frozen=True, slots=True)
class Client:
    """One row.

    Attributes:
        name: whose client it is.
        mode: `sync` or `async`.
        packages: what must be installed for it.
        make: connects it to a server's URL; what it gives makes one customer a call.
        around: what is switched on while it is measured; what its threads do counts, too.
    """

    name: str
    mode: str
    packages: tuple[str, ...]
    make: Make
    around: Callable[[], AbstractContextManager[object]] = nullcontext


def main(arguments: list[str] | None = None) -> int:
    """Measure every client that is installed and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.cost", description=__doc__)
    parser.add_argument("--rounds", type=count, default=12, help="rounds; the best one counts")
    parser.add_argument("--calls", type=count, default=200, help="calls of a client in a round")
    parser.add_argument("--candidates", action="store_true", help="measure bare HTTP clients, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE, too")
    given = parser.parse_args(arguments)
    chosen = [*CLIENTS, *(CANDIDATES if given.candidates else ())]
    missing = {p for client in chosen for p in client.packages if not report.is_installed(p)}
    for package in sorted(missing):
        print(f"{package} is not installed and left out", file=sys.stderr)
    present = [client for client in chosen if not missing.intersection(client.packages)]
    with servers.sandbox("--hold=0") as url:
        rows = measure(present, url, given.rounds, given.calls)
    report.show(rows)
    if given.json:
        packages = sorted({p for client in present for p in client.packages} | {"holdfast"})
        settings = {"rounds": given.rounds, "calls": given.calls}
        report.write(given.json, "cost", packages, settings, rows)
    return 0


def measure(clients: list[Client], url: str, rounds: int, calls: int) -> list[report.Row]:
    """Give each client's CPU time for a call, in microseconds, and its share of the default's."""
    with asyncio.Runner() as runner:
        # In the loop that they run in, since some tie themselves to it.
        made = [(client, runner.run(_make(client, url))) for client in clients]
        spent: dict[Client, list[float]] = {client: [] for client in clients}
        for number in range(rounds + 1):
            for client, call in made:
                with client.around():
                    began = time.process_time()
                    if client.mode == "sync":
                        _repeat(call, calls)
                    else:
                        runner.run(_repeat_async(call, calls))
                    observe.flush(60)
                    seconds = time.process_time() - began
                if number:  # the first round opens connections and warms caches
                    spent[client].append(seconds / calls * 1e6)
    best = {client: min(times) for client, times in spent.items()}
    whole = {c.mode: us for c, us in best.items() if c.name == DEFAULTS[c.mode]}
    return [
        {
            "client": client.name,
            "mode": client.mode,
            "cpu_us": us,
            "cpu_us_median": median(spent[client]),
            "ratio_to_default": us / whole[client.mode],
        }
        for client, us in best.items()
    ]


async def _make(client: Client, url: str) -> Callable[[], Any]:
    return client.make(url)


def _repeat(call: Callable[[], object], calls: int) -> None:
    for _ in range(calls):
        call()


async def _repeat_async(call: Callable[[], Awaitable[object]], calls: int) -> None:
    for _ in range(calls):
        await call()


def _official(make_http_client: Callable[[], stripe.HTTPClient], mode: str) -> Make:
    def make(url: str) -> Callable[[], Any]:
        address: Any = {"api": url}
        http_client = make_http_client()
        return _create(
            stripe.StripeClient(KEY, http_client=http_client, base_addresses=address), mode
        )

    return make


def _observed(mode: str) -> Make:
    def make(url: str) -> Callable[[], Any]:
        address: Any = {"api": url}
        return _create(holdfast.stripe_client(KEY, base_addresses=address), mode)

    return make


def _ours(mode: str) -> Make:
    def make(url: str) -> Callable[[], Any]:
        address: Any = {"api": url}
        seen: list[object] = []

        def subscriber(event: object) -> None:
            seen[:] = (event,)

        return _create(
            holdfast.stripe_client(KEY, base_addresses=address, on_event=subscriber), mode
        )

    return make


def _create(client: stripe.StripeClient, mode: str) -> Callable[[], Any]:
    customers = client.v1.customers
    return partial(customers.create if mode == "sync" else customers.create_async, CUSTOMER)


CLIENTS = [
    Client(
        "stripe (requests)",
        "sync",
        ("stripe", "requests"),
        _official(stripe.RequestsClient, "sync"),
    ),
    Client("holdfast", "sync", ("stripe",), _ours("sync")),
    Client("holdfast, logged and metered", "sync", ("stripe",), _observed("sync"), observed),
    Client(
        "stripe (httpx)",
        "async",
        ("stripe", "httpx", "anyio"),
        _official(stripe.HTTPXClient, "async"),
    ),
    Client("holdfast", "async", ("stripe",), _ours("async")),
    Client("holdfast, logged and metered", "async", ("stripe",), _observed("async"), observed),
]
CANDIDATES = [
    Client(f"{package} alone", mode, (package,), make)
    for (package, mode), make in cost_candidates.CANDIDATES.items()
]

if __name__ == "__main__":
    sys.exit(main())
