"""The board during real traffic against the sandbox: its numbers are the sandbox's own."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

import holdfast
from holdfast import Backoff, Policy
from holdfast.lanes import MemoryLanes
from holdfast.observe.board import Board
from holdfast.sandbox import Sandbox

QUICK = Policy(backoff=Backoff(0.01, 0.05), locked_backoff=Backoff(0.01, 0.05), retry_budget=None)
WORKERS, CALLS = 64, 6


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(lock_wait=0.1, hold=0.01) as running:
        yield running


@pytest.fixture
def board() -> Iterator[Board]:
    with Board() as attached:
        yield attached


def client_of(box: Sandbox, policy: Policy = QUICK) -> stripe.StripeClient:
    address: Any = {"api": box.url}
    return holdfast.stripe_client("sk_test_board", policy, base_addresses=address)


def customers(client: stripe.StripeClient, number: int) -> list[str]:
    return [client.v1.customers.create().id for _ in range(number)]


def watched(work: Callable[[], object], board: Board) -> list[Any]:
    """Do the work, and the snapshots that were taken meanwhile."""
    done, seen = threading.Event(), list[Any]()

    def look() -> None:
        while not done.wait(0.05):
            seen.append(board.snapshot())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return seen


def equal(seen: Any, box: Sandbox) -> None:
    """Assert that the totals are the sandbox's own counters."""
    totals, stats = seen["totals"], box.stats()
    assert totals["attempts"] == sum(totals["classes"].values()) == stats["requests"]
    assert totals["classes"].get("locked", 0) == stats["by_fault"]["lock_timeout"]
    assert totals["classes"]["ok"] == stats["by_status"]["200"]
    assert totals["calls"] == sum(totals["stops"].values())
    assert totals["retries"] == totals["attempts"] - totals["calls"]
    assert totals["in_flight"] == sum(totals["waiting"].values()) == totals["dropped"] == 0


def hot_on_top(seen: list[Any], hot: str) -> None:
    crowded = [one["hot"] for one in seen if one["hot"] and one["hot"][0]["waiting"] > 10]
    assert crowded, "nobody was seen waiting"
    assert all(rows[0]["object"] == hot for rows in crowded)
    assert all(rows[0]["inside"] <= 1 for rows in crowded)
    assert max(rows[0]["wait_max"] for rows in crowded) > 0.1


