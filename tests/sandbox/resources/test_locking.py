"""Which objects a write locks, by the rules that hold unless a file says otherwise."""

from typing import Any

from holdfast.sandbox.lock_rules import default_rules


def pay(desk: Any, customer: Any) -> Any:
    return desk.post(
        "/v1/payment_intents",
        amount=100,
        currency="usd",
        customer=customer["id"],
        payment_method="pm_card_visa",
        confirm=True,
    )


def test_an_update_locks_its_object(desk: Any, customer: Any) -> None:
    assert desk.locks("POST", f"/v1/customers/{customer['id']}", name="Jo") == [customer["id"]]


def test_a_creation_without_references_locks_nothing(desk: Any) -> None:
    assert desk.locks("POST", "/v1/customers", email="jo@example.com") == []


def test_a_read_locks_nothing(desk: Any, customer: Any) -> None:
    assert desk.locks("GET", f"/v1/customers/{customer['id']}") == []
    assert desk.locks("GET", "/v1/payment_intents", customer=customer["id"]) == []


def test_parents_are_locked_too_all_the_way_up(desk: Any, customer: Any) -> None:
    intent = pay(desk, customer)
    refund = desk.post("/v1/refunds", charge=intent["latest_charge"], amount=1)
    chain = sorted([refund["id"], intent["latest_charge"], intent["id"], customer["id"]])
    assert desk.locks("POST", f"/v1/refunds/{refund['id']}") == chain
    assert desk.locks("POST", "/v1/refunds", charge=intent["latest_charge"]) == sorted(
        [intent["latest_charge"], intent["id"], customer["id"]]
    )


def test_parameters_that_name_objects(desk: Any, customer: Any) -> None:
    intent = pay(desk, customer)
    method = intent["payment_method"]
    named = {"payment_intent": intent["id"], "payment_method": method}
    assert desk.locks("POST", "/v1/refunds", **named) == sorted(
        [intent["id"], method, customer["id"]]
    )


def test_parameters_below_others(desk: Any, customer: Any) -> None:
    path = "/v1/payment_methods/pm_card_visa/attach"
    method = desk.post(path, customer=customer["id"])["id"]
    other = desk.post("/v1/customers")["id"]
    locked = desk.locks(
        "POST",
        f"/v1/customers/{other}",
        invoice_settings={"default_payment_method": method},
        metadata={"customer": "is text here"},
    )
    assert locked == sorted([method, customer["id"], other])


def test_metadata_names_nothing(desk: Any, customer: Any) -> None:
    locked = desk.locks(
        "POST", "/v1/payment_intents", amount=1, metadata={"customer": customer["id"]}
    )
    assert locked == []


def test_ids_that_name_nothing_lock_nothing(desk: Any) -> None:
    assert desk.locks("POST", "/v1/customers/cus_0") == []
    assert desk.locks("POST", "/v1/payment_intents", customer="", payment_method="pm_x") == []


def test_an_invoice_of_a_subscription_locks_it(desk: Any, customer: Any, monthly: Any) -> None:
    subscription = desk.post(
        "/v1/subscriptions", customer=customer["id"], items=[{"price": monthly["id"]}]
    )
    locked = desk.locks("POST", f"/v1/invoices/{subscription['latest_invoice']}")
    assert locked == sorted([subscription["latest_invoice"], subscription["id"], customer["id"]])


def test_prices_are_locked_only_when_written(desk: Any, customer: Any, monthly: Any) -> None:
    items = [{"price": monthly["id"]}]
    locked = desk.locks("POST", "/v1/subscriptions", customer=customer["id"], items=items)
    assert locked == [customer["id"]]
    assert desk.locks("POST", f"/v1/prices/{monthly['id']}") == [monthly["id"]]
    assert desk.locks("POST", f"/v1/products/{monthly['product']}") == [monthly["product"]]


def test_each_object_once_and_in_one_order(desk: Any, customer: Any) -> None:
    intent = pay(desk, customer)
    locked = desk.locks("POST", f"/v1/payment_intents/{intent['id']}", customer=customer["id"])
    assert locked == sorted({intent["id"], customer["id"]})


def test_the_table_of_parents() -> None:
    parents = default_rules().parents
    assert parents["payment_intent"] == ("customer",)
    assert parents["refund"] == ("charge", "payment_intent")
    assert "product" not in parents
    assert "price" not in parents
