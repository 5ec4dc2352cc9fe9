"""Subscriptions, from the first invoice to the cancellation."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sandbox.resources.periods import period_end

PATH = "/v1/subscriptions"
DAY = 86_400


@pytest.fixture
def payer(desk: Any) -> Any:
    return desk.post("/v1/customers", source="tok_visa")


@pytest.fixture
def failing(desk: Any) -> Any:
    """A customer whose default card is kept but never pays."""
    made = desk.post("/v1/customers", payment_method="pm_card_chargeCustomerFail")
    method = desk.get("/v1/payment_methods", customer=made["id"])["data"][0]["id"]
    settings = {"default_payment_method": method}
    return desk.post(f"/v1/customers/{made['id']}", invoice_settings=settings)


def create(desk: Any, customer: Any, price: Any, **params: Any) -> Any:
    items = params.pop("items", [{"price": price["id"], "quantity": 2}])
    return desk.post(PATH, customer=customer["id"], items=items, **params)


def intent_of(desk: Any, subscription: Any) -> str:
    invoice = desk.get(f"/v1/invoices/{subscription['latest_invoice']}")
    secret: str = invoice["confirmation_secret"]["client_secret"]
    return secret.partition("_secret")[0]


def test_create(desk: Any, payer: Any, monthly: Any) -> None:
    made = create(desk, payer, monthly, metadata={"a": "1"}, expand=["latest_invoice"])
    assert (made["status"], made["currency"], made["customer"]) == ("active", "usd", payer["id"])
    (item,) = made["items"]["data"]
    assert item["id"].startswith("si_")
    assert (item["price"], item["quantity"]) == (monthly, 2)
    assert item["subscription"] == made["id"]
    assert (item["plan"]["amount"], item["plan"]["interval"]) == (1500, "month")
    assert item["current_period_start"] == desk.now
    assert 28 * DAY <= item["current_period_end"] - desk.now <= 31 * DAY
    invoice = made["latest_invoice"]
    assert (invoice["status"], invoice["total"], invoice["amount_paid"]) == ("paid", 3000, 3000)
    assert invoice["billing_reason"] == "subscription_create"
    assert invoice["parent"]["subscription_details"]["subscription"] == made["id"]
    (line,) = invoice["lines"]["data"]
    assert line["parent"]["subscription_item_details"]["subscription_item"] == item["id"]
    charges = desk.get("/v1/charges", customer=payer["id"])["data"]
    assert [charge["amount"] for charge in charges] == [3000]
    assert desk.effects("subscription") == ["create"]
    assert desk.effects("invoice") == ["create"]


def test_without_anything_to_pay_with(desk: Any, customer: Any, monthly: Any) -> None:
    made = create(desk, customer, monthly, expand=["latest_invoice"])
    assert (made["status"], made["latest_invoice"]["status"]) == ("active", "paid")
    assert desk.get("/v1/charges")["data"] == []
    assert desk.get("/v1/payment_intents")["data"] == []


def test_several_items(desk: Any, payer: Any, monthly: Any) -> None:
    data = {
        "currency": "usd",
        "product": monthly["product"],
        "unit_amount": 100,
        "recurring": {"interval": "month"},
    }
    items = [{"price": monthly["id"]}, {"price_data": data, "quantity": 5}]
    made = create(desk, payer, monthly, items=items, expand=["latest_invoice"])
    assert made["latest_invoice"]["total"] == 1500 + 500
    assert len({item["id"] for item in made["items"]["data"]}) == 2


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"customer": ""}, "parameter_invalid_empty", "customer"),
        ({"customer": "cus_0"}, "resource_missing", "customer"),
        ({"items": ""}, "parameter_invalid_empty", "items"),
        ({"items": [{}]}, "parameter_missing", "items[0][price]"),
        ({"items": [{"price": "price_0"}]}, "resource_missing", "items[0][price]"),
        ({"items": [{"prize": "x"}]}, "parameter_unknown", "items[0][prize]"),
        ({"items": ["x"]}, None, "items[0]"),
        ({"default_payment_method": "pm_0"}, "resource_missing", "default_payment_method"),
        ({"collection_method": "send_invoice"}, "parameter_missing", "days_until_due"),
        ({"trial_end": 5}, None, "trial_end"),
        ({"trial_end": "later"}, "parameter_invalid_integer", "trial_end"),
        ({"trial_period_days": 0}, "parameter_invalid_integer", "trial_period_days"),
        ({"payment_behavior": "pray"}, None, "payment_behavior"),
        ({"cancel_at": 5, "cancel_at_period_end": True}, None, "cancel_at"),
        ({"add_invoice_items": [{"price": "x"}]}, None, "add_invoice_items"),
    ],
)
def test_refused(
    desk: Any, payer: Any, monthly: Any, params: dict[str, Any], code: str | None, param: str
) -> None:
    given_params = {"customer": payer["id"], "items": [{"price": monthly["id"]}], **params}
    error = desk.refused("POST", PATH, **given_params)
    assert (error.status, error.code, error.param) == (400, code, param)


def test_items_that_do_not_go_together(desk: Any, payer: Any, monthly: Any) -> None:
    def price(**params: Any) -> str:
        made: str = desk.post("/v1/prices", product=monthly["product"], **params)["id"]
        return made

    once = price(currency="usd", unit_amount=1)
    euros = price(currency="eur", unit_amount=1, recurring={"interval": "month"})
    for items, word in (
        ([{"price": once}], "type=one_time"),
        ([{"price": monthly["id"]}, {"price": euros}], "currency"),
        ([{"price": monthly["id"]}, {"price": monthly["id"]}], "same price"),
        ([{"price": monthly["id"]}] * 21, "at most 20"),
    ):
        error = desk.refused("POST", PATH, customer=payer["id"], items=items)
        assert error.status == 400
        assert word in error.message


def test_a_quantity_must_be_a_number(desk: Any, payer: Any, monthly: Any) -> None:
    items = [{"price": monthly["id"], "quantity": "many"}]
    error = desk.refused("POST", PATH, customer=payer["id"], items=items)
    assert (error.code, error.param) == ("parameter_invalid_integer", "items[0][quantity]")


def test_a_trial_costs_nothing_yet(desk: Any, payer: Any, monthly: Any) -> None:
    made = create(desk, payer, monthly, trial_period_days=14, expand=["latest_invoice"])
    assert (made["status"], made["trial_end"]) == ("trialing", desk.now + 14 * DAY)
    assert (made["latest_invoice"]["total"], made["latest_invoice"]["status"]) == (0, "paid")
    assert made["items"]["data"][0]["current_period_end"] == made["trial_end"]
    path = f"{PATH}/{made['id']}"
    assert desk.post(path, trial_end=desk.now + 5)["trial_end"] == desk.now + 5
    ended = desk.post(path, trial_end="now")
    assert (ended["status"], ended["trial_end"]) == ("active", desk.now)


def test_default_incomplete_waits_for_the_payment(desk: Any, payer: Any, monthly: Any) -> None:
    made = create(desk, payer, monthly, payment_behavior="default_incomplete")
    assert made["status"] == "incomplete"
    invoice = desk.get(f"/v1/invoices/{made['latest_invoice']}")
    assert (invoice["status"], invoice["attempted"]) == ("open", False)
    intent = intent_of(desk, made)
    desk.post(f"/v1/payment_intents/{intent}/confirm", payment_method="pm_card_visa")
    assert desk.get(f"{PATH}/{made['id']}")["status"] == "active"
    assert desk.get(f"/v1/invoices/{made['latest_invoice']}")["status"] == "paid"


def test_a_trial_does_not_stand_for_a_payment(desk: Any, payer: Any, monthly: Any) -> None:
    made = create(desk, payer, monthly, payment_behavior="default_incomplete")
    changed = desk.post(f"{PATH}/{made['id']}", trial_end=desk.now + DAY)
    assert (changed["status"], changed["trial_end"]) == ("incomplete", desk.now + DAY)


def test_a_declined_first_payment(desk: Any, failing: Any, monthly: Any) -> None:
    made = create(desk, failing, monthly)
    assert made["status"] == "incomplete"
    invoice = desk.get(f"/v1/invoices/{made['latest_invoice']}")
    assert (invoice["status"], invoice["attempt_count"]) == ("open", 1)
    desk.post(f"/v1/invoices/{invoice['id']}/pay", payment_method="pm_card_visa")
    assert desk.get(f"{PATH}/{made['id']}")["status"] == "active"


def test_error_if_incomplete_makes_nothing(desk: Any, failing: Any, monthly: Any) -> None:
    error = desk.refused(
        "POST",
        PATH,
        customer=failing["id"],
        items=[{"price": monthly["id"]}],
        payment_behavior="error_if_incomplete",
    )
    assert (error.status, error.code) == (402, "card_declined")
    assert desk.get(PATH, status="all")["data"] == []
    assert desk.get("/v1/invoices")["data"] == []


def test_the_subscriptions_default_pays(desk: Any, failing: Any, monthly: Any) -> None:
    path = "/v1/payment_methods/pm_card_visa/attach"
    method = desk.post(path, customer=failing["id"])["id"]
    made = create(desk, failing, monthly, default_payment_method=method)
    assert made["status"] == "active"
    assert desk.get(f"/v1/payment_intents/{intent_of(desk, made)}")["payment_method"] == method


def test_sent_invoices_stay_open(desk: Any, customer: Any, monthly: Any) -> None:
    made = create(desk, customer, monthly, collection_method="send_invoice", days_until_due=30)
    assert made["status"] == "active"
    invoice = desk.get(f"/v1/invoices/{made['latest_invoice']}")
    assert (invoice["status"], invoice["due_date"]) == ("open", desk.now + 30 * DAY)
    done = desk.post(f"/v1/invoices/{invoice['id']}/pay", payment_method="pm_card_visa")
    assert done["status"] == "paid"
    assert desk.get(f"{PATH}/{made['id']}")["status"] == "active"


def test_update_of_a_quantity(desk: Any, payer: Any, monthly: Any) -> None:
    made = create(desk, payer, monthly)
    item = made["items"]["data"][0]
    changed = desk.post(
        f"{PATH}/{made['id']}",
        items=[{"id": item["id"], "quantity": 7}],
        proration_behavior="none",
        metadata={"a": "1"},
    )
    assert changed["items"]["data"] == [{**item, "quantity": 7}]
    assert changed["metadata"] == {"a": "1"}
    assert desk.get(f"{PATH}/{made['id']}") == changed
    assert desk.effects("subscription") == ["create", "update"]


def test_update_of_items(desk: Any, payer: Any, monthly: Any) -> None:
    made = create(desk, payer, monthly)
    path = f"{PATH}/{made['id']}"
    first = made["items"]["data"][0]
    yearly = desk.post(
        "/v1/prices",
        product=monthly["product"],
        currency="usd",
        unit_amount=9000,
        recurring={"interval": "year"},
    )
    added = desk.post(path, items=[{"price": yearly["id"]}])["items"]["data"]
    assert [item["price"]["id"] for item in added] == [monthly["id"], yearly["id"]]
    left = desk.post(path, items=[{"id": first["id"], "deleted": True}])["items"]["data"]
    assert [item["price"]["id"] for item in left] == [yearly["id"]]
    back = desk.post(path, items=[{"id": left[0]["id"], "price": monthly["id"]}])
    (item,) = back["items"]["data"]
    assert (item["price"]["id"], item["id"]) == (monthly["id"], left[0]["id"])
    assert item["current_period_end"] == first["current_period_end"]
    error = desk.refused("POST", path, items=[{"id": item["id"], "deleted": True}])
    assert "at least one item" in error.message
    error = desk.refused("POST", path, items=[{"id": "si_0", "quantity": 1}])
    assert (error.code, error.param) == ("resource_missing", "items[0][id]")


def test_metadata_of_items(desk: Any, payer: Any, monthly: Any) -> None:
    items = [{"price": monthly["id"], "metadata": {"a": "1", "b": "2"}}]
    made = create(desk, payer, monthly, items=items)
    item = made["items"]["data"][0]
    assert item["metadata"] == {"a": "1", "b": "2"}
    path = f"{PATH}/{made['id']}"
    changed = desk.post(path, items=[{"id": item["id"], "metadata": {"a": ""}}])
    assert changed["items"]["data"][0]["metadata"] == {"b": "2"}


def test_cancel_at_period_end(desk: Any, payer: Any, monthly: Any) -> None:
    made = create(desk, payer, monthly)
    path = f"{PATH}/{made['id']}"
    ending = desk.post(path, cancel_at_period_end=True)
    assert (ending["status"], ending["cancel_at_period_end"]) == ("active", True)
    assert ending["cancel_at"] == made["items"]["data"][0]["current_period_end"]
    assert ending["canceled_at"] == desk.now
    kept = desk.post(path, cancel_at_period_end=False)
    assert (kept["cancel_at"], kept["canceled_at"], kept["cancel_at_period_end"]) == (
        None,
        None,
        False,
    )
    timed = desk.post(path, cancel_at=desk.now + 5)
    assert (timed["cancel_at"], timed["canceled_at"]) == (desk.now + 5, desk.now)
    assert desk.post(path, cancel_at="")["canceled_at"] is None


def test_update_of_the_payment_method(desk: Any, payer: Any, monthly: Any) -> None:
    made = create(desk, payer, monthly)
    path = f"{PATH}/{made['id']}"
    method = desk.post("/v1/payment_methods/pm_card_visa/attach", customer=payer["id"])["id"]
    assert desk.post(path, default_payment_method=method)["default_payment_method"] == method
    desk.post(f"/v1/payment_methods/{method}/detach")
    assert desk.post(path, description="Still fine")["description"] == "Still fine"
    assert desk.refused("POST", path, default_payment_method=method).status == 400
    assert desk.post(path, default_payment_method="")["default_payment_method"] is None


def test_cancel(desk: Any, payer: Any, monthly: Any) -> None:
    made = create(desk, payer, monthly)
    path = f"{PATH}/{made['id']}"
    done = desk.delete(path, cancellation_details={"comment": "Too much"})
    assert (done["status"], done["canceled_at"], done["ended_at"]) == (
        "canceled",
        desk.now,
        desk.now,
    )
    assert done["cancellation_details"]["comment"] == "Too much"
    assert done["cancellation_details"]["reason"] == "cancellation_requested"
    assert desk.get(path) == done
    error = desk.refused("DELETE", path)
    assert (error.status, error.code) == (404, "resource_missing")
    assert desk.refused("POST", path, description="x").status == 400
    assert desk.post(path, metadata={"a": "1"})["metadata"] == {"a": "1"}
    assert desk.effects("subscription") == ["create", "cancel", "update"]


def test_list(desk: Any, payer: Any, customer: Any, monthly: Any) -> None:
    gone = create(desk, payer, monthly)["id"]
    desk.delete(f"{PATH}/{gone}")
    waiting = create(desk, payer, monthly, payment_behavior="default_incomplete")["id"]
    active = create(desk, customer, monthly)["id"]

    def listed(**params: Any) -> list[str]:
        return [each["id"] for each in desk.get(PATH, **params)["data"]]

    assert listed() == [active, waiting]
    assert listed(status="all") == [active, waiting, gone]
    assert listed(status="ended") == listed(status="canceled") == [gone]
    assert listed(status="incomplete") == [waiting]
    assert listed(customer=customer["id"]) == [active]
    assert listed(price=monthly["id"], limit=1) == [active]
    assert listed(collection_method="send_invoice") == []
    assert listed(current_period_start={"gt": desk.now}) == []
    assert listed(current_period_start={"lte": desk.now}) == [active, waiting]
    assert desk.refused("GET", PATH, status="odd").param == "status"
    assert desk.refused("GET", PATH, price="price_0").param == "price"
    shown = desk.get(f"/v1/customers/{customer['id']}", expand=["subscriptions"])
    assert [each["id"] for each in shown["subscriptions"]["data"]] == [active]
    assert [each["id"] for each in desk.get("/v1/invoices", subscription=active)["data"]] == [
        desk.get(f"{PATH}/{active}")["latest_invoice"]
    ]


def test_an_invoice_for_a_subscription(desk: Any, payer: Any, monthly: Any) -> None:
    made = create(desk, payer, monthly)
    extra = desk.post("/v1/invoices", subscription=made["id"])
    assert extra["customer"] == payer["id"]
    assert extra["parent"]["subscription_details"]["subscription"] == made["id"]
    assert desk.refused("DELETE", f"/v1/invoices/{extra['id']}").code == "invoice_not_editable"


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("start", "interval", "count", "end"),
    [
        ("2026-01-31T10:00:00", "month", 1, "2026-02-28T10:00:00"),
        ("2028-01-31T10:00:00", "month", 1, "2028-02-29T10:00:00"),
        ("2026-11-30T00:00:00", "month", 3, "2027-02-28T00:00:00"),
        ("2028-02-29T00:00:00", "year", 1, "2029-02-28T00:00:00"),
        ("2026-03-28T12:00:00", "week", 2, "2026-04-11T12:00:00"),
        ("2026-12-31T23:59:59", "day", 1, "2027-01-01T23:59:59"),
    ],
)
def test_periods(start: str, interval: str, count: int, end: str) -> None:
    assert period_end(seconds(start), interval, count) == seconds(end)


@given(
    start=st.integers(0, 2_000_000_000),
    interval=st.sampled_from(["day", "week", "month", "year"]),
    count=st.integers(1, 36),
)
def test_a_longer_period_ends_later(start: int, interval: str, count: int) -> None:
    end = period_end(start, interval, count)
    assert start < end < period_end(start, interval, count + 1)
    assert (end - start) % DAY == 0
