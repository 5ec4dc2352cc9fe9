"""Three clients to run the cases through: the package for Node, the one for Python, the drop-in."""

import asyncio
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import stripe
import stripe._http_client

import holdfast.integrations.stripe as integration
from holdfast import Policy, StripeHTTPClient, last_receipt
from holdfast.drivers import aio, sync
from holdfast.integrations import calls
from sidebyside.cases import Case, Seen
from sidebyside.server import CaseServer

NODE_FOLDER = Path(__file__).parents[2] / "fidelity" / "node"
TIMEOUT = 60.0
# Long enough for an answer from this machine when it is busy; the silent cases wait for it.
SHORT_TIMEOUT = 0.4
WORKERS = 12

Result = dict[str, Seen]


def draw(case: Case) -> float:
    """The number in [0, 1) that a case's client draws for its jitter, every time."""
    return int(case.name) * 37 % 100 / 100


def run_node(server: CaseServer, cases: Iterable[Case], node: str) -> Result:
    """Run the cases through the real package for Node, in a process of its own."""
    cases = list(cases)
    asked = [
        {
            "name": case.name,
            "id": f"node-{case.name}",
            "method": case.method,
            "retries": case.retries,
            "port": server.ports[case.door],
            "timed": case.timed,
            "random": draw(case),
        }
        for case in cases
    ]
    job = {
        "cases": asked,
        "workers": WORKERS,
        "timeout": int(TIMEOUT * 1000),
        "shortTimeout": int(SHORT_TIMEOUT * 1000),
    }
    done = subprocess.run(
        [node, str(NODE_FOLDER / "run.cjs")],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        env={"PATH": os.environ.get("PATH", "")},
    )
    assert done.returncode == 0, done.stderr
    seen = {}
    for line in done.stdout.splitlines():
        one = json.loads(line)
        keys = tuple(server.keys[f"node-{one['name']}"])
        waits = tuple(one["waits"])
        seen[one["name"]] = Seen(one["attempts"], keys, waits, one["ending"] is None)
    return seen


def run_python(
    server: CaseServer, cases: Iterable[Case], monkeypatch: pytest.MonkeyPatch
) -> Result:
    """Run the cases through the real package for Python, with its transport over `requests`."""
    fake_time = SimpleNamespace(time=time.time, sleep=_sleep)
    fake_random = SimpleNamespace(uniform=lambda low, high: low + (high - low) * _draw())
    monkeypatch.setattr(stripe._http_client, "time", fake_time)
    monkeypatch.setattr(stripe._http_client, "random", fake_random)
    return _run_threads("python", server, cases, lambda timeout: _Counting(timeout=timeout))


def run_dropin(
    name: str,
    policy: Policy,
    server: CaseServer,
    cases: Iterable[Case],
    monkeypatch: pytest.MonkeyPatch,
) -> Result:
    """Run the cases through the drop-in with a preset, over its own transport, on threads.

    Args:
        name: tells its requests apart from those of other clients.
        policy: the preset.
        server: what it sends to.
        cases: what to run.
        monkeypatch: replaces its sleep and its chance.
    """
    fake = SimpleNamespace(run=partial(sync.run, sleep=_sleep))
    monkeypatch.setattr(integration, "sync", fake)
    monkeypatch.setattr(calls, "random", SimpleNamespace(random=_draw))
    return _run_threads(name, server, cases, partial(_dropin, policy))


def run_dropin_async(
    name: str,
    policy: Policy,
    server: CaseServer,
    cases: Iterable[Case],
    monkeypatch: pytest.MonkeyPatch,
) -> Result:
    """Run the cases through the drop-in as `run_dropin` does, but in tasks."""
    fake = SimpleNamespace(run=partial(aio.run, sleep=_sleep_async))
    monkeypatch.setattr(integration, "aio", fake)
    monkeypatch.setattr(calls, "random", SimpleNamespace(random=_draw))
    return asyncio.run(_run_tasks(name, server, cases, partial(_dropin, policy)))


@dataclass(slots=True)
class _Notes:
    """What the case of this thread or task has done so far."""

    random: float
    attempts: int = 0
    waits: list[float] = field(default_factory=list)


_notes: ContextVar[_Notes] = ContextVar("notes")


def _sleep(seconds: float) -> None:
    _notes.get().waits.append(seconds)


async def _sleep_async(seconds: float) -> None:
    _sleep(seconds)


def _draw() -> float:
    return _notes.get().random


class _Counting(stripe.RequestsClient):
    def request(self, *args: Any, **options: Any) -> Any:
        _notes.get().attempts += 1
        return super().request(*args, **options)


def _dropin(policy: Policy, timeout: float) -> stripe.HTTPClient:
    return StripeHTTPClient(replace(policy, attempt_timeout=timeout))


Make = Callable[[float], stripe.HTTPClient]
Clients = dict[bool, stripe.HTTPClient]


def _make_clients(make: Make) -> Clients:
    return {timed: make(SHORT_TIMEOUT if timed else TIMEOUT) for timed in (False, True)}


def _run_threads(name: str, server: CaseServer, cases: Iterable[Case], make: Make) -> Result:
    clients = _make_clients(make)

    def one(case: Case) -> tuple[str, Seen]:
        _notes.set(_Notes(draw(case)))
        customers = _customers(clients, server, case)
        asked = f"{name}-{case.name}"
        try:
            if case.method == "GET":
                customers.retrieve(asked)
            elif case.method == "DELETE":
                customers.delete(asked)
            else:
                customers.update(asked, {"name": "scripted"})
        except stripe.StripeError:
            return case.name, _seen(server, asked, succeeded=False)
        return case.name, _seen(server, asked, succeeded=True)

    with ThreadPoolExecutor(WORKERS) as pool:
        seen = dict(pool.map(one, cases))
        # A session belongs to its thread, and each thread must close its own.
        barrier = threading.Barrier(WORKERS)

        def close(_: int) -> None:
            barrier.wait(60)
            for client in clients.values():
                client.close()

        list(pool.map(close, range(WORKERS)))
    return seen


async def _run_tasks(name: str, server: CaseServer, cases: Iterable[Case], make: Make) -> Result:
    clients = _make_clients(make)
    places = asyncio.Semaphore(WORKERS)

    async def one(case: Case) -> tuple[str, Seen]:
        _notes.set(_Notes(draw(case)))
        customers = _customers(clients, server, case)
        asked = f"{name}-{case.name}"
        async with places:
            try:
                if case.method == "GET":
                    await customers.retrieve_async(asked)
                elif case.method == "DELETE":
                    await customers.delete_async(asked)
                else:
                    await customers.update_async(asked, {"name": "scripted"})
            except stripe.StripeError:
                return case.name, _seen(server, asked, succeeded=False)
            return case.name, _seen(server, asked, succeeded=True)

    seen = dict(await asyncio.gather(*map(one, cases)))
    for client in clients.values():
        await client.close_async()
        client.close()
    return seen


def _customers(clients: Clients, server: CaseServer, case: Case) -> Any:
    client = stripe.StripeClient(
        "sk_test_scripted",
        http_client=clients[case.timed],
        max_network_retries=case.retries,
        base_addresses={"api": f"http://127.0.0.1:{server.ports[case.door]}"},
    )
    return client.v1.customers


def _seen(server: CaseServer, asked: str, *, succeeded: bool) -> Seen:
    notes = _notes.get()
    receipt = last_receipt()  # a call of the package alone has none, but counts its attempts
    attempts = notes.attempts or (0 if receipt is None else len(receipt.attempts))
    return Seen(attempts, tuple(server.keys[asked]), tuple(notes.waits), succeeded)
