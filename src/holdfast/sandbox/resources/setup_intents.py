"""Setup intents: saving a card for later payments (https://docs.stripe.com/payments/setupintents)."""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.errors import ApiError, Declined
from holdfast.sandbox.resources import authentication, cards
from holdfast.sandbox.resources.card_table import Failure
from holdfast.sandbox.resources.intents import method_of, retrieving, with_method, with_secret
from holdfast.sandbox.resources.listing import CREATED, is_flag, refers
from holdfast.sandbox.resources.objects import fetch, refer, save
from holdfast.sandbox.resources.operations import (
    Resource,
    action,
    create_operation,
    helper,
    list_operation,
    retrieve_operation,
    update_operation,
)
from holdfast.sandbox.resources.params import (
    ANYTHING,
    BOOLEAN,
    LIST,
    TEXT,
    TREE,
    Field,
    Params,
    fields_of,
    flag,
    invalid,
    one_of,
)
from holdfast.sandbox.resources.payment_methods import attach, check_owner
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject, Transaction

_INITIAL: Mapping[str, Any] = {
    "allowed_payment_method_types": None,
    "application": None,
    "attach_to_self": False,
    "automatic_payment_methods": None,
    "cancellation_reason": None,
    "client_secret": None,
    "customer": None,
    "customer_account": None,
    "description": None,
    "flow_directions": None,
    "last_setup_error": None,
    "latest_attempt": None,
    "mandate": None,
    "next_action": None,
    "on_behalf_of": None,
    "payment_method": None,
    "payment_method_configuration_details": None,
    "payment_method_options": {},
    "payment_method_types": ["card"],
    "single_use_mandate": None,
    "status": "requires_payment_method",
    "usage": "off_session",
}
_SPOKEN = "SetupIntent"
_OPEN = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
_ALWAYS_EDITABLE = frozenset({"description", "expand", "metadata"})
_NOT_AUTHENTICATED = Failure(
    "setup_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method "
    "and try again.",
)


def _unexpected_state(intent: JsonObject, message: str) -> ApiError:
    """The intent's status does not allow what was asked for; the error shows the intent."""
    return ApiError(
        400, message, code="setup_intent_unexpected_state", extra={"setup_intent": intent}
    )


