"""Locks of real objects, on a real server: who waits for whom, in which order, for how long."""

import threading
import time
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from holdfast.sandbox import LogNormal, Sandbox

Call = Callable[..., Any]
Until = Callable[[Callable[[], bool]], None]
MakeCustomer = Callable[[Sandbox], str]


def intent(box: Sandbox, call: Call, customer: str) -> str:
    params = {"amount": "500", "currency": "usd", "customer": customer}
    made: str = call(box, "POST", "/v1/payment_intents", params).json["id"]
    return made


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def arrived(box: Sandbox, count: int) -> bool:
    return bool(box.stats()["requests"] == count)


def test_writes_on_one_object_are_executed_in_the_order_of_their_arrival(
    start: Callable[..., Sandbox], call: Call, customer: MakeCustomer, until: Until
) -> None:
    box = start(lock_wait=30, hold=0.001)
    name = customer(box)
    box.hold_lock(name, 0.5)
    threads = []
    for place in range(12):
        path = f"/v1/customers/{name}"
        threads.append(in_thread(partial(call, box, "POST", path, key=f"key-{place}")))
        until(partial(arrived, box, place + 2))
    for thread in threads:
        thread.join()
    keys = [row["idempotency_key"] for row in box.ledger()[1:]]
    assert keys == [f"key-{place}" for place in range(12)]


def test_a_write_waits_for_its_parent_and_lets_other_objects_be(
    start: Callable[..., Sandbox], call: Call, customer: MakeCustomer
) -> None:
    box = start(lock_wait=0, hold=0)
    ours, theirs = customer(box), customer(box)
    our_intent, their_intent = intent(box, call, ours), intent(box, call, theirs)
    box.hold_lock(ours, 60)
    update = {"description": "x"}
    assert call(box, "POST", f"/v1/payment_intents/{our_intent}", update).status == 429
    assert call(box, "POST", f"/v1/payment_intents/{their_intent}", update).status == 200
    referred = {"amount": "500", "currency": "usd", "customer": ours}
    assert call(box, "POST", "/v1/payment_intents", referred).status == 429
    assert call(box, "POST", "/v1/customers", {}).status == 200


def test_the_wait_counts_for_each_lock_and_not_for_both(
    start: Callable[..., Sandbox], call: Call, customer: MakeCustomer
) -> None:
    """The customer is free after 0.6 s and the intent after 1.2 s; each wait may last 1 s."""
    box = start(lock_wait=1, hold=0)
    name = customer(box)
    made = intent(box, call, name)
    begin = time.monotonic()
    box.hold_lock(made, 1.2)
    box.hold_lock(name, 0.6)
    assert call(box, "POST", f"/v1/payment_intents/{made}", {"description": "x"}).status == 200
    assert time.monotonic() - begin >= 1.2
    assert box.stats()["lock_waits"] == 2


def test_a_lock_timeout_gives_back_what_was_taken_and_executes_nothing(
    start: Callable[..., Sandbox], call: Call, customer: MakeCustomer
) -> None:
    box = start(lock_wait=0.05, hold=0)
    name = customer(box)
    made = intent(box, call, name)
    box.hold_lock(made, 60)
    refused = call(box, "POST", f"/v1/payment_intents/{made}", {"description": "x"})
    assert refused.error["code"] == "lock_timeout"
    assert refused.json == {
        "error": {
            "code": "lock_timeout",
            "doc_url": "https://stripe.com/docs/error-codes/lock-timeout",
            "message": "This object cannot be accessed right now because another API request or "
            "Stripe process is currently accessing it. If you see this error intermittently, retry "
            "the request. If you see this error frequently and are making multiple concurrent "
            "requests to a single object, make your requests serially or at a lower rate.",
            "type": "invalid_request_error",
        }
    }
    held = call(box, "GET", "/_sandbox/locks").json["held"]
    assert [one["object"] for one in held] == [made]
    assert call(box, "POST", f"/v1/customers/{name}", {"name": "x"}).status == 200
    assert [row["object"] for row in box.ledger()] == ["customer", "payment_intent", "customer"]


