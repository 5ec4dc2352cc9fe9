"""Coupons and what they take off."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PATH = "/v1/coupons"


def test_create(desk: Any) -> None:
    made = desk.post(PATH, percent_off=25, duration="repeating", duration_in_months=3, name="Hi")
    assert (made["percent_off"], made["amount_off"], made["valid"]) == (25.0, None, True)
    assert len(made["id"]) == 8
    assert desk.get(f"{PATH}/{made['id']}") == made
    own = desk.post(PATH, id="25OFF", amount_off=300, currency="USD")
    assert (own["id"], own["amount_off"], own["currency"], own["duration"]) == (
        "25OFF",
        300,
        "usd",
        "once",
    )
    assert desk.refused("POST", PATH, id="25OFF", percent_off=5).code == "resource_already_exists"
    assert desk.post(f"{PATH}/25OFF", name="New")["name"] == "New"
    assert desk.delete(f"{PATH}/25OFF")["deleted"] is True
    assert desk.refused("GET", f"{PATH}/25OFF").status == 404
    assert [each["id"] for each in desk.get(PATH)["data"]] == [made["id"]]


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({}, "percent_off"),
        ({"percent_off": 5, "amount_off": 5, "currency": "usd"}, "percent_off"),
        ({"percent_off": 0.0}, "percent_off"),
        ({"percent_off": 101}, "percent_off"),
        ({"percent_off": "much"}, "percent_off"),
        ({"amount_off": 5}, "currency"),
        ({"percent_off": 5, "duration": "repeating"}, "duration_in_months"),
        ({"percent_off": 5, "duration_in_months": 2}, "duration_in_months"),
        ({"percent_off": 5, "duration": "never"}, "duration"),
        ({"percent_off": 5, "id": ""}, "id"),
    ],
)
def test_refused(desk: Any, params: dict[str, Any], param: str) -> None:
    error = desk.refused("POST", PATH, **params)
    assert (error.status, error.param) == (400, param)


def invoice_with(desk: Any, customer: Any, amounts: list[int], **params: Any) -> Any:
    invoice = desk.post("/v1/invoices", customer=customer["id"], **params)["id"]
    for amount in amounts:
        desk.post(
            "/v1/invoiceitems",
            customer=customer["id"],
            amount=amount,
            currency="usd",
            invoice=invoice,
        )
    return desk.get(f"/v1/invoices/{invoice}")


def test_on_an_invoice(desk: Any, customer: Any) -> None:
    desk.post(PATH, id="TEN", percent_off=10)
    desk.post(PATH, id="FIVE", amount_off=500, currency="usd")
    coupons = [{"coupon": "TEN"}, {"coupon": "FIVE"}]
    invoice = invoice_with(desk, customer, [1000, 2005], discounts=coupons)
    assert (invoice["subtotal"], invoice["total"]) == (3005, 3005 - 301 - 500)
    amounts = [each["amount"] for each in invoice["total_discount_amounts"]]
    assert amounts == [301, 500]
    expanded = desk.get(f"/v1/invoices/{invoice['id']}", expand=["discounts"])
    assert [each["source"]["coupon"] for each in expanded["discounts"]] == ["TEN", "FIVE"]
    finalized = desk.post(f"/v1/invoices/{invoice['id']}/finalize")
    assert finalized["amount_due"] == 2204
    assert desk.get(f"{PATH}/TEN")["times_redeemed"] == 1
    draft = invoice_with(desk, customer, [100])
    path = f"/v1/invoices/{draft['id']}"
    assert desk.post(path, discounts=coupons[:1])["total"] == 90
    assert desk.post(path, discounts="")["total"] == 100


def test_a_coupon_that_is_used_up_or_too_old(desk: Any, customer: Any) -> None:
    desk.post(PATH, id="ONE", percent_off=10, max_redemptions=1)
    desk.post(PATH, id="OLD", percent_off=10, redeem_by=desk.now + 10)
    invoice_with(desk, customer, [100], discounts=[{"coupon": "ONE"}])
    assert desk.get(f"{PATH}/ONE")["valid"] is False
    desk.now += 20
    assert desk.get(f"{PATH}/OLD")["valid"] is False
    for name in ("ONE", "OLD"):
        error = desk.refused(
            "POST", "/v1/invoices", customer=customer["id"], discounts=[{"coupon": name}]
        )
        assert (error.code, error.param) == ("coupon_expired", "discounts[0][coupon]")


@pytest.mark.parametrize(
    ("discount", "code", "param"),
    [
        ({"coupon": "none"}, "resource_missing", "discounts[0][coupon]"),
        ({"discount": "di_0"}, "resource_missing", "discounts[0][discount]"),
        ({"promotion_code": "promo_0"}, None, "discounts[0][promotion_code]"),
        ({"voucher": "x"}, "parameter_unknown", "discounts[0][voucher]"),
        ({}, None, "discounts[0]"),
    ],
)
def test_discounts_that_are_refused(
    desk: Any, customer: Any, discount: Any, code: str | None, param: str
) -> None:
    error = desk.refused(
        "POST", "/v1/invoices", customer=customer["id"], discounts=[discount or "x"]
    )
    assert (error.status, error.code, error.param) == (400, code, param)


def test_for_some_products_only(desk: Any, monthly: Any) -> None:
    payer = desk.post("/v1/customers", source="tok_visa")["id"]
    other = desk.post("/v1/products", name="Silver")["id"]
    plain = desk.post(
        "/v1/prices",
        product=other,
        currency="usd",
        unit_amount=1000,
        recurring={"interval": "month"},
    )
    desk.post(PATH, id="GOLD", percent_off=50, applies_to={"products": [monthly["product"]]})
    made = desk.post(
        "/v1/subscriptions",
        customer=payer,
        items=[{"price": monthly["id"]}, {"price": plain["id"]}],
        discounts=[{"coupon": "GOLD"}],
        expand=["latest_invoice"],
    )
    assert made["latest_invoice"]["total"] == 750 + 1000
    shares = [
        line["discount_amounts"][0]["amount"] for line in made["latest_invoice"]["lines"]["data"]
    ]
    assert shares == [750, 0]


@pytest.mark.parametrize(("duration", "left"), [("once", 0), ("forever", 1)])
def test_on_a_subscription(desk: Any, monthly: Any, duration: str, left: int) -> None:
    payer = desk.post("/v1/customers", source="tok_visa")["id"]
    desk.post(PATH, id="HALF", percent_off=50, duration=duration)
    made = desk.post(
        "/v1/subscriptions",
        customer=payer,
        items=[{"price": monthly["id"]}],
        discounts=[{"coupon": "HALF"}],
        expand=["latest_invoice"],
    )
    assert made["latest_invoice"]["amount_paid"] == 750
    assert len(made["discounts"]) == left
    path = f"/v1/subscriptions/{made['id']}"
    if left:
        desk.delete(f"{PATH}/HALF")  # what was granted stays granted
        gone = desk.delete(f"{path}/discount")
        assert (gone["object"], gone["deleted"]) == ("discount", True)
    assert desk.get(path)["discounts"] == []
    assert desk.refused("DELETE", f"{path}/discount").status == 404
    desk.post(PATH, id="TEN", percent_off=10, duration="forever")
    assert len(desk.post(path, discounts=[{"coupon": "TEN"}])["discounts"]) == 1


def test_a_customer_has_none(desk: Any, customer: Any) -> None:
    error = desk.refused("DELETE", f"/v1/customers/{customer['id']}/discount")
    assert (error.status, error.code) == (404, "resource_missing")


COUPON = st.one_of(
    st.builds(lambda hundredths: {"percent_off": hundredths / 100}, st.integers(1, 10_000)),
    st.builds(lambda off: {"amount_off": off, "currency": "usd"}, st.integers(1, 5_000)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    amounts=st.lists(st.integers(-500, 3_000).filter(bool), min_size=1, max_size=5),
    coupons=st.lists(COUPON, max_size=3),
)
def test_the_sums_of_an_invoice_hold(
    new_desk: Callable[[], Any], amounts: list[int], coupons: list[dict[str, Any]]
) -> None:
    desk = new_desk()
    customer = desk.post("/v1/customers")
    named = [desk.post(PATH, **coupon)["id"] for coupon in coupons]
    invoice = invoice_with(
        desk, customer, amounts, discounts=[{"coupon": each} for each in named] or ""
    )
    lines = invoice["lines"]["data"]
    off = [each["amount"] for each in invoice["total_discount_amounts"]]
    assert invoice["subtotal"] == sum(amounts) == sum(line["amount"] for line in lines)
    assert invoice["total"] == invoice["subtotal"] - sum(off)
    for index, amount in enumerate(off):
        assert amount >= 0
        assert sum(line["discount_amounts"][index]["amount"] for line in lines) == amount
    for line in lines:
        taken = sum(each["amount"] for each in line["discount_amounts"])
        assert 0 <= taken <= max(line["amount"], 0)
    assert invoice["amount_due"] == max(invoice["total"], 0) == invoice["amount_remaining"]
