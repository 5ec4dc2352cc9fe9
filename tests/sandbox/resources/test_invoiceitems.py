"""Invoice items, pending and on drafts."""

from typing import Any

import pytest

PATH = "/v1/invoiceitems"


def create(desk: Any, customer: Any, **params: Any) -> Any:
    return desk.post(PATH, customer=customer["id"], **params)


@pytest.fixture
def piece(desk: Any) -> Any:
    """A price of 250 a piece."""
    product = desk.post("/v1/products", name="Piece")
    return desk.post("/v1/prices", product=product["id"], currency="eur", unit_amount=250)


def test_an_amount(desk: Any, customer: Any) -> None:
    made = create(desk, customer, amount=-500, currency="USD", description="Refund")
    assert (made["amount"], made["currency"], made["quantity"]) == (-500, "usd", 1)
    assert (made["invoice"], made["date"], made["customer"]) == (None, desk.now, customer["id"])
    assert desk.get(f"{PATH}/{made['id']}") == made
    assert desk.effects("invoiceitem") == ["create"]


def test_a_price_and_a_quantity(desk: Any, customer: Any, piece: Any) -> None:
    made = create(desk, customer, pricing={"price": piece["id"]}, quantity=3)
    assert (made["amount"], made["currency"], made["quantity"]) == (750, "eur", 3)
    assert made["pricing"]["price_details"]["price"] == piece["id"]
    assert create(desk, customer, price=piece["id"])["amount"] == 250


def test_price_data(desk: Any, customer: Any, piece: Any) -> None:
    data = {"currency": "usd", "product": piece["product"], "unit_amount": 40}
    assert create(desk, customer, price_data=data, quantity=2)["amount"] == 80
    for name in ("currency", "product", "unit_amount"):
        rest = {key: value for key, value in data.items() if key != name}
        error = desk.refused("POST", PATH, customer=customer["id"], price_data=rest)
        assert (error.code, error.param) == ("parameter_missing", f"price_data[{name}]")
    unknown = {**data, "product": "prod_0"}
    error = desk.refused("POST", PATH, customer=customer["id"], price_data=unknown)
    assert error.param == "price_data[product]"


def test_a_decimal_amount_a_piece(desk: Any, customer: Any) -> None:
    made = create(desk, customer, unit_amount_decimal="10.5", quantity=3, currency="usd")
    assert made["amount"] == 32
    assert create(desk, customer, unit_amount_decimal="-1", currency="usd")["amount"] == -1


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({}, "parameter_missing", "amount"),
        ({"customer": ""}, "parameter_invalid_empty", "customer"),
        ({"customer": "cus_0", "amount": 5}, "resource_missing", "customer"),
        ({"amount": "x"}, "parameter_invalid_integer", "amount"),
        ({"amount": 5, "currency": "dollars"}, None, "currency"),
        ({"pricing": {"price": "price_0"}}, "resource_missing", "pricing[price]"),
        ({"amount": 5, "currency": "usd", "invoice": "in_0"}, "resource_missing", "invoice"),
        ({"unit_amount_decimal": "x"}, None, "unit_amount_decimal"),
        ({"amount": 5, "period": {"start": 2, "end": 1}}, None, "period[end]"),
        ({"amount": 5, "quantity": -1}, "parameter_invalid_integer", "quantity"),
    ],
)
def test_refused(
    desk: Any, customer: Any, params: dict[str, Any], code: str | None, param: str
) -> None:
    error = desk.refused("POST", PATH, **{"customer": customer["id"], **params})
    assert (error.status, error.code, error.param) == (400, code, param)


def test_a_recurring_price_is_for_subscriptions(desk: Any, customer: Any, monthly: Any) -> None:
    pricing = {"price": monthly["id"]}
    error = desk.refused("POST", PATH, customer=customer["id"], pricing=pricing)
    assert (error.status, error.param) == (400, "pricing[price]")


