"""Events: which changes make which, and how they are listed."""

from typing import Any

import pytest
from stripe.params import WebhookEndpointCreateParams

from holdfast.sandbox.changes import Change
from holdfast.sandbox.events import EVENT_TYPES, EventLog

PATH = "/v1/events"


def test_every_type_is_one_of_stripes() -> None:
    known = str(WebhookEndpointCreateParams.__annotations__["enabled_events"])
    assert [each for each in sorted(EVENT_TYPES) if f"'{each}'" not in known] == []


def test_a_payment(desk: Any, customer: Any) -> None:
    intent = desk.post("/v1/payment_intents", amount=500, currency="usd", customer=customer["id"])
    path = f"/v1/payment_intents/{intent['id']}"
    desk.declined(f"{path}/confirm", payment_method="pm_card_chargeDeclined")
    desk.post(f"{path}/confirm", payment_method="pm_card_visa")
    desk.post("/v1/refunds", payment_intent=intent["id"], amount=100)
    assert desk.types() == [
        "customer.created",
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "charge.succeeded",
        "payment_intent.succeeded",
        "refund.created",
        "charge.updated",
        "charge.refunded",
    ]


def test_a_manual_capture_and_a_cancellation(desk: Any) -> None:
    held = {
        "amount": 500,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "capture_method": "manual",
    }
    one = desk.post("/v1/payment_intents", **held)["id"]
    desk.post(f"/v1/payment_intents/{one}/capture")
    two = desk.post("/v1/payment_intents", **held)["id"]
    desk.post(f"/v1/payment_intents/{two}/cancel")
    types = desk.types()
    assert types.count("payment_intent.amount_capturable_updated") == 2
    assert types.count("charge.captured") == 1
    assert types[-1] == "payment_intent.canceled"


def test_a_customer(desk: Any, customer: Any) -> None:
    path = f"/v1/customers/{customer['id']}"
    desk.post(path, name="Jo", shipping={"name": "Jo", "address": {"city": "Oslo"}})
    desk.post("/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])
    desk.delete(path)
    deleted, attached, updated, created = desk.get(PATH)["data"]
    assert [each["type"] for each in (created, updated, attached, deleted)] == [
        "customer.created",
        "customer.updated",
        "payment_method.attached",
        "customer.deleted",
    ]
    assert created["data"] == {"object": customer}
    assert created["id"].startswith("evt_")
    assert len(created["id"]) == 28
    assert (created["object"], created["pending_webhooks"]) == ("event", 0)
    assert created["api_version"] == "2026-10-28.endive"
    assert updated["data"]["previous_attributes"] == {"name": None, "shipping": None}
    assert deleted["data"]["object"]["name"] == "Jo"
    assert desk.get(f"{PATH}/{updated['id']}") == updated
    for named in ("evt_0", f"{updated['id'][:-1]}9", "evt_" + "x" * 24):
        assert desk.refused("GET", f"{PATH}/{named}").status == 404
    assert desk.on("acct_1").refused("GET", f"{PATH}/{updated['id']}").status == 404


def test_an_update_that_changes_a_part(desk: Any, customer: Any) -> None:
    path = f"/v1/customers/{customer['id']}"
    desk.post(path, address={"city": "Oslo", "line1": "1 Road"})
    desk.post(path, address={"city": "Bergen", "line1": "1 Road"})
    latest = desk.get(PATH, limit=1)["data"][0]
    assert latest["data"]["previous_attributes"] == {"address": {"city": "Oslo"}}


def test_a_subscription(desk: Any, monthly: Any) -> None:
    payer = desk.post("/v1/customers", source="tok_visa")["id"]
    made = desk.post("/v1/subscriptions", customer=payer, items=[{"price": monthly["id"]}])
    before = len(desk.types())
    desk.delete(f"/v1/subscriptions/{made['id']}")
    types = desk.types()
    assert types[before:] == ["customer.subscription.deleted"]
    for named in (
        "customer.source.created",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "payment_intent.succeeded",
        "price.created",
        "product.created",
    ):
        assert types.count(named) == 1, named


@pytest.mark.parametrize(
    ("verb", "named"),
    [
        ("void", "invoice.voided"),
        ("mark_uncollectible", "invoice.marked_uncollectible"),
        ("finalize", "invoice.finalized"),
    ],
)
def test_an_invoice(desk: Any, customer: Any, verb: str, named: str) -> None:
    invoice = desk.post("/v1/invoices", customer=customer["id"])["id"]
    item = {"customer": customer["id"], "amount": 5, "currency": "usd", "invoice": invoice}
    desk.post("/v1/invoiceitems", **item)
    desk.post(f"/v1/invoices/{invoice}/finalize")
    if verb != "finalize":
        desk.post(f"/v1/invoices/{invoice}/{verb}")
    types = desk.types()
    assert named in types
    assert types[types.index("invoice.created") + 1 :][:2] == [
        "invoiceitem.created",
        "invoice.updated",
    ]


def test_a_draft_that_is_deleted(desk: Any, customer: Any) -> None:
    invoice = desk.post("/v1/invoices", customer=customer["id"])["id"]
    desk.delete(f"/v1/invoices/{invoice}")
    event = desk.get(PATH, type="invoice.deleted")["data"][0]
    assert event["data"]["object"]["id"] == invoice


def test_what_is_refused_makes_no_event(desk: Any, customer: Any) -> None:
    desk.refused("POST", f"/v1/customers/{customer['id']}", nothing="x")
    desk.refused("POST", "/v1/payment_intents", amount=0, currency="usd")
    assert desk.types() == ["customer.created"]


def test_lists_are_filtered_and_paged(desk: Any) -> None:
    for number in range(5):
        desk.post("/v1/customers", name=str(number))
    desk.post("/v1/products", name="Gold")
    first = desk.get(PATH, type="customer.created", limit=2)
    assert [each["data"]["object"]["name"] for each in first["data"]] == ["4", "3"]
    assert first["has_more"] is True
    rest = desk.get(PATH, type="customer.created", starting_after=first["data"][-1]["id"])
    assert [each["data"]["object"]["name"] for each in rest["data"]] == ["2", "1", "0"]
    both = desk.get(PATH, types=["customer.created", "product.created"])
    assert len(both["data"]) == 6
    assert desk.get(PATH, created={"gt": desk.now})["data"] == []
    assert len(desk.get(PATH, delivery_success=True)["data"]) == 6
    assert desk.get(PATH, delivery_success=False)["data"] == []


def test_the_log_is_bounded() -> None:
    log = EventLog("s" * 14, "2026-10-28.endive", kept=3)
    for number in range(5):
        change = Change("acct", "customer", None, {"id": f"cus_{number}"}, 1, False)
        assert log.note([change]) == range(number, number + 1)
    events = list(log.newest_first("acct"))
    assert [each["data"]["object"]["id"] for each in events] == ["cus_4", "cus_3", "cus_2"]
    assert [log.event("acct", each["id"]) for each in events] == events
    gone = events[-1]["id"][:-10] + f"{8:010d}"
    assert log.event("acct", gone) is None
    assert next(log.ids(range(5)))[0] == events[-1]["id"]
    log.clear()
    assert list(log.newest_first("acct")) == []
