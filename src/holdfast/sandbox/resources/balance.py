"""`/v1/balance`: the sum of an account's balance transactions, what is available and what is not.

It is shown for every currency that the account has had, and for usd.
"""

from collections import defaultdict

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources.operations import reading
from holdfast.sandbox.resources.params import Params
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject, Transaction


def sums(tx: Transaction) -> tuple[dict[str, int], dict[str, int]]:
    """Return what is available and what is pending, by currency."""
    available: defaultdict[str, int] = defaultdict(int, {"usd": 0})
    pending: defaultdict[str, int] = defaultdict(int, {"usd": 0})
    for moved in tx.newest_first("balance_transaction"):
        into, other = (
            (available, pending) if moved["available_on"] <= tx.now else (pending, available)
        )
        into[moved["currency"]] += moved["net"]
        other[moved["currency"]] += 0
    return available, pending


def check_available(tx: Transaction, amount: int, currency: str) -> None:
    """Check that an account has an amount available.

    Raises:
        ApiError: 400 `balance_insufficient`.
    """
    available, _ = sums(tx)
    if amount > available.get(currency, 0):
        raise ApiError(
            400,
            "You have insufficient available funds in your Stripe account. Test charges with the "
            "4000000000000077 card put their money into your available balance at once.",
            code="balance_insufficient",
        )


def _retrieve(request: Request) -> JsonObject:
    available, pending = sums(request.tx)
    return {
        "object": "balance",
        "available": _shown(available),
        "livemode": request.tx.livemode,
        "pending": _shown(pending),
        "refund_and_dispute_prefunding": {"available": _shown({}), "pending": _shown({})},
    }


def _shown(amounts: dict[str, int]) -> list[JsonObject]:
    return [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in sorted(amounts.items())
    ]


OPERATIONS: tuple[Operation, ...] = (
    reading("balance.retrieve", "/v1/balance", Params(), _retrieve),
)
