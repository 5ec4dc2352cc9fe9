"""From a draft invoice to a paid one: what invoices and subscriptions share.

A `Bill` is an invoice with the payment intent that pays it. The functions here return bills that
are not saved, so that one request leaves one row in the ledger for each object: `store` saves them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from holdfast.sandbox.resources import confirming, payment_intents
from holdfast.sandbox.resources.card_table import Failure
from holdfast.sandbox.resources.confirming import Circumstances
from holdfast.sandbox.resources.invoice_lines import with_lines
from holdfast.sandbox.resources.objects import embedded_list, fetch, save, stamped
from holdfast.sandbox.resources.payment_methods import check_owner, materialise
from holdfast.sandbox.resources.settlement import (
    paid,
    paid_payment,
    payment_id,
    subscription_id,
)
from holdfast.sandbox.state import JsonObject, Transaction

INITIAL: Mapping[str, Any] = {
    "account_country": "US",
    "account_name": None,
    "account_tax_ids": None,
    "amount_due": 0,
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_remaining": 0,
    "amount_shipping": 0,
    "application": None,
    "attempt_count": 0,
    "attempted": False,
    "auto_advance": False,
    "automatic_tax": {"enabled": False, "liability": None, "status": None},
    "automatically_finalizes_at": None,
    "billing_reason": "manual",
    "collection_method": "charge_automatically",
    "confirmation_secret": None,
    "custom_fields": None,
    "customer": None,
    "customer_address": None,
    "customer_email": None,
    "customer_name": None,
    "customer_phone": None,
    "customer_shipping": None,
    "customer_tax_exempt": "none",
    "customer_tax_ids": [],
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "due_date": None,
    "effective_at": None,
    "ending_balance": None,
    "footer": None,
    "from_invoice": None,
    "hosted_invoice_url": None,
    "invoice_pdf": None,
    "issuer": {"type": "self"},
    "last_finalization_error": None,
    "latest_revision": None,
    "lines": embedded_list("/v1/invoices/lines", []),
    "next_payment_attempt": None,
    "number": None,
    "on_behalf_of": None,
    "parent": None,
    "payment_settings": {"default_mandate": None, "payment_method_types": None},
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "receipt_number": None,
    "rendering": None,
    "shipping_cost": None,
    "shipping_details": None,
    "starting_balance": 0,
    "statement_descriptor": None,
    "status": "draft",
    "status_transitions": {
        "finalized_at": None,
        "marked_uncollectible_at": None,
        "paid_at": None,
        "voided_at": None,
    },
    "test_clock": None,
    "total_discount_amounts": [],
    "total_pretax_credit_amounts": [],
    "total_taxes": [],
    "webhooks_delivered_at": None,
}
_COPIED_FROM_CUSTOMER = ("address", "email", "name", "phone", "shipping", "tax_exempt")
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Bill:
    """An invoice, and the intent that pays it; None while nothing is due.

    Attributes:
        invoice: the invoice, not saved.
        intent: the payment intent, not saved.
        payment: what links the two, not saved.
        is_new: whether the intent was made in this request.
    """

    invoice: JsonObject
    intent: JsonObject | None = None
    payment: JsonObject | None = None
    is_new: bool = False

    def with_invoice(self, **changes: Any) -> "Bill":
        """Return the bill with changed fields of its invoice."""
        return replace(self, invoice={**self.invoice, **changes})


def addressed(tx: Transaction, invoice: JsonObject, customer: JsonObject) -> JsonObject:
    """Return a new draft invoice, unsaved, with what it takes from its customer and no lines."""
    copied = {f"customer_{name}": customer.get(name) for name in _COPIED_FROM_CUSTOMER}
    addressee = {
        **invoice,
        **copied,
        "customer": customer["id"],
        "test_clock": customer["test_clock"],
    }
    return with_lines(tx, {**addressee, "period_end": tx.now, "period_start": tx.now}, [])


def drafted(tx: Transaction, customer: JsonObject, fields: Mapping[str, Any]) -> JsonObject:
    """Return a new draft invoice, unsaved, with the given fields and no lines."""
    new = stamped(tx, "invoice", "in", {"metadata": {}, **INITIAL, **fields})
    return addressed(tx, new, customer)


def invoice_prefix(customer: JsonObject) -> str:
    """Return what the numbers of a customer's invoices begin with."""
    return customer["invoice_prefix"] or str(customer["id"])[-8:].upper()


def due_date(tx: Transaction, days: int) -> int:
    """Return when an invoice is due that is to be paid within so many days."""
    return tx.now + days * _DAY


def finalized(tx: Transaction, invoice: JsonObject) -> Bill:
    """Give a draft its number, apply the customer's balance and make the intent that pays it.

    The customer is saved: its next number and its balance change. An invoice with nothing due is
    paid at once.
    """
    customer = fetch(tx, "customer", invoice["customer"])
    owed = invoice["total"] + customer["balance"]
    sequence = customer["next_invoice_sequence"]
    taken = {"balance": min(owed, 0), "next_invoice_sequence": sequence + 1}
    save(tx, "update", {**customer, **taken})
    due = max(owed, 0)
    opened = {
        **invoice,
        "amount_due": due,
        "amount_remaining": due,
        "effective_at": invoice["effective_at"] or tx.now,
        "ending_balance": min(owed, 0),
        "number": invoice["number"] or f"{invoice_prefix(customer)}-{sequence:04d}",
        "starting_balance": customer["balance"],
        "status": "open",
        "status_transitions": {**invoice["status_transitions"], "finalized_at": tx.now},
    }
    return _with_intent(tx, opened) if due else Bill(paid(tx, opened))


