"""Whether a card's holder must authenticate a payment or a setup, and what is shown until then.

In a browser Stripe.js would lead the customer through it. Here a test does that by the operations
`POST /v1/test_helpers/payment_intents/{intent}/authenticate` and the same for setup intents, which
are ours.
"""

from typing import Any

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources import cards
from holdfast.sandbox.resources.card_table import Authentication
from holdfast.sandbox.resources.params import Params, one_of
from holdfast.sandbox.state import JsonObject, Transaction

OUTCOMES = Params({"outcome": one_of("failed", "succeeded")})
"""What the two operations take: how the authentication ends, `succeeded` unless given."""


def needed(tx: Transaction, method: JsonObject, *, off_session: bool) -> bool:
    """Return whether a payment must be authenticated.

    Args:
        tx: where it is looked up whether the card was set up.
        method: the payment method, or card, that pays.
        off_session: whether the customer is not there.
    """
    card = cards.behind(method)
    when = card.authentication if card is not None else Authentication.NEVER
    if when is Authentication.UNLESS_SET_UP and off_session:
        return not _set_up(tx, method["id"])
    return when is not Authentication.NEVER and not (
        when is Authentication.ON_SESSION and off_session
    )


def needed_for_setup(method: JsonObject) -> bool:
    """Return whether saving a card for later must be authenticated."""
    card = cards.behind(method)
    return card is not None and card.authentication in {
        Authentication.UNLESS_SET_UP,
        Authentication.ALWAYS,
    }


def _set_up(tx: Transaction, method: str) -> bool:
    """Whether an intent saved the payment method for payments without the customer."""
    setups = tx.newest_first("setup_intent")
    if any(one["status"] == "succeeded" and one["payment_method"] == method for one in setups):
        return True
    return any(
        one["status"] == "succeeded"
        and one["payment_method"] == method
        and one["setup_future_usage"] == "off_session"
        for one in tx.newest_first("payment_intent")
    )


def next_action(tx: Transaction, intent: JsonObject, return_url: str | None) -> JsonObject:
    """Return the `next_action` of an intent that waits for its authentication."""
    if return_url:
        url = f"https://hooks.stripe.com/redirect/authenticate/{intent['id']}"
        redirect = {"return_url": return_url, "url": url}
        return {"redirect_to_url": redirect, "type": "redirect_to_url"}
    source = tx.new_id("src")
    details: dict[str, Any] = {"source": source, "type": "three_d_secure_redirect"}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": details}


def refused_action(message: str, code: str, **shown: JsonObject) -> ApiError:
    """The payment needs an authentication that this request cannot wait for; nothing happened."""
    return ApiError(402, message, type="card_error", code=code, extra=shown)