def test_on_a_draft(desk: Any, customer: Any) -> None:
    invoice = desk.post("/v1/invoices", customer=customer["id"])["id"]

    def total() -> int:
        shown: int = desk.get(f"/v1/invoices/{invoice}")["total"]
        return shown

    first = create(desk, customer, amount=500, currency="usd", invoice=invoice)
    second = create(desk, customer, amount=70, currency="usd", invoice=invoice)
    assert total() == 570
    desk.post(f"{PATH}/{first['id']}", amount=400, description="Less")
    assert total() == 470
    lines = desk.get(f"/v1/invoices/{invoice}")["lines"]["data"]
    assert {line["description"] for line in lines} == {"Less", None}
    desk.delete(f"{PATH}/{second['id']}")
    assert total() == 400
    assert desk.refused("GET", f"{PATH}/{second['id']}").status == 404


@pytest.mark.parametrize("verb", ["finalize", "pay"])
def test_a_finalized_invoice_keeps_its_items(desk: Any, verb: str) -> None:
    customer = desk.post("/v1/customers", source="tok_visa")
    invoice = desk.post("/v1/invoices", customer=customer["id"])["id"]
    item = create(desk, customer, amount=500, currency="usd", invoice=invoice)
    desk.post(f"/v1/invoices/{invoice}/{verb}")
    path = f"{PATH}/{item['id']}"
    refusals = (
        desk.refused("POST", path, amount=5),
        desk.refused("DELETE", path),
        desk.refused(
            "POST", PATH, customer=customer["id"], amount=5, currency="usd", invoice=invoice
        ),
    )
    assert [error.code for error in refusals] == ["invoice_not_editable"] * 3


def test_it_must_fit_its_invoice(desk: Any, customer: Any) -> None:
    invoice = desk.post("/v1/invoices", customer=customer["id"])["id"]
    params = {"amount": 5, "invoice": invoice}
    error = desk.refused("POST", PATH, customer=customer["id"], currency="eur", **params)
    assert error.param == "currency"
    other = desk.post("/v1/customers")["id"]
    error = desk.refused("POST", PATH, customer=other, currency="usd", **params)
    assert error.param == "customer"


def test_update_of_the_cost(desk: Any, customer: Any, piece: Any) -> None:
    made = create(desk, customer, pricing={"price": piece["id"]}, quantity=3)
    path = f"{PATH}/{made['id']}"
    assert desk.post(path, quantity=5)["amount"] == 1250
    assert desk.post(path, metadata={"a": "1"})["amount"] == 1250
    assert desk.post(path, unit_amount_decimal="2")["amount"] == 10
    assert desk.post(path, amount=99)["amount"] == 99
    assert desk.post(path, quantity=2)["amount"] == 198
    dollars = desk.post("/v1/prices", product=piece["product"], currency="usd", unit_amount=1)["id"]
    error = desk.refused("POST", path, pricing={"price": dollars})
    assert (error.status, error.param) == (400, "pricing[price]")


def test_period(desk: Any, customer: Any) -> None:
    made = create(desk, customer, amount=5, currency="usd", period={"start": 10, "end": 20})
    assert made["period"] == {"start": 10, "end": 20}
    changed = desk.post(f"{PATH}/{made['id']}", period={"start": 15, "end": 20})
    assert changed["period"] == {"start": 15, "end": 20}


def test_delete_a_pending_one(desk: Any, customer: Any) -> None:
    made = create(desk, customer, amount=5, currency="usd")
    path = f"{PATH}/{made['id']}"
    assert desk.delete(path) == {"id": made["id"], "object": "invoiceitem", "deleted": True}
    assert desk.refused("DELETE", path).status == 404
    assert desk.effects("invoiceitem") == ["create", "delete"]


def test_list(desk: Any, customer: Any) -> None:
    invoice = desk.post("/v1/invoices", customer=customer["id"])["id"]
    pending = create(desk, customer, amount=5, currency="usd")["id"]
    desk.now += 10
    billed = create(desk, customer, amount=5, currency="usd", invoice=invoice)["id"]

    def listed(**params: Any) -> list[str]:
        return [each["id"] for each in desk.get(PATH, **params)["data"]]

    assert listed() == [billed, pending]
    assert listed(pending=True) == [pending]
    assert listed(pending=False) == [billed]
    assert listed(invoice=invoice) == [billed]
    assert listed(customer=customer["id"]) == [billed, pending]
    assert listed(created={"gte": desk.now}) == [billed]
