"""Payment methods and the test cards behind them."""

from typing import Any

import pytest

CARD = {"number": "4242 4242 4242 4242", "exp_month": 3, "exp_year": 2031, "cvc": "123"}


def test_create_with_a_number(desk: Any) -> None:
    made = desk.post(
        "/v1/payment_methods",
        type="card",
        card=CARD,
        billing_details={"name": "Jo"},
        metadata={"a": "1"},
    )
    card = made["card"]
    assert (card["brand"], card["last4"], card["exp_month"], card["exp_year"]) == (
        "visa",
        "4242",
        3,
        2031,
    )
    assert made["billing_details"]["name"] == "Jo"
    assert made["billing_details"]["email"] is None
    assert "4242424242424242" not in str(made)
    assert desk.get(f"/v1/payment_methods/{made['id']}") == made


def test_two_digits_of_a_year(desk: Any) -> None:
    made = desk.post("/v1/payment_methods", type="card", card={**CARD, "exp_year": 31})
    assert made["card"]["exp_year"] == 2031


def test_one_card_has_one_fingerprint(desk: Any) -> None:
    def fingerprint(card: dict[str, Any]) -> Any:
        return desk.post("/v1/payment_methods", type="card", card=card)["card"]["fingerprint"]

    assert fingerprint(CARD) == fingerprint({"token": "tok_visa"})
    assert fingerprint(CARD) != fingerprint({"token": "tok_mastercard"})


@pytest.mark.parametrize(
    ("params", "status", "code", "param"),
    [
        ({}, 400, "parameter_missing", "type"),
        ({"type": "card"}, 400, "parameter_missing", "card"),
        ({"type": "klarna"}, 400, "payment_method_unsupported_type", "type"),
        ({"type": "card", "card": {}}, 400, "parameter_missing", "card[number]"),
        (
            {"type": "card", "card": {"number": "4242424242424242", "exp_month": 1}},
            400,
            "parameter_missing",
            "card[exp_year]",
        ),
        (
            {"type": "card", "card": {**CARD, "exp_month": 13}},
            402,
            "invalid_expiry_month",
            "exp_month",
        ),
        ({"type": "card", "card": {**CARD, "cvc": "99"}}, 402, "invalid_cvc", "cvc"),
        ({"type": "card", "card": {**CARD, "cvc": "12e"}}, 402, "invalid_cvc", "cvc"),
        (
            {"type": "card", "card": {**CARD, "exp_year": "soon"}},
            400,
            "parameter_invalid_integer",
            "card[exp_year]",
        ),
        (
            {"type": "card", "card": {"token": "tok_nothing"}},
            400,
            "resource_missing",
            "card[token]",
        ),
        (
            {"type": "card", "card": {**CARD, "number": "4242424242424241"}},
            402,
            "incorrect_number",
            "number",
        ),
        (
            {"type": "card", "card": {**CARD, "number": "12"}},
            402,
            "incorrect_number",
            "number",
        ),
        (
            {"type": "card", "card": {**CARD, "number": "4539578763621486"}},
            402,
            "card_declined",
            "number",
        ),
    ],
)
def test_refused(
    desk: Any, params: dict[str, Any], status: int, code: str | None, param: str
) -> None:
    error = desk.refused("POST", "/v1/payment_methods", **params)
    assert (error.status, error.code, error.param) == (status, code, param)


def test_attach_and_detach(desk: Any, customer: Any) -> None:
    made = desk.post("/v1/payment_methods", type="card", card=CARD)
    path = f"/v1/payment_methods/{made['id']}"
    assert desk.post(f"{path}/attach", customer=customer["id"])["customer"] == customer["id"]
    listed = f"/v1/customers/{customer['id']}/payment_methods"
    assert [each["id"] for each in desk.get(listed)["data"]] == [made["id"]]
    assert desk.get(f"{listed}/{made['id']}")["id"] == made["id"]
    assert desk.post(f"{path}/detach")["customer"] is None
    assert desk.get(listed)["data"] == []
    assert desk.refused("GET", f"{listed}/{made['id']}").status == 404
    assert desk.effects("payment_method") == ["create", "attach", "detach"]


