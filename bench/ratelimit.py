"""Offered three times what the account may send: how much gets done, and how much is refused?

Each client is offered `3 * --rate` calls a second for `--seconds`, against a sandbox of its own
that lets `--rate` requests a second through and answers the others with a 429. Calls are offered
whether or not earlier ones have ended, as a web application's are. Of each client:

- `work_over_limit`: the calls that succeeded within the time, over `rate * seconds`. (The server's
  bucket is full at the beginning, with a second's worth, so a little over 1 can be reached.)
- `refused_share`: the refused requests among those that were sent, as the server counted them.

"after 10 s" are the same figures of the time from the tenth second on, for who has to learn the
rate. "half of the rate taken": another client sends half of the rate all the time, and never waits;
the limit is what it leaves.

The clients run in processes of their own, in waves of four side by side. A peer that is not
installed is left out; `make bench-setup` installs them all.
"""

import argparse
import asyncio
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import stripe

import holdfast
from bench import report, servers
from holdfast.durations import parse_duration

KEY = "sk_test_ratelimit"
OFFERED = 3
LEARNED = 10.0
SIDE_BY_SIDE = 4

Send = Callable[[], Awaitable[object]]


@dataclass(slots=True)
class Tally:
    """What has happened up to some moment."""

    at: float = 0.0
    ok: int = 0
    sent: int = 0
    refused: int = 0
    taken: int = 0

    def since(self, before: "Tally", rate: float) -> dict[str, float]:
        """The figures of the time in between."""
        limit = rate * (self.at - before.at) - (self.taken - before.taken)
        sent = self.sent - before.sent
        return {
            "work_over_limit": (self.ok - before.ok) / limit,
            "refused_share": (self.refused - before.refused) / sent if sent else 0.0,
        }


@dataclass(frozen=True, slots=True)
class Client:
    """One row.

    Attributes:
        name: what the table calls it.
        make: makes what sends a request, of the sandbox's URL and the rate.
        package: what must be installed for it.
        learns: whether it is also measured after it has had time to learn.
        shares: whether another client takes half of the rate.
    """

    name: str
    make: Callable[[str, float], Send]
    package: str = "stripe"
    learns: bool = False
    shares: bool = False


def main(arguments: list[str] | None = None) -> int:
    """Run every client that is installed and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.ratelimit", description=__doc__)
    parser.add_argument("--rate", type=_rate, default=25.0, help="requests a second let through")
    parser.add_argument("--seconds", type=_seconds, default=30.0, help="for so long")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE, too")
    parser.add_argument("--only", metavar="TEXT", default="", help="clients whose name has TEXT")
    given = parser.parse_args(arguments)
    chosen = [name for name in CLIENTS if given.only in name]
    if not chosen:
        parser.error(f"no client's name has {given.only!r} in it")
    present = [name for name in chosen if find_spec(CLIENTS[name].package)]
    for package in sorted({CLIENTS[name].package for name in chosen if name not in present}):
        print(f"{package} is not installed and left out (make bench-setup)", file=sys.stderr)
    if not present:
        print("nothing is left to measure", file=sys.stderr)
        return 1
    rows: list[report.Row] = []
    for first in range(0, len(present), SIDE_BY_SIDE):
        rows += run_wave(present[first : first + SIDE_BY_SIDE], given.rate, given.seconds)
    report.show(rows)
    if given.json:
        packages = sorted({CLIENTS[name].package for name in present} | {"holdfast", "stripe"})
        settings = {"rate": given.rate, "seconds": given.seconds}
        report.write(given.json, "ratelimit", packages, settings, rows)
    return 0


def _rate(text: str) -> float:
    number = float(text)
    if not 1 <= number <= 10_000:
        raise ValueError(text)
    return number


def _seconds(text: str) -> float:
    number = parse_duration(text)
    if number < 1:
        raise ValueError(text)
    return number


_rate.__name__, _seconds.__name__ = "rate (1 or more)", "duration (1 s or more)"


def run_wave(names: list[str], rate: float, seconds: float) -> list[report.Row]:
    """Measure some clients side by side, each against a sandbox of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        limits = folder / "limits.json"
        limits.write_text(json.dumps({"global": {"rate": rate}}))
        urls = [stack.enter_context(servers.sandbox(f"--limits={limits}")) for _ in names]
        context = multiprocessing.get_context("spawn")
        pool = stack.enter_context(ProcessPoolExecutor(len(names), context))
        jobs = [
            pool.submit(measure, name, url, rate, seconds)
            for name, url in zip(names, urls, strict=True)
        ]
        rows = [row for job in jobs for row in job.result()]
        print(f"{', '.join(names)}: done", file=sys.stderr)
        return rows


