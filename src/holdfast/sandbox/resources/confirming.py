"""What happens when a payment intent is confirmed, whoever asks for it."""

from typing import Any

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources import charges
from holdfast.sandbox.resources.cards import Failure
from holdfast.sandbox.state import JsonObject, Transaction

# Fields that an intent hands on to its charge.
_HANDED_ON = (
    "amount",
    "currency",
    "customer",
    "description",
    "metadata",
    "on_behalf_of",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)


def attempt(
    tx: Transaction, intent: JsonObject, method: JsonObject
) -> tuple[JsonObject, Failure | None]:
    """Try to pay an intent.

    Args:
        tx: the transaction; the charge is saved in it.
        intent: the payment intent, in a state that can be confirmed.
        method: the payment method that pays.

    Returns:
        The intent as it is afterwards, not yet put, and why the payment failed, if it did.
    """
    handed = {name: intent.get(name) for name in _HANDED_ON}
    draft = charges.drafted(tx, {**handed, "payment_intent": intent["id"]})
    capture = intent["capture_method"] != "manual"
    charge, failure = charges.charge(tx, draft, method, capture=capture)
    after = {**intent, "latest_charge": charge["id"], "next_action": None}
    if failure is not None:
        error = failure.decline(charge=charge["id"], payment_method=method)
        return {**after, **_refused(error)}, failure
    return {**after, **_accepted(intent["amount"], method, capture)}, None


def _refused(error: ApiError) -> JsonObject:
    shown: Any = error.body()["error"]
    return {
        "last_payment_error": shown,
        "payment_method": None,
        "status": "requires_payment_method",
    }


def _accepted(amount: int, method: JsonObject, capture: bool) -> JsonObject:
    return {
        "amount_capturable": 0 if capture else amount,
        "amount_received": amount if capture else 0,
        "last_payment_error": None,
        "payment_method": method["id"],
        "status": "succeeded" if capture else "requires_capture",
    }


def decline(intent: JsonObject, failure: Failure) -> ApiError:
    """Return the 402 answer that shows an intent whose payment failed."""
    error = intent["last_payment_error"]
    return failure.decline(
        charge=error["charge"], payment_intent=intent, payment_method=error["payment_method"]
    )
