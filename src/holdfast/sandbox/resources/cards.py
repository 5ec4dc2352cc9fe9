"""Cards as requests name them: by number, by token or by test id. The table is in `card_table`."""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.errors import missing_parameter
from holdfast.sandbox.resources.card_table import (
    BY_FINGERPRINT,
    BY_NUMBER,
    BY_TOKEN_ID,
    NO_CVC,
    NO_MONTH,
    NO_TEST_CARD,
    WRONG_NUMBER,
    TestCard,
)
from holdfast.sandbox.resources.params import integer, invalid
from holdfast.sandbox.state import JsonObject

_EXPIRY_YEARS_AHEAD = 1
_SECONDS_PER_YEAR = 31_556_952


def numbered(number: str) -> TestCard:
    """Return the test card with a number; spaces and dashes are left out.

    Raises:
        ApiError: 402 `incorrect_number`, the number is no card's; or `card_declined`, it is no test
            card's.
    """
    digits = number.replace(" ", "").replace("-", "")
    found = BY_NUMBER.get(digits)
    if found is not None:
        return found
    raise (NO_TEST_CARD if _plausible(digits) else WRONG_NUMBER).refusal("number")


def _plausible(digits: str) -> bool:
    """Whether a number has a card number's length and Luhn check digit (ISO/IEC 7812-1)."""
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in digits[::-2])) % 10 == 0


def _may_be_cvc(cvc: str) -> bool:
    """Whether a security code has the form of one: three digits, or four on an American Express."""
    return len(cvc) in {3, 4} and cvc.isascii() and cvc.isdigit()


def check_attachable(card: TestCard | None, param: str | None = None) -> None:
    """Check that a customer can keep a card.

    Raises:
        ApiError: 402, the card is declined as soon as somebody keeps it.
    """
    if card is not None and card.failure is not None and not card.attachable:
        raise card.failure.refusal(param)


def behind(holder: JsonObject) -> TestCard | None:
    """Return the test card of a payment method, a card, or a charge's payment method details.

    None for a card that came with a seed file and is no test card; payments with it succeed.
    """
    card = holder if holder.get("object") == "card" else holder.get("card")
    return BY_FINGERPRINT.get(card.get("fingerprint", "")) if isinstance(card, dict) else None


def read_card(given: Mapping[str, Any], param: str, now: int) -> JsonObject:
    """Return the `card` of a payment method from the form's `card`.

    Args:
        given: the sub-tree, with a `token` or a `number`, `exp_month` and `exp_year`.
        param: what the sub-tree is called in messages.
        now: unix seconds.

    Raises:
        ApiError: 400, something is missing or malformed; 402, the month or the security code is
            none, or the number is no test card's.
    """
    if "token" in given:
        return described(token(given["token"], f"{param}[token]"), now)
    for name in ("number", "exp_month", "exp_year"):
        if not given.get(name):
            raise missing_parameter(f"{param}[{name}]")
    month = integer(given["exp_month"], f"{param}[exp_month]")
    year = integer(given["exp_year"], f"{param}[exp_year]")
    if not 1 <= month <= 12:
        raise NO_MONTH.refusal("exp_month")
    if not _may_be_cvc(str(given.get("cvc") or "000")):
        raise NO_CVC.refusal("cvc")
    card = described(numbered(str(given["number"])), now)
    return {**card, "exp_month": month, "exp_year": year if year > 99 else 2000 + year}


def token(name: Any, param: str) -> TestCard:
    """Return the test card that a token stands for.

    Raises:
        ApiError: 400 `resource_missing`, there is no such token.
    """
    found = BY_TOKEN_ID.get(name) if isinstance(name, str) else None
    if found is None:
        raise invalid(f"No such token: '{name}'", param, "resource_missing")
    return found


def described(card: TestCard, now: int) -> JsonObject:
    """Return the `card` of a payment method for a test card; it expires next year."""
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": 1970 + now // _SECONDS_PER_YEAR + _EXPIRY_YEARS_AHEAD,
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
