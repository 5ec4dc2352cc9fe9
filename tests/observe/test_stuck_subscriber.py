"""A subscriber that hangs: calls go on as ever, and what it missed is counted."""

import threading
import time
from collections.abc import Iterator

import pytest

import holdfast
from holdfast import observe
from holdfast.engine import CallEnded
from holdfast.sandbox import Sandbox

THREADS, CALLS = 4, 60
LIMIT = 100


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(hold=0.0) as running:
        yield running


def send_all(box: Sandbox) -> float:
    """Create customers on several threads; gives the seconds that it took."""
    client = holdfast.stripe_client("sk_test_x", base_addresses={"api": box.url})

    def work() -> None:
        for _ in range(CALLS):
            client.v1.customers.create()

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began


def test_a_stuck_subscriber_costs_the_calls_nothing_but_its_own_events(box: Sandbox) -> None:
    let_go = threading.Event()
    undisturbed = min(send_all(box) for _ in range(2))
    with (
        observe.subscribe(lambda _: let_go.wait(60), limit=LIMIT) as stuck,
        observe.subscribe(lambda _: 1 / 0) as broken,
        observe.subscribe(lambda _: None) as free,
    ):
        disturbed = min(send_all(box) for _ in range(2))
        assert free.flush(60)
        assert broken.flush(60)
        let_go.set()
        assert stuck.flush(60)
    assert len(box.ledger()) == 4 * THREADS * CALLS
    published = free.delivered
    assert published >= 2 * THREADS * CALLS * 4  # begin, attempt, its end, and the call's
    assert (free.dropped, free.failed) == (0, 0)
    assert (broken.failed, broken.delivered) == (published, 0)
    assert stuck.delivered + stuck.dropped == published
    assert stuck.dropped >= published - LIMIT - THREADS - 1
    # A subscriber that the calls waited for would take minutes; the rest is the machine's noise.
    assert disturbed < 5 * undisturbed + 1


def test_every_call_ends_once_for_who_wants_ends(box: Sandbox) -> None:
    ended: list[object] = []
    with observe.subscribe(ended.append, only=observe.Wanted.ENDS):
        send_all(box)
        assert observe.flush(60)
    calls = [event for event in ended if isinstance(event, CallEnded)]
    assert len(calls) == THREADS * CALLS == len(box.ledger())
    assert {call.receipt.server for call in calls} == {box.url}
    assert all(call.receipt.began_at > 1_600_000_000 for call in calls)
