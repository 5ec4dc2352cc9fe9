"""The real `stripe` package with Holdfast under it, against the sandbox's real locks and faults."""

import asyncio
import http.client
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe

import holdfast
from holdfast import Backoff, Policy, StopReason
from holdfast.drivers import sync
from holdfast.engine import Call, Cause, Failure, Outcome, Phase, Request, Response, Send
from holdfast.lanes import MemoryLanes
from holdfast.sandbox import Sandbox

KEY = "sk_test_e2e"
QUICK = Backoff(0.001, 0.01)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(lock_wait=0.05, hold=0.005) as running:
        yield running


def client_for(box: Sandbox, policy: Policy | None = None, **options: Any) -> stripe.StripeClient:
    address: Any = {"api": box.url}
    return holdfast.stripe_client(KEY, policy, base_addresses=address, **options)


def a_charge(client: stripe.StripeClient) -> str:
    customer = client.v1.customers.create({"name": "Ada"})
    intent = client.v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": "pm_card_visa",
            "confirm": True,
        }
    )
    assert intent.status == "succeeded"
    assert isinstance(intent.latest_charge, str)
    return intent.latest_charge


def effects(box: Sandbox, kind: str, effect: str = "create") -> list[dict[str, Any]]:
    return [row for row in box.ledger() if (row["object"], row["effect"]) == (kind, effect)]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_refund_whose_answer_was_lost_lands_once(box: Sandbox, mode: str) -> None:
    client = client_for(box, Policy(backoff=QUICK))
    charge = a_charge(client)
    box.fault("POST", "/v1/refunds", "reset_after")

    async def refund_async() -> stripe.Refund:
        refund = await client.v1.refunds.create_async({"charge": charge})
        receipts.append(holdfast.last_receipt())
        await client._requestor._get_http_client().close_async()
        return refund

    receipts: list[holdfast.Receipt | None] = []
    if mode == "sync":
        refund = client.v1.refunds.create({"charge": charge})
        receipts.append(holdfast.last_receipt())
    else:
        refund = asyncio.run(refund_async())
    assert refund.status == "succeeded"
    assert [row["object_id"] for row in effects(box, "refund")] == [refund.id]
    assert refund.last_response is not None
    assert refund.last_response.headers["Idempotent-Replayed"] == "true"
    (receipt,) = receipts
    assert receipt is not None
    assert receipt.fault_classes == ["interrupted", "ok"]
    assert receipt.attempts[1].replayed is True
    client._requestor._get_http_client().close()


def test_the_same_through_the_engine_alone_without_a_key_gives_up(box: Sandbox) -> None:
    client = client_for(box)
    charge = a_charge(client)
    client._requestor._get_http_client().close()
    box.fault("POST", "/v1/refunds", "reset_after")

    def send(command: Send) -> Outcome:
        connection = http.client.HTTPConnection(
            "127.0.0.1", urlsplit(box.url).port, timeout=command.timeout
        )
        try:
            connection.request(
                "POST", "/v1/refunds", f"charge={charge}", {"Authorization": f"Bearer {KEY}"}
            )
            answer = connection.getresponse()
            return Response.read(answer.status, dict(answer.headers), answer.read())
        except OSError as error:
            return Failure(Phase.SENT, error)
        finally:
            connection.close()

    request = Request("POST", "/v1/refunds", lanes=(charge,))
    call = Call(request, Policy(), clock=time.monotonic, random=random.random)
    outcome = sync.run(call, send, lanes=MemoryLanes())
    assert isinstance(outcome, Failure)
    assert call.receipt.stop is StopReason.NOT_IDEMPOTENT
    assert call.receipt.fault_classes == ["interrupted"]
    assert len(effects(box, "refund")) == 1  # it had happened: sending it again would be a second


