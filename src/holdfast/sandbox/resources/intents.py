"""What payment intents and setup intents have in common: their secret, and their payment method."""

from collections.abc import Callable, Mapping
from typing import Any

from holdfast.sandbox.resources.objects import fetch
from holdfast.sandbox.resources.operations import Execute, Resource
from holdfast.sandbox.resources.params import invalid
from holdfast.sandbox.resources.payment_methods import check_owner, from_data, materialise
from holdfast.sandbox.resources.routing import Request
from holdfast.sandbox.state import JsonObject, Transaction

Unexpected = Callable[[JsonObject, str], Exception]
"""Makes the error for an intent whose state does not allow what was asked for."""


def with_secret(tx: Transaction, intent: JsonObject) -> JsonObject:
    """Return a new intent, unsaved, with the secret that its customer's browser would use."""
    return {**intent, "client_secret": tx.new_id(f"{intent['id']}_secret")}


def retrieving(resource: Resource, spoken: str) -> Execute:
    """Return how an intent is retrieved: a secret that is sent along must be its own.

    Args:
        resource: the kind of intent.
        spoken: what it is called in messages: `PaymentIntent`.
    """

    def execute(request: Request) -> JsonObject:
        intent = resource.of(request)
        if request.params.get("client_secret", intent["client_secret"]) != intent["client_secret"]:
            raise invalid(f"It is not the client secret of the {spoken}.", "client_secret")
        return intent

    return execute


def with_method(
    tx: Transaction, intent: JsonObject, params: Mapping[str, Any]
) -> tuple[JsonObject, JsonObject | None]:
    """Give an intent the payment method that the parameters name, if they name one.

    Returns:
        The intent, unsaved, and the payment method; None when the parameters name none.

    Raises:
        ApiError: 400, there is no such payment method; 402, the number is no test card's.
    """
    if params.get("payment_method_data"):
        method = from_data(tx, params["payment_method_data"], "payment_method_data")
    elif params.get("payment_method"):
        method = materialise(tx, params["payment_method"])
    elif "payment_method" in params:
        return {**intent, "payment_method": None, "status": "requires_payment_method"}, None
    else:
        return intent, None
    return {**intent, "payment_method": method["id"], "status": "requires_confirmation"}, method


def method_of(
    tx: Transaction,
    intent: JsonObject,
    method: JsonObject | None,
    spoken: str,
    unexpected_state: Unexpected,
) -> JsonObject:
    """Return the payment method that an intent is confirmed with.

    Args:
        tx: the transaction.
        intent: the intent.
        method: the one that the request named; None takes the intent's.
        spoken: what the intent is called in messages.
        unexpected_state: makes the error for an intent without one.

    Raises:
        ApiError: 400, there is none, or it is somebody else's.
    """
    if method is None and intent["payment_method"] is not None:
        method = fetch(tx, "payment_method", intent["payment_method"])
    if method is None:
        raise unexpected_state(
            intent,
            f"You cannot confirm this {spoken} because it's missing a payment method. Update it "
            "with a payment method, or confirm it with one.",
        )
    check_owner(method, intent["customer"])
    return method
