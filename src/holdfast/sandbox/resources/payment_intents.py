"""Payment intents and their state machine (https://docs.stripe.com/payments/paymentintents)."""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources import authentication, charges, confirming, refunds
from holdfast.sandbox.resources.card_table import NOT_AUTHENTICATED, Failure
from holdfast.sandbox.resources.confirming import Circumstances
from holdfast.sandbox.resources.intents import method_of, retrieving, with_method, with_secret
from holdfast.sandbox.resources.listing import CREATED, refers
from holdfast.sandbox.resources.money import AMOUNT, CURRENCY, amount_too_large, shown
from holdfast.sandbox.resources.objects import assigned, fetch, refer, save, stamped
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
    INTEGER_OR_UNSET,
    LIST,
    TEXT,
    TREE,
    Field,
    Params,
    boolean,
    fields_of,
    flag,
    invalid,
    number,
    one_of,
    subtree,
    tree_of,
)
from holdfast.sandbox.resources.payment_methods import attach, check_owner
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.resources.settlement import payment_of, settle
from holdfast.sandbox.state import JsonObject, Transaction

_INITIAL: Mapping[str, Any] = {
    "amount_capturable": 0,
    "amount_details": {"tip": {}},
    "amount_received": 0,
    "application": None,
    "application_fee_amount": None,
    "automatic_payment_methods": None,
    "canceled_at": None,
    "cancellation_reason": None,
    "capture_method": "automatic",
    "client_secret": None,
    "confirmation_method": "automatic",
    "customer": None,
    "customer_account": None,
    "description": None,
    "last_payment_error": None,
    "latest_charge": None,
    "next_action": None,
    "on_behalf_of": None,
    "payment_method": None,
    "payment_method_configuration_details": None,
    "payment_method_options": {},
    "payment_method_types": ["card"],
    "processing": None,
    "receipt_email": None,
    "review": None,
    "setup_future_usage": None,
    "shipping": None,
    "source": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "status": "requires_payment_method",
    "transfer_data": None,
    "transfer_group": None,
}
_SPOKEN = "PaymentIntent"
# States from which a payment can be tried, and in which everything may still be changed.
OPEN = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
_CANCELABLE = OPEN | {"requires_capture", "processing"}
# What may be changed in every state.
_ALWAYS_EDITABLE = frozenset(
    {"description", "expand", "metadata", "receipt_email", "shipping", "transfer_group"}
)
# What an invoice decides for the intent that pays it.
_TERMS = frozenset({"amount", "capture_method", "currency", "customer"})


def unexpected_state(intent: JsonObject, message: str) -> ApiError:
    """The intent's status does not allow what was asked for; the error shows the intent."""
    return ApiError(
        400,
        message,
        code="payment_intent_unexpected_state",
        extra={"payment_intent": intent},
    )


def drafted(tx: Transaction, fields: Mapping[str, Any]) -> JsonObject:
    """Return a new payment intent, not yet put, with the given fields."""
    new = stamped(tx, "payment_intent", "pi", {"metadata": {}, **_INITIAL, **fields})
    return with_secret(tx, new)


