"""Stripe's test cards: their numbers, their test ids, and what paying with each of them does.

Source: https://docs.stripe.com/testing. A card is known again by its fingerprint, since an object
never holds its number.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from holdfast.sandbox.errors import ApiError, Declined

_DECLINED = "Your card was declined."


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


GENERIC_DECLINE = _declines("generic_decline")
_NO_FUNDS = Failure("card_declined", "insufficient_funds", "Your card has insufficient funds.")
_LOST = _declines("lost_card")
_STOLEN = _declines("stolen_card")
_FRAUDULENT = _declines("fraudulent")
_TOO_OFTEN = Failure(
    "card_declined",
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount "
    "limit.",
)
_EXPIRED = Failure("expired_card", None, "Your card has expired.")
_WRONG_CVC = Failure("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
_BROKEN = Failure(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
)
AUTHENTICATION_REQUIRED = Failure(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
NOT_AUTHENTICATED = Failure(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method "
    "and try again.",
)
WRONG_NUMBER = Failure("incorrect_number", None, "Your card number is incorrect.")
NO_MONTH = Failure("invalid_expiry_month", None, "Your card's expiration month is invalid.")
NO_CVC = Failure("invalid_cvc", None, "Your card's security code is invalid.")
NO_TEST_CARD = Failure(
    "card_declined", "test_mode_live_card", "Your card was declined: it is not a test card."
)


class Authentication(StrEnum):
    """When the customer must authenticate a payment with a card (3D Secure)."""

    NEVER = "never"
    ON_SESSION = "on_session"
    """While the customer is there; the card is set up for payments without them."""
    UNLESS_SET_UP = "unless_set_up"
    """While the customer is there, and without them unless the card was set up for that."""
    ALWAYS = "always"


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
        authentication: when a payment with it must be authenticated.
        available_at_once: whether the money of a payment is available without waiting.
        country: of its issuer.
    """

    number: str
    brand: str
    name: str
    funding: str = "credit"
    failure: Failure | None = None
    attachable: bool = True
    refund_status: str = "succeeded"
    authentication: Authentication = Authentication.NEVER
    available_at_once: bool = False
    country: str = "US"

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


def _authenticated(
    number: str, name: str, when: Authentication, failure: Failure | None = None
) -> TestCard:
    return TestCard(number, "visa", name, failure=failure, authentication=when)


def _from(country: str, number: str) -> TestCard:
    return TestCard(number, "visa", country.lower(), country=country)


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
    _from("AU", "4000000360000006"),
    _from("BR", "4000000760000002"),
    _from("CA", "4000001240000000"),
    _from("DE", "4000002760000016"),
    _from("ES", "4000007240000007"),
    _from("FR", "4000002500000003"),
    _from("GB", "4000008260000000"),
    _from("IE", "4000003720000005"),
    _from("IN", "4000003560000008"),
    _from("IT", "4000003800000008"),
    _from("JP", "4000003920000003"),
    _from("MX", "4000004840008001"),
    _from("NL", "4000005280000002"),
    _from("SG", "4000007020000003"),
    TestCard("4000000000000077", "visa", "bypassPending", available_at_once=True),
    TestCard(
        "4000003720000278",
        "visa",
        "bypassPendingInternational",
        available_at_once=True,
        country="IE",
    ),
    TestCard("4000000000007726", "visa", "pendingRefund", refund_status="pending"),
    TestCard("4000000000000341", "visa", "chargeCustomerFail", failure=GENERIC_DECLINE),
    _refused("4000000000000002", "chargeDeclined", GENERIC_DECLINE),
    _refused("4000000000009995", "chargeDeclinedInsufficientFunds", _NO_FUNDS),
    _refused("4000000000009987", "chargeDeclinedLostCard", _LOST),
    _refused("4000000000009979", "chargeDeclinedStolenCard", _STOLEN),
    _refused("4000000000000069", "chargeDeclinedExpiredCard", _EXPIRED),
    _refused("4000000000000127", "chargeDeclinedIncorrectCvc", _WRONG_CVC),
    _refused("4000000000000119", "chargeDeclinedProcessingError", _BROKEN),
    _refused("4000000000006975", "chargeDeclinedVelocityLimitExceeded", _TOO_OFTEN),
    _refused("4100000000000019", "chargeDeclinedFraudulent", _FRAUDULENT),
    _authenticated(
        "4000002500003155", "authenticationRequiredOnSetup", Authentication.UNLESS_SET_UP
    ),
    _authenticated("4000002760003184", "authenticationRequired", Authentication.ALWAYS),
    _authenticated(
        "4000003800000446", "authenticationRequiredSetupForOffSession", Authentication.ON_SESSION
    ),
    _authenticated(
        "4000008260003178",
        "authenticationRequiredChargeDeclinedInsufficientFunds",
        Authentication.ON_SESSION,
        _NO_FUNDS,
    ),
    _authenticated("4000000000003220", "threeDSecure2Required", Authentication.ON_SESSION),
    _authenticated(
        "4000008400001629",
        "threeDSecureRequiredChargeDeclined",
        Authentication.ON_SESSION,
        GENERIC_DECLINE,
    ),
    # Its authentication cannot even begin, so that its payments are declined at once.
    _authenticated(
        "4000008400001280",
        "threeDSecureRequiredProcessingError",
        Authentication.NEVER,
        GENERIC_DECLINE,
    ),
    TestCard("4000000000003055", "visa", "threeDSecureOptional"),
    TestCard("4000000000003097", "visa", "threeDSecureOptionalProcessingError"),
)
BY_NUMBER: Mapping[str, TestCard] = {card.number: card for card in CARDS}
BY_FINGERPRINT: Mapping[str, TestCard] = {card.fingerprint: card for card in CARDS}
BY_METHOD_ID: Mapping[str, TestCard] = {card.method_id: card for card in CARDS} | {
    f"pm_card_visa_{card.name}": card for card in CARDS if card.failure is not None
}
BY_TOKEN_ID: Mapping[str, TestCard] = {card.token_id: card for card in CARDS} | {
    f"tok_visa_{card.name}": card for card in CARDS if card.failure is not None
}
