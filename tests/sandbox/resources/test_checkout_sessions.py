"""Checkout sessions: what they sell, and what completing them makes."""

from typing import Any

import pytest

PATH = "/v1/checkout/sessions"
HOUR = 3_600
DATA = {"currency": "usd", "product_data": {"name": "Shirt"}, "unit_amount": 2000}
ITEM = {"price_data": DATA, "quantity": 3}
BACK = {"success_url": "https://example.com/done"}


def create(desk: Any, **params: Any) -> Any:
    usual = {"mode": "payment", "line_items": [ITEM], **BACK}
    return desk.post(PATH, **{**usual, **params})


def complete(desk: Any, session: Any, **params: Any) -> Any:
    return desk.post(f"/v1/test_helpers/checkout/sessions/{session['id']}/complete", **params)


def test_create(desk: Any) -> None:
    made = create(desk, client_reference_id="cart 7", metadata={"a": "b"})
    assert made["id"].startswith("cs_test_")
    assert (made["status"], made["payment_status"], made["currency"]) == ("open", "unpaid", "usd")
    assert (made["amount_subtotal"], made["amount_total"]) == (6000, 6000)
    assert made["expires_at"] == desk.now + 24 * HOUR
    assert made["url"].endswith(made["id"])
    path = f"{PATH}/{made['id']}"
    assert desk.get(path) == made
    (item,) = desk.get(f"{path}/line_items")["data"]
    assert (item["object"], item["quantity"], item["amount_total"]) == ("item", 3, 6000)
    assert item["description"] == "Shirt"
    assert desk.get(path, expand=["line_items"])["line_items"]["data"] == [item]
    assert desk.post(path, metadata={"c": "d"})["metadata"] == {"a": "b", "c": "d"}


def test_a_payment(desk: Any) -> None:
    session = create(desk, payment_intent_data={"metadata": {"order": "7"}})
    done = complete(desk, session, email="jo@example.com")
    assert (done["status"], done["payment_status"], done["url"]) == ("complete", "paid", None)
    assert done["customer_details"]["email"] == "jo@example.com"
    intent = desk.get(f"/v1/payment_intents/{done['payment_intent']}")
    assert (intent["status"], intent["amount"]) == ("succeeded", 6000)
    assert intent["metadata"] == {"order": "7"}
    assert "completion_data" not in done
    error = desk.refused("POST", f"/v1/test_helpers/checkout/sessions/{session['id']}/complete")
    assert "status of complete" in error.message
    assert desk.types()[-1] == "checkout.session.completed"
    found = desk.get(PATH, payment_intent=intent["id"])["data"]
    assert [each["id"] for each in found] == [session["id"]]


def test_a_payment_that_is_declined(desk: Any) -> None:
    session = create(desk)
    error = desk.declined(
        f"/v1/test_helpers/checkout/sessions/{session['id']}/complete",
        payment_method="pm_card_chargeDeclined",
    )
    assert error["code"] == "card_declined"
    assert desk.get(f"{PATH}/{session['id']}")["status"] == "open"
    assert complete(desk, session)["status"] == "complete"
    error = desk.refused(
        "POST",
        f"/v1/test_helpers/checkout/sessions/{create(desk)['id']}/complete",
        payment_method="pm_card_authenticationRequired",
    )
    assert (error.status, error.code) == (402, "authentication_required")


def test_a_discount(desk: Any) -> None:
    desk.post("/v1/coupons", id="HALF", percent_off=50)
    desk.post("/v1/coupons", id="ALL", percent_off=100)
    session = create(desk, discounts=[{"coupon": "HALF"}])
    assert (session["amount_subtotal"], session["amount_total"]) == (6000, 3000)
    assert session["total_details"]["amount_discount"] == 3000
    assert session["discounts"] == [{"coupon": "HALF", "promotion_code": None}]
    intent = complete(desk, session)["payment_intent"]
    assert desk.get(f"/v1/payment_intents/{intent}")["amount"] == 3000
    free = create(desk, discounts=[{"coupon": "ALL"}])
    assert free["payment_status"] == "no_payment_required"
    done = complete(desk, free)
    assert (done["payment_intent"], done["payment_status"]) == (None, "no_payment_required")


