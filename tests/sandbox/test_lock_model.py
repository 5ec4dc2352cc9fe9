"""Random requests of fifty clients at once, against a model that executes one after the other.

The trace of the locks has to be one that the model allows, step by step; the ledger, the answers
and the objects have to be those of executing the requests in the order in which they let go of
their locks. The same with a server that is killed in between.
"""

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from random import Random
from typing import Any
from urllib.request import urlopen

import pytest
from lockmodel.trace import TraceModel
from lockmodel.traffic import Answered, Crowd
from lockmodel.world import Deed, World

from holdfast.sandbox import Background, LogNormal, Sandbox

Call = Callable[..., Any]
Serving = Callable[..., AbstractContextManager[Any]]
CLIENTS = 50
CUSTOMERS = 4
INTENTS = 5


def furnished(box: Any, call: Call) -> World:
    """Make the objects that the clients work on."""
    world = World()
    for _ in range(CUSTOMERS):
        customer = call(box, "POST", "/v1/customers", {}).json["id"]
        world.customers[customer] = None
        for _ in range(INTENTS):
            params = {"amount": "500", "currency": "usd", "customer": customer}
            intent = call(box, "POST", "/v1/payment_intents", params).json["id"]
            world.intents[intent] = {"customer": customer, "description": None, "canceled": False}
    return world


def crowd(port: Callable[[], int], world: World, orders: int, impatience: float = 0.0) -> Crowd:
    customers, intents = list(world.customers), list(world.intents)
    return Crowd(port, customers, intents, CLIENTS, orders, orders, impatience)


def check_ledger(
    model: TraceModel, world: World, answered: list[Answered], ledger: list[dict[str, Any]]
) -> None:
    """Execute what was executed, in its order: same answers, same rows, same locks."""
    by_request = {one.request_id: one for one in answered if one.status != 429}
    assert by_request.keys() == set(model.executed)
    assert len(by_request) == len(model.executed)
    locked = {claim.request_id: claim.objects for claim in model.claims.values()}
    rows = []
    for request_id in model.executed:
        one = by_request[request_id]
        assert locked[request_id] == world.objects_locked(one.order)
        status, effects = world.execute(one.order, one.body)
        assert one.status == status, one
        rows += [(*effect, one.key, request_id) for effect in effects]
    columns = ("method", "path", "object", "object_id", "effect", "idempotency_key", "request_id")
    assert [tuple(row[column] for column in columns) for row in ledger] == rows


def check_objects(box: Any, call: Call, world: World) -> None:
    for customer, description in world.customers.items():
        assert call(box, "GET", f"/v1/customers/{customer}").json["description"] == description
    for intent, wanted in world.intents.items():
        there = call(box, "GET", f"/v1/payment_intents/{intent}").json
        assert there["description"] == wanted["description"]
        assert (there["status"] == "canceled") is wanted["canceled"]


def compare(start: Callable[..., Sandbox], call: Call, orders: int, **options: Any) -> TraceModel:
    """Run a crowd and compare all of it with the model."""
    box = start(lock_trace=True, reads_lock=True, **options)
    world = furnished(box, call)
    before = len(box.lock_trace())
    effects = len(box.ledger())
    answered = crowd(lambda: box.port, world, orders).start().join()
    model = TraceModel(options["lock_wait"]).follow(box.lock_trace()[before:])
    model.check_end()
    refused = [one for one in answered if one.status == 429]
    assert {one.code for one in refused} <= {"lock_timeout"}
    assert all(one.request_id is None for one in refused)
    assert len(refused) == len(model.timed_out) == box.stats()["lock_timeouts"]
    check_ledger(model, world, answered, box.ledger()[effects:])
    check_objects(box, call, world)
    return model


@pytest.mark.parametrize("lock_wait", [0, 0.03, 30])
def test_locks_ledger_and_answers_are_the_models(
    start: Callable[..., Sandbox], call: Call, lock_wait: float
) -> None:
    model = compare(start, call, 8, lock_wait=lock_wait, hold=LogNormal(0.003, 0.7))
    assert model.executed
    assert (len(model.timed_out) > 0) is (lock_wait < 30)


def test_a_store_changes_nothing(start: Callable[..., Sandbox], call: Call, tmp_path: Path) -> None:
    store = tmp_path / "state.db"
    compare(start, call, 8, lock_wait=0.03, hold=LogNormal(0.003, 0.7), store=store)


@pytest.mark.soak
@pytest.mark.parametrize("lock_wait", [0, 0.005, 0.05, 30])
@pytest.mark.parametrize("stored", [False, True])
def test_locks_ledger_and_answers_are_the_models_for_long(
    start: Callable[..., Sandbox], call: Call, tmp_path: Path, lock_wait: float, stored: bool
) -> None:
    store = tmp_path / "state.db" if stored else None
    compare(start, call, 400, lock_wait=lock_wait, hold=LogNormal(0.002, 1.0), store=store)


