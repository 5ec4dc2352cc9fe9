"""Amounts and currencies as parameters."""

from typing import Any

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources.params import INTEGER, Field, integer, invalid, text

LOWEST_AMOUNT = 1
HIGHEST_AMOUNT = 99_999_999


def amount_too_large(message: str, param: str = "amount") -> ApiError:
    """More was asked for than there is."""
    return invalid(message, param, "amount_too_large")


def _check_amount(value: Any, param: str) -> None:
    amount = integer(value, param)
    if amount < LOWEST_AMOUNT:
        raise invalid(f"Amount must be at least {LOWEST_AMOUNT}.", param, "amount_too_small")
    if amount > HIGHEST_AMOUNT:
        raise amount_too_large(f"Amount must be no more than {HIGHEST_AMOUNT}.", param)


def _check_currency(value: Any, param: str) -> None:
    name = text(value, param)
    if not (len(name) == 3 and name.isascii() and name.isalpha()):
        raise invalid(f"Invalid currency: {name}. It has three letters, as in usd.", param)


AMOUNT = Field(_check_amount, INTEGER.read)
CURRENCY = Field(_check_currency, lambda value, _present: value.lower())


def shown(amount: int, currency: str) -> str:
    """Write an amount in a currency's smallest unit for a message."""
    return f"{amount} {currency}"
