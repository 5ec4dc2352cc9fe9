"""The fields whose values are redacted, by their names. docs/reference/redaction.md has the list.

Names are compared without case, "_" and "-": `Idempotency-Key`, `idempotency_key` and
`idempotencyKey` are one.
"""

from collections.abc import Iterable
from functools import lru_cache

REDACTED = "[redacted]"
"""What stands where something was taken out."""

SECRET_GROUPS: dict[str, tuple[str, ...]] = {
    "Keys and secrets": (
        "api_key",
        "access_token",
        "authorization",
        "client_secret",
        "cookie",
        "encrypted_number",
        "ephemeral_key_secret",
        "password",
        "private_key",
        "proxy_authorization",
        "refresh_token",
        "secret",
        "secret_key",
        "set_cookie",
        "signing_secret",
        "stripe_signature",
        "stripe_user_token",
        "webhook_secret",
        "x_api_key",
    ),
    "Idempotency keys": ("idempotency_key", "x_idempotency_key", "idempotent_key"),
    "Cards": (
        "card_number",
        "cvc",
        "cvv",
        "cvv2",
        "cvc2",
        "cvc_token",
        "pan",
        "pin",
        "pin_block",
        "security_code",
        "track_data",
    ),
    "Bank accounts": (
        "account_number",
        "bank_account_number",
        "bsb_number",
        "clabe",
        "iban",
        "institution_number",
        "routing_number",
        "sort_code",
        "transit_number",
    ),
}
"""Fields that are always redacted."""

SECRET = frozenset(name for names in SECRET_GROUPS.values() for name in names)

PERSONAL_GROUPS: dict[str, tuple[str, ...]] = {
    "Names": (
        "name",
        "first_name",
        "last_name",
        "middle_name",
        "full_name",
        "maiden_name",
        "first_name_kana",
        "first_name_kanji",
        "last_name_kana",
        "last_name_kanji",
        "full_name_aliases",
        "account_holder_name",
        "cardholder_name",
        "customer_name",
        "individual_name",
        "payer_name",
        "recipient_name",
        "verified_name",
        "customer_signature",
        "signature",
    ),
    "E-mail and phone": (
        "email",
        "email_address",
        "customer_email",
        "customer_email_address",
        "payer_email",
        "receipt_email",
        "support_email",
        "verified_email",
        "phone",
        "phone_number",
        "customer_phone",
        "support_phone",
        "verified_phone",
        "cashtag",
    ),
    "Addresses": (
        "address",
        "address_kana",
        "address_kanji",
        "billing_address",
        "customer_address",
        "registered_address",
        "shipping_address",
        "support_address",
        "verified_address",
        "address_city",
        "address_line1",
        "address_line2",
        "address_state",
        "address_zip",
        "line1",
        "line2",
        "city",
        "town",
        "postal_code",
        "zip",
        "latitude",
        "longitude",
    ),
    "Birth and identity": (
        "dob",
        "birth_date",
        "date_of_birth",
        "gender",
        "nationality",
        "id_number",
        "id_number_secondary",
        "passport_number",
        "personal_id_number",
        "ssn",
        "ssn_last_4",
        "ssn_last4",
        "tax_id",
        "tax_ids",
        "tax_id_data",
        "tax_id_number",
        "customer_tax_ids",
        "vat_id",
    ),
    "Devices": (
        "ip",
        "ip_address",
        "client_ip",
        "customer_purchase_ip",
        "user_agent",
    ),
}
"""Fields that are redacted unless `configure` says otherwise."""

PERSONAL = frozenset(name for names in PERSONAL_GROUPS.values() for name in names)
"""The names of personal fields, as they are by default."""

OBJECT_FIELDS: dict[str, frozenset[str]] = {
    "apps.secret": frozenset({"payload"}),
    "tax_id": frozenset({"value"}),
}
"""Fields with ordinary names that are secret in objects of one kind (their `object`)."""

CARD_PARENTS = frozenset({"card", "bankaccount", "usbankaccount", "aubecsdebit", "bacsdebit"})
CARD_SIBLINGS = frozenset({"cvc", "cvv", "exp_month", "expMonth"})
"""A `number` beside one of these, or inside of one of those, is a card's or an account's."""

THINGS = frozenset(
    {
        "billing.meter",
        "coupon",
        "entitlements.feature",
        "plan",
        "price",
        "product",
        "promotion_code",
        "shipping_rate",
        "tax_rate",
    }
)
"""Kinds of objects whose `name` is nobody's."""


def normal(name: str) -> str:
    """A field's name as names are compared."""
    return name.lower().replace("_", "").replace("-", "")


def normals(names: Iterable[str]) -> frozenset[str]:
    """Many of them."""
    return frozenset(normal(name) for name in names)


LONGEST = 100
"""Characters of a name that is worth to be remembered: before a "=" may be a file in base64."""


def parts(name: str) -> tuple[str, ...]:
    """The names in a form's field, compared as `normal` does: `card[number]` has two."""
    return _known_parts(name) if len(name) <= LONGEST else _parts(name)


def _parts(name: str) -> tuple[str, ...]:
    if "[" not in name and "%" not in name and "." not in name:
        return (normal(name),)
    plain = name.replace("%5B", "[").replace("%5b", "[").replace("%5D", "]").replace("%5d", "]")
    pieces = plain.replace("]", "").replace(".", "[").split("[")
    return tuple(normal(piece) for piece in pieces if piece and not piece.isdigit())


_known_parts = lru_cache(maxsize=4096)(_parts)
