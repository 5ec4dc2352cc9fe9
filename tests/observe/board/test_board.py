"""The snapshot of a process, from calls of the real engine on a clock of the test's own."""

import gc
import json
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from stories import FakeTime

from holdfast import Policy
from holdfast.application import attempts
from holdfast.drivers import limiters, sync
from holdfast.drivers.telling import telling
from holdfast.engine import (
    Call,
    CallEnded,
    CallStarted,
    Cause,
    Failure,
    FaultClass,
    Outcome,
    Phase,
    Receipt,
    Request,
    Response,
    RetryScheduled,
    StopReason,
    Waiting,
)
from holdfast.lanes import MemoryLanes
from holdfast.observe.board import Board
from holdfast.ratelimit import Limit, RateLimits
from holdfast.stream import Wanted, process_stream, publish, subscribe

OK = Response(200, {"request-id": "req_1"})
LOCKED = Response(429, {"request-id": "req_2"}, "lock_timeout")
RESET = Failure(Phase.SENT, ConnectionResetError("reset"))
SERVER = "https://api.stripe.com"


class World:
    """Calls on a clock of the test's own, and the board that sees them."""

    def __init__(self) -> None:
        self.time = FakeTime(1_764_000_000.0)
        self.lanes = MemoryLanes()
        self.board = Board("a test", clock=self.time, lanes=lambda: [self.lanes])

    def call(
        self,
        *outcomes: Outcome | BaseException,
        method: str = "POST",
        path: str = "/v1/customers",
        key: str | None = "key",
        lanes: tuple[str, ...] = (),
        takes: float = 0.1,
    ) -> Receipt:
        """Make a call with these outcomes and see it to its end."""
        script = iter(outcomes)

        def send(_: object) -> Outcome:
            self.time.now += takes
            outcome = next(script)
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        tell, details = telling(None)
        call = Call(
            Request(method, path, key, lanes, SERVER),
            Policy(),
            clock=self.time,
            random=lambda: 0.5,
            tell=tell,
            details=details,
        )
        call.receipt.began_at = self.time.now
        try:
            sync.run(call, send, lanes=self.lanes, sleep=self.time.sleep)
        except BaseException as error:
            if error not in outcomes:
                raise
        return call.receipt

    def seen(self) -> Any:
        """The snapshot, as it arrives where it is shown."""
        return json.loads(json.dumps(self.board.snapshot(), allow_nan=False))


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    with made.board:
        yield made
    assert process_stream().wanted is Wanted.NOTHING


def receipt_of(world: World, *lanes: str) -> Receipt:
    made = Receipt("POST", "/v1/customers", lanes=lanes, server=SERVER)
    made.began_at = world.time.now
    return made


def test_an_empty_process(world: World) -> None:
    seen = world.seen()
    assert seen["source"] == {
        "kind": "process",
        "name": "a test",
        "pid": os.getpid(),
        "began_at": 1_764_000_000.0,
        "now": 1_764_000_000.0,
        "live": True,
    }
    assert seen["totals"] == {
        "calls": 0,
        "in_flight": 0,
        "attempts": 0,
        "retries": 0,
        "waiting": {"lane": 0, "limiter": 0, "backoff": 0},
        "classes": {},
        "stops": {},
        "unsure": 0,
        "dropped": 0,
    }
    assert seen["series"] == {
        "step": 1,
        "until": 1_764_000_000,
        "classes": {},
        "waiting": [0] * 120,
    }
    assert [seen[name] for name in ("limits", "hot", "slowest", "unsure", "runs")] == [[]] * 5


def test_calls_are_counted_by_class_and_by_why_they_ended(world: World) -> None:
    world.call(OK)
    world.call(LOCKED, LOCKED, OK)
    world.call(Response(400, {}))
    world.call(RESET, RESET, RESET, RESET)
    totals = world.seen()["totals"]
    assert totals["calls"] == 4
    assert totals["attempts"] == sum(totals["classes"].values()) == 9
    assert totals["classes"] == {"ok": 2, "locked": 2, "rejected": 1, "interrupted": 4}
    assert totals["stops"] == {"ok": 2, "rejected": 1, "attempts": 1}
    assert (totals["retries"], totals["unsure"], totals["in_flight"]) == (5, 1, 0)