def _with_intent(tx: Transaction, invoice: JsonObject) -> Bill:
    due = invoice["amount_due"]
    intent = payment_intents.drafted(
        tx,
        {
            "amount": due,
            "currency": invoice["currency"],
            "customer": invoice["customer"],
            "description": invoice["description"],
        },
    )
    payment = {
        "id": payment_id(intent),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": due,
        "created": tx.now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": tx.livemode,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
    secret = {"client_secret": intent["client_secret"], "type": "payment_intent"}
    return Bill({**invoice, "confirmation_secret": secret}, intent, payment, is_new=True)


def bill_of(tx: Transaction, invoice: JsonObject) -> Bill:
    """Return the bill of an invoice that is finalized."""
    secret = invoice["confirmation_secret"]
    if secret is None:
        return Bill(invoice)
    intent = fetch(tx, "payment_intent", secret["client_secret"].partition("_secret")[0])
    return Bill(invoice, intent, fetch(tx, "invoice_payment", payment_id(intent)))


def store(tx: Transaction, bill: Bill, effect: str) -> JsonObject:
    """Save what changed of a bill, the invoice with the effect, and return the invoice."""
    save(tx, effect, bill.invoice)
    if bill.intent is not None:
        canceled = bill.intent["status"] == "canceled"
        save(tx, "create" if bill.is_new else "cancel" if canceled else "confirm", bill.intent)
    if bill.payment is not None and bill.payment is not tx.find(bill.payment["id"]):
        save(tx, "create" if bill.is_new else "update", bill.payment)
    return bill.invoice


def payer(tx: Transaction, invoice: JsonObject, named: str | None = None) -> JsonObject | None:
    """Return the payment method or card that an invoice is paid with; None when there is none.

    Looked for in Stripe's order: the named one, the invoice's default, the subscription's, the
    customer's default payment method, the customer's default source.

    Raises:
        ApiError: 400 `resource_missing`, the named one is not there, or is somebody else's.
    """
    if named:
        method = materialise(tx, named)
        check_owner(method, invoice["customer"])
        return method
    billed = subscription_id(invoice)
    subscription = tx.get("subscription", billed) if billed else None
    customer = fetch(tx, "customer", invoice["customer"])
    return _first_of(tx, invoice, subscription, customer)


def has_payer(tx: Transaction, subscription: JsonObject) -> bool:
    """Whether there is something to pay a subscription's invoices with."""
    customer = fetch(tx, "customer", subscription["customer"])
    return _first_of(tx, {}, subscription, customer) is not None


def _first_of(
    tx: Transaction, invoice: JsonObject, subscription: JsonObject | None, customer: JsonObject
) -> JsonObject | None:
    candidates = (
        invoice.get("default_payment_method"),
        subscription["default_payment_method"] if subscription is not None else None,
        customer["invoice_settings"]["default_payment_method"],
        customer["default_source"],
    )
    return next((tx.find(each) for each in candidates if each), None)


def collected(
    tx: Transaction,
    bill: Bill,
    method: JsonObject,
    circumstances: Circumstances = confirming.ON_SESSION,
) -> tuple[Bill, Failure | None]:
    """Try to pay what is due with a payment method.

    Returns:
        The bill as it is afterwards, and why the payment failed, if it did. A bill that is still
        open without a failure waits for an authentication.
    """
    if bill.intent is None or bill.payment is None:
        return replace(bill, invoice=paid(tx, bill.invoice)), None
    intent, failure = confirming.attempt(tx, bill.intent, method, circumstances)
    after = replace(tried(bill), intent=intent)
    if intent["status"] != "succeeded":
        return after, failure
    payment = paid_payment(tx, bill.payment)
    return replace(after, invoice=paid(tx, after.invoice), payment=payment), None


def tried(bill: Bill) -> Bill:
    """Return a bill whose collection was tried once more."""
    return bill.with_invoice(attempt_count=bill.invoice["attempt_count"] + 1, attempted=True)


def waits_for_authentication(bill: Bill) -> bool:
    """Whether a bill can only be paid once the customer has authenticated the payment."""
    return bill.intent is not None and bill.intent["status"] == "requires_action"


def without_payment(tx: Transaction, bill: Bill) -> Bill:
    """Return a bill whose intent is canceled, because nobody will pay with it."""
    if bill.intent is None or bill.payment is None:
        return bill
    payment = {
        **bill.payment,
        "status": "canceled",
        "status_transitions": {**bill.payment["status_transitions"], "canceled_at": tx.now},
    }
    intent = payment_intents.canceled(tx, bill.intent, "void_invoice")
    return replace(bill, intent=intent, payment=payment)


def ended(tx: Transaction, invoice: JsonObject, status: str, at: str) -> JsonObject:
    """Return an invoice, unsaved, in a status that ends its collection, with the time of that."""
    transitions = {**invoice["status_transitions"], at: tx.now}
    return {
        **invoice,
        "next_payment_attempt": None,
        "status": status,
        "status_transitions": transitions,
    }


def voided(tx: Transaction, bill: Bill) -> Bill:
    """Return a bill that nobody has to pay any more; its intent is canceled."""
    after = without_payment(tx, bill).with_invoice(amount_remaining=0)
    return replace(after, invoice=ended(tx, after.invoice, "void", "voided_at"))


def paid_elsewhere(tx: Transaction, bill: Bill) -> Bill:
    """Return a bill that was paid outside of Stripe."""
    ended = without_payment(tx, bill)
    return replace(ended, invoice=paid(tx, ended.invoice))