def _create(request: Request, draft: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    if draft["customer"] is not None:
        refer(tx, "customer", draft["customer"], "customer")
    new, method = with_method(tx, with_secret(tx, draft), params)
    if method is not None:
        check_owner(method, new["customer"])
    if flag(params, "confirm"):
        return _confirmed(tx, new, method, params, "create")
    if params.get("return_url"):
        raise invalid("A return_url is taken when the SetupIntent is confirmed.", "return_url")
    return save(tx, "create", new)


def _confirmed(
    tx: Transaction,
    intent: JsonObject,
    method: JsonObject | None,
    params: Mapping[str, Any],
    effect: str,
) -> JsonObject:
    """Try to set the payment method up; save the intent with the effect.

    Raises:
        ApiError: 400, there is no payment method.
        Declined: 402, the card is refused.
    """
    method = method_of(tx, intent, method, _SPOKEN, _unexpected_state)
    card = cards.behind(method)
    if card is not None and card.failure is not None and not card.attachable:
        raise _failed(tx, intent, method, card.failure, effect)
    if authentication.needed_for_setup(method):
        action_needed = authentication.next_action(tx, intent, params.get("return_url"))
        waiting = {"next_action": action_needed, "status": "requires_action"}
        return save(tx, effect, {**intent, **waiting})
    return _succeeded(tx, intent, method, effect)


def _failed(
    tx: Transaction, intent: JsonObject, method: JsonObject, failure: Failure, effect: str
) -> Declined:
    """Save an intent whose setup failed, and return the answer that shows it."""
    shown = failure.decline(payment_method=method).body()["error"]
    changes = {
        "last_setup_error": shown,
        "next_action": None,
        "payment_method": None,
        "status": "requires_payment_method",
    }
    after = save(tx, effect, {**intent, **changes})
    return failure.decline(payment_method=method, setup_intent=after)


def _succeeded(tx: Transaction, intent: JsonObject, method: JsonObject, effect: str) -> JsonObject:
    done = {"last_setup_error": None, "next_action": None, "status": "succeeded"}
    after = save(tx, effect, {**intent, **done})
    if after["customer"]:
        attach(tx, method, after["customer"])
    return after


def _confirm(request: Request) -> JsonObject:
    tx, params = request.tx, request.params
    old = _open(request, "confirm")
    changed, method = with_method(tx, old, params)
    return _confirmed(tx, changed, method, params, "confirm")


def _open(request: Request, verb: str) -> JsonObject:
    intent = RESOURCE.of(request)
    if intent["status"] not in _OPEN:
        raise _unexpected_state(
            intent,
            f"You cannot {verb} this SetupIntent because it has a status of {intent['status']}.",
        )
    return intent


def _authenticate(request: Request) -> JsonObject:
    """End the authentication that an intent waits for, in the customer's place."""
    tx, old = request.tx, RESOURCE.of(request)
    if old["status"] != "requires_action":
        raise _unexpected_state(
            old, f"This SetupIntent waits for no authentication: its status is {old['status']}."
        )
    method = fetch(tx, "payment_method", old["payment_method"])
    if request.params.get("outcome") != "failed":
        return _succeeded(tx, old, method, "authenticate")
    _failed(tx, old, method, _NOT_AUTHENTICATED, "authenticate")
    return RESOURCE.of(request)


def _update(request: Request, _old: JsonObject, new: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    if not _ALWAYS_EDITABLE.issuperset(params):
        _open(request, "update")
    if params.get("customer"):
        refer(tx, "customer", params["customer"], "customer")
    changed, method = with_method(tx, new, params)
    if method is not None:
        check_owner(method, changed["customer"])
    return save(tx, "update", changed)


def _cancel(request: Request) -> JsonObject:
    old = _open(request, "cancel")
    reason = request.params.get("cancellation_reason") or None
    ended = {"cancellation_reason": reason, "next_action": None, "status": "canceled"}
    return save(request.tx, "cancel", {**old, **ended})


def _automatic(value: Any, _present: Any) -> JsonObject:
    redirects = value.get("allow_redirects", "always")
    return {"allow_redirects": redirects, "enabled": value.get("enabled") == "true"}


_METHOD: Mapping[str, Field] = {
    "payment_method": TEXT,
    "payment_method_data": TREE,
    "payment_method_options": TREE,
    **fields_of(ANYTHING, "allowed_payment_method_types"),
}
_CONFIRM: Mapping[str, Field] = {
    **_METHOD,
    **fields_of(TEXT, "confirmation_token", "return_url"),
    "mandate_data": ANYTHING,
    "use_stripe_sdk": BOOLEAN,
}
_UPDATE: Mapping[str, Field] = {
    **_METHOD,
    "excluded_payment_method_types": ANYTHING,
    "payment_method_configuration": TEXT,
}

RESOURCE = Resource(
    kind="setup_intent",
    plural="setup_intents",
    prefix="seti",
    id_name="intent",
    initial=_INITIAL,
    fields={
        **fields_of(TEXT, "customer", "description"),
        "attach_to_self": BOOLEAN,
        "flow_directions": LIST,
        "payment_method_types": LIST,
    },
    at_creation={
        "automatic_payment_methods": Field(TREE.check, _automatic),
        "on_behalf_of": TEXT,
        "usage": one_of("off_session", "on_session"),
    },
    create_extra={**_CONFIRM, **_UPDATE, "confirm": BOOLEAN, "single_use": TREE},
    update_extra=_UPDATE,
    retrieve_extra={"client_secret": TEXT},
    filters={
        "attach_to_self": is_flag(),
        "created": CREATED,
        "customer": refers("customer"),
        "payment_method": refers("payment_method"),
    },
    create=_create,
    update=_update,
)
_CANCEL = Params(
    {"cancellation_reason": one_of("abandoned", "duplicate", "requested_by_customer", unset=True)}
)

OPERATIONS: tuple[Operation, ...] = (
    create_operation(RESOURCE),
    retrieve_operation(RESOURCE, retrieving(RESOURCE, _SPOKEN)),
    update_operation(RESOURCE),
    list_operation(RESOURCE),
    action(RESOURCE, "confirm", Params(_CONFIRM), _confirm),
    action(RESOURCE, "cancel", _CANCEL, _cancel),
    helper(RESOURCE, "authenticate", authentication.OUTCOMES, _authenticate),
)