def test_an_attempt_is_shown_in_the_second_in_which_it_ended(world: World) -> None:
    world.call(LOCKED, OK, takes=2.0)
    world.time.now += 10
    seen = world.seen()["series"]
    now = int(world.time.now)
    assert seen["until"] == now
    at = {
        fault: [i for i, n in enumerate(counts) if n] for fault, counts in seen["classes"].items()
    }
    ended = 119 - (now - 1_764_000_002)
    assert at["locked"] == [ended]
    assert at["ok"][0] > ended + 1


def test_the_attempts_of_a_call_that_goes_on_count_already(world: World) -> None:
    inside: list[Any] = []

    def look(seconds: float) -> None:
        world.time.sleep(seconds)
        inside.append(world.seen())

    script = iter([LOCKED, LOCKED, OK])
    tell, details = telling(None)
    call = Call(
        Request("POST", "/v1/customers/cus_1", "key", ("cus_1",), SERVER),
        Policy(),
        clock=world.time,
        random=lambda: 0.5,
        tell=tell,
        details=details,
    )
    call.receipt.began_at = world.time.now
    sync.run(call, lambda _: next(script), lanes=world.lanes, sleep=look)
    first, second = inside
    assert first["totals"]["calls"] == 0
    assert first["totals"]["in_flight"] == 1
    assert first["totals"]["waiting"] == {"lane": 0, "limiter": 0, "backoff": 1}
    assert first["totals"]["classes"] == {"locked": 1}
    assert (second["totals"]["attempts"], second["totals"]["retries"]) == (2, 1)
    assert sum(second["series"]["classes"]["locked"]) == 2
    assert second["series"]["waiting"][-1] == 1
    assert (second["hot"][0]["object"], second["hot"][0]["locked"]) == ("cus_1", 2)
    last = world.seen()
    assert last["totals"]["classes"] == {"locked": 2, "ok": 1}
    assert sum(last["series"]["classes"]["locked"]) == 2
    assert last["hot"][0]["locked"] == 2
    assert last["totals"]["waiting"]["backoff"] == last["totals"]["in_flight"] == 0


def test_a_call_that_is_broken_off_counts(world: World) -> None:
    world.call(KeyboardInterrupt())
    world.call(RuntimeError("a bug"))
    seen = world.seen()
    assert seen["totals"]["stops"] == {"cancelled": 1, "error": 1}
    assert (seen["totals"]["attempts"], seen["totals"]["in_flight"]) == (0, 0)
    assert seen["totals"]["unsure"] == len(seen["unsure"]) == 2
    assert seen["unsure"][0]["why"].startswith("It was broken off")


def test_unsure_calls_say_why_and_how(world: World) -> None:
    world.call(*[RESET] * 4, path="/v1/refunds", lanes=("pi_1",))
    world.time.now += 1
    world.call(*[RESET] * 4, method="DELETE", path="/v1/customers/cus_7", key=None)
    newest, oldest = world.seen()["unsure"]
    assert newest["endpoint"] == "/v1/customers/{id}"
    assert newest["how"].startswith("GET /v1/customers/cus_7: deleted")
    assert oldest["why"] == "No whole answer came, so it may or may not have been executed."
    assert "GET /v1/refunds?payment_intent=pi_1&created[gte]=1763999940" in oldest["how"]
    assert oldest["began_at"] == 1_764_000_000.0
    assert [attempt["fault"] for attempt in oldest["attempts"]] == ["interrupted"] * 4


def test_all_unsure_calls_are_counted_and_the_newest_kept(world: World) -> None:
    for number in range(60):
        world.call(*[RESET] * 4, path=f"/v1/customers/cus_{number}")
    seen = world.seen()
    assert seen["totals"]["unsure"] == 60
    paths = [row["path"] for row in seen["unsure"]]
    assert paths == [f"/v1/customers/cus_{number}" for number in range(59, 9, -1)]


def test_the_slowest_calls_come_with_their_attempts(world: World) -> None:
    for takes in (0.2, 5.0, 0.1):
        world.call(OK, path="/v1/customers/cus_1/sources", takes=takes)
    slowest = world.seen()["slowest"]
    assert [round(row["seconds"], 3) for row in slowest] == [5.0, 0.2, 0.1]
    assert slowest[0]["endpoint"] == "/v1/customers/{id}/sources"
    assert slowest[0]["attempts"][0]["request_id"] == "req_1"
    assert slowest[0]["began_at"] == pytest.approx(1_764_000_000.2)


