"""What a payment that succeeded means for the invoice and the subscription behind it."""

from holdfast.sandbox.resources.objects import fetch, save
from holdfast.sandbox.state import JsonObject, Transaction

PAYABLE = frozenset({"open", "uncollectible"})
_AWAITING_PAYMENT = frozenset({"incomplete", "past_due", "unpaid"})


def payment_id(intent: JsonObject) -> str:
    """Return the id of the invoice payment that an intent would belong to."""
    return "inpay_" + str(intent["id"]).removeprefix("pi_")


def payment_of(tx: Transaction, intent: JsonObject) -> JsonObject | None:
    """Return the invoice payment that an intent belongs to, if it pays an invoice."""
    return tx.get("invoice_payment", payment_id(intent))


def subscription_id(invoice: JsonObject) -> str | None:
    """Return the id of the subscription that an invoice bills, if it bills one."""
    details = (invoice["parent"] or {}).get("subscription_details")
    return details["subscription"] if details else None


def settle(tx: Transaction, intent: JsonObject) -> None:
    """Mark the invoice behind a succeeded intent as paid, and its subscription as active.

    Nothing happens for an intent that has not succeeded or pays no invoice.
    """
    payment = payment_of(tx, intent) if intent["status"] == "succeeded" else None
    if payment is None:
        return
    after = paid(tx, fetch(tx, "invoice", payment["invoice"]))
    save(tx, "pay", after)
    save(tx, "update", paid_payment(tx, payment))
    activate(tx, after)


def paid(tx: Transaction, invoice: JsonObject) -> JsonObject:
    """Return an invoice, unsaved, as it is once all that is due is paid."""
    return {
        **invoice,
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "attempted": True,
        "next_payment_attempt": None,
        "status": "paid",
        "status_transitions": {**invoice["status_transitions"], "paid_at": tx.now},
    }


def paid_payment(tx: Transaction, payment: JsonObject) -> JsonObject:
    """Return an invoice payment, unsaved, as it is once its intent has succeeded."""
    return {
        **payment,
        "amount_paid": payment["amount_requested"],
        "status": "paid",
        "status_transitions": {**payment["status_transitions"], "paid_at": tx.now},
    }


def activate(tx: Transaction, invoice: JsonObject) -> None:
    """Make the subscription of a paid invoice active if it was waiting for the payment."""
    named = subscription_id(invoice)
    subscription = tx.get("subscription", named) if named else None
    if subscription is None or subscription["latest_invoice"] != invoice["id"]:
        return
    if subscription["status"] in _AWAITING_PAYMENT:
        save(tx, "activate", {**subscription, "status": "active"})
