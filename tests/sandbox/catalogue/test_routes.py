"""Which operation answers a request, and what the rest of the sandbox makes of generic ones."""

import json
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import stripe

from holdfast.sandbox import Sandbox
from holdfast.sandbox.catalogue import AllRoutes, Catalogue, catalogue, routes
from holdfast.sandbox.resources import ROUTES


def never() -> Catalogue:
    raise AssertionError("the catalogue was asked for")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/customers"),
        ("GET", "/v1/customers/cus_1A"),
        ("POST", "/v1/refunds/re_9/cancel"),
    ],
)
def test_written_behaviour_goes_first_and_needs_no_catalogue(method: str, path: str) -> None:
    found, written = AllRoutes(find_catalogue=never).match(method, path), ROUTES.match(method, path)
    assert found is not None
    assert written is not None
    assert (found.operation, found.ids) == (written.operation, written.ids)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/v1/customers/search", "customers.search"),
        ("POST", "/v1/invoices/create_preview", "invoices.create_preview"),
        ("GET", "/v1/products/search", "products.search"),
        ("GET", "/v1/products/gold_plan", "products.retrieve"),
        ("POST", "/v1/topups/tu_1/cancel", "topups.cancel"),
        ("GET", "/v2/core/accounts/acct_1", "v2.core.accounts.retrieve"),
        ("POST", "/oauth/token", "oauth.token"),
    ],
)
def test_a_fixed_word_wins_over_an_id(method: str, path: str, name: str) -> None:
    for mode in (False, True):
        found = routes(lenient=mode).match(method, path)
        assert found is not None
        assert found.operation.name == name


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/nothing"), ("DELETE", "/v1/topups"), ("GET", "/v3/x")]
)
def test_there_is_nothing_else(method: str, path: str) -> None:
    assert routes().match(method, path) is None
    assert routes(lenient=True).match(method, path) is None


def post(box: Sandbox, path: str, body: object, **headers: str) -> Any:
    sent = {"Authorization": "Bearer sk_test_1", "Content-Type": "application/json", **headers}
    connection = HTTPConnection("127.0.0.1", box.port, timeout=30)
    try:
        connection.request("POST", path, json.dumps(body), sent)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def test_generic_writes_take_locks_and_are_in_the_ledger() -> None:
    with Sandbox(lock_wait=5, hold=0) as box:
        api = stripe.StripeClient("sk_test_1", base_addresses={"api": box.url})
        customer = api.v1.customers.create({}).id
        made = api.v1.customers.tax_ids.create(customer, {"type": "eu_vat", "value": "DE1"})
        box.hold_lock(customer, 0.3)
        begun = time.monotonic()
        api.v1.customers.tax_ids.delete(customer, made.id)
        assert time.monotonic() - begun > 0.2
        told = [(row["effect"], row["object"], row["object_id"]) for row in box.ledger()[1:]]
        assert told == [("create", "tax_id", made.id), ("delete", "tax_id", made.id)]


def test_what_has_no_id_is_in_the_ledger_all_the_same() -> None:
    with Sandbox(0, 0) as box:
        event = {"event_name": "ai", "payload": {"value": "5"}, "identifier": "once"}
        post(box, "/v2/billing/meter_events", event)
        (row,) = box.ledger()
        assert (row["object"], row["object_id"]) == ("v2.billing.meter_event", "once")


def test_a_key_replays_a_generic_write() -> None:
    with Sandbox(0, 0) as box:
        key = {"Idempotency-Key": "one"}
        first = post(box, "/v2/core/accounts", {"display_name": "a"}, **key)
        assert post(box, "/v2/core/accounts", {"display_name": "a"}, **key) == first
        assert len(box.objects("v2.core.account")) == 1


def test_generic_objects_outlive_the_process_in_a_store(tmp_path: Path) -> None:
    file = tmp_path / "store"
    with Sandbox(0, 0, store=file) as box:
        made = post(box, "/v2/core/accounts", {"display_name": "a"})
    with Sandbox(0, 0, store=file) as box:
        api = stripe.StripeClient("sk_test_1", base_addresses={"api": box.url})
        assert api.v2.core.accounts.retrieve(made["id"]).display_name == "a"


def test_a_first_request_in_many_threads_makes_the_operations_once() -> None:
    asked: list[int] = []
    made: list[Any] = []

    def find() -> Catalogue:
        asked.append(1)
        return catalogue()

    fresh = AllRoutes(find_catalogue=find)
    threads = [
        threading.Thread(target=lambda: made.append(fresh.match("GET", "/v1/topups")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert all(one.operation.name == "topups.list" for one in made)
    assert len(asked) == 1