def test_calls_waiting_for_a_lane_are_seen_while_they_wait(world: World) -> None:
    holder = world.lanes.enter(["cus_1"])
    assert holder is not None
    tickets = [world.lanes.enqueue(["cus_1"], lambda: None) for _ in range(2)]
    waiting = receipt_of(world, "cus_1", "pm_1")
    publish(CallStarted(waiting))
    publish(Waiting(waiting, Cause.LANE, 0.5))
    world.time.now += 3
    seen = world.seen()
    assert seen["totals"]["waiting"] == {"lane": 1, "limiter": 0, "backoff": 0}
    (hot,) = seen["hot"]
    assert (hot["object"], hot["inside"], hot["waiting"]) == ("cus_1", 1, 2)
    assert hot["wait_max"] == 2.5
    waiting.stop, waiting.seconds, waiting.waits[Cause.LANE] = StopReason.DEADLINE, 3.0, 2.5
    publish(CallEnded(waiting))
    for ticket in (holder, *tickets):
        ticket.leave()
    seen = world.seen()
    assert seen["totals"]["waiting"]["lane"] == seen["totals"]["in_flight"] == 0
    assert {row["object"]: row["wait_max"] for row in seen["hot"]} == {"cus_1": 2.5, "pm_1": 2.5}
    assert seen["hot"][0]["calls"] == 1


def test_entering_a_lane_at_once_makes_no_object_hot(world: World) -> None:
    for _ in range(10):
        world.call(OK, lanes=("cus_1",))
    assert world.seen()["hot"] == []


def test_without_lanes_the_path_tells_what_was_locked(world: World) -> None:
    world.call(LOCKED, OK, path="/v1/customers/cus_9/sources")
    (hot,) = world.seen()["hot"]
    assert (hot["object"], hot["locked"], hot["waiting"]) == ("cus_9", 1, 0)


def test_a_call_begun_before_is_seen_once_it_waits_or_ends(world: World) -> None:
    early, other = receipt_of(world), receipt_of(world)
    publish(RetryScheduled(early, FaultClass.LOCKED, 1.0, 0.1))
    seen = world.seen()["totals"]
    assert (seen["in_flight"], seen["waiting"]["backoff"]) == (1, 1)
    for receipt in (early, other):
        receipt.stop = StopReason.OK
        publish(CallEnded(receipt))
    seen = world.seen()["totals"]
    assert (seen["calls"], seen["in_flight"], seen["waiting"]["backoff"]) == (2, 0, 0)


def test_blocks_of_the_users_own_code_are_no_calls(world: World) -> None:
    for attempt in attempts(ValueError, attempts=2, budget=None):
        with attempt:
            if attempt.number == 1:
                raise ValueError("once")
            assert world.seen()["totals"]["in_flight"] == 0
    totals = world.seen()["totals"]
    assert (totals["calls"], totals["attempts"]) == (0, 0)


def test_closing_keeps_what_was_seen(world: World) -> None:
    world.call(OK)
    world.board.close()
    world.board.close()
    world.call(OK)
    seen = world.seen()
    assert (seen["totals"]["calls"], seen["source"]["live"]) == (1, False)
    world.board.attach()
    world.board.attach()
    world.call(OK)
    assert world.seen()["totals"]["calls"] == 2


def test_the_limiters_are_listed_by_short_names() -> None:
    limiters.limiter_of("acct_1", RateLimits(account=Limit(50, concurrency=9)))
    learned = limiters.limiter_of("account", RateLimits())
    refused = learned.admission("POST", "/v1/customers")
    assert refused.admit(1, 10, again=False) == 0.0
    board = Board()
    listed: Any = board.snapshot()["limits"]
    first, told = listed
    assert first["account"] == learned.name
    assert first | {"account": ""} == {
        "account": "",
        "scope": "account",
        "rate": 1.0,
        "limit": None,
        "concurrency": None,
        "under_way": 1,
        "waiting": 0,
        "cut": False,
    }
    assert told["account"].startswith("acct_1")
    assert (told["limit"], told["concurrency"], told["rate"]) == (50, 9, 0.0)
    refused.end()
    refused.refused("global-rate", 0.0)
    listed = board.snapshot()["limits"]
    assert listed[0]["cut"]


def test_what_the_board_failed_on_is_told(world: World) -> None:
    world.call(OK)
    world.board._steps[CallStarted] = lambda _: 1 // 0
    world.call(OK)
    totals = world.seen()["totals"]
    assert (totals["calls"], totals["dropped"]) == (2, 1)