def measure(name: str, url: str, rate: float, seconds: float) -> list[report.Row]:
    """The rows of one client; run in a process of its own."""
    return asyncio.run(_measure(CLIENTS[name], url, rate, seconds))


async def _measure(client: Client, url: str, rate: float, seconds: float) -> list[report.Row]:
    ours, other = Tally(), Tally()
    send = client.make(url, rate)
    begins = time.monotonic()
    offers = [asyncio.create_task(_offer(send, OFFERED * rate, ours))]
    if client.shares:
        offers.append(asyncio.create_task(_offer(sdk(0)(url, rate), rate / 2, other)))
    marks = [Tally()]
    for moment in (LEARNED, seconds) if client.learns and seconds > LEARNED else (seconds,):
        await asyncio.sleep(begins + moment - time.monotonic())
        marks.append(await _mark(url, begins, ours, other))
    # Whoever still waits has not been served in time.
    pending = asyncio.all_tasks() - {asyncio.current_task()}
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    rows: list[report.Row] = [{"client": client.name, **marks[-1].since(marks[0], rate)}]
    if len(marks) > 2:
        name = f"{client.name}, after {LEARNED:g} s"
        rows.append({"client": name, **marks[-1].since(marks[1], rate)})
    return rows


async def _mark(url: str, begins: float, ours: Tally, other: Tally) -> Tally:
    at, ok, taken = time.monotonic() - begins, ours.ok, other.ok
    sent, refused = other.sent, other.refused
    counters = await asyncio.to_thread(servers.stats, url)
    all_refused = sum(counters["rate_limited"].values())
    return Tally(at, ok, counters["requests"] - sent, all_refused - refused, taken)


async def _offer(send: Send, rate: float, tally: Tally) -> None:
    """Begin calls at a steady rate, whatever becomes of them."""
    begins, tasks = time.monotonic(), set[asyncio.Task[None]]()
    number = 0
    while True:
        task = asyncio.create_task(_call(send, tally))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        number += 1
        await asyncio.sleep(max(0.0, begins + number / rate - time.monotonic()))


async def _call(send: Send, tally: Tally) -> None:
    tally.sent += 1
    try:
        await send()
    except stripe.RateLimitError:
        tally.refused += 1
    except stripe.APIConnectionError:
        return  # its token would have come after its deadline
    else:
        tally.ok += 1


def sdk(retries: int) -> Callable[[str, float], Send]:
    """The official package, with so many retries."""

    def make(url: str, _: float) -> Send:
        client = stripe.StripeClient(KEY, base_addresses={"api": url}, max_network_retries=retries)
        return lambda: _create(client)

    return make


def tenacity(url: str, _: float) -> Send:
    """The official package with tenacity's full jitter around it, four attempts on a 429."""
    t = import_module("tenacity")
    decorate = t.retry(
        stop=t.stop_after_attempt(4),
        wait=t.wait_random_exponential(max=5),
        retry=t.retry_if_exception_type(stripe.RateLimitError),
        reraise=True,
    )
    client = stripe.StripeClient(KEY, base_addresses={"api": url})

    async def send() -> object:
        return await _create(client)

    wrapped: Send = decorate(send)
    return wrapped


def aiolimiter(url: str, rate: float) -> Send:
    """The official package behind a limiter that is told the rate."""
    limiter = import_module("aiolimiter").AsyncLimiter(rate, 1.0)
    client = stripe.StripeClient(KEY, base_addresses={"api": url})

    async def send() -> object:
        async with limiter:
            return await _create(client)

    return send


def ours(*, told: bool) -> Callable[[str, float], Send]:
    """Holdfast, told the rate or as it comes."""

    def make(url: str, rate: float) -> Send:
        policy = holdfast.Policy(rate_limit=rate if told else None)
        client = holdfast.stripe_client(KEY, policy, base_addresses={"api": url})
        return lambda: _create(client)

    return make


async def _create(client: stripe.StripeClient) -> Any:
    return await client.v1.customers.create_async({"name": "Ada"})


CLIENTS = {
    client.name: client
    for client in (
        Client("stripe, 0 retries", sdk(0)),
        Client("stripe, 3 retries", sdk(3)),
        Client("tenacity, full jitter", tenacity, "tenacity"),
        Client("holdfast, told the rate", ours(told=True)),
        Client("aiolimiter, told the rate", aiolimiter, "aiolimiter"),
        Client("holdfast", ours(told=False), learns=True),
        Client("holdfast, half of the rate taken", ours(told=False), learns=True, shares=True),
    )
}

if __name__ == "__main__":
    sys.exit(main())
