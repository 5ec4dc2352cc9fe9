"""`expand`: ids replaced by objects."""

from typing import Any

import pytest


@pytest.fixture
def intent(desk: Any, customer: Any) -> Any:
    return desk.post(
        "/v1/payment_intents",
        amount=100,
        currency="usd",
        customer=customer["id"],
        payment_method="pm_card_visa",
        confirm=True,
    )


def test_an_id_becomes_its_object(desk: Any, intent: Any, customer: Any) -> None:
    path = f"/v1/payment_intents/{intent['id']}"
    shown = desk.get(path, expand=["customer", "latest_charge"])
    assert shown["customer"] == customer
    assert shown["latest_charge"]["id"] == intent["latest_charge"]
    assert desk.get(path)["customer"] == customer["id"], "what is stored stays as it is"


def test_nested_and_overlapping_paths(desk: Any, intent: Any, customer: Any) -> None:
    shown = desk.get(
        f"/v1/payment_intents/{intent['id']}",
        expand=["latest_charge", "latest_charge.customer", "latest_charge.payment_intent.customer"],
    )
    charge = shown["latest_charge"]
    assert charge["customer"] == customer
    assert charge["payment_intent"]["customer"] == customer


def test_in_lists(desk: Any, intent: Any, customer: Any) -> None:
    listed = desk.get("/v1/payment_intents", expand=["data.customer"])
    assert [each["customer"] for each in listed["data"]] == [customer]


def test_on_a_write(desk: Any, customer: Any) -> None:
    made = desk.post(
        "/v1/payment_intents",
        amount=100,
        currency="usd",
        customer=customer["id"],
        expand=["customer"],
    )
    assert made["customer"] == customer
    assert desk.get(f"/v1/payment_intents/{made['id']}")["customer"] == customer["id"]


def test_nothing_is_nothing(desk: Any) -> None:
    made = desk.post(
        "/v1/payment_intents",
        amount=1,
        currency="usd",
        expand=["customer", "latest_charge.refunds"],
    )
    assert (made["customer"], made["latest_charge"]) == (None, None)


def test_a_deleted_object_is_shown_as_deleted(desk: Any, intent: Any, customer: Any) -> None:
    desk.delete(f"/v1/customers/{customer['id']}")
    shown = desk.get(f"/v1/payment_intents/{intent['id']}", expand=["customer.default_source"])
    assert shown["customer"]["deleted"] is True


@pytest.mark.parametrize(
    "path", ["nothing", "amount", "status", "id", "customer.email", "currency.x", "amount.x"]
)
def test_what_is_no_id_cannot_be_expanded(desk: Any, intent: Any, path: str) -> None:
    error = desk.refused("GET", f"/v1/payment_intents/{intent['id']}", expand=[path])
    assert (error.status, error.param) == (400, "expand")
    assert error.message == f"This property cannot be expanded ({path})."


def test_a_write_that_cannot_be_shown_changes_nothing(desk: Any) -> None:
    desk.refused("POST", "/v1/payment_intents", amount=1, currency="usd", expand=["amount"])
    assert desk.get("/v1/payment_intents")["data"] == []


def test_four_levels_are_the_most(desk: Any, intent: Any) -> None:
    path = "latest_charge.payment_intent.latest_charge.payment_intent"
    desk.get(f"/v1/payment_intents/{intent['id']}", expand=[path])
    desk.get("/v1/payment_intents", expand=[f"data.{path}"])
    error = desk.refused(
        "GET", f"/v1/payment_intents/{intent['id']}", expand=[f"{path}.latest_charge"]
    )
    assert "4 levels" in error.message


def test_lists_that_are_shown_on_demand(desk: Any, intent: Any) -> None:
    charge = intent["latest_charge"]
    made = [desk.post("/v1/refunds", charge=charge, amount=1)["id"] for _ in range(11)]
    shown = desk.get(f"/v1/charges/{charge}")
    assert "refunds" not in shown
    refunds = desk.get(f"/v1/charges/{charge}", expand=["refunds"])["refunds"]
    assert [each["id"] for each in refunds["data"]] == made[:0:-1]
    assert refunds["has_more"] is True
    rest = desk.get(refunds["url"], starting_after=refunds["data"][-1]["id"])
    assert [each["id"] for each in rest["data"]] == made[:1]


def test_inside_a_list_on_demand(desk: Any, intent: Any) -> None:
    charge = intent["latest_charge"]
    desk.post("/v1/refunds", charge=charge, amount=1)
    shown = desk.get(f"/v1/charges/{charge}", expand=["refunds.data.payment_intent"])
    assert shown["refunds"]["data"][0]["payment_intent"]["id"] == intent["id"]


def test_text_in_a_list_cannot_be_expanded(desk: Any) -> None:
    error = desk.refused(
        "POST", "/v1/customers", preferred_locales=["nb"], expand=["preferred_locales.x"]
    )
    assert error.param == "expand"