def test_a_detached_one_is_no_default_any_more(desk: Any, customer: Any) -> None:
    path = f"/v1/customers/{customer['id']}"
    method = desk.post("/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])["id"]
    desk.post(path, invoice_settings={"default_payment_method": method})
    desk.post(f"/v1/payment_methods/{method}/detach")
    assert desk.get(path)["invoice_settings"]["default_payment_method"] is None
    assert desk.post(path, name="Jo")["name"] == "Jo"


def test_attaching_again_changes_nothing(desk: Any, customer: Any) -> None:
    method = desk.post("/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])
    again = desk.post(f"/v1/payment_methods/{method['id']}/attach", customer=customer["id"])
    assert again == method
    assert desk.effects("payment_method") == ["create"]


def test_what_belongs_to_one_customer_cannot_go_to_another(desk: Any, customer: Any) -> None:
    method = desk.post("/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])
    other = desk.post("/v1/customers")
    path = f"/v1/payment_methods/{method['id']}/attach"
    error = desk.refused("POST", path, customer=other["id"])
    assert error.status == 400
    assert "already been attached" in error.message


def test_attach_needs_a_customer(desk: Any) -> None:
    path = "/v1/payment_methods/pm_card_visa/attach"
    assert desk.refused("POST", path).code == "parameter_missing"
    error = desk.refused("POST", path, customer="cus_0")
    assert (error.status, error.param) == (400, "customer")


def test_detach_needs_an_attached_one(desk: Any) -> None:
    made = desk.post("/v1/payment_methods", type="card", card=CARD)
    assert desk.refused("POST", f"/v1/payment_methods/{made['id']}/detach").status == 400


def test_a_card_that_payments_refuse_cannot_be_kept(desk: Any, customer: Any) -> None:
    made = desk.post(
        "/v1/payment_methods", type="card", card={**CARD, "number": "4000000000000002"}
    )
    for named in (made["id"], "pm_card_chargeDeclined"):
        path = f"/v1/payment_methods/{named}/attach"
        error = desk.refused("POST", path, customer=customer["id"])
        assert (error.status, error.code) == (402, "card_declined")
        assert error.extra["decline_code"] == "generic_decline"


def test_a_card_that_fails_later_can_be_kept(desk: Any, customer: Any) -> None:
    path = "/v1/payment_methods/pm_card_chargeCustomerFail/attach"
    assert desk.post(path, customer=customer["id"])["customer"] == customer["id"]


def test_update(desk: Any, customer: Any) -> None:
    method = desk.post("/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])
    changed = desk.post(
        f"/v1/payment_methods/{method['id']}",
        billing_details={"email": "jo@example.com"},
        card={"exp_month": 7, "exp_year": 2033},
        metadata={"a": "1"},
    )
    assert changed["billing_details"]["email"] == "jo@example.com"
    assert (changed["card"]["exp_month"], changed["card"]["exp_year"]) == (7, 2033)
    assert changed["card"]["last4"] == "4242"
    assert changed["metadata"] == {"a": "1"}


def test_only_an_attached_one_can_be_updated(desk: Any) -> None:
    made = desk.post("/v1/payment_methods", type="card", card=CARD)
    assert desk.refused("POST", f"/v1/payment_methods/{made['id']}").status == 400


def test_list_by_customer_and_type(desk: Any, customer: Any) -> None:
    kept = desk.post("/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])["id"]
    desk.post("/v1/payment_methods", type="card", card=CARD)

    def listed(**params: Any) -> list[str]:
        return [each["id"] for each in desk.get("/v1/payment_methods", **params)["data"]]

    assert len(listed()) == 2
    assert listed(customer=customer["id"]) == [kept]
    assert listed(customer=customer["id"], type="card") == [kept]
    assert listed(customer=customer["id"], type="link") == []


@pytest.mark.parametrize(
    ("number", "brand", "funding"),
    [
        ("5555555555554444", "mastercard", "credit"),
        ("378282246310005", "amex", "credit"),
        ("4000056655665556", "visa", "debit"),
        ("5105105105105100", "mastercard", "prepaid"),
        ("6011-1111-1111-1117", "discover", "credit"),
    ],
)
def test_brands(desk: Any, number: str, brand: str, funding: str) -> None:
    card = desk.post("/v1/payment_methods", type="card", card={**CARD, "number": number})["card"]
    assert (card["brand"], card["funding"]) == (brand, funding)
    assert card["last4"] == number[-4:]
