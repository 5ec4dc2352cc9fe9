"""The limits that Stripe publishes, as data, for live keys and for test keys (its sandboxes)."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Mode = Literal["live", "test"]

_PAGE = "https://docs.stripe.com/rate-limits"
_ACCOUNTS = "https://github.com/stripe/stripe-node/issues/2223"
_POST = "https://stripe.com/blog/rate-limiters"


class Row(NamedTuple):
    """One limit.

    Attributes:
        section: of a limits file.
        name: in the section.
        live: its value for live keys; None where there is none of its own.
        test: its value for test keys.
        source: who says so.
        assumed: what is our assumption in it; empty when all of it is published.
    """

    section: str
    name: str
    live: Any
    test: Any
    source: str
    assumed: str = ""


def _same(section: str, name: str, value: Any, source: str, assumed: str = "") -> Row:
    return Row(section, name, value, value, source, assumed)


ROWS = (
    Row("global", "rate", 100, 25, _PAGE),
    Row("global", "concurrency", 100, 20, _POST,
        "that there is such a limiter is published, its numbers are not: these are the two of the "
        "post's examples"),
    _same("endpoint", "rate", 25, _PAGE),
    _same("endpoints", "GET /v1/*/search", {"rate": 20}, _PAGE),
    _same("endpoints", "GET /v1/files/**", {"rate": 20}, _PAGE),
    _same("endpoints", "POST /v1/files", {"rate": 20}, _PAGE),
    _same("endpoints", "POST /v1/payouts", {"rate": 15, "concurrency": 30}, _PAGE),
    Row("endpoints", "POST /v1/accounts",
        {"rate": 30, "answer": "accounts_too_quickly"},
        {"rate": 5, "answer": "accounts_too_quickly"}, _ACCOUNTS),
    Row("endpoints", "POST /v1/billing/meter_events",
        {"rate": 1000, "counts_globally": False}, None, _PAGE),
    _same("resources", "payment_intent_updates", {
        "rate": "1000/h",
        "endpoints": {"POST /v1/payment_intents/{intent}/**": "intent"},
    }, _PAGE, "that confirming, capturing and cancelling count as updates"),
    _same("resources", "subscription_invoices", {
        "rate": ["10/min", "20/day"],
        "endpoints": {
            "POST /v1/invoices": "subscription",
            "POST /v1/subscriptions/{subscription}": {
                "object": "subscription",
                "having": ["proration_behavior=always_invoice", "billing_cycle_anchor=now"],
            },
        },
    }, _PAGE, "which requests make a new invoice"),
    _same("resources", "subscription_quantities", {
        "rate": "200/h",
        "endpoints": {
            "POST /v1/subscriptions/{subscription}": {
                "object": "subscription",
                "having": ["quantity", "items.quantity"],
            },
            "POST /v1/subscription_items/{item}": {"object": "item", "having": ["quantity"]},
        },
    }, _PAGE, "an item counts by itself, which is the same where a subscription has one item"),
    _same("resources", "meter_events", {
        "concurrency": 1,
        "endpoints": {
            "POST /v1/billing/meter_events": ["payload.stripe_customer_id", "event_name"],
        },
    }, _PAGE),
)  # fmt: skip


def published(mode: Mode) -> dict[str, dict[str, Any]]:
    """The published limits in the form of a limits file.

    Args:
        mode: `live` or `test`.
    """
    content: dict[str, dict[str, Any]] = {}
    for row in ROWS:
        value = row.live if mode == "live" else row.test
        if value is not None:
            content.setdefault(row.section, {})[row.name] = value
    return content


def with_base(mode: Mode, content: Mapping[str, Any]) -> dict[str, Any]:
    """A limits file's content on top of the published limits; what it names itself comes first.

    Args:
        mode: `live` or `test`.
        content: the file's; a section of it must be a mapping.
    """
    merged: dict[str, Any] = {**published(mode), **content}
    for section, base in published(mode).items():
        own = content.get(section, {})
        if isinstance(own, Mapping):
            merged[section] = {**own, **{name: base[name] for name in base if name not in own}}
    return merged
