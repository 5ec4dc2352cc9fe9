"""What becomes due as the time of a test clock moves: renewals, collections, ends.

The subscriptions are billed as Stripe bills them (https://docs.stripe.com/billing/subscriptions):
at the end of a period there is a draft invoice, which is finalized and collected an hour later. A
payment that fails makes the subscription past due and is tried again after 3, 5 and 7 more days;
when all fail, the subscription is canceled. Stripe leaves these days and this end to the account's
settings; here they are our choice.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from holdfast.sandbox.resources import billing
from holdfast.sandbox.resources.confirming import OFF_SESSION
from holdfast.sandbox.resources.discounts import in_force, lasting
from holdfast.sandbox.resources.invoice_lines import line_of_subscription_item, with_lines
from holdfast.sandbox.resources.invoices import parent_of, with_pending_items
from holdfast.sandbox.resources.objects import fetch, save
from holdfast.sandbox.resources.periods import next_boundary
from holdfast.sandbox.resources.settlement import activate, subscription_id
from holdfast.sandbox.resources.subscription_items import listed
from holdfast.sandbox.resources.subscriptions import ended
from holdfast.sandbox.state import JsonObject, Transaction

_HOUR = 3600
_DAY = 24 * _HOUR
FINALIZED_AFTER = _HOUR
INCOMPLETE_FOR = 23 * _HOUR
RETRY_AFTER_DAYS = (3, 5, 7)
_RUNNING = frozenset({"active", "past_due", "trialing"})

Step = Callable[[Transaction, JsonObject], None]


class Due(NamedTuple):
    """What happens to an object at an instant, in unix seconds."""

    at: int
    step: Step
    obj: JsonObject


def settle_until(tx: Transaction, clock: str, until: int) -> None:
    """Let happen, one after the other, all that becomes due on a test clock until an instant.

    Args:
        tx: the transaction; its time is moved along, to `until` in the end.
        clock: the id of the test clock.
        until: unix seconds.
    """
    while True:
        due = min(_due(tx, clock), key=lambda each: each.at, default=None)
        if due is None or due.at > until:
            break
        tx.now = max(tx.now, due.at)
        due.step(tx, due.obj)
        tx.milestone()
    tx.now = until


def _due(tx: Transaction, clock: str) -> Iterator[Due]:
    """The next step of every object of a clock; of two at one instant the first comes first."""
    for subscription in tx.newest_first("subscription"):
        if subscription["test_clock"] == clock:
            yield from _due_of_subscription(subscription)
    for invoice in tx.newest_first("invoice"):
        if invoice["test_clock"] == clock:
            yield from _due_of_invoice(tx, invoice)


def _due_of_subscription(subscription: JsonObject) -> Iterator[Due]:
    if subscription["status"] == "incomplete":
        yield Due(subscription["created"] + INCOMPLETE_FOR, _expire, subscription)
    if subscription["status"] not in _RUNNING:
        return
    if subscription["cancel_at"] is not None:
        yield Due(subscription["cancel_at"], _end, subscription)
    if subscription["status"] == "trialing":
        yield Due(subscription["trial_end"], _renew, subscription)
    else:
        items = subscription["items"]["data"]
        yield Due(min(item["current_period_end"] for item in items), _renew, subscription)


def _due_of_invoice(tx: Transaction, invoice: JsonObject) -> Iterator[Due]:
    if invoice["status"] == "draft" and invoice["auto_advance"]:
        at = invoice["automatically_finalizes_at"]
        if at is not None:
            yield Due(at, _finalize, invoice)
    if invoice["status"] != "open":
        return
    if invoice["next_payment_attempt"] is not None:
        yield Due(invoice["next_payment_attempt"], _collect_open, invoice)
    billed = subscription_id(invoice)
    subscription = tx.get("subscription", billed) if billed else None
    if (
        invoice["collection_method"] == "send_invoice"
        and invoice["due_date"] is not None
        and subscription is not None
        and subscription["status"] == "active"
    ):
        yield Due(invoice["due_date"], _overdue, invoice)


def _renew(tx: Transaction, subscription: JsonObject) -> None:
    """Begin the next period and draft the invoice for it."""
    if subscription["status"] == "trialing" and not _goes_on(tx, subscription):
        return
    items = [_renewed(tx, subscription, item) for item in subscription["items"]["data"]]
    begun = [item for item in items if item["current_period_start"] == tx.now]
    customer = fetch(tx, "customer", subscription["customer"])
    fields: dict[str, Any] = {
        "auto_advance": subscription["pause_collection"] is None,
        "automatically_finalizes_at": tx.now + FINALIZED_AFTER,
        "billing_reason": "subscription_cycle",
        "collection_method": subscription["collection_method"],
        "currency": subscription["currency"],
        "discounts": in_force(tx, subscription["discounts"]),
        "parent": parent_of(subscription["id"], subscription["metadata"]),
    }
    draft = billing.drafted(tx, customer, fields)
    if subscription["days_until_due"] is not None:
        draft["due_date"] = billing.due_date(tx, subscription["days_until_due"])
    lines = [line_of_subscription_item(tx, draft["id"], item, trial=False) for item in begun]
    invoice = with_pending_items(tx, with_lines(tx, draft, lines))
    save(tx, "create", invoice)
    trial_over = subscription["status"] == "trialing"
    changes = {
        "discounts": lasting(tx, fields["discounts"]),
        "items": listed(subscription["id"], items),
        "latest_invoice": invoice["id"],
        "status": "active" if trial_over else subscription["status"],
    }
    save(tx, "update", {**subscription, **changes})


def _renewed(tx: Transaction, subscription: JsonObject, item: JsonObject) -> JsonObject:
    """Return an item in its next period if its present one is over."""
    trialing = subscription["status"] == "trialing"
    if item["current_period_end"] > tx.now and not trialing:
        return item
    rhythm = item["price"]["recurring"]
    anchor = min(subscription["billing_cycle_anchor"], tx.now)
    ends = next_boundary(anchor, tx.now, rhythm["interval"], rhythm["interval_count"])
    return {**item, "current_period_end": ends, "current_period_start": tx.now}


def _goes_on(tx: Transaction, subscription: JsonObject) -> bool:
    """Whether a subscription goes on after its trial, as its `trial_settings` say."""
    behavior = (subscription["trial_settings"] or {}).get("end_behavior") or {}
    wanted = behavior.get("missing_payment_method", "create_invoice")
    if wanted == "create_invoice" or billing.has_payer(tx, subscription):
        return True
    if wanted == "pause":
        save(tx, "pause", {**subscription, "status": "paused"})
    else:
        _end(tx, subscription)
    return False


def _end(tx: Transaction, subscription: JsonObject) -> None:
    save(tx, "cancel", ended(tx, subscription, "cancellation_requested"))


def _expire(tx: Transaction, subscription: JsonObject) -> None:
    """Give up on a subscription whose first invoice was never paid."""
    expired = {"ended_at": tx.now, "status": "incomplete_expired"}
    save(tx, "expire", {**subscription, **expired})
    invoice = fetch(tx, "invoice", subscription["latest_invoice"])
    if invoice["status"] == "open":
        bill = billing.voided(tx, billing.bill_of(tx, invoice))
        billing.store(tx, bill, "void")


def _finalize(tx: Transaction, invoice: JsonObject) -> None:
    bill = billing.finalized(tx, invoice)
    if bill.invoice["status"] == "paid" or invoice["collection_method"] == "send_invoice":
        billing.store(tx, bill, "finalize")
    else:
        _collect(tx, bill)


def _collect_open(tx: Transaction, invoice: JsonObject) -> None:
    _collect(tx, billing.bill_of(tx, invoice))


def _collect(tx: Transaction, bill: billing.Bill) -> None:
    """Try to collect a bill without the customer, and see what that means for the subscription."""
    method = billing.payer(tx, bill.invoice)
    if method is None:
        after = billing.tried(bill)
    else:
        after, _ = billing.collected(tx, bill, method, OFF_SESSION)
    if after.invoice["status"] == "paid":
        activate(tx, billing.store(tx, after, "pay"))
        return
    tries = after.invoice["attempt_count"]
    waits = dict(enumerate(RETRY_AFTER_DAYS, 1))
    again = tx.now + waits[tries] * _DAY if tries in waits else None
    billing.store(tx, after.with_invoice(next_payment_attempt=again), "update")
    billed = subscription_id(after.invoice)
    subscription = tx.get("subscription", billed) if billed else None
    if subscription is None or subscription["status"] not in _RUNNING:
        return
    if again is None:
        save(tx, "cancel", ended(tx, subscription, "payment_failed"))
    else:
        save(tx, "update", {**subscription, "status": "past_due"})


def _overdue(tx: Transaction, invoice: JsonObject) -> None:
    billed = fetch(tx, "subscription", subscription_id(invoice) or "")
    save(tx, "update", {**billed, "status": "past_due"})
