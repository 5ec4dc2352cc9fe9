"""Refunds, whole and partial. What is refunded never exceeds what was taken."""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources import cards
from holdfast.sandbox.resources.balance_transactions import booked
from holdfast.sandbox.resources.listing import CREATED, refers
from holdfast.sandbox.resources.money import AMOUNT, amount_too_large, shown
from holdfast.sandbox.resources.objects import fetch, refer, save, stamped
from holdfast.sandbox.resources.operations import Resource, action, crud, of_parent
from holdfast.sandbox.resources.params import (
    BOOLEAN,
    TEXT,
    Params,
    fields_of,
    invalid,
    one_of,
)
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject, Transaction

_INITIAL: Mapping[str, Any] = {
    "balance_transaction": None,
    "reason": None,
    "receipt_number": None,
    "source_transfer_reversal": None,
    "transfer_reversal": None,
}
_CANCELABLE = frozenset({"pending", "requires_action"})


def remaining(charge: JsonObject) -> int:
    """Return how much of a charge can still be given back."""
    held = charge["amount_captured"] if charge["captured"] else charge["amount"]
    return int(held - charge["amount_refunded"])


def refunded(tx: Transaction, charge: JsonObject, draft: JsonObject) -> JsonObject:
    """Give money back and return the refund.

    Args:
        tx: the transaction.
        charge: the charge; at least the refund's amount of it must remain.
        draft: the refund with its amount, not yet put.
    """
    card = cards.behind(charge["payment_method_details"] or {})
    new = {
        **draft,
        "charge": charge["id"],
        "currency": charge["currency"],
        "destination_details": {
            "card": {"reference_status": "pending", "type": "refund"},
            "type": "card",
        },
        "payment_intent": charge["payment_intent"],
        "status": card.refund_status if card is not None else "succeeded",
    }
    if charge["captured"]:  # what was only authorized never came in
        new["balance_transaction"] = booked(tx, "refund", new, -new["amount"])["id"]
    save(tx, "create", new)
    save(tx, "refund", _with_refunded(charge, charge["amount_refunded"] + draft["amount"]))
    return new


def released(tx: Transaction, charge: JsonObject) -> JsonObject:
    """Let go of an authorization that was not captured, and return the refund that says so."""
    fields = {**_INITIAL, "metadata": {}, "amount": remaining(charge)}
    return refunded(tx, charge, stamped(tx, "refund", "re", fields))


def _with_refunded(charge: JsonObject, total: int) -> JsonObject:
    held = charge["amount_captured"] if charge["captured"] else charge["amount"]
    return {**charge, "amount_refunded": total, "refunded": total == held}


def _create(request: Request, draft: JsonObject) -> JsonObject:
    charge = _charge_of(request.tx, request.params)
    if charge["status"] != "succeeded":
        raise ApiError(
            400,
            f"Charge {charge['id']} cannot be refunded: its status is {charge['status']}.",
            code="charge_not_refundable",
        )
    rest = remaining(charge)
    amount = draft.get("amount", rest)
    _check_amount(charge, amount, rest)
    return refunded(request.tx, charge, {**draft, "amount": amount})


def _check_amount(charge: JsonObject, amount: int, rest: int) -> None:
    if rest == 0:
        raise ApiError(
            400,
            f"Charge {charge['id']} has already been refunded.",
            code="charge_already_refunded",
        )
    if amount > rest:
        currency = charge["currency"]
        raise amount_too_large(
            f"Refund amount ({shown(amount, currency)}) is greater than unrefunded amount on "
            f"charge ({shown(rest, currency)})"
        )
    if charge["captured"]:
        return
    if charge["payment_intent"] is not None:
        raise ApiError(
            400,
            f"Charge {charge['id']} was not captured. Cancel the PaymentIntent "
            f"{charge['payment_intent']} to release it.",
            code="charge_not_refundable",
        )
    if amount != rest:
        raise invalid("An uncaptured charge can only be refunded as a whole.", "amount")


def _charge_of(tx: Transaction, params: Mapping[str, Any]) -> JsonObject:
    charge, intent = params.get("charge"), params.get("payment_intent")
    if charge and intent:
        raise invalid("Send charge or payment_intent, not both.", "charge")
    if charge:
        return refer(tx, "charge", charge, "charge")
    if not intent:
        raise invalid(
            "One of the following params should be provided for this request: payment_intent or "
            "charge.",
            "payment_intent",
            "parameter_missing",
        )
    latest = refer(tx, "payment_intent", intent, "payment_intent")["latest_charge"]
    found = tx.get("charge", latest) if latest else None
    if found is None or found["status"] != "succeeded":
        raise ApiError(
            400,
            f"This PaymentIntent ({intent}) does not have a successful charge to refund.",
            code="payment_intent_unexpected_state",
            param="payment_intent",
        )
    return found


def _cancel(request: Request) -> JsonObject:
    tx, old = request.tx, RESOURCE.of(request)
    if old["status"] not in _CANCELABLE:
        raise ApiError(
            400,
            f"Refund {old['id']} cannot be canceled: its status is {old['status']}, and only a "
            "refund that is pending or requires action can be.",
        )
    charge = fetch(tx, "charge", old["charge"])
    changed = {**old, "status": "canceled"}
    if old["balance_transaction"] is not None:
        returned = booked(tx, "refund_failure", old, old["amount"])
        changed["failure_balance_transaction"] = returned["id"]
    new = save(tx, "cancel", changed)
    save(tx, "update", _with_refunded(charge, charge["amount_refunded"] - old["amount"]))
    return new


RESOURCE = Resource(
    kind="refund",
    plural="refunds",
    prefix="re",
    initial=_INITIAL,
    at_creation={
        "amount": AMOUNT,
        "reason": one_of("duplicate", "fraudulent", "requested_by_customer", unset=True),
    },
    create_extra={
        **fields_of(
            TEXT, "charge", "currency", "customer", "instructions_email", "origin", "payment_intent"
        ),
        **fields_of(BOOLEAN, "refund_application_fee", "reverse_transfer"),
    },
    filters={
        "charge": refers("charge"),
        "created": CREATED,
        "payment_intent": refers("payment_intent"),
    },
    create=_create,
)
OPERATIONS: tuple[Operation, ...] = (
    *crud(RESOURCE),
    action(RESOURCE, "cancel", Params(), _cancel),
    *of_parent("charge", "refunds", "refund", {}),
)
