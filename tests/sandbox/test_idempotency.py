"""Idempotency keys, as the two versions of the API treat them."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import stripe

from holdfast.sandbox import Sandbox
from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.idempotency import IdempotencyKeys

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


DESTINATION = {
    "name": "a", "enabled_events": ["customer.created"], "event_payload": "thin",
    "type": "webhook_endpoint",
}  # fmt: skip
V2 = {"Content-Type": "application/json"}
DESTINATIONS = "/v2/core/event_destinations"


def test_version_2_gives_a_key_to_a_request_without_one(box: Sandbox, call: Call) -> None:
    made = call(box, "POST", DESTINATIONS, content=DESTINATION, headers=V2)
    key = made.headers["Idempotency-Key"]
    assert UUID(key).version == 4
    again = call(box, "POST", DESTINATIONS, content=DESTINATION, headers=V2, key=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert [row["idempotency_key"] for row in box.ledger()] == [key]


def test_version_2_replays_what_was_answered_when_the_object_is_gone(
    box: Sandbox, call: Call
) -> None:
    made = call(box, "POST", DESTINATIONS, content=DESTINATION, headers=V2, key="k")
    assert call(box, "DELETE", f"{DESTINATIONS}/{made.json['id']}").status == 200
    again = call(box, "POST", DESTINATIONS, content=DESTINATION, headers=V2, key="k")
    assert again.body == made.body
    assert again.headers["Idempotent-Replayed"] == "true"


def keys_at(now: list[float]) -> IdempotencyKeys:
    return IdempotencyKeys(lambda: now[0])


def test_a_failure_stays_known_when_its_new_execution_is_refused() -> None:
    """Of version 2: what is refused in between, as by a lock, forgets nothing."""
    keys = keys_at([0.0])
    first = keys.begin("acct", "k", "POST", "/v2/a", {"x": "1"}, "req_1")
    keys.finish(first, 500, b"{}")
    again = keys.begin("acct", "k", "POST", "/v2/a", {"x": "1"}, "req_2")
    assert (again.status, again.request_id, again.created) == (0, "req_2", 0.0)
    with pytest.raises(ApiError, match="in-progress"):
        keys.begin("acct", "k", "POST", "/v2/a", {"x": "1"}, "req_3")
    keys.forget(again)
    with pytest.raises(ApiError, match="same parameters"):
        keys.begin("acct", "k", "POST", "/v2/a", {"x": "2"}, "req_4")
    assert [record.status for record in keys.finished()] == [500]


def test_an_old_answer_is_not_replayed_because_an_older_request_still_runs() -> None:
    now = [0.0]
    keys = keys_at(now)
    keys.begin("acct", "runs", "POST", "/v1/a", {}, "req_1")
    keys.finish(keys.begin("acct", "k", "POST", "/v1/a", {}, "req_2"), 200, b"{}")
    now[0] += 24 * 3600
    assert keys.begin("acct", "k", "POST", "/v1/a", {}, "req_3").request_id == "req_3"
    with pytest.raises(ApiError, match="in-progress"):
        keys.begin("acct", "runs", "POST", "/v1/a", {}, "req_4")


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
