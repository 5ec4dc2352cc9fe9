"""Idempotency keys, as version 1 of the API treats them."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from holdfast.sandbox import Sandbox

Call = Callable[..., Any]
Until = Callable[[Callable[[], bool]], None]


def test_a_key_replays_the_first_answer(box: Sandbox, call: Call) -> None:
    first = call(box, "POST", "/v1/customers", {"name": "a"}, key="k")
    second = call(box, "POST", "/v1/customers", {"name": "a"}, key="k")
    assert (second.status, second.body) == (first.status, first.body)
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"] == "k"
    assert first.headers["Original-Request"] == first.headers["Request-Id"]
    assert second.headers["Original-Request"] == first.headers["Request-Id"]
    assert second.headers["Request-Id"] != first.headers["Request-Id"]
    assert len(box.ledger()) == 1
    assert box.ledger()[0]["idempotency_key"] == "k"
    assert box.stats()["by_fault"]["idempotent_replays"] == 1


def test_the_order_of_the_parameters_does_not_matter(box: Sandbox, call: Call) -> None:
    call(box, "POST", "/v1/customers", {"name": "a", "email": "a@b.c"}, key="k")
    again = call(box, "POST", "/v1/customers", {"email": "a@b.c", "name": "a"}, key="k")
    assert again.headers["Idempotent-Replayed"] == "true"


def test_other_parameters_are_a_mismatch(box: Sandbox, call: Call) -> None:
    call(box, "POST", "/v1/customers", {"name": "a"}, key="k")
    refused = call(box, "POST", "/v1/customers", {"name": "b"}, key="k")
    assert refused.status == 400
    assert refused.error["type"] == "idempotency_error"
    assert "same parameters" in refused.error["message"]
    assert len(box.ledger()) == 1
    assert box.stats()["by_fault"]["key_mismatch"] == 1


def test_another_endpoint_is_a_mismatch(
    box: Sandbox, call: Call, customer: Callable[[Sandbox], str]
) -> None:
    path = f"/v1/customers/{customer(box)}"
    call(box, "POST", "/v1/customers", {"name": "a"}, key="k")
    refused = call(box, "POST", path, {"name": "a"}, key="k")
    assert refused.status == 400
    assert refused.error["type"] == "idempotency_error"
    assert f"('/v1/customers' vs '{path}')" in refused.error["message"]


def test_a_key_belongs_to_its_account(box: Sandbox, call: Call) -> None:
    call(box, "POST", "/v1/customers", {"name": "a"}, key="k")
    other = {"Stripe-Account": "acct_other"}
    made = call(box, "POST", "/v1/customers", {"name": "b"}, key="k", headers=other)
    assert made.status == 200
    assert [row["account"] for row in box.ledger()] == ["acct_sandbox", "acct_other"]
    assert call(box, "GET", f"/v1/customers/{made.json['id']}").status == 404


def test_a_key_is_in_use_while_its_first_request_waits_for_a_lock(
    start: Callable[..., Sandbox], call: Call, customer: Callable[[Sandbox], str], until: Until
) -> None:
    box = start(lock_wait=60, hold=0)
    name = customer(box)
    box.hold_lock(name, 60)

    def first() -> None:
        with pytest.raises(OSError):
            call(box, "POST", f"/v1/customers/{name}", {"name": "a"}, key="k")

    thread = threading.Thread(target=first)
    thread.start()
    until(lambda: box.stats()["locks_waiting"] == 1)
    refused = call(box, "POST", f"/v1/customers/{name}", {"name": "a"}, key="k")
    assert refused.status == 409
    assert refused.error["code"] == "idempotency_key_in_use"
    assert refused.error["message"].endswith(": k. Please try again later.")
    assert "Stripe-Should-Retry" not in refused.headers
    assert box.stats()["by_fault"]["key_in_use"] == 1
    mismatch = call(box, "POST", f"/v1/customers/{name}", {"name": "b"}, key="k")
    assert mismatch.status == 400
    box.stop()
    thread.join()


def test_refused_parameters_leave_the_key_free(box: Sandbox, call: Call) -> None:
    assert call(box, "POST", "/v1/customers", {"nonsense": "a"}, key="k").status == 400
    assert call(box, "POST", "/v1/customers", {"name": "a"}, key="k").status == 200


def test_a_refusal_of_the_execution_itself_is_kept(box: Sandbox, call: Call) -> None:
    paid = {"amount": "500", "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
    intent = call(box, "POST", "/v1/payment_intents", paid).json
    call(box, "POST", "/v1/refunds", {"payment_intent": intent["id"]})
    effects = len(box.ledger())
    again = {"payment_intent": intent["id"]}
    first = call(box, "POST", "/v1/refunds", again, key="k")
    assert (first.status, first.error["code"]) == (400, "charge_already_refunded")
    second = call(box, "POST", "/v1/refunds", again, key="k")
    assert (second.status, second.body) == (400, first.body)
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(box.ledger()) == effects


def test_a_missing_object_leaves_the_key_free(box: Sandbox, call: Call) -> None:
    assert call(box, "POST", "/v1/customers/cus_none", {"name": "a"}, key="k").status == 404
    assert call(box, "POST", "/v1/customers", {"name": "a"}, key="k").status == 200


def test_a_wrong_api_key_leaves_the_key_free(box: Sandbox, call: Call) -> None:
    wrong = {"Authorization": "Bearer nonsense"}
    refused = call(box, "POST", "/v1/customers", {"name": "a"}, key="k", headers=wrong)
    assert refused.status == 401
    made = call(box, "POST", "/v1/customers", {"name": "a"}, key="k")
    assert "Idempotent-Replayed" not in made.headers


def test_keys_are_at_most_255_characters(box: Sandbox, call: Call) -> None:
    assert call(box, "POST", "/v1/customers", {}, key="k" * 255).status == 200
    refused = call(box, "POST", "/v1/customers", {}, key="k" * 256)
    assert refused.status == 400
    assert "at most 255 characters" in refused.error["message"]


def test_a_key_is_forgotten_after_a_day(start: Callable[..., Sandbox], call: Call) -> None:
    now = [1_800_000_000.0]
    box = start(hold=0, clock=lambda: now[0])
    first = call(box, "POST", "/v1/customers", {}, key="k").json["id"]
    now[0] += 23.9 * 3600
    assert call(box, "POST", "/v1/customers", {}, key="k").json["id"] == first
    now[0] += 0.2 * 3600
    assert call(box, "POST", "/v1/customers", {}, key="k").json["id"] != first
    assert box.stats()["idempotency_keys"] == 1


def test_many_equal_requests_at_once_have_one_effect(box: Sandbox) -> None:
    """The official client, sixteen threads, one key."""
    client = stripe.StripeClient(
        "sk_test_1", base_addresses={"api": box.url}, max_network_retries=8
    )
    ids: list[str] = []

    def create() -> None:
        made = client.v1.customers.create({"name": "a"}, {"idempotency_key": "same"})
        ids.append(made.id)

    threads = [threading.Thread(target=create) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 16
    assert len(set(ids)) == 1
    assert len(box.ledger()) == 1


def test_the_official_client_tells_the_errors_apart(box: Sandbox) -> None:
    client = stripe.StripeClient("sk_test_1", base_addresses={"api": box.url})
    client.v1.customers.create({"name": "a"}, {"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({"name": "b"}, {"idempotency_key": "k"})
