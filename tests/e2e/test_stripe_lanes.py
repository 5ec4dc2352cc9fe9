"""The lanes under the real `stripe` package, against the sandbox's real locks."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import stripe

import holdfast
from holdfast import Backoff, Policy, observe
from holdfast.engine import LanesEntered
from holdfast.lanes import MemoryLanes
from holdfast.sandbox import Sandbox

KEY = "sk_test_lanes"
QUICK = Backoff(0.001, 0.01)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(lock_wait=0.05, hold=0.005) as running:
        yield running


class Client:
    """A client that remembers which lanes its calls entered."""

    def __init__(self, box: Sandbox, policy: Policy | None = None) -> None:
        self._entered: list[tuple[str, ...]] = []
        self.lanes = MemoryLanes()
        address: Any = {"api": box.url}
        self.client = holdfast.stripe_client(
            KEY, policy, base_addresses=address, lanes=self.lanes, on_event=self.note
        )
        self.v1 = self.client.v1

    def note(self, event: object) -> None:
        if isinstance(event, LanesEntered):
            self._entered.append(event.lanes)

    @property
    def entered(self) -> list[tuple[str, ...]]:
        assert observe.flush()
        return self._entered

    def an_intent(self) -> tuple[str, str]:
        customer = self.v1.customers.create()
        intent = self.v1.payment_intents.create(
            {"amount": 2000, "currency": "usd", "customer": customer.id}
        )
        self.entered.clear()
        return intent.id, customer.id

    def lock_out(self, box: Sandbox, customer: str) -> None:
        """Let an update of the customer meet a lock timeout."""
        box.hold_lock(customer, 0.2)
        with pytest.raises(stripe.RateLimitError):
            self.v1.customers.update(customer, {"metadata": {"a": "1"}})
        ends = time.monotonic() + 20
        while box.stats()["locks_held"]:
            assert time.monotonic() < ends, "the lock is held for ever"
            time.sleep(0.01)
        self.entered.clear()


def test_an_answer_teaches_what_belongs_to_what(box: Sandbox) -> None:
    client = Client(box)
    intent, customer = client.an_intent()
    client.v1.payment_intents.update(intent, {"metadata": {"a": "1"}})
    assert client.entered == [(intent, customer)]


def test_an_answer_in_a_task_teaches_it_too(box: Sandbox) -> None:
    client = Client(box)
    intent, customer = client.an_intent()
    client.lanes.relations._parents.clear()

    async def main() -> None:
        await client.v1.payment_intents.retrieve_async(intent)
        await client.v1.payment_intents.update_async(intent, {"metadata": {"a": "1"}})
        http: Any = client.client._requestor._get_http_client()
        await http.close_async()

    asyncio.run(main())
    assert client.entered == [(intent, customer)]


@pytest.mark.parametrize("rule", ["off", lambda *_: ()])
def test_without_lanes_of_its_own_choice_nothing_is_learned(box: Sandbox, rule: Any) -> None:
    client = Client(box, Policy(lanes=rule))
    client.an_intent()
    assert len(client.lanes.relations) == 0


def test_reads_of_what_was_seen_locked_enter(box: Sandbox) -> None:
    client = Client(box, Policy(max_retries=0))
    customer = client.v1.customers.create().id
    client.v1.customers.retrieve(customer)
    assert client.entered == []
    client.lock_out(box, customer)
    client.v1.customers.retrieve(customer)
    assert client.entered == [(customer,)]


def test_hot_lanes_are_entered_once_an_object_was_seen_locked(box: Sandbox) -> None:
    client = Client(box, Policy(max_retries=0, lanes="hot"))
    intent, customer = client.an_intent()
    client.v1.payment_intents.update(intent, {"metadata": {"a": "1"}})
    assert client.entered == []
    client.lock_out(box, customer)
    client.v1.payment_intents.update(intent, {"metadata": {"a": "3"}})
    assert client.entered == [(customer,)]


def test_a_function_chooses_the_lanes(box: Sandbox) -> None:
    asked: list[Any] = []

    def by_tenant(method: str, path: str, params: Mapping[str, Any]) -> str:
        asked.append((method, path, params))
        return "tenant-7"

    client = Client(box, Policy(lanes=by_tenant))
    client.v1.customers.create({"name": "Ada", "metadata": {"tenant": "7"}})
    assert client.entered == [("tenant-7",)]
    assert asked == [("POST", "/v1/customers", {"name": "Ada", "metadata": {"tenant": "7"}})]


@pytest.mark.parametrize("rule", ["writes", "off"])
def test_calls_inside_a_lane_of_ones_own_enter_it(box: Sandbox, rule: Any) -> None:
    client = Client(box, Policy(lanes=rule))
    with holdfast.lane("import"):
        customer = client.v1.customers.create().id
        client.v1.customers.retrieve(customer)
    client.v1.customers.retrieve(customer)
    assert client.entered == [("import",), ("import",)]


def test_a_read_modify_write_in_a_block_loses_nothing(box: Sandbox) -> None:
    client = Client(box)
    customer = client.v1.customers.create().id

    def add_one() -> None:
        with holdfast.serialized(customer, lanes=client.lanes):
            seen = client.v1.customers.retrieve(customer).balance or 0
            client.v1.customers.update(customer, {"balance": seen + 1})

    run_side_by_side(add_one, 8)
    assert client.v1.customers.retrieve(customer).balance == 8


def test_a_wide_lane_keeps_the_servers_queue_busy_and_loses_nothing(box: Sandbox) -> None:
    client = Client(box, Policy(lane_width="adaptive", locked_backoff=QUICK))
    customer = client.v1.customers.create().id

    def updates() -> None:
        for number in range(10):
            client.v1.customers.update(customer, {"metadata": {"number": str(number)}})

    run_side_by_side(updates, 8)
    assert client.lanes.width(customer) >= 2
    assert box.stats()["lock_waits"] > 0
    assert box.stats()["requests"] <= 81 * 1.02 + 1
    assert len(box.ledger()) == 81


def run_side_by_side(work: Callable[[], object], workers: int) -> None:
    failures: list[BaseException] = []

    def main() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=main) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
