"""Balance transactions: one for each movement of an account's money. Their sum is its balance.

Types and reporting categories: https://docs.stripe.com/reports/balance-transaction-types. The fee
of a card payment is that of a US account, 2.9 % and 30 cents (https://stripe.com/pricing), and its
money is available after two days; both are this sandbox's choice.
"""

from collections.abc import Mapping

from holdfast.sandbox.resources.listing import CREATED, equals
from holdfast.sandbox.resources.objects import save, stamped
from holdfast.sandbox.resources.operations import Resource, list_operation, retrieve_operation
from holdfast.sandbox.resources.routing import Operation
from holdfast.sandbox.state import JsonObject, Transaction

FEE_PER_MILLE = 29
FEE_FIXED = 30
DAYS_PENDING = 2
_DAY = 86_400

REPORTING: Mapping[str, str] = {
    "charge": "charge",
    "payment": "charge",
    "payment_refund": "refund",
    "payout": "payout",
    "payout_cancel": "payout_reversal",
    "payout_failure": "payout_reversal",
    "refund": "refund",
    "refund_failure": "refund_failure",
    "transfer": "transfer",
    "transfer_refund": "transfer_reversal",
}
"""Type -> reporting category."""


def fee_of(amount: int) -> int:
    """Return what a card payment costs, in the currency's smallest unit, halves rounded up."""
    return (amount * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED


def available_on(tx: Transaction) -> int:
    """Return when the money of a payment made now is available: at midnight UTC, in two days."""
    return (tx.now // _DAY + DAYS_PENDING) * _DAY


def booked(
    tx: Transaction,
    kind: str,
    source: JsonObject,
    amount: int,
    *,
    fee: int = 0,
    available: int | None = None,
) -> JsonObject:
    """Save a movement of money, and return it.

    Args:
        tx: the transaction of the account whose money moves.
        kind: its type, one of `REPORTING`.
        source: what moves it, with its currency.
        amount: what comes in, below 0 for what goes out, before the fee.
        fee: what Stripe keeps of it.
        available: when the money is available, in unix seconds; now unless given.
    """
    currency = source["currency"]
    fees = {
        "amount": fee,
        "application": None,
        "currency": currency,
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
    at = tx.now if available is None else available
    fields = {
        "amount": amount,
        "available_on": at,
        "balance_type": "payments",
        "currency": currency,
        "description": source.get("description"),
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [fees] if fee else [],
        "net": amount - fee,
        "reporting_category": REPORTING[kind],
        "source": source["id"],
        "status": "available" if at <= tx.now else "pending",
        "type": kind,
    }
    new = stamped(tx, "balance_transaction", "txn", fields)
    del new["livemode"]
    return save(tx, "create", new)


RESOURCE = Resource(
    kind="balance_transaction",
    plural="balance_transactions",
    prefix="txn",
    id_name="id",
    filters={
        "created": CREATED,
        "currency": equals(),
        "payout": equals(of="source"),
        "source": equals(),
        "type": equals(),
    },
)

OPERATIONS: tuple[Operation, ...] = (retrieve_operation(RESOURCE), list_operation(RESOURCE))
