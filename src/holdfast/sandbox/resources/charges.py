"""Charges: those of succeeded and failed payments, and those made directly."""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.errors import ApiError, missing_parameter
from holdfast.sandbox.resources import authentication, cards
from holdfast.sandbox.resources.balance_transactions import available_on, booked, fee_of
from holdfast.sandbox.resources.card_table import (
    AUTHENTICATION_REQUIRED,
    BY_TOKEN_ID,
    Failure,
)
from holdfast.sandbox.resources.listing import CREATED, equals, refers
from holdfast.sandbox.resources.money import AMOUNT, CURRENCY, amount_too_large, shown
from holdfast.sandbox.resources.objects import refer, save, stamped
from holdfast.sandbox.resources.operations import Resource, action, crud
from holdfast.sandbox.resources.params import (
    BOOLEAN,
    INTEGER,
    TEXT,
    TREE,
    Params,
    fields_of,
    flag,
    invalid,
    number,
    tree_of,
)
from holdfast.sandbox.resources.payment_methods import check_owner, materialise
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject, Transaction

_INITIAL: Mapping[str, Any] = {
    "amount_captured": 0,
    "amount_refunded": 0,
    "application": None,
    "application_fee": None,
    "application_fee_amount": None,
    "balance_transaction": None,
    "billing_details": None,
    "calculated_statement_descriptor": None,
    "captured": False,
    "customer": None,
    "description": None,
    "disputed": False,
    "failure_balance_transaction": None,
    "failure_code": None,
    "failure_message": None,
    "fraud_details": {},
    "on_behalf_of": None,
    "outcome": None,
    "paid": False,
    "payment_intent": None,
    "payment_method": None,
    "payment_method_details": None,
    "radar_options": {},
    "receipt_email": None,
    "receipt_number": None,
    "receipt_url": None,
    "refunded": False,
    "review": None,
    "shipping": None,
    "source": None,
    "source_transfer": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "status": "pending",
    "transfer_data": None,
    "transfer_group": None,
}
_BILLING = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}
_SHOWN_OF_CARD = (
    "brand",
    "checks",
    "country",
    "exp_month",
    "exp_year",
    "fingerprint",
    "funding",
    "last4",
    "wallet",
)


def charge(
    tx: Transaction,
    draft: JsonObject,
    holder: JsonObject,
    *,
    capture: bool,
    refused: Failure | None = None,
) -> tuple[JsonObject, Failure | None]:
    """Charge a card.

    Args:
        tx: the transaction.
        draft: the new charge, with amount and currency, not yet put.
        holder: the payment method, or the card, that pays.
        capture: whether the money is taken at once.
        refused: why the issuer refuses it, whatever the card; None leaves that to the card.

    Returns:
        The saved charge, and why it failed, if it did.
    """
    card = cards.behind(holder)
    failure = refused or (card.failure if card is not None else None)
    result = _failed(failure) if failure is not None else _succeeded(draft["amount"], capture)
    details = holder if holder["object"] == "card" else holder["card"]
    new = {
        **draft,
        **result,
        "billing_details": holder.get("billing_details", _BILLING),
        "payment_method": holder["id"],
        "payment_method_details": {
            "card": {name: details.get(name) for name in _SHOWN_OF_CARD},
            "type": "card",
        },
        "source": holder if holder["object"] == "card" else None,
    }
    if failure is None and capture:
        new = _booked(tx, new)
    return save(tx, "create", new), failure


def _booked(tx: Transaction, taken: JsonObject) -> JsonObject:
    """Book what a charge has taken, and return the charge, unsaved, with the booking."""
    card = cards.behind(taken["payment_method_details"])
    at_once = card is not None and card.available_at_once
    amount = taken["amount_captured"]
    available = tx.now if at_once else available_on(tx)
    moved = booked(tx, "charge", taken, amount, fee=fee_of(amount), available=available)
    return {**taken, "balance_transaction": moved["id"]}


