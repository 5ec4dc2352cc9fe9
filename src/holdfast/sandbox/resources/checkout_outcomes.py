"""What completing a checkout session makes: a payment, a subscription or a saved card.

It is made by the same operations that a request for it would use.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources import (
    checkout_items,
    customers,
    payment_intents,
    setup_intents,
    subscriptions,
)
from holdfast.sandbox.resources.authentication import refused_action
from holdfast.sandbox.resources.objects import fetch, save
from holdfast.sandbox.resources.operations import Resource
from holdfast.sandbox.resources.payment_methods import attached, materialise
from holdfast.sandbox.resources.routing import Request
from holdfast.sandbox.state import JsonObject, Transaction

_USUAL_METHOD = "pm_card_visa"
_DATA = ("payment_intent_data", "setup_intent_data", "subscription_data")
_KEPT = "completion_data"


def kept(params: Mapping[str, Any], discounts: Sequence[str]) -> JsonObject:
    """Return what a session keeps, until it is completed, that none of Stripe's fields shows."""
    data: dict[str, Any] = {name: params[name] for name in _DATA if params.get(name)}
    if discounts:
        data["discounts"] = list(discounts)
    return {_KEPT: data} if data else {}


def completed(tx: Transaction, session: JsonObject, params: Mapping[str, Any]) -> JsonObject:
    """Complete a session as the customer would, and return it.

    Args:
        tx: the transaction; all that follows is saved in it.
        session: one that is open.
        params: `payment_method` and `email`, both optional.

    Raises:
        ApiError: 400, the payment method cannot be used; 402, an authentication is needed.
        Declined: 402, the payment failed; the session stays open.
    """
    mode = session["mode"]
    customer = _customer(tx, session, params)
    named = params.get("payment_method") or _USUAL_METHOD
    data = session.get(_KEPT, {})
    due = session["amount_total"]
    made: JsonObject = {}
    if mode != "payment" or due:
        made = _MAKERS[mode](tx, session, customer, named, data)
    details = fetch(tx, "customer", customer) if customer else {}
    after = {name: value for name, value in session.items() if name != _KEPT}
    changes = {
        "customer": customer,
        "customer_details": {
            "address": details.get("address"),
            "email": params.get("email") or details.get("email") or session["customer_email"],
            "name": details.get("name"),
            "phone": details.get("phone"),
            "tax_exempt": "none",
            "tax_ids": [],
        },
        "payment_status": "paid" if mode != "setup" and due else "no_payment_required",
        "status": "complete",
        "url": None,
        **made,
    }
    return save(tx, "complete", {**after, **changes})


def _customer(tx: Transaction, session: JsonObject, params: Mapping[str, Any]) -> str | None:
    """Return the session's customer, made now if the session needs one and has none."""
    if session["customer"] is not None:
        return str(session["customer"])
    wanted = session["mode"] == "subscription" or session["customer_creation"] == "always"
    if not wanted:
        return None
    email = params.get("email") or session["customer_email"]
    return str(_execute(customers.RESOURCE, tx, {"email": email} if email else {})["id"])


def _execute(resource: Resource, tx: Transaction, params: dict[str, Any]) -> JsonObject:
    """Create an object as a request with these parameters would."""
    request = Request(tx, {}, params)
    return resource.create(request, resource.draft(request))


def _own(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    given = data.get(name, {})
    allowed = {"description", "metadata", "setup_future_usage", "capture_method", "receipt_email"}
    return {key: value for key, value in given.items() if key in allowed}


def _payment(
    tx: Transaction,
    session: JsonObject,
    customer: str | None,
    method: str,
    data: Mapping[str, Any],
) -> JsonObject:
    due = {"amount": str(session["amount_total"]), "currency": session["currency"]}
    params = {**_own(data, "payment_intent_data"), **due}
    return _confirmed(payment_intents.RESOURCE, tx, params, customer, method)


def _setup(
    tx: Transaction,
    _session: JsonObject,
    customer: str | None,
    method: str,
    data: Mapping[str, Any],
) -> JsonObject:
    params = _own(data, "setup_intent_data")
    return _confirmed(setup_intents.RESOURCE, tx, params, customer, method)


def _confirmed(
    resource: Resource,
    tx: Transaction,
    params: dict[str, Any],
    customer: str | None,
    method: str,
) -> JsonObject:
    """Make and confirm an intent; return the session's field that names it."""
    usual = {"confirm": "true", "payment_method": method}
    owner = {"customer": customer} if customer else {}
    intent = _execute(resource, tx, {**params, **usual, **owner})
    if intent["status"] == "requires_action":
        raise refused_action(
            "The customer has to authenticate, which the sandbox's completion of a session does "
            "not do: use another card.",
            "authentication_required",
            **{resource.kind: intent},
        )
    return {resource.kind: intent["id"]}


def _subscription(
    tx: Transaction,
    session: JsonObject,
    customer: str | None,
    method: str,
    data: Mapping[str, Any],
) -> JsonObject:
    owner = customer or ""
    kept_method = (
        attached(tx, method, owner) if method.startswith("pm_card_") else materialise(tx, method)
    )
    items = list(checkout_items.of(tx, session["id"]))
    recurring = [item for item in items if item["price"]["type"] == "recurring"]
    if len(recurring) < len(items):
        raise ApiError(400, "The sandbox takes recurring prices alone in subscription mode.")
    given = data.get("subscription_data", {})
    allowed = ("description", "metadata", "trial_end", "trial_period_days")
    params: dict[str, Any] = {
        **{name: given[name] for name in allowed if name in given},
        "customer": owner,
        "default_payment_method": kept_method["id"],
        "discounts": [{"discount": each} for each in data.get("discounts", [])],
        "items": [
            {"price": item["price"]["id"], "quantity": str(item["quantity"])} for item in recurring
        ],
        "payment_behavior": "error_if_incomplete",
    }
    made = _execute(subscriptions.RESOURCE, tx, params)
    return {"invoice": made["latest_invoice"], "subscription": made["id"]}


_MAKERS: Mapping[
    str,
    Callable[[Transaction, JsonObject, str | None, str, Mapping[str, Any]], JsonObject],
] = {"payment": _payment, "setup": _setup, "subscription": _subscription}