def test_unknown_objects_are_neither_locked_nor_held(
    start: Callable[..., Sandbox], call: Call
) -> None:
    box = start(lock_wait=60, hold=60)
    assert call(box, "POST", "/v1/customers/cus_none", {"name": "x"}).status == 404
    assert box.stats()["lock_waits"] == 0


def test_locks_can_linger_after_the_answer(
    start: Callable[..., Sandbox], call: Call, customer: MakeCustomer, until: Until
) -> None:
    box = start(lock_wait=0, hold=0, linger=0.5)
    path = f"/v1/customers/{customer(box)}"
    begin = time.monotonic()
    assert call(box, "POST", path, {"name": "first"}).status == 200
    answered = time.monotonic()
    until(lambda: call(box, "POST", path, {"name": "second"}).status == 200)
    free = time.monotonic()
    assert free - begin >= 0.5
    assert answered - begin < free - answered
    assert call(box, "GET", path).json["name"] == "second"


def test_reads_wait_for_writes_when_they_are_to(
    start: Callable[..., Sandbox], call: Call, customer: MakeCustomer
) -> None:
    box = start(lock_wait=0.05, hold=0, reads_lock=True)
    name = customer(box)
    made = intent(box, call, name)
    box.hold_lock(name, 60)
    refused = call(box, "GET", f"/v1/customers/{name}")
    assert (refused.status, refused.error["code"]) == (429, "lock_timeout")
    assert refused.headers["Stripe-Should-Retry"] == "true"
    assert "Request-Id" not in refused.headers
    assert call(box, "GET", "/v1/customers").status == 200
    assert call(box, "GET", f"/v1/payment_intents/{made}").status == 200
    assert call(box, "GET", "/v1/customers/cus_none").status == 404


def test_a_read_never_makes_anyone_wait(
    start: Callable[..., Sandbox], call: Call, customer: MakeCustomer
) -> None:
    """However long writes hold and linger: a read has its turn and lets go."""
    box = start(lock_wait=0, hold=0, linger=0, reads_lock=True)
    path = f"/v1/customers/{customer(box)}"
    threads = [in_thread(partial(call, box, "GET", path)) for _ in range(20)]
    for _ in range(20):
        assert call(box, "POST", path, {"name": "x"}).status == 200
    for thread in threads:
        thread.join()
    assert box.stats()["by_status"] == {"200": 41}


def test_a_read_that_waited_sees_what_the_write_before_it_did(
    start: Callable[..., Sandbox], call: Call, customer: MakeCustomer, until: Until
) -> None:
    box = start(lock_wait=30, hold=0.05, reads_lock=True)
    path = f"/v1/customers/{customer(box)}"
    writer = in_thread(partial(call, box, "POST", path, {"name": "new"}))
    until(lambda: box.stats()["locks_held"] == 1)
    assert call(box, "GET", path).json["name"] == "new"
    writer.join()


def test_nothing_is_left_after_a_crowd(
    start: Callable[..., Sandbox], call: Call, customer: MakeCustomer, until: Until
) -> None:
    """Many writes on few objects and their parents, some of which time out."""
    box = start(lock_wait=0.02, hold=LogNormal(0.01, 1.0), random_seed=5)
    names = [customer(box) for _ in range(3)]
    paths = [f"/v1/customers/{name}" for name in names]
    paths += [f"/v1/payment_intents/{intent(box, call, name)}" for name in names]
    before = len(box.ledger())
    seen: list[int] = []

    def work(seed: int) -> None:
        random = Random(seed)
        for _ in range(10):
            reply = call(box, "POST", random.choice(paths), {"description": "x"})
            seen.append(reply.status)

    threads = [in_thread(partial(work, seed)) for seed in range(12)]
    for thread in threads:
        thread.join()
    assert set(seen) == {200, 429}
    assert len(box.ledger()) - before == seen.count(200)
    assert box.stats()["lock_timeouts"] == seen.count(429)
    until(lambda: box.stats()["locks_held"] == 0)
    assert call(box, "GET", "/_sandbox/locks").json == {"held": [], "waiting": []}