def test_many_calls_leave_nothing_behind_but_figures(world: World) -> None:
    for number in range(20_000):
        world.call(OK, path=f"/v1/customers/cus_{number}", lanes=(f"cus_{number}",), takes=0.001)
    assert len(world.board._aside) < 100
    assert world.seen()["totals"]["calls"] == 20_000
    gc.collect()
    alive = sum(type(one) is Receipt for one in gc.get_objects())
    assert alive < 500  # the slowest of each ten seconds
    assert world.board._under_way._running == {}


def test_threads_lose_no_call() -> None:
    board = Board(lanes=list)
    looks: list[Any] = []
    done = threading.Event()

    def work() -> None:
        for _ in range(2000):
            receipt = Receipt("POST", "/v1/customers", server=SERVER)
            publish(CallStarted(receipt))
            publish(Waiting(receipt, Cause.LANE, 0.0))
            receipt.stop = StopReason.OK
            publish(CallEnded(receipt))

    def look() -> None:
        while not done.is_set():
            looks.append(board.snapshot()["totals"])

    with board:
        threads = [threading.Thread(target=work) for _ in range(8)]
        watcher = threading.Thread(target=look)
        for thread in (watcher, *threads):
            thread.start()
        for thread in threads:
            thread.join(60)
        done.set()
        watcher.join(60)
    last: Any = board.snapshot()["totals"]
    assert (last["calls"], last["stops"], last["in_flight"]) == (16_000, {"ok": 16_000}, 0)
    assert last["waiting"]["lane"] == last["dropped"] == 0
    counted = [look["calls"] for look in looks]
    assert counted == sorted(counted)
    assert all(look["in_flight"] <= 8 for look in looks)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_figures_of_its_own(world: World) -> None:
    world.call(OK)
    publish(CallStarted(receipt_of(world)))
    reading, writing = os.pipe()
    with world.board._mutex:  # as if another thread were adding up
        child = os.fork()
    if child == 0:
        code = 1
        try:
            world.call(LOCKED, OK)
            world.call(OK)
            os.write(writing, json.dumps(world.board.snapshot()).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        seen = json.loads(pipe.read())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert seen["source"]["pid"] == child
    assert (seen["totals"]["calls"], seen["totals"]["in_flight"]) == (2, 0)
    assert seen["totals"]["classes"] == {"locked": 1, "ok": 2}
    ours = world.seen()["totals"]
    assert (ours["calls"], ours["in_flight"]) == (1, 1)


def test_no_call_waits_for_a_snapshot(world: World) -> None:
    with world.board._mutex:  # as if a snapshot took for ever
        worker = threading.Thread(target=lambda: [world.call(OK) for _ in range(200)])
        worker.start()
        worker.join(60)
        assert not worker.is_alive()
    assert world.seen()["totals"]["calls"] == 200


def test_other_subscribers_are_no_matter(world: World) -> None:
    with subscribe(lambda _: None, only=Wanted.ENDS):
        world.call(OK)
    assert world.seen()["totals"]["calls"] == 1


def test_a_clock_that_is_put_back_hides_nothing(world: World) -> None:
    world.call(OK, takes=2.0)
    world.call(LOCKED, OK, lanes=("cus_old",))
    world.seen()
    world.time.now -= 3600.0
    world.call(OK, takes=1.0)
    world.call(LOCKED, OK, lanes=("cus_1",))
    seen = world.seen()
    assert seen["series"]["until"] == int(world.time.now)
    assert sum(seen["series"]["classes"]["ok"]) == 2
    assert next(call["seconds"] for call in seen["slowest"]) == 1.0
    assert [row["object"] for row in seen["hot"]] == ["cus_1"]
    assert seen["totals"]["calls"] == 4


def test_calls_that_went_on_while_nobody_listened_are_not_under_way_for_ever() -> None:
    world = World()
    with world.board:
        waiting = receipt_of(world, "cus_1")
        publish(CallStarted(waiting))
        publish(Waiting(waiting, Cause.LANE, 0.0))
        assert world.seen()["totals"]["in_flight"] == 1
    waiting.stop = StopReason.OK
    with world.board:
        world.call(OK)
        totals, series = world.seen()["totals"], world.seen()["series"]
    assert (totals["in_flight"], totals["waiting"]["lane"], totals["attempts"]) == (0, 0, 1)
    assert series["waiting"][-1] == 0