def _succeeded(amount: int, capture: bool) -> JsonObject:
    return {
        "amount_captured": amount if capture else 0,
        "captured": capture,
        "outcome": {
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": True,
        "status": "succeeded",
    }


def _failed(failure: Failure) -> JsonObject:
    return {
        "failure_code": failure.code,
        "failure_message": failure.message,
        "outcome": {
            "network_status": "declined_by_network",
            "reason": failure.decline_code or failure.code,
            "risk_level": "normal",
            "seller_message": failure.message,
            "type": "issuer_declined",
        },
        "paid": False,
        "status": "failed",
    }


def drafted(tx: Transaction, fields: Mapping[str, Any]) -> JsonObject:
    """Return a new charge, not yet put, with the given fields."""
    return stamped(tx, "charge", "ch", {"metadata": {}, **_INITIAL, **fields})


def captured(tx: Transaction, old: JsonObject, amount: int) -> JsonObject:
    """Take `amount` of an authorized charge, let go of the rest, and return the charge."""
    taken = {**old, "amount_captured": amount, "captured": True}
    return save(tx, "capture", _booked(tx, taken))


def _create(request: Request, draft: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    for name in ("amount", "currency"):
        if name not in params:
            raise missing_parameter(name)
    payer = _payer(tx, params)
    # There is nobody here who could authenticate it: https://docs.stripe.com/payments/charges-api
    unattended = authentication.needed(tx, payer, off_session=True)
    new, failure = charge(
        tx,
        draft,
        payer,
        capture=flag(params, "capture", True),
        refused=AUTHENTICATION_REQUIRED if unattended else None,
    )
    if failure is not None:
        raise failure.decline(charge=new["id"])
    return new


def _payer(tx: Transaction, params: Mapping[str, Any]) -> JsonObject:
    """Return the card that a direct charge names, or its customer's default one."""
    customer = params.get("customer")
    owner = refer(tx, "customer", customer, "customer") if customer else None
    source = params.get("source") or (owner and owner.get("default_source"))
    if not source:
        if owner is None:
            raise invalid("Must provide source or customer.", "source", "parameter_missing")
        raise ApiError(
            402,
            "Cannot charge a customer that has no active card",
            type="card_error",
            code="missing",
            param="card",
        )
    if source in BY_TOKEN_ID:
        details = cards.described(BY_TOKEN_ID[source], tx.now)
        return save(
            tx, "create", stamped(tx, "card", "card", {**details, "customer": None, "metadata": {}})
        )
    holder = tx.get("card", source) or materialise(tx, source, "source")
    check_owner(holder, customer, "source")
    return holder


def _capture(request: Request) -> JsonObject:
    old = RESOURCE.of(request)
    if old["captured"]:
        raise ApiError(
            400,
            f"Charge {old['id']} has already been captured.",
            code="charge_already_captured",
        )
    if old["payment_intent"] is not None:
        raise ApiError(
            400, f"Capture the PaymentIntent {old['payment_intent']} instead of its charge."
        )
    if old["status"] != "succeeded" or old["refunded"]:
        raise ApiError(400, f"Charge {old['id']} cannot be captured: there is nothing to take.")
    amount = number(request.params, "amount", old["amount"])
    if amount > old["amount"]:
        raise amount_too_large(
            f"The amount must be at most {shown(old['amount'], old['currency'])}, the amount that "
            "was authorized."
        )
    return captured(request.tx, old, amount)


_PASSED_ON = {
    "application_fee_amount": INTEGER,
    "statement_descriptor": TEXT,
    "statement_descriptor_suffix": TEXT,
    "transfer_data": TREE,
}

RESOURCE = Resource(
    kind="charge",
    plural="charges",
    prefix="ch",
    initial=_INITIAL,
    fields={
        **fields_of(TEXT, "customer", "description", "receipt_email", "transfer_group"),
        "shipping": tree_of("address", "carrier", "name", "phone", "tracking_number"),
    },
    at_creation={
        **_PASSED_ON,
        "amount": AMOUNT,
        "currency": CURRENCY,
        "on_behalf_of": TEXT,
        "radar_options": TREE,
    },
    by_update={"fraud_details": TREE},
    create_extra={
        "application_fee": INTEGER,
        "capture": BOOLEAN,
        "destination": TREE,
        "source": TEXT,
    },
    filters={
        "created": CREATED,
        "customer": refers("customer"),
        "payment_intent": refers("payment_intent"),
        "transfer_group": equals(),
    },
    create=_create,
)
_CAPTURE = Params(
    {**_PASSED_ON, "amount": AMOUNT, "application_fee": INTEGER}
    | fields_of(TEXT, "receipt_email", "transfer_group")
)

OPERATIONS: tuple[Operation, ...] = (
    *crud(RESOURCE),
    action(RESOURCE, "capture", _CAPTURE, _capture),
)
