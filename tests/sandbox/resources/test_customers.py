"""Customers."""

from typing import Any

import pytest


def test_create_and_retrieve(desk: Any) -> None:
    made = desk.post(
        "/v1/customers",
        email="jo@example.com",
        name="Jo",
        metadata={"plan": "gold"},
        address={"city": "Oslo", "line1": ""},
        preferred_locales=["nb"],
        balance=-500,
    )
    assert made["id"].startswith("cus_")
    assert len(made["id"]) == len("cus_") + 14
    assert made["created"] == desk.now
    assert made["livemode"] is False
    assert made["metadata"] == {"plan": "gold"}
    assert made["address"]["city"] == "Oslo"
    assert made["address"]["line1"] is None
    assert made["preferred_locales"] == ["nb"]
    assert made["balance"] == -500
    assert desk.get(f"/v1/customers/{made['id']}") == made
    assert desk.rows == [("customer", "create", made["id"])]


def test_update_changes_what_is_sent_and_keeps_the_rest(desk: Any, customer: Any) -> None:
    path = f"/v1/customers/{customer['id']}"
    desk.post(path, name="Jo", metadata={"a": "1", "b": "2"}, balance=7)
    changed = desk.post(path, name="", metadata={"a": "", "c": "3"})
    assert changed == {
        **customer,
        "name": None,
        "metadata": {"b": "2", "c": "3"},
        "balance": 7,
    }
    assert desk.post(path, metadata="")["metadata"] == {}
    assert desk.effects("customer") == ["create", "update", "update", "update"]


def test_an_earlier_answer_is_not_changed_by_a_later_update(desk: Any, customer: Any) -> None:
    before = {**customer, "metadata": dict(customer["metadata"])}
    desk.post(f"/v1/customers/{customer['id']}", metadata={"a": "1"})
    assert customer == before


def test_invoice_settings_are_merged(desk: Any, customer: Any) -> None:
    path = f"/v1/customers/{customer['id']}"
    method = desk.post("/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])["id"]
    desk.post(path, invoice_settings={"default_payment_method": method})
    changed = desk.post(path, invoice_settings={"footer": "Thanks"})
    assert changed["invoice_settings"]["default_payment_method"] == method
    assert changed["invoice_settings"]["footer"] == "Thanks"


@pytest.mark.parametrize(
    ("params", "param", "code"),
    [
        ({"balance": "much"}, "balance", "parameter_invalid_integer"),
        ({"tax_exempt": "perhaps"}, "tax_exempt", None),
        ({"emial": "x"}, "emial", "parameter_unknown"),
        ({"source": "tok_nothing"}, "source", "resource_missing"),
        ({"payment_method": "pm_nothing"}, "payment_method", "resource_missing"),
        (
            {"invoice_settings": {"default_payment_method": "pm_nothing"}},
            "invoice_settings[default_payment_method]",
            "resource_missing",
        ),
    ],
)
def test_refused(desk: Any, params: dict[str, Any], param: str, code: str | None) -> None:
    error = desk.refused("POST", "/v1/customers", **params)
    assert (error.status, error.param, error.code) == (400, param, code)
    assert desk.get("/v1/customers")["data"] == []


def test_a_default_payment_method_must_be_the_customers(desk: Any, customer: Any) -> None:
    loose = desk.post("/v1/payment_methods", type="card", card={"token": "tok_visa"})["id"]
    path = f"/v1/customers/{customer['id']}"
    settings = {"default_payment_method": loose}
    error = desk.refused("POST", path, invoice_settings=settings)
    assert (error.status, error.code) == (400, "resource_missing")


def test_create_with_a_payment_method_attaches_it(desk: Any) -> None:
    made = desk.post("/v1/customers", payment_method="pm_card_visa")
    attached = desk.get(f"/v1/customers/{made['id']}/payment_methods")["data"]
    assert [method["customer"] for method in attached] == [made["id"]]


def test_a_test_card_can_be_attached_and_made_the_default_at_once(desk: Any) -> None:
    settings = {"default_payment_method": "pm_card_visa"}
    path = "/v1/customers"
    made = desk.post(path, payment_method="pm_card_visa", invoice_settings=settings)
    [method] = desk.get(f"{path}/{made['id']}/payment_methods")["data"]
    assert made["invoice_settings"]["default_payment_method"] == method["id"] != "pm_card_visa"
    assert desk.get(f"{path}/{made['id']}") == made
    other = {"default_payment_method": "pm_card_mastercard"}
    error = desk.refused("POST", path, payment_method="pm_card_visa", invoice_settings=other)
    assert (error.status, error.code) == (400, "resource_missing")


def test_a_card_that_cannot_be_kept_makes_no_customer(desk: Any) -> None:
    for params in ({"payment_method": "pm_card_chargeDeclined"}, {"source": "tok_chargeDeclined"}):
        error = desk.refused("POST", "/v1/customers", **params)
        assert (error.status, error.type, error.code) == (402, "card_error", "card_declined")
    assert desk.get("/v1/customers")["data"] == []


def test_a_source_becomes_the_default(desk: Any) -> None:
    made = desk.post("/v1/customers", source="tok_visa", expand=["default_source", "sources"])
    card = made["default_source"]
    assert (card["object"], card["last4"], card["customer"]) == ("card", "4242", made["id"])
    assert made["sources"]["data"] == [card]
    changed = desk.post(f"/v1/customers/{made['id']}", source="tok_mastercard")
    assert changed["default_source"] != card["id"]
    back = desk.post(f"/v1/customers/{made['id']}", default_source=card["id"])
    assert back["default_source"] == card["id"]
    listed = desk.get(f"/v1/customers/{made['id']}/sources")
    assert len(listed["data"]) == 2
    assert desk.get(f"/v1/customers/{made['id']}/sources/{card['id']}") == card


def test_delete_leaves_a_stub(desk: Any, customer: Any) -> None:
    path = f"/v1/customers/{customer['id']}"
    stub = {"id": customer["id"], "object": "customer", "deleted": True}
    assert desk.delete(path) == stub
    assert desk.get(path) == stub
    assert desk.get("/v1/customers")["data"] == []
    assert desk.rows[-1] == ("customer", "delete", customer["id"])


def test_a_deleted_customer_takes_no_requests(desk: Any, customer: Any) -> None:
    path = f"/v1/customers/{customer['id']}"
    desk.delete(path)
    assert desk.refused("POST", path, name="Jo").status == 404
    assert desk.refused("DELETE", path).status == 404
    error = desk.refused(
        "POST", "/v1/payment_intents", amount=1, currency="usd", customer=customer["id"]
    )
    assert (error.status, error.code, error.param) == (400, "resource_missing", "customer")


def test_deleting_cancels_subscriptions(desk: Any, customer: Any, monthly: Any) -> None:
    items = [{"price": monthly["id"]}]
    mine = desk.post("/v1/subscriptions", customer=customer["id"], items=items)
    other = desk.post("/v1/customers")
    theirs = desk.post("/v1/subscriptions", customer=other["id"], items=items)
    desk.delete(f"/v1/customers/{customer['id']}")
    assert desk.get(f"/v1/subscriptions/{mine['id']}")["status"] == "canceled"
    assert desk.get(f"/v1/subscriptions/{theirs['id']}")["status"] == "active"
