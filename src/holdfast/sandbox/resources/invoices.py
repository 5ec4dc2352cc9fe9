"""Invoices and their state machine: draft, open, paid, void, uncollectible.

Source of the states: https://docs.stripe.com/invoicing/overview#invoice-statuses.
"""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.errors import ApiError, Declined, missing_parameter
from holdfast.sandbox.resources import billing
from holdfast.sandbox.resources.confirming import Circumstances
from holdfast.sandbox.resources.discounts import in_force, redeemed
from holdfast.sandbox.resources.invoice_lines import items_on, with_item, with_lines
from holdfast.sandbox.resources.listing import (
    CREATED,
    Filter,
    Predicate,
    equals,
    has_choice,
    in_times,
    list_params,
    page,
    refers,
)
from holdfast.sandbox.resources.money import CURRENCY
from holdfast.sandbox.resources.objects import discard, fetch, refer, save
from holdfast.sandbox.resources.operations import (
    Resource,
    action,
    crud,
    delete_operation,
    list_operation,
    reading,
    retrieve_operation,
)
from holdfast.sandbox.resources.params import (
    ANYTHING,
    BOOLEAN,
    INTEGER,
    INTEGER_OR_UNSET,
    TEXT,
    TREE,
    Params,
    at_least,
    fields_of,
    flag,
    number,
    one_of,
    subtree,
)
from holdfast.sandbox.resources.payment_methods import check_default
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.resources.settlement import PAYABLE, activate, subscription_id
from holdfast.sandbox.state import JsonObject, Transaction

# What may still be changed once an invoice is finalized.
_ALWAYS_EDITABLE = frozenset(
    {"auto_advance", "default_payment_method", "default_source", "expand", "metadata"}
)


def not_editable(invoice: JsonObject) -> ApiError:
    """The invoice is finalized, so its content cannot change any more."""
    return ApiError(
        400,
        f"Invoice {invoice['id']} is {invoice['status']}: only a draft can be changed in this way.",
        code="invoice_not_editable",
    )