def test_a_subscription(desk: Any, monthly: Any) -> None:
    desk.post("/v1/coupons", id="HALF", percent_off=50, duration="forever")
    session = create(
        desk,
        mode="subscription",
        line_items=[{"price": monthly["id"], "quantity": 2}],
        discounts=[{"coupon": "HALF"}],
        customer_email="jo@example.com",
        subscription_data={"metadata": {"plan": "gold"}},
    )
    done = complete(desk, session)
    made = desk.get(f"/v1/subscriptions/{done['subscription']}", expand=["latest_invoice"])
    assert (made["status"], made["metadata"]) == ("active", {"plan": "gold"})
    assert made["latest_invoice"]["amount_paid"] == 1500
    assert made["latest_invoice"]["id"] == done["invoice"]
    customer = desk.get(f"/v1/customers/{done['customer']}")
    assert customer["email"] == "jo@example.com" == done["customer_details"]["email"]
    assert desk.get("/v1/coupons/HALF")["times_redeemed"] == 1


def test_a_setup(desk: Any, customer: Any) -> None:
    session = create(desk, mode="setup", line_items="", customer=customer["id"], currency="usd")
    assert session["payment_status"] == "no_payment_required"
    done = complete(desk, session, payment_method="pm_card_mastercard")
    intent = desk.get(f"/v1/setup_intents/{done['setup_intent']}")
    assert (intent["status"], intent["customer"]) == ("succeeded", customer["id"])


def test_a_customer_is_made_when_it_is_wanted(desk: Any) -> None:
    assert complete(desk, create(desk))["customer"] is None
    made = complete(desk, create(desk, customer_creation="always"), email="jo@example.com")
    assert desk.get(f"/v1/customers/{made['customer']}")["email"] == "jo@example.com"
    assert len(desk.get(PATH, customer=made["customer"])["data"]) == 1
    by_email = desk.get(PATH, customer_details={"email": "jo@example.com"})["data"]
    assert [each["id"] for each in by_email] == [made["id"]]


def test_expiry(desk: Any) -> None:
    ended = desk.post(f"{PATH}/{create(desk)['id']}/expire")
    assert (ended["status"], ended["url"]) == ("expired", None)
    path = f"/v1/test_helpers/checkout/sessions/{ended['id']}/complete"
    assert "status of expired" in desk.refused("POST", path).message
    old = create(desk, expires_at=desk.now + HOUR)
    desk.now += HOUR
    path = f"/v1/test_helpers/checkout/sessions/{old['id']}/complete"
    assert "status of expired" in desk.refused("POST", path).message


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"success_url": ""}, "success_url"),
        ({"line_items": ""}, "line_items"),
        ({"line_items": [{}, ITEM]}, "line_items[0]"),
        ({"line_items": [{"prize": "x"}]}, "line_items[0][prize]"),
        ({"line_items": [{"price": "price_0"}]}, "line_items[0][price]"),
        ({"line_items": [{**ITEM, "quantity": 0}]}, "line_items[0][quantity]"),
        ({"line_items": [ITEM, {"price_data": {**DATA, "currency": "eur"}}]}, "line_items"),
        ({"mode": "subscription", "payment_intent_data": {"a": "b"}}, "payment_intent_data"),
        ({"mode": "rent"}, "mode"),
        ({"customer": "cus_0"}, "customer"),
        ({"expires_at": 5}, "expires_at"),
        ({"discounts": [{"coupon": "none"}]}, "discounts[0][coupon]"),
    ],
)
def test_refused(desk: Any, params: dict[str, Any], param: str) -> None:
    usual = {"mode": "payment", "line_items": [ITEM], **BACK}
    sent = {**usual, **params}
    if params.get("line_items") == [{}, ITEM]:
        sent["line_items"] = ["x", ITEM]
    error = desk.refused("POST", PATH, **sent)
    assert (error.status, error.param) == (400, param)


def test_prices_fit_the_mode(desk: Any, monthly: Any) -> None:
    items = [{"price": monthly["id"]}]
    assert desk.refused("POST", PATH, mode="payment", line_items=items, **BACK).status == 400
    session = create(desk, mode="subscription", line_items=[*items, ITEM])
    path = f"/v1/test_helpers/checkout/sessions/{session['id']}/complete"
    assert "recurring prices" in desk.refused("POST", path).message