def check_processes(start: Callable[..., Sandbox], call: Call, orders: int) -> None:
    """Locks that linger and processes in the background keep to the same rules."""
    box = start(
        lock_wait=0.05,
        hold=0.002,
        linger=LogNormal(0.002, 0.5),
        background=[Background(0.004, rate=100), Background(0.003, share=0.2)],
        lock_trace=True,
    )
    world = furnished(box, call)
    answered = crowd(lambda: box.port, world, orders).start().join()
    model = TraceModel(0.05).follow(box.lock_trace())
    requests = {one.request_id for one in answered if one.status != 429}
    writes = {one.request_id for one in answered if one.order.deed is not Deed.READ_CUSTOMER}
    granted = {claim.request_id for claim in model.claims.values() if claim.has_all}
    assert requests & writes <= granted  # some of them may linger still
    others = [claim for claim in model.claims.values() if claim.request_id is None]
    assert len(others) > 10
    held = [
        claim.released_at - claim.granted_at
        for claim in model.claims.values()
        if claim.ended == "released" and claim.request_id is not None
    ]
    assert min(held) > 0.002
    assert len(set(held)) > len(held) / 2  # they linger, each for a time of its own


def test_lingering_and_background_holds_keep_to_the_same_rules(
    start: Callable[..., Sandbox], call: Call
) -> None:
    check_processes(start, call, 6)


@pytest.mark.soak
def test_lingering_and_background_holds_keep_to_the_same_rules_for_long(
    start: Callable[..., Sandbox], call: Call
) -> None:
    check_processes(start, call, 200)


class Lives:
    """A server on a store that is killed and started again, and where it is at present."""

    def __init__(self, serving: Serving, store: Path) -> None:
        self._serving = serving
        self._options = ["--store", str(store), "--hold", "lognormal:3ms,0.7"]
        self._options += ["--lock-wait", "100ms", "--lock-trace", "--reads-lock"]
        self._there = threading.Event()
        self._life = ExitStack()
        self.port = 0

    def start(self) -> None:
        there, _ = self._life.enter_context(self._serving(*self._options))
        self.port = there.port
        self._there.set()

    def kill(self) -> None:
        self._there.clear()
        self._life.close()

    def wait_for_port(self) -> int:
        """Where it is; waits while it is dead."""
        assert self._there.wait(60)
        return self.port

    def ask(self, path: str) -> Any:
        with urlopen(f"http://127.0.0.1:{self.port}/_sandbox/{path}", timeout=60) as answer:
            return json.load(answer)


def check_lives(serving: Serving, tmp_path: Path, call: Call, orders: int, kills: int) -> None:
    """Kill the server again and again under the crowd's hands; nothing is lost or done twice."""
    lives = Lives(serving, tmp_path / "state.db")
    lives.start()
    try:
        world = furnished(lives, call)
        furniture = len(lives.ask("ledger"))
        work = crowd(lives.wait_for_port, world, orders, impatience=0.2).start()
        random = Random(kills)
        for life in range(kills):
            wanted = CLIENTS * orders * (life + 1) // (kills + 1)
            while len(work.answered) < wanted and not work.broken:
                time.sleep(0.001)
            TraceModel(0.1).follow(lives.ask("locks/trace"))
            time.sleep(random.random() * 0.02)
            lives.kill()
            lives.start()
        answered = work.join()
        TraceModel(0.1).follow(lives.ask("locks/trace")).check_end()
        ledger = lives.ask("ledger")
        assert [row["seq"] for row in ledger] == list(range(1, len(ledger) + 1))
        check_effects(world, answered, ledger[furniture:])
        check_objects(lives, call, world)
    finally:
        lives.kill()


def check_effects(world: World, answered: list[Answered], ledger: list[dict[str, Any]]) -> None:
    """Each request has its rows once, or none if it was refused, whatever died in between."""
    by_key = {one.key: one for one in answered}
    rows: defaultdict[str, list[Any]] = defaultdict(list)
    for row in ledger:
        one = by_key[row["idempotency_key"]]
        assert one.status == 200
        assert row["request_id"] == one.request_id
        status, effects = world.execute(one.order, one.body)
        assert status == 200
        columns = tuple(row[name] for name in ("method", "path", "object", "object_id", "effect"))
        assert [columns] == effects
        rows[one.key].append(row)
    writes = [one for one in answered if one.order.method == "POST"]
    assert Counter(len(rows[one.key]) for one in writes if one.status == 200).keys() == {1}
    for one in writes:
        if one.status == 400:
            assert world.intents[one.order.target]["canceled"]
        assert one.status in {200, 400} or (one.status, one.code) == (429, "lock_timeout")


def test_a_server_that_is_killed_has_done_each_thing_once(
    serving: Serving, tmp_path: Path, call: Call
) -> None:
    check_lives(serving, tmp_path, call, orders=12, kills=3)


@pytest.mark.soak
def test_a_server_that_is_killed_often_has_done_each_thing_once(
    serving: Serving, tmp_path: Path, call: Call
) -> None:
    check_lives(serving, tmp_path, call, orders=300, kills=25)
