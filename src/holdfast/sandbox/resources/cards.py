"""Stripe's test cards, and what paying with each of them does.

Numbers, token names and outcomes: https://docs.stripe.com/testing. A card is known again by its
fingerprint, since an object never holds its number.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from holdfast.sandbox.errors import ApiError, Declined, missing_parameter
from holdfast.sandbox.resources.params import integer, invalid
from holdfast.sandbox.state import JsonObject

_DECLINED = "Your card was declined."
_EXPIRY_YEARS_AHEAD = 1
_SECONDS_PER_YEAR = 31_556_952


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a card is refused: the error's code, decline code and sentence."""

    code: str
    decline_code: str | None
    message: str

    def refusal(self, param: str | None = None) -> ApiError:
        """Return the 402 answer to a request that would keep such a card: nothing changes."""
        extra = {"decline_code": self.decline_code} if self.decline_code else {}
        return ApiError(
            402, self.message, type="card_error", code=self.code, param=param, extra=extra
        )

    def decline(self, **extra: object) -> Declined:
        """Return the 402 answer to a payment: what failed is kept, and shown in the error."""
        return Declined(self.message, code=self.code, decline_code=self.decline_code, extra=extra)


def _declines(decline_code: str) -> Failure:
    return Failure("card_declined", decline_code, _DECLINED)


_GENERIC = _declines("generic_decline")
_NO_FUNDS = Failure("card_declined", "insufficient_funds", "Your card has insufficient funds.")
_LOST = _declines("lost_card")
_STOLEN = _declines("stolen_card")
_FRAUDULENT = _declines("fraudulent")
_EXPIRED = Failure("expired_card", None, "Your card has expired.")
_WRONG_CVC = Failure("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
_BROKEN = Failure(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
)
_WRONG_NUMBER = Failure("incorrect_number", None, "Your card number is incorrect.")
_NO_TEST_CARD = Failure(
    "card_declined", "test_mode_live_card", "Your card was declined: it is not a test card."
)


@dataclass(frozen=True, slots=True)
class TestCard:
    """One test card.

    Attributes:
        number: its number.
        brand: as in `card.brand`.
        name: what its test ids are called: `pm_card_<name>`, `tok_<name>`.
        funding: `credit`, `debit` or `prepaid`.
        failure: why a payment with it fails; None when it succeeds.
        attachable: whether a customer can keep it although payments fail.
        refund_status: what a refund to it starts as.
    """

    number: str
    brand: str
    name: str
    funding: str = "credit"
    failure: Failure | None = None
    attachable: bool = True
    refund_status: str = "succeeded"

    @property
    def fingerprint(self) -> str:
        """The same 16 letters and digits for the same number."""
        return sha256(self.number.encode()).hexdigest()[:16]

    @property
    def method_id(self) -> str:
        """The test id that stands for a payment method with this card."""
        return f"pm_card_{self.name}"

    @property
    def token_id(self) -> str:
        """The test id that stands for a token of this card."""
        return f"tok_{self.name}"


def _refused(number: str, name: str, failure: Failure) -> TestCard:
    return TestCard(number, "visa", name, failure=failure, attachable=False)


CARDS = (
    TestCard("4242424242424242", "visa", "visa"),
    TestCard("4000056655665556", "visa", "visa_debit", "debit"),
    TestCard("5555555555554444", "mastercard", "mastercard"),
    TestCard("5200828282828210", "mastercard", "mastercard_debit", "debit"),
    TestCard("5105105105105100", "mastercard", "mastercard_prepaid", "prepaid"),
    TestCard("378282246310005", "amex", "amex"),
    TestCard("6011111111111117", "discover", "discover"),
    TestCard("3056930009020004", "diners", "diners"),
    TestCard("3566002020360505", "jcb", "jcb"),
    TestCard("6200000000000005", "unionpay", "unionpay"),
    TestCard("4000000000000077", "visa", "bypassPending"),
    TestCard("4000000000007726", "visa", "pendingRefund", refund_status="pending"),
    TestCard("4000000000000341", "visa", "chargeCustomerFail", failure=_GENERIC),
    _refused("4000000000000002", "chargeDeclined", _GENERIC),
    _refused("4000000000009995", "chargeDeclinedInsufficientFunds", _NO_FUNDS),
    _refused("4000000000009987", "chargeDeclinedLostCard", _LOST),
    _refused("4000000000009979", "chargeDeclinedStolenCard", _STOLEN),
    _refused("4000000000000069", "chargeDeclinedExpiredCard", _EXPIRED),
    _refused("4000000000000127", "chargeDeclinedIncorrectCvc", _WRONG_CVC),
    _refused("4000000000000119", "chargeDeclinedProcessingError", _BROKEN),
    _refused("4100000000000019", "chargeDeclinedFraudulent", _FRAUDULENT),
)
_BY_NUMBER = {card.number: card for card in CARDS}
_BY_FINGERPRINT = {card.fingerprint: card for card in CARDS}
BY_METHOD_ID: Mapping[str, TestCard] = {card.method_id: card for card in CARDS} | {
    f"pm_card_visa_{card.name}": card for card in CARDS if card.failure is not None
}
BY_TOKEN_ID: Mapping[str, TestCard] = {card.token_id: card for card in CARDS} | {
    f"tok_visa_{card.name}": card for card in CARDS if card.failure is not None
}


def numbered(number: str) -> TestCard:
    """Return the test card with a number; spaces and dashes are left out.

    Raises:
        ApiError: 402 `incorrect_number`, the number is no card's; or `card_declined`, it is no test
            card's.
    """
    digits = number.replace(" ", "").replace("-", "")
    found = _BY_NUMBER.get(digits)
    if found is not None:
        return found
    raise (_NO_TEST_CARD if _plausible(digits) else _WRONG_NUMBER).refusal("number")


def _plausible(digits: str) -> bool:
    """Whether a number has a card number's length and Luhn check digit (ISO/IEC 7812-1)."""
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in digits[::-2])) % 10 == 0


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
    return _BY_FINGERPRINT.get(card.get("fingerprint", "")) if isinstance(card, dict) else None


def read_card(given: Mapping[str, Any], param: str, now: int) -> JsonObject:
    """Return the `card` of a payment method from the form's `card`.

    Args:
        given: the sub-tree, with a `token` or a `number`, `exp_month` and `exp_year`.
        param: what the sub-tree is called in messages.
        now: unix seconds.

    Raises:
        ApiError: 400, something is missing or malformed; 402, the number is no test card's.
    """
    if "token" in given:
        return described(token(given["token"], f"{param}[token]"), now)
    for name in ("number", "exp_month", "exp_year"):
        if not given.get(name):
            raise missing_parameter(f"{param}[{name}]")
    month = integer(given["exp_month"], f"{param}[exp_month]")
    year = integer(given["exp_year"], f"{param}[exp_year]")
    if not 1 <= month <= 12:
        raise invalid(
            "Your card's expiration month is invalid.",
            f"{param}[exp_month]",
            "invalid_expiry_month",
        )
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
        "country": "US",
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
