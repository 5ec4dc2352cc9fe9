"""Test clocks: what the passing of time does to subscriptions and their invoices."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sandbox.resources.periods import next_boundary, period_end

PATH = "/v1/test_helpers/test_clocks"
DAY = 86_400
HOUR = 3_600
START = int(datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp())


@pytest.fixture
def clock(desk: Any) -> Any:
    return desk.post(PATH, frozen_time=START, name="May")


def advance(desk: Any, clock: Any, to: int) -> Any:
    return desk.post(f"{PATH}/{clock['id']}/advance", frozen_time=to)


def subscribe(desk: Any, clock: Any, price: Any, card: str = "pm_card_visa", **params: Any) -> Any:
    customer = desk.post("/v1/customers", test_clock=clock["id"])["id"]
    method = desk.post(f"/v1/payment_methods/{card}/attach", customer=customer)["id"]
    return desk.post(
        "/v1/subscriptions",
        customer=customer,
        items=[{"price": price["id"]}],
        default_payment_method=method,
        **params,
    )


def shown(desk: Any, subscription: Any) -> Any:
    return desk.get(f"/v1/subscriptions/{subscription['id']}", expand=["latest_invoice"])


def pay_with(desk: Any, subscription: Any, card: str) -> str:
    """Make a card the default of a subscription; one that a customer can keep."""
    method = desk.post(f"/v1/payment_methods/{card}/attach", customer=subscription["customer"])[
        "id"
    ]
    path = f"/v1/subscriptions/{subscription['id']}"
    desk.post(path, default_payment_method=method)
    return str(method)


def test_a_clock(desk: Any, clock: Any) -> None:
    assert (clock["frozen_time"], clock["name"], clock["status"]) == (START, "May", "ready")
    assert clock["id"].startswith("clock_")
    assert clock["deletes_after"] > clock["created"] == desk.now
    moved = advance(desk, clock, START + DAY)
    assert (moved["frozen_time"], moved["status"]) == (START + DAY, "ready")
    path = f"{PATH}/{clock['id']}"
    assert desk.get(path) == moved
    error = desk.refused("POST", f"{path}/advance", frozen_time=START)
    assert (error.status, error.param) == (400, "frozen_time")
    assert desk.refused("POST", f"{path}/advance", frozen_time=START + 732 * DAY).status == 400
    assert len(desk.get(PATH)["data"]) == 1


def test_what_belongs_to_a_clock_lives_in_its_time(desk: Any, clock: Any, monthly: Any) -> None:
    made = subscribe(desk, clock, monthly)
    assert (made["test_clock"], made["created"]) == (clock["id"], START)
    invoice = shown(desk, made)["latest_invoice"]
    assert (invoice["test_clock"], invoice["created"]) == (clock["id"], START)
    assert desk.get(f"/v1/customers/{made['customer']}")["created"] == START
    assert desk.post("/v1/customers")["created"] == desk.now
    assert [each["id"] for each in desk.get("/v1/subscriptions", test_clock=clock["id"])["data"]]
    assert desk.refused("POST", "/v1/customers", test_clock="clock_0").param == "test_clock"


def test_a_renewal(desk: Any, clock: Any, monthly: Any) -> None:
    made = subscribe(desk, clock, monthly)
    ends = made["items"]["data"][0]["current_period_end"]
    assert datetime.fromtimestamp(ends, UTC).day == 28
    advance(desk, clock, ends + 10)
    renewed = shown(desk, made)
    (item,) = renewed["items"]["data"]
    assert (renewed["status"], item["current_period_start"]) == ("active", ends)
    end = datetime.fromtimestamp(item["current_period_end"], UTC)
    assert (end.month, end.day) == (3, 31)
    draft = renewed["latest_invoice"]
    assert (draft["status"], draft["billing_reason"], draft["total"]) == (
        "draft",
        "subscription_cycle",
        1500,
    )
    advance(desk, clock, ends + HOUR)
    paid = shown(desk, made)["latest_invoice"]
    assert (paid["id"], paid["status"], paid["amount_paid"]) == (draft["id"], "paid", 1500)
    assert paid["status_transitions"]["paid_at"] == ends + HOUR
    charges = desk.get("/v1/charges", customer=made["customer"])["data"]
    assert [charge["amount"] for charge in charges] == [1500, 1500]


def test_pending_items_and_discounts_take_part(desk: Any, clock: Any, monthly: Any) -> None:
    desk.post("/v1/coupons", id="HALF", percent_off=50, duration="repeating", duration_in_months=1)
    made = subscribe(desk, clock, monthly, discounts=[{"coupon": "HALF"}])
    assert shown(desk, made)["latest_invoice"]["total"] == 750
    desk.post("/v1/invoiceitems", customer=made["customer"], amount=200, currency="usd")
    advance(desk, clock, START + 33 * DAY)
    renewed = shown(desk, made)["latest_invoice"]
    assert (renewed["total"], renewed["status"]) == (1700, "paid")  # the months are over


def test_a_payment_that_fails_and_then_succeeds(desk: Any, clock: Any, monthly: Any) -> None:
    made = subscribe(desk, clock, monthly)
    pay_with(desk, made, "pm_card_chargeCustomerFail")
    advance(desk, clock, START + 30 * DAY)
    late = shown(desk, made)
    invoice = late["latest_invoice"]
    assert (late["status"], invoice["status"], invoice["attempt_count"]) == ("past_due", "open", 1)
    assert invoice["next_payment_attempt"] > START + 30 * DAY
    pay_with(desk, made, "pm_card_visa")
    advance(desk, clock, invoice["next_payment_attempt"])
    again = shown(desk, made)
    assert (again["status"], again["latest_invoice"]["status"]) == ("active", "paid")
    assert again["latest_invoice"]["attempt_count"] == 2


def test_a_payment_that_never_succeeds(desk: Any, clock: Any, monthly: Any) -> None:
    made = subscribe(desk, clock, monthly)
    pay_with(desk, made, "pm_card_chargeCustomerFail")
    advance(desk, clock, START + 45 * DAY)
    ended = shown(desk, made)
    assert ended["status"] == "canceled"
    assert ended["cancellation_details"]["reason"] == "payment_failed"
    assert ended["latest_invoice"]["attempt_count"] == 4
    assert ended["latest_invoice"]["next_payment_attempt"] is None
    types = desk.types()
    assert types.count("invoice.payment_failed") == 4
    assert types.count("customer.subscription.deleted") == 1
    assert types[-1] == "test_helpers.test_clock.ready"


def test_nothing_to_pay_with(desk: Any, clock: Any, monthly: Any) -> None:
    customer = desk.post("/v1/customers", test_clock=clock["id"])["id"]
    items = [{"price": monthly["id"]}]
    made = desk.post("/v1/subscriptions", customer=customer, items=items)
    advance(desk, clock, START + 30 * DAY)
    assert shown(desk, made)["status"] == "past_due"


def test_cancellations(desk: Any, clock: Any, monthly: Any) -> None:
    at_end = subscribe(desk, clock, monthly, cancel_at_period_end=True)
    at = subscribe(desk, clock, monthly, cancel_at=START + 5 * DAY)
    advance(desk, clock, START + 6 * DAY)
    assert (shown(desk, at)["status"], shown(desk, at)["ended_at"]) == (
        "canceled",
        START + 5 * DAY,
    )
    assert shown(desk, at_end)["status"] == "active"
    advance(desk, clock, START + 30 * DAY)
    assert shown(desk, at_end)["status"] == "canceled"
    assert len(desk.get("/v1/invoices", customer=at_end["customer"])["data"]) == 1


def test_a_first_invoice_that_is_never_paid(desk: Any, clock: Any, monthly: Any) -> None:
    made = subscribe(desk, clock, monthly, payment_behavior="default_incomplete")
    advance(desk, clock, START + 22 * HOUR)
    assert shown(desk, made)["status"] == "incomplete"
    advance(desk, clock, START + 23 * HOUR)
    ended = shown(desk, made)
    assert (ended["status"], ended["latest_invoice"]["status"]) == ("incomplete_expired", "void")


def test_the_end_of_a_trial(desk: Any, clock: Any, monthly: Any) -> None:
    made = subscribe(desk, clock, monthly, trial_period_days=7)
    assert made["status"] == "trialing"
    advance(desk, clock, START + 7 * DAY + HOUR)
    over = shown(desk, made)
    assert (over["status"], over["latest_invoice"]["amount_paid"]) == ("active", 1500)
    assert over["items"]["data"][0]["current_period_start"] == START + 7 * DAY


@pytest.mark.parametrize(("behavior", "status"), [("cancel", "canceled"), ("pause", "paused")])
def test_a_trial_without_anything_to_pay_with(
    desk: Any, clock: Any, monthly: Any, behavior: str, status: str
) -> None:
    customer = desk.post("/v1/customers", test_clock=clock["id"])["id"]
    made = desk.post(
        "/v1/subscriptions",
        customer=customer,
        items=[{"price": monthly["id"]}],
        trial_period_days=7,
        trial_settings={"end_behavior": {"missing_payment_method": behavior}},
    )
    advance(desk, clock, START + 8 * DAY)
    assert shown(desk, made)["status"] == status


def test_an_invoice_that_is_sent(desk: Any, clock: Any, monthly: Any) -> None:
    made = subscribe(desk, clock, monthly, collection_method="send_invoice", days_until_due=3)
    assert shown(desk, made)["latest_invoice"]["status"] == "open"
    advance(desk, clock, START + 4 * DAY)
    assert shown(desk, made)["status"] == "past_due"
    desk.post(f"/v1/invoices/{made['latest_invoice']}/pay")
    assert shown(desk, made)["status"] == "active"


def test_a_jump_is_bounded_by_the_shortest_subscription(
    desk: Any, clock: Any, monthly: Any
) -> None:
    subscribe(desk, clock, monthly)
    path = f"{PATH}/{clock['id']}/advance"
    assert desk.refused("POST", path, frozen_time=START + 61 * DAY).param == "frozen_time"
    advance(desk, clock, START + 58 * DAY)
    assert len(desk.get("/v1/invoices")["data"]) == 2


def test_deleting_a_clock(desk: Any, clock: Any, monthly: Any) -> None:
    made = subscribe(desk, clock, monthly)
    assert desk.delete(f"{PATH}/{clock['id']}")["deleted"] is True
    assert shown(desk, made)["status"] == "canceled"
    assert desk.get(f"/v1/customers/{made['customer']}")["deleted"] is True
    assert desk.refused("GET", f"{PATH}/{clock['id']}").status == 404


def test_a_customer_joins_a_clock(desk: Any, customer: Any) -> None:
    made = desk.post(PATH, frozen_time=START, customer=customer["id"])
    assert desk.get(f"/v1/customers/{customer['id']}")["test_clock"] == made["id"]


def test_a_write_waits_while_the_clock_moves(desk: Any, clock: Any, monthly: Any) -> None:
    made = subscribe(desk, clock, monthly)
    for path in (f"/v1/subscriptions/{made['id']}", f"/v1/customers/{made['customer']}"):
        assert clock["id"] in desk.locks("POST", path)
    moving = desk.locks("POST", f"{PATH}/{clock['id']}/advance", frozen_time=START + 1)
    assert moving == [clock["id"]]


@given(
    anchor=st.integers(0, 2_000_000_000),
    ahead=st.integers(0, 300_000_000),
    interval=st.sampled_from(["day", "week", "month", "year"]),
    count=st.integers(1, 12),
)
def test_the_next_boundary_is_the_first_behind_an_instant(
    anchor: int, ahead: int, interval: str, count: int
) -> None:
    after = anchor + ahead
    found = next_boundary(anchor, after, interval, count)
    assert found > after
    boundaries = {anchor}
    periods = 0
    while max(boundaries) < found:
        periods += 1
        boundaries.add(period_end(anchor, interval, count * periods))
    assert found in boundaries
    assert sorted(boundaries)[-2] <= after
