"""What happens when a payment intent is confirmed, whoever asks for it."""

from dataclasses import dataclass
from typing import Any

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources import authentication, charges
from holdfast.sandbox.resources.card_table import AUTHENTICATION_REQUIRED, Failure
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


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an attempt to pay depends on besides the card.

    Attributes:
        off_session: the customer is not there, so nothing can be authenticated.
        return_url: where the customer goes after an authentication.
        authenticated: it was authenticated just now.
    """

    off_session: bool = False
    return_url: str | None = None
    authenticated: bool = False


ON_SESSION = Circumstances()
OFF_SESSION = Circumstances(off_session=True)


def attempt(
    tx: Transaction,
    intent: JsonObject,
    method: JsonObject,
    circumstances: Circumstances = ON_SESSION,
) -> tuple[JsonObject, Failure | None]:
    """Try to pay an intent.

    Args:
        tx: the transaction; the charge is saved in it, if one is made.
        intent: the payment intent, in a state that can be confirmed.
        method: the payment method that pays.
        circumstances: what else it depends on.

    Returns:
        The intent as it is afterwards, not yet put, and why the payment failed, if it did. Without
        a failure it has succeeded, waits for its capture, or waits for an authentication.
    """
    off_session = circumstances.off_session
    refused = None
    if not circumstances.authenticated and authentication.needed(
        tx, method, off_session=off_session
    ):
        if not off_session:
            return _waiting(tx, intent, method, circumstances.return_url), None
        refused = AUTHENTICATION_REQUIRED
    handed = {name: intent.get(name) for name in _HANDED_ON}
    draft = charges.drafted(tx, {**handed, "payment_intent": intent["id"]})
    capture = intent["capture_method"] != "manual"
    charge, failure = charges.charge(tx, draft, method, capture=capture, refused=refused)
    after = {**intent, "latest_charge": charge["id"], "next_action": None}
    if failure is not None:
        error = failure.decline(charge=charge["id"], payment_method=method)
        return {**after, **_refused(error)}, failure
    return {**after, **_accepted(intent["amount"], method, capture)}, None


def unauthenticated(intent: JsonObject, method: JsonObject, failure: Failure) -> JsonObject:
    """Return an intent, not yet put, whose authentication failed: another method must pay."""
    error = failure.decline(payment_method=method)
    return {**intent, "next_action": None, **_refused(error)}


def _waiting(
    tx: Transaction, intent: JsonObject, method: JsonObject, return_url: str | None
) -> JsonObject:
    return {
        **intent,
        "last_payment_error": None,
        "next_action": authentication.next_action(tx, intent, return_url),
        "payment_method": method["id"],
        "status": "requires_action",
    }


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
        charge=error.get("charge"), payment_intent=intent, payment_method=error["payment_method"]
    )
