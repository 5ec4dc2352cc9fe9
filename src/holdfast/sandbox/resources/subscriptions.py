"""Subscriptions: items billed in periods, from the first invoice to the cancellation.

A subscription is renewed when its customer's test clock is moved, see `renewals`, and never without
one. What this sandbox leaves out: a change of items makes no prorations. A subscription whose
customer has nothing to pay with starts active, with its first invoice paid outside of Stripe.
"""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.errors import ApiError, missing_parameter
from holdfast.sandbox.resources import billing
from holdfast.sandbox.resources.authentication import refused_action
from holdfast.sandbox.resources.card_table import Failure
from holdfast.sandbox.resources.confirming import Circumstances
from holdfast.sandbox.resources.discounts import lasting, redeemed
from holdfast.sandbox.resources.invoice_lines import line_of_subscription_item, with_lines
from holdfast.sandbox.resources.invoices import parent_of
from holdfast.sandbox.resources.listing import (
    CREATED,
    Filter,
    Predicate,
    equals,
    has_choice,
    in_times,
    refers,
)
from holdfast.sandbox.resources.money import CURRENCY
from holdfast.sandbox.resources.objects import refer, save
from holdfast.sandbox.resources.operations import Resource, crud, writing
from holdfast.sandbox.resources.params import (
    ANYTHING,
    BOOLEAN,
    INTEGER,
    INTEGER_OR_UNSET,
    LIST,
    MERGED_TREE,
    TEXT,
    TREE,
    Params,
    at_least,
    fields_of,
    flag,
    integer,
    invalid,
    number,
    one_of,
)
from holdfast.sandbox.resources.payment_methods import check_default
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.resources.subscription_items import changed_items, listed, new_items
from holdfast.sandbox.state import JsonObject, Transaction

_INITIAL: Mapping[str, Any] = {
    "application": None,
    "application_fee_percent": None,
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "billing_cycle_anchor_config": None,
    "billing_mode": {"flexible": None, "type": "flexible"},
    "billing_thresholds": None,
    "cancel_at": None,
    "cancel_at_period_end": False,
    "canceled_at": None,
    "cancellation_details": {"comment": None, "feedback": None, "reason": None},
    "collection_method": "charge_automatically",
    "customer_account": None,
    "days_until_due": None,
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "ended_at": None,
    "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
    "items": listed("", []),
    "latest_invoice": None,
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "pause_collection": None,
    "payment_settings": {
        "payment_method_options": None,
        "payment_method_types": None,
        "save_default_payment_method": "off",
    },
    "pending_invoice_item_interval": None,
    "pending_setup_intent": None,
    "pending_update": None,
    "schedule": None,
    "status": "active",
    "test_clock": None,
    "transfer_data": None,
    "trial_end": None,
    "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
    "trial_start": None,
}
_DAY = 86_400
ENDED = frozenset({"canceled", "incomplete_expired"})
"""Statuses that a subscription never leaves."""
# What may still be changed once a subscription is canceled.
_ALWAYS_EDITABLE = frozenset({"cancellation_details", "expand", "metadata"})
_STATUSES = (
    "active",
    "canceled",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
)