def _create(request: Request, draft: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    subscription = params.get("subscription")
    billed = refer(tx, "subscription", subscription, "subscription") if subscription else None
    owner = params.get("customer") or (billed and billed["customer"])
    if not owner:
        raise missing_parameter("customer")
    customer = refer(tx, "customer", owner, "customer")
    currency = params.get("currency", "").lower() or customer["currency"] or "usd"
    draft["discounts"] = _discounts(tx, draft["id"], customer, billed, params)
    new = billing.addressed(tx, {**draft, **_sending(tx, params), "currency": currency}, customer)
    _check_default(tx, new)
    if billed is not None:
        new["parent"] = parent_of(billed["id"], billed["metadata"])
    if params.get("pending_invoice_items_behavior") == "include":
        new = with_pending_items(tx, new)
    return save(tx, "create", new)


def _discounts(
    tx: Transaction,
    invoice: str,
    customer: JsonObject,
    billed: JsonObject | None,
    params: Mapping[str, Any],
) -> list[str]:
    """Return an invoice's discounts: those that were asked for, or those of its subscription."""
    if "discounts" in params:
        return redeemed(
            tx, params["discounts"], "discounts", customer=customer["id"], invoice=invoice
        )
    return in_force(tx, billed["discounts"]) if billed is not None else []


def _check_default(tx: Transaction, invoice: JsonObject) -> None:
    named = invoice["default_payment_method"]
    check_default(tx, named, invoice["customer"], "default_payment_method")


def parent_of(subscription: str, metadata: JsonObject) -> JsonObject:
    """Return the `parent` of an invoice that bills a subscription."""
    return {
        "quote_details": None,
        "subscription_details": {"metadata": metadata, "subscription": subscription},
        "type": "subscription_details",
    }


def _sending(tx: Transaction, params: Mapping[str, Any]) -> JsonObject:
    """Read when an invoice that is sent is due."""
    if params.get("collection_method") != "send_invoice":
        return {}
    if params.get("due_date"):
        return {"due_date": int(params["due_date"])}
    if "days_until_due" not in params:
        raise missing_parameter("days_until_due")
    return {"due_date": billing.due_date(tx, number(params, "days_until_due", 0))}


def with_pending_items(tx: Transaction, invoice: JsonObject) -> JsonObject:
    """Put a customer's pending items on a draft, and return the draft, unsaved."""
    pending = [
        item
        for item in tx.newest_first("invoiceitem")
        if item["invoice"] is None
        and item["customer"] == invoice["customer"]
        and item["currency"] == invoice["currency"]
    ]
    for item in reversed(pending):
        taken = save(tx, "update", {**item, "invoice": invoice["id"]})
        invoice = with_item(tx, invoice, taken)
    return invoice


def _update(request: Request, old: JsonObject, new: JsonObject) -> JsonObject:
    if old["status"] != "draft" and not _ALWAYS_EDITABLE.issuperset(request.params):
        raise not_editable(old)
    tx, params = request.tx, request.params
    if "default_payment_method" in params:
        _check_default(tx, new)
    if "days_until_due" in params:
        new["due_date"] = billing.due_date(tx, number(params, "days_until_due", 0))
    if "discounts" in params:
        customer = fetch(tx, "customer", old["customer"])
        new["discounts"] = _discounts(tx, old["id"], customer, None, params)
        new = with_lines(tx, new, old["lines"]["data"])
    return save(tx, "update", new)


def _finalize(request: Request) -> JsonObject:
    tx, invoice = request.tx, RESOURCE.of(request)
    if invoice["status"] != "draft":
        raise ApiError(
            400,
            f"This invoice is already finalized: its status is {invoice['status']}.",
            code="invoice_not_editable",
        )
    advance = flag(request.params, "auto_advance", invoice["auto_advance"])
    bill = billing.finalized(tx, {**invoice, "auto_advance": advance})
    return billing.store(tx, bill, "finalize")


def _pay(request: Request) -> JsonObject:
    tx, params = request.tx, request.params
    invoice = RESOURCE.of(request)
    if invoice["status"] not in PAYABLE and invoice["status"] != "draft":
        raise ApiError(
            400,
            "Invoice is already paid"
            if invoice["status"] == "paid"
            else f"An invoice whose status is {invoice['status']} cannot be paid.",
        )
    draft = invoice["status"] == "draft"
    bill = billing.finalized(tx, invoice) if draft else billing.bill_of(tx, invoice)
    if bill.invoice["status"] == "paid":
        return billing.store(tx, bill, "pay")
    if flag(params, "paid_out_of_band"):
        return _paid(tx, billing.paid_elsewhere(tx, bill))
    named = params.get("payment_method") or params.get("source")
    method = billing.payer(tx, bill.invoice, named)
    if method is None:
        raise ApiError(
            400,
            "There is no default payment method on the invoice, its subscription or its customer. "
            "Set one, or pay with a payment_method.",
        )
    circumstances = Circumstances(off_session=flag(params, "off_session"))
    after, failure = billing.collected(tx, bill, method, circumstances)
    if billing.waits_for_authentication(after):
        billing.store(tx, after, "update")
        raise Declined(
            "This payment requires additional user action before it can be completed "
            "successfully. Payment can be completed using the PaymentIntent associated with the "
            "invoice.",
            code="invoice_payment_intent_requires_action",
            extra={"invoice": invoice["id"], "payment_intent": after.intent},
        )
    if failure is None:
        return _paid(tx, after)
    billing.store(tx, after, "update")
    raise failure.decline(invoice=invoice["id"], payment_intent=after.intent)


def _paid(tx: Transaction, bill: billing.Bill) -> JsonObject:
    invoice = billing.store(tx, bill, "pay")
    activate(tx, invoice)
    return invoice


def _void(request: Request) -> JsonObject:
    tx, invoice = request.tx, RESOURCE.of(request)
    _check_open(invoice, "voided", PAYABLE)
    return billing.store(tx, billing.voided(tx, billing.bill_of(tx, invoice)), "void")


def _mark_uncollectible(request: Request) -> JsonObject:
    tx, invoice = request.tx, RESOURCE.of(request)
    _check_open(invoice, "marked uncollectible", frozenset({"open"}))
    ended = billing.ended(tx, invoice, "uncollectible", "marked_uncollectible_at")
    return save(tx, "mark_uncollectible", ended)


def _check_open(invoice: JsonObject, done: str, allowed: frozenset[str]) -> None:
    if invoice["status"] not in allowed:
        raise ApiError(
            400,
            f"An invoice whose status is {invoice['status']} cannot be {done}: it must be "
            f"{' or '.join(sorted(allowed))}.",
        )


def _delete(request: Request) -> JsonObject:
    """Delete a draft; its items are pending again (our choice: nothing billable is lost)."""
    tx, invoice = request.tx, RESOURCE.of(request)
    if invoice["status"] != "draft" or subscription_id(invoice) is not None:
        raise ApiError(
            400,
            "You can only delete draft invoices that bill no subscription. Void this one instead.",
            code="invoice_not_editable",
        )
    for named in items_on(invoice):
        save(tx, "update", {**fetch(tx, "invoiceitem", named), "invoice": None})
    return discard(tx, invoice)


def _lines(request: Request) -> JsonObject:
    invoice = RESOURCE.of(request)
    embedded = invoice["lines"]
    return page("line_item", embedded["data"], request.params, embedded["url"])


def _bills(tx: Transaction, value: Any, name: str) -> Predicate:
    refer(tx, "subscription", value, name)
    return lambda invoice: subscription_id(invoice) == value


def _of_payment(_tx: Transaction, value: Any, name: str) -> Predicate:
    wanted = subtree(value, name)
    Params(fields_of(TEXT, "payment_intent", "payment_record", "type")).check(wanted)
    return lambda payment: wanted.items() <= payment["payment"].items()


_CHANGEABLE = {
    **fields_of(TEXT, "default_payment_method", "default_source", "description", "footer"),
    **fields_of(TEXT, "number", "on_behalf_of", "statement_descriptor"),
    **fields_of(ANYTHING, "account_tax_ids", "custom_fields", "default_tax_rates", "discounts"),
    **fields_of(TREE, "issuer", "payment_settings", "rendering", "shipping_details"),
    "auto_advance": BOOLEAN,
    "automatically_finalizes_at": INTEGER,
    "collection_method": one_of("charge_automatically", "send_invoice"),
    "due_date": INTEGER,
    "effective_at": INTEGER_OR_UNSET,
}
_TAKEN = {
    **fields_of(TREE, "automatic_tax", "shipping_cost", "transfer_data"),
    "application_fee_amount": INTEGER,
    "days_until_due": at_least(0),
}

RESOURCE = Resource(
    kind="invoice",
    plural="invoices",
    prefix="in",
    initial=billing.INITIAL,
    fields=_CHANGEABLE,
    at_creation={"currency": CURRENCY},
    create_extra={
        **_TAKEN,
        "customer": TEXT,
        "pending_invoice_items_behavior": one_of("exclude", "include"),
        "subscription": TEXT,
    },
    update_extra=_TAKEN,
    filters={
        "created": CREATED,
        "collection_method": has_choice("charge_automatically", "send_invoice"),
        "customer": refers("customer"),
        "due_date": in_times("due_date"),
        "status": has_choice("draft", "open", "paid", "uncollectible", "void"),
        "subscription": Filter(TEXT, _bills),
    },
    create=_create,
    update=_update,
)
PAYMENTS = Resource(
    kind="invoice_payment",
    plural="invoice_payments",
    prefix="inpay",
    filters={
        "created": CREATED,
        "invoice": refers("invoice"),
        "payment": Filter(TREE, _of_payment),
        "status": equals(),
    },
)
_PAY = Params(
    {
        **fields_of(BOOLEAN, "forgive", "off_session", "paid_out_of_band"),
        **fields_of(TEXT, "mandate", "payment_method", "source"),
    }
)

OPERATIONS: tuple[Operation, ...] = (
    *crud(RESOURCE),
    delete_operation(RESOURCE, _delete),
    action(RESOURCE, "finalize", Params({"auto_advance": BOOLEAN}), _finalize),
    action(RESOURCE, "pay", _PAY, _pay),
    action(RESOURCE, "void", Params(), _void),
    action(RESOURCE, "mark_uncollectible", Params(), _mark_uncollectible),
    reading("invoices.lines.list", f"{RESOURCE.item_url}/lines", list_params({}), _lines),
    retrieve_operation(PAYMENTS),
    list_operation(PAYMENTS),
)