def test_threads_at_one_hot_customer(box: Sandbox, board: Board) -> None:
    client = client_of(box)
    hot, *others = customers(client, 9)

    def worker(number: int) -> None:
        for turn in range(CALLS):
            busy = number % 8 == 7 and turn % 2
            customer = others[number % 8] if busy else hot
            client.v1.customers.update(customer, {"metadata": {"turn": f"{number}-{turn}"}})

    def work() -> None:
        threads = [threading.Thread(target=worker, args=(number,)) for number in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    seen = watched(work, board)
    last: Any = board.snapshot()
    equal(last, box)
    assert last["totals"]["stops"] == {"ok": 9 + WORKERS * CALLS}
    assert box.stats()["effects"] == last["totals"]["calls"]
    hot_on_top(seen, hot)
    busiest: Any = max(seen, key=lambda one: one["totals"]["waiting"]["lane"])
    assert busiest["totals"]["waiting"]["lane"] > 10
    assert WORKERS >= busiest["totals"]["in_flight"] >= busiest["totals"]["waiting"]["lane"]
    assert max(last["series"]["waiting"]) > 10
    assert sum(map(sum, last["series"]["classes"].values())) == last["totals"]["attempts"]
    (row,) = [row for row in last["hot"] if row["object"] == hot]
    on_hot = sum(effect["object_id"] == hot for effect in box.ledger()) - 1
    assert on_hot - 2 <= row["calls"] <= on_hot  # from the first that met another on
    attempts = [one["totals"]["attempts"] for one in seen]
    assert attempts == sorted(attempts)


def test_tasks_of_many_event_loops(box: Sandbox, board: Board) -> None:
    client = client_of(box)
    (hot,) = customers(client, 1)

    async def main() -> None:
        async def worker(number: int) -> None:
            for turn in range(3):
                await client.v1.customers.update_async(
                    hot, {"metadata": {"turn": f"{number}-{turn}"}}
                )

        await asyncio.gather(*(worker(number) for number in range(16)))
        http: Any = client._requestor._get_http_client()
        await http.close_async()

    def work() -> None:
        threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    seen = watched(work, board)
    last: Any = board.snapshot()
    equal(last, box)
    assert last["totals"]["calls"] == 1 + 4 * 16 * 3
    hot_on_top(seen, hot)


def test_faults_appear_in_their_classes_and_among_the_unsure(box: Sandbox, board: Board) -> None:
    client = client_of(box, Policy(max_retries=1, backoff=Backoff(0.01, 0.02)))
    (customer,) = customers(client, 1)
    path = f"/v1/customers/{customer}"
    for fault, count in (("reset_after", 2), ("error_500", 2), ("rate_limit", 1)):
        box.fault("POST", path, fault, count)
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.update(customer, {"name": "a"})
    with pytest.raises(stripe.APIError):
        client.v1.customers.update(customer, {"name": "b"})
    client.v1.customers.update(customer, {"name": "c"})
    seen: Any = board.snapshot()
    totals = seen["totals"]
    assert totals["attempts"] == box.stats()["requests"]
    assert totals["classes"]["interrupted"] == 2
    assert totals["classes"]["server_error"] == 2
    assert totals["classes"]["throttled"] == 1
    assert totals["unsure"] == 2
    newest, oldest = seen["unsure"]
    assert [newest["attempts"][-1]["fault"], oldest["attempts"][-1]["fault"]] == [
        "server_error",
        "interrupted",
    ]
    assert f"GET {path} shows what was asked for" in newest["how"]
    assert "same idempotency key" in oldest["how"]
    assert seen["limits"][0]["cut"]
    assert seen["limits"][0]["account"].startswith("account")
    assert "sk_test" not in repr(seen)


def test_calls_that_wait_too_long_or_are_cancelled(box: Sandbox, board: Board) -> None:
    client = client_of(box, Policy(deadline=1.0))
    (customer,) = customers(client, 1)
    box.fault("POST", f"/v1/customers/{customer}", "hang", 1, seconds=3)

    async def main() -> None:
        first = asyncio.create_task(client.v1.customers.update_async(customer, {"name": "a"}))
        await asyncio.sleep(0.05)
        with holdfast.deadline(0.3):
            second = asyncio.create_task(client.v1.customers.update_async(customer, {"name": "b"}))
        third = asyncio.create_task(client.v1.customers.update_async(customer, {"name": "c"}))
        await asyncio.sleep(0.05)
        seen: Any = board.snapshot()
        assert seen["totals"]["waiting"]["lane"] == 2
        third.cancel()
        await asyncio.gather(first, second, third, return_exceptions=True)
        http: Any = client._requestor._get_http_client()
        await http.close_async()

    asyncio.run(main())
    totals: Any = board.snapshot()["totals"]
    assert totals["in_flight"] == totals["waiting"]["lane"] == 0
    assert totals["calls"] == 4
    assert totals["stops"]["cancelled"] == 1
    assert totals["stops"]["deadline"] == 2
    assert totals["unsure"] == 1  # the one that hung; the others were never sent


def test_a_board_that_comes_in_the_middle_of_traffic(box: Sandbox) -> None:
    client = client_of(box)
    (hot,) = customers(client, 1)
    stop = threading.Event()

    ended: list[str] = []

    def worker() -> None:
        while not stop.is_set():
            ended.append(client.v1.customers.update(hot, {"name": "a"}).id)

    def go_on_to(number: int) -> None:
        while len(ended) < number:
            time.sleep(0.01)

    threads = [threading.Thread(target=worker) for _ in range(8)]
    for thread in threads:
        thread.start()
    go_on_to(10)
    earlier = len(ended)
    with Board() as board:
        before: Any = board.snapshot()
        lately = len(ended) - earlier
        go_on_to(earlier + 20)
        stop.set()
        for thread in threads:
            thread.join(60)
        after: Any = board.snapshot()
    # Those that ended before it looked are not its own; up to 8 are told of before they are noted.
    assert before["totals"]["calls"] <= lately + 8
    assert 12 <= after["totals"]["calls"] <= len(ended) - earlier + 8
    assert after["totals"]["in_flight"] == sum(after["totals"]["waiting"].values()) == 0
    assert after["totals"]["attempts"] == sum(after["totals"]["classes"].values())


def test_a_serialized_block_and_lanes_of_ones_own_are_seen(box: Sandbox, board: Board) -> None:
    lanes = MemoryLanes()
    address: Any = {"api": box.url}
    client = holdfast.stripe_client("sk_test_board", QUICK, base_addresses=address, lanes=lanes)
    (customer,) = customers(client, 1)
    with contextlib.ExitStack() as stack:
        stack.enter_context(holdfast.serialized(customer, lanes=lanes))
        waiting = threading.Thread(
            target=lambda: client.v1.customers.update(customer, {"name": "a"})
        )
        waiting.start()
        ends = time.monotonic() + 20
        while not lanes.waiting(customer):
            assert time.monotonic() < ends
            time.sleep(0.01)
        seen: Any = board.snapshot()
    waiting.join(20)
    (row,) = seen["hot"]
    assert (row["object"], row["inside"], row["waiting"]) == (customer, 1, 1)