def _create(request: Request, draft: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    _check_taken(params)
    customer = refer(tx, "customer", params["customer"], "customer")
    named = draft["default_payment_method"]
    check_default(tx, named, customer["id"], "default_payment_method")
    if draft["collection_method"] == "send_invoice" and "days_until_due" not in params:
        raise missing_parameter("days_until_due")
    trial_end = _trial_end(tx, params)
    items = new_items(tx, draft["id"], params["items"], start=tx.now, end=trial_end)
    started = {
        **draft,
        "billing_cycle_anchor": number(params, "billing_cycle_anchor", trial_end or tx.now),
        "currency": items[0]["price"]["currency"],
        "discounts": redeemed(
            tx, params.get("discounts", ""), "discounts", **_owners(customer, draft)
        ),
        "items": listed(draft["id"], items),
        "start_date": tx.now,
        "status": "active" if trial_end is None else "trialing",
        "test_clock": customer["test_clock"],
        "trial_end": trial_end,
        "trial_start": None if trial_end is None else tx.now,
    }
    return _with_first_invoice(tx, _with_cancellation(tx, started, params), customer, params)


def _owners(customer: JsonObject, subscription: JsonObject) -> dict[str, str | None]:
    return {"customer": customer["id"], "subscription": subscription["id"]}


def _check_taken(params: Mapping[str, Any]) -> None:
    if params.get("add_invoice_items"):
        raise invalid(
            "The sandbox takes no invoice items here: create them on their own.",
            "add_invoice_items",
        )


def _trial_end(tx: Transaction, params: Mapping[str, Any]) -> int | None:
    """Read when a trial ends; None when there is none."""
    if params.get("trial_end", "now") != "now":
        ends = integer(params["trial_end"], "trial_end")
        if ends <= tx.now:
            raise invalid("A trial ends in the future.", "trial_end")
        return ends
    days = number(params, "trial_period_days", 0)
    return tx.now + days * _DAY if days else None


def _with_first_invoice(
    tx: Transaction, started: JsonObject, customer: JsonObject, params: Mapping[str, Any]
) -> JsonObject:
    """Bill the first period and save everything."""
    bill = billing.finalized(tx, _first_invoice(tx, started, customer))
    started = {**started, "discounts": lasting(tx, started["discounts"])}
    status = started["status"]
    failure: Failure | None = None
    if bill.invoice["status"] != "paid" and started["collection_method"] != "send_invoice":
        bill, failure = _first_payment(tx, bill, started, params)
        status = status if bill.invoice["status"] == "paid" else "incomplete"
    strict = params.get("payment_behavior") == "error_if_incomplete"
    if failure is not None and strict:
        raise failure.refusal()
    if strict and billing.waits_for_authentication(bill):
        raise refused_action(
            "Payment for this subscription requires additional user action before it can be "
            "completed successfully.",
            "subscription_payment_intent_requires_action",
        )
    subscription = {**started, "latest_invoice": bill.invoice["id"], "status": status}
    save(tx, "create", subscription)
    billing.store(tx, bill, "create")
    return subscription


def _first_invoice(tx: Transaction, started: JsonObject, customer: JsonObject) -> JsonObject:
    draft = billing.drafted(
        tx,
        customer,
        {
            "auto_advance": True,
            "billing_reason": "subscription_create",
            "collection_method": started["collection_method"],
            "currency": started["currency"],
            "discounts": started["discounts"],
            "parent": parent_of(started["id"], started["metadata"]),
        },
    )
    if started["days_until_due"] is not None:
        draft["due_date"] = billing.due_date(tx, started["days_until_due"])
    trial = started["trial_end"] is not None
    lines = [
        line_of_subscription_item(tx, draft["id"], item, trial=trial)
        for item in started["items"]["data"]
    ]
    return with_lines(tx, draft, lines)


def _first_payment(
    tx: Transaction, bill: billing.Bill, started: JsonObject, params: Mapping[str, Any]
) -> tuple[billing.Bill, Failure | None]:
    if params.get("payment_behavior") == "default_incomplete":
        return bill, None
    named = started["default_payment_method"]
    method = billing.payer(tx, bill.invoice, named)
    if method is None:
        return billing.Bill(billing.paid_elsewhere(tx, billing.Bill(bill.invoice)).invoice), None
    circumstances = Circumstances(off_session=flag(params, "off_session"))
    return billing.collected(tx, bill, method, circumstances)


def _with_cancellation(
    tx: Transaction, subscription: JsonObject, params: Mapping[str, Any]
) -> JsonObject:
    """Take over when a subscription is to end."""
    if "cancel_at" in params and "cancel_at_period_end" in params:
        raise invalid("Send cancel_at or cancel_at_period_end, not both.", "cancel_at")
    if "cancel_at_period_end" in params:
        items = subscription["items"]["data"]
        ends = max((item["current_period_end"] for item in items), default=tx.now)
        at_end = flag(params, "cancel_at_period_end")
        return {
            **subscription,
            "cancel_at": ends if at_end else None,
            "cancel_at_period_end": at_end,
            "canceled_at": tx.now if at_end else None,
        }
    if "cancel_at" in params:
        at = subscription["cancel_at"]
        canceled_at = None if at is None else tx.now
        return {**subscription, "cancel_at_period_end": False, "canceled_at": canceled_at}
    return subscription


def _update(request: Request, old: JsonObject, new: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    if old["status"] in ENDED and not _ALWAYS_EDITABLE.issuperset(params):
        raise ApiError(
            400,
            "A canceled subscription can only update its cancellation_details and metadata.",
        )
    _check_taken(params)
    if "default_payment_method" in params:
        named = new["default_payment_method"]
        check_default(tx, named, old["customer"], "default_payment_method")
    if "items" in params:
        items = changed_items(tx, old["id"], old["items"]["data"], params["items"])
        new["items"] = listed(old["id"], items)
    if "discounts" in params:
        customer = refer(tx, "customer", old["customer"], "customer")
        owners = _owners(customer, old)
        new["discounts"] = redeemed(tx, params["discounts"], "discounts", **owners)
    if "trial_end" in params:
        trial_end = _trial_end(tx, params)
        new["trial_end"] = trial_end or tx.now
        if old["status"] in {"active", "trialing"}:
            new["status"] = "active" if trial_end is None else "trialing"
    return save(tx, "update", _with_cancellation(tx, new, params))


def _cancel(request: Request) -> JsonObject:
    tx, old = request.tx, RESOURCE.of(request)
    if old["status"] in ENDED:
        raise ApiError(
            404, f"No such subscription: '{old['id']}'", code="resource_missing", param="id"
        )
    changed = RESOURCE.changed(old, request.params)
    return save(tx, "cancel", ended(tx, changed, "cancellation_requested"))


def ended(tx: Transaction, subscription: JsonObject, reason: str) -> JsonObject:
    """Return a subscription, unsaved, as it is once it is canceled.

    Args:
        tx: the transaction.
        subscription: one that has not ended.
        reason: `cancellation_requested` or `payment_failed`.
    """
    details = subscription["cancellation_details"]
    return {
        **subscription,
        "canceled_at": subscription["canceled_at"] or tx.now,
        "cancellation_details": {**details, "reason": reason},
        "ended_at": tx.now,
        "status": "canceled",
    }


def cancel_all(tx: Transaction, customer: str) -> None:
    """Cancel what a customer is subscribed to, as when the customer is deleted."""
    for subscription in list(tx.newest_first("subscription")):
        if subscription["customer"] == customer and subscription["status"] not in ENDED:
            save(tx, "cancel", ended(tx, subscription, "cancellation_requested"))


def _in_status(_tx: Transaction, value: Any, _name: str) -> Predicate:
    if value == "all":
        return lambda _subscription: True
    if value == "ended":
        return lambda subscription: subscription["status"] in ENDED
    if value == _NOT_CANCELED:
        return lambda subscription: subscription["status"] != "canceled"
    return lambda subscription: bool(subscription["status"] == value)


def _with_price(tx: Transaction, value: Any, name: str) -> Predicate:
    refer(tx, "price", value, name)
    return lambda subscription: any(
        item["price"]["id"] == value for item in subscription["items"]["data"]
    )


def _in_period(of: str) -> Filter:
    """Keep subscriptions with an item whose period starts or ends within the given bounds."""
    times = in_times(of)

    def predicate(tx: Transaction, value: Any, name: str) -> Predicate:
        keeps = times.predicate(tx, value, name)
        return lambda subscription: any(keeps(item) for item in subscription["items"]["data"])

    return Filter(times.field, predicate)


# What a list shows when no status is asked for; no text a client can send.
_NOT_CANCELED = "not canceled"
_COLLECTION = ("charge_automatically", "send_invoice")

_TAKEN = {
    **fields_of(ANYTHING, "add_invoice_items", "billing_schedules"),
    **fields_of(BOOLEAN, "off_session", "trial_from_plan"),
    "items": LIST,
    "payment_behavior": one_of(
        "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"
    ),
    "proration_behavior": one_of("always_invoice", "create_prorations", "none"),
    "trial_end": TEXT,
}

RESOURCE = Resource(
    kind="subscription",
    plural="subscriptions",
    prefix="sub",
    id_name="subscription",
    initial=_INITIAL,
    fields={
        **fields_of(TEXT, "application_fee_percent", "default_payment_method", "default_source"),
        **fields_of(TEXT, "description", "on_behalf_of"),
        **fields_of(LIST, "default_tax_rates", "discounts"),
        **fields_of(MERGED_TREE, "automatic_tax", "invoice_settings", "payment_settings"),
        "trial_settings": MERGED_TREE,
        **fields_of(TREE, "billing_thresholds", "pending_invoice_item_interval", "transfer_data"),
        "cancel_at": INTEGER_OR_UNSET,
        "cancel_at_period_end": BOOLEAN,
        "collection_method": one_of(*_COLLECTION),
        "days_until_due": at_least(0),
    },
    at_creation={"customer": TEXT, "billing_cycle_anchor_config": TREE},
    by_update={"cancellation_details": MERGED_TREE, "pause_collection": TREE},
    create_extra={
        **_TAKEN,
        "backdate_start_date": INTEGER,
        "billing_cycle_anchor": INTEGER,
        "billing_mode": TREE,
        "currency": CURRENCY,
        "trial_period_days": at_least(1),
    },
    update_extra={
        **_TAKEN,
        "billing_cycle_anchor": one_of("now", "unchanged"),
        "proration_date": INTEGER,
    },
    required=("customer", "items"),
    filters={
        "created": CREATED,
        "collection_method": has_choice(*_COLLECTION),
        "customer": refers("customer"),
        "current_period_end": _in_period("current_period_end"),
        "current_period_start": _in_period("current_period_start"),
        "plan": Filter(TEXT, _with_price),
        "price": Filter(TEXT, _with_price),
        "test_clock": equals(),
        "status": Filter(one_of("all", "ended", *_STATUSES), _in_status),
    },
    list_defaults={"status": _NOT_CANCELED},
    create=_create,
    update=_update,
)
_CANCEL = Params(
    {**fields_of(BOOLEAN, "invoice_now", "prorate"), "cancellation_details": MERGED_TREE}
)

OPERATIONS: tuple[Operation, ...] = (
    *crud(RESOURCE),
    writing("subscriptions.cancel", RESOURCE.item_url, _CANCEL, _cancel, method="DELETE"),
)