@pytest.mark.parametrize("header", [True, False], ids=["with header", "header stripped"])
def test_a_locked_object_is_waited_for_with_or_without_the_header(header: bool) -> None:
    with Sandbox(lock_wait=0.01, hold=0.001, should_retry_header=header) as box:
        client = client_for(box, Policy(locked_backoff=Backoff(0.05, 0.1), max_retries=20))
        customer = client.v1.customers.create({"name": "Ada"})
        box.hold_lock(customer.id, 0.2)
        assert client.v1.customers.update(customer.id, {"name": "Eve"}).name == "Eve"
        receipt = holdfast.last_receipt()
        client._requestor._get_http_client().close()
        assert receipt is not None
        assert receipt.fault_classes[0] == "locked"
        assert receipt.fault_classes[-1] == "ok"
        assert len(effects(box, "customer", "update")) == 1


def test_a_rate_limit_is_waited_for(box: Sandbox) -> None:
    client = client_for(box)
    box.fault("POST", "/v1/customers", "rate_limit", count=2)
    assert client.v1.customers.create({"name": "Ada"}).name == "Ada"
    client._requestor._get_http_client().close()
    receipt = holdfast.last_receipt()
    assert receipt is not None
    assert receipt.fault_classes == ["throttled", "throttled", "ok"]
    assert receipt.waits[Cause.LIMITER] > 0.5
    assert len(effects(box, "customer", "create")) == 1


def test_a_rate_limit_is_raised_at_once_if_the_policy_says_so(box: Sandbox) -> None:
    client = client_for(box, Policy(throttled="raise"))
    box.fault("POST", "/v1/customers", "rate_limit", count=2)
    with pytest.raises(stripe.RateLimitError) as caught:
        client.v1.customers.create({"name": "Ada"})
    client._requestor._get_http_client().close()
    receipt = holdfast.last_receipt()
    assert receipt is not None
    assert receipt.stop is StopReason.THROTTLED
    assert len(receipt.attempts) == 1
    assert "throttled" in caught.value.__notes__[0]


def test_who_is_told_the_sandboxes_rate_is_refused_nothing() -> None:
    with Sandbox(limits={"global": {"rate": 50}}) as box:
        client = client_for(box, Policy(rate_limit=50))
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(lambda _: client.v1.customers.create({"name": "Ada"}), range(60)))
        client._requestor._get_http_client().close()
        assert sum(box.stats()["rate_limited"].values()) == 0
        assert len(effects(box, "customer", "create")) == 60


FAULTS = ["reset_before", "reset_after", "close_after", "truncated", "error_500", "html_503"]


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_breaks_the_effect_happens_once(box: Sandbox, fault: str) -> None:
    client = client_for(box, Policy(backoff=QUICK))
    box.fault("POST", "/v1/customers", fault)
    created = client.v1.customers.create({"name": "Ada"})
    client._requestor._get_http_client().close()
    receipt = holdfast.last_receipt()
    assert receipt is not None
    assert len(receipt.attempts) == 2
    assert [row["object_id"] for row in effects(box, "customer")] == [created.id]


def test_many_threads_and_tasks_on_one_customer_lose_nothing_and_never_collide() -> None:
    with Sandbox(lock_wait=0.02, hold=0.005) as box:
        client = client_for(box)
        customer = client.v1.customers.create({"name": "Ada"}).id
        attempts: list[int] = []

        def threads_of_it() -> None:
            for call in range(5):
                client.v1.customers.update(customer, {"metadata": {"call": str(call)}})
                receipt = holdfast.last_receipt()
                assert receipt is not None
                attempts.append(len(receipt.attempts))

        async def one(call: int) -> None:
            await client.v1.customers.update_async(customer, {"metadata": {"task": str(call)}})
            receipt = holdfast.last_receipt()
            assert receipt is not None
            attempts.append(len(receipt.attempts))

        async def tasks_of_it() -> None:
            await asyncio.gather(*(one(call) for call in range(40)))
            await client._requestor._get_http_client().close_async()

        threads = [threading.Thread(target=threads_of_it) for _ in range(16)]
        threads.append(threading.Thread(target=lambda: asyncio.run(tasks_of_it())))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client._requestor._get_http_client().close()
        assert len(attempts) == 120
        assert len(effects(box, "customer", "update")) == 120
        # One at a time on this side, so nobody ever waited for the lock on that side.
        assert box.stats()["lock_timeouts"] == 0
        assert set(attempts) == {1}