def _create(request: Request, draft: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    if draft["customer"] is not None:
        refer(tx, "customer", draft["customer"], "customer")
    new, method = with_method(tx, with_secret(tx, draft), params)
    if method is not None:
        check_owner(method, new["customer"])
    if flag(params, "confirm"):
        return _confirmed(tx, new, method, params, "create")
    return save(tx, "create", new)


def _confirmed(
    tx: Transaction,
    intent: JsonObject,
    method: JsonObject | None,
    params: Mapping[str, Any],
    effect: str,
) -> JsonObject:
    """Try to pay; save the intent with the effect.

    Raises:
        ApiError: 400, there is no payment method; 402, an authentication is needed and the request
            wants none.
        Declined: 402, the payment failed.
    """
    method = method_of(tx, intent, method, _SPOKEN, unexpected_state)
    circumstances = Circumstances(
        off_session=params.get("off_session", "false") != "false",
        return_url=params.get("return_url") or None,
    )
    after, failure = confirming.attempt(tx, intent, method, circumstances)
    if after["status"] == "requires_action" and flag(params, "error_on_requires_action"):
        raise authentication.refused_action(
            "This payment required an authentication action to complete, but "
            "`error_on_requires_action` was set.",
            "authentication_required",
            payment_intent=intent,
            payment_method=method,
        )
    return _concluded(tx, after, method, failure, effect)


def _concluded(
    tx: Transaction,
    after: JsonObject,
    method: JsonObject,
    failure: Failure | None,
    effect: str,
) -> JsonObject:
    """Save an intent after an attempt to pay, with what follows from it.

    Raises:
        Declined: 402, the payment failed.
    """
    save(tx, effect, after)
    if failure is not None:
        raise confirming.decline(after, failure)
    paying = after["status"] in {"succeeded", "requires_capture"}
    if paying and after["setup_future_usage"] and after["customer"]:
        attach(tx, method, after["customer"])
    settle(tx, after)
    return after


def _confirm(request: Request) -> JsonObject:
    tx, params = request.tx, request.params
    old = RESOURCE.of(request)
    if old["status"] not in OPEN:
        raise unexpected_state(
            old,
            f"You cannot confirm this PaymentIntent because it has a status of {old['status']}.",
        )
    if number(params, "amount_to_confirm", old["amount"]) != old["amount"]:
        raise invalid("It differs from the amount of the PaymentIntent.", "amount_to_confirm")
    if "capture_method" in params:
        _check_free_of_invoice(tx, old)
    changed, method = with_method(tx, assigned(old, _CONFIRM_FIELDS, params), params)
    return _confirmed(tx, changed, method, params, "confirm")


def _authenticate(request: Request) -> JsonObject:
    """End the authentication that an intent waits for, in the customer's place."""
    tx, old = request.tx, RESOURCE.of(request)
    if old["status"] != "requires_action":
        raise unexpected_state(
            old, f"This PaymentIntent waits for no authentication: its status is {old['status']}."
        )
    method = fetch(tx, "payment_method", old["payment_method"])
    if request.params.get("outcome") == "failed":
        return save(tx, "authenticate", confirming.unauthenticated(old, method, NOT_AUTHENTICATED))
    after, failure = confirming.attempt(tx, old, method, Circumstances(authenticated=True))
    return _concluded(tx, after, method, failure, "authenticate")


def _update(request: Request, old: JsonObject, new: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    if old["status"] not in OPEN:
        frozen = sorted(params.keys() - _ALWAYS_EDITABLE)
        if frozen:
            raise unexpected_state(
                old,
                f"This PaymentIntent's {frozen[0]} could not be updated because it has a status of "
                f"{old['status']}. It can be updated while the status is one of "
                f"{', '.join(sorted(OPEN))}.",
            )
    if params.get("customer"):
        refer(tx, "customer", params["customer"], "customer")
    if not _TERMS.isdisjoint(params):
        _check_free_of_invoice(tx, old)
    changed, method = with_method(tx, new, params)
    if method is not None:
        check_owner(method, changed["customer"])
    return save(tx, "update", changed)


def _capture(request: Request) -> JsonObject:
    tx, params = request.tx, request.params
    old = RESOURCE.of(request)
    if old["status"] != "requires_capture":
        raise unexpected_state(
            old,
            f"This PaymentIntent could not be captured because it has a status of {old['status']}. "
            "Only a PaymentIntent with the status requires_capture may be captured.",
        )
    capturable = old["amount_capturable"]
    amount = number(params, "amount_to_capture", capturable)
    if amount > capturable:
        raise amount_too_large(
            f"The remaining amount you can capture for this PaymentIntent is "
            f"{shown(capturable, old['currency'])}.",
            "amount_to_capture",
        )
    if not flag(params, "final_capture", True):
        raise invalid("The sandbox captures an intent once.", "final_capture")
    charges.captured(tx, fetch(tx, "charge", old["latest_charge"]), amount)
    new = {
        **RESOURCE.changed(old, params),
        "amount_capturable": 0,
        "amount_received": amount,
        "status": "succeeded",
    }
    save(tx, "capture", new)
    settle(tx, new)
    return new


def canceled(tx: Transaction, old: JsonObject, reason: str | None) -> JsonObject:
    """Let go of what an intent authorized, and return it, unsaved, as canceled.

    Raises:
        ApiError: 400 `payment_intent_unexpected_state`.
    """
    if old["status"] not in _CANCELABLE:
        raise unexpected_state(
            old,
            f"You cannot cancel this PaymentIntent because it has a status of {old['status']}. "
            "Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(sorted(_CANCELABLE))}.",
        )
    if old["status"] == "requires_capture":
        refunds.released(tx, fetch(tx, "charge", old["latest_charge"]))
    return {
        **old,
        "amount_capturable": 0,
        "canceled_at": tx.now,
        "cancellation_reason": reason,
        "status": "canceled",
    }


def _cancel(request: Request) -> JsonObject:
    old = RESOURCE.of(request)
    _check_free_of_invoice(request.tx, old)
    reason = request.params.get("cancellation_reason") or None
    return save(request.tx, "cancel", canceled(request.tx, old, reason))


def _check_free_of_invoice(tx: Transaction, intent: JsonObject) -> None:
    payment = payment_of(tx, intent)
    if payment is not None:
        raise unexpected_state(
            intent,
            f"This PaymentIntent pays the invoice {payment['invoice']}. Change or void the invoice "
            "instead.",
        )


def _check_yes_no_or_word(value: Any, param: str) -> None:
    if value not in {"one_off", "recurring"}:
        boolean(value, param)


def _automatic(given: Mapping[str, Any]) -> JsonObject:
    return {
        "allow_redirects": given.get("allow_redirects", "always"),
        "enabled": flag(given, "enabled"),
    }


_OFF_SESSION = Field(_check_yes_no_or_word, lambda value, _present: value)
_CAPTURE_METHOD = one_of("automatic", "automatic_async", "manual")
_CONFIRM_FIELDS: Mapping[str, Field] = {
    "capture_method": _CAPTURE_METHOD,
    "receipt_email": TEXT,
    "setup_future_usage": one_of("off_session", "on_session", unset=True),
    "shipping": tree_of("address", "carrier", "name", "phone", "tracking_number"),
}
_METHOD = {"payment_method": TEXT, "payment_method_data": TREE}
_CONFIRM_EXTRA: Mapping[str, Field] = {
    **_METHOD,
    **fields_of(BOOLEAN, "error_on_requires_action", "use_stripe_sdk"),
    **fields_of(TEXT, "confirmation_token", "mandate", "return_url"),
    **fields_of(ANYTHING, "allowed_payment_method_types", "excluded_payment_method_types"),
    **fields_of(ANYTHING, "amount_details", "hooks", "mandate_data", "payment_details"),
    **fields_of(TREE, "payment_method_options", "radar_options"),
    "off_session": _OFF_SESSION,
}
_UPDATE_EXTRA: Mapping[str, Field] = {
    **_METHOD,
    **fields_of(ANYTHING, "allowed_payment_method_types", "excluded_payment_method_types"),
    **fields_of(ANYTHING, "amount_details", "hooks", "payment_details"),
    **fields_of(TREE, "payment_method_options"),
    "payment_method_configuration": TEXT,
}

RESOURCE = Resource(
    kind="payment_intent",
    plural="payment_intents",
    prefix="pi",
    id_name="intent",
    initial=_INITIAL,
    fields={
        **_CONFIRM_FIELDS,
        **fields_of(TEXT, "customer", "description", "transfer_group"),
        **fields_of(TEXT, "statement_descriptor", "statement_descriptor_suffix"),
        "amount": AMOUNT,
        "application_fee_amount": INTEGER_OR_UNSET,
        "currency": CURRENCY,
        "payment_method_types": LIST,
        "transfer_data": TREE,
    },
    at_creation={
        "automatic_payment_methods": Field(
            TREE.check,
            lambda value, _present: _automatic(subtree(value, "automatic_payment_methods")),
        ),
        "confirmation_method": one_of("automatic", "manual"),
        "on_behalf_of": TEXT,
    },
    create_extra={
        **_CONFIRM_EXTRA,
        "confirm": BOOLEAN,
        "payment_method_configuration": TEXT,
    },
    update_extra=_UPDATE_EXTRA,
    retrieve_extra={"client_secret": TEXT},
    required=("amount", "currency"),
    filters={"created": CREATED, "customer": refers("customer")},
    create=_create,
    update=_update,
)
_CONFIRM = Params({**_CONFIRM_FIELDS, **_CONFIRM_EXTRA, "amount_to_confirm": AMOUNT})
_CAPTURE = Params(
    {
        **fields_of(TEXT, "statement_descriptor", "statement_descriptor_suffix"),
        **fields_of(ANYTHING, "amount_details", "hooks", "payment_details"),
        "amount_to_capture": AMOUNT,
        "application_fee_amount": INTEGER_OR_UNSET,
        "final_capture": BOOLEAN,
        "transfer_data": TREE,
    }
)
_CANCEL = Params(
    {
        "cancellation_reason": one_of(
            "abandoned", "duplicate", "fraudulent", "requested_by_customer", unset=True
        )
    }
)

OPERATIONS: tuple[Operation, ...] = (
    create_operation(RESOURCE),
    retrieve_operation(RESOURCE, retrieving(RESOURCE, _SPOKEN)),
    update_operation(RESOURCE),
    list_operation(RESOURCE),
    action(RESOURCE, "confirm", _CONFIRM, _confirm),
    action(RESOURCE, "capture", _CAPTURE, _capture),
    action(RESOURCE, "cancel", _CANCEL, _cancel),
    helper(RESOURCE, "authenticate", authentication.OUTCOMES, _authenticate),
)
