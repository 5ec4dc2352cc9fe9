"""Checkout sessions: a payment, a setup or a subscription that a customer completes on a page.

There is no page here. A test completes a session in the customer's place by
`POST /v1/test_helpers/checkout/sessions/{session}/complete`, which is ours: it takes the
`payment_method` to pay with (`pm_card_visa` unless given) and the customer's `email`.
"""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.errors import ApiError, missing_parameter
from holdfast.sandbox.resources import checkout_items, checkout_outcomes
from holdfast.sandbox.resources.discounts import redeemed
from holdfast.sandbox.resources.listing import (
    CREATED,
    Filter,
    equals,
    has_choice,
    list_params,
    page,
    refers,
)
from holdfast.sandbox.resources.objects import refer, save
from holdfast.sandbox.resources.operations import (
    Resource,
    action,
    create_operation,
    helper,
    list_operation,
    reading,
    retrieve_operation,
    update_operation,
)
from holdfast.sandbox.resources.params import (
    ANYTHING,
    BOOLEAN,
    INTEGER,
    LIST,
    TEXT,
    TREE,
    Params,
    fields_of,
    invalid,
    number,
    one_of,
    subtree,
)
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject, Transaction

_HOUR = 3600
_SHORTEST, _LONGEST = _HOUR // 2, 24 * _HOUR
_INITIAL: Mapping[str, Any] = {
    "adaptive_pricing": None,
    "after_expiration": None,
    "allow_promotion_codes": None,
    "amount_subtotal": None,
    "amount_total": None,
    "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
    "billing_address_collection": None,
    "cancel_url": None,
    "client_reference_id": None,
    "client_secret": None,
    "collected_information": None,
    "consent": None,
    "consent_collection": None,
    "currency": None,
    "currency_conversion": None,
    "custom_fields": [],
    "custom_text": {
        "after_submit": None,
        "shipping_address": None,
        "submit": None,
        "terms_of_service_acceptance": None,
    },
    "customer": None,
    "customer_account": None,
    "customer_creation": None,
    "customer_details": None,
    "customer_email": None,
    "discounts": [],
    "expires_at": None,
    "invoice": None,
    "invoice_creation": None,
    "locale": None,
    "mode": "payment",
    "origin_context": None,
    "payment_intent": None,
    "payment_link": None,
    "payment_method_collection": "if_required",
    "payment_method_configuration_details": None,
    "payment_method_options": {},
    "payment_method_types": ["card"],
    "payment_status": "unpaid",
    "permissions": None,
    "phone_number_collection": {"enabled": False},
    "recovered_from": None,
    "redirect_on_completion": None,
    "return_url": None,
    "saved_payment_method_options": None,
    "setup_intent": None,
    "shipping_address_collection": None,
    "shipping_cost": None,
    "shipping_options": [],
    "status": "open",
    "submit_type": None,
    "subscription": None,
    "success_url": None,
    "total_details": None,
    "ui_mode": "hosted_page",
    "url": None,
    "wallet_options": None,
}


def _create(request: Request, draft: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    hosted = draft["ui_mode"] == "hosted_page"
    if hosted and not params.get("success_url"):
        raise missing_parameter("success_url")
    if draft["customer"] is not None:
        refer(tx, "customer", draft["customer"], "customer")
    if draft["mode"] != "payment":
        _check_only(params, "payment_intent_data", draft["mode"])
    _check_ends(tx, params)
    new = {
        **draft,
        "expires_at": number(params, "expires_at", tx.now + _LONGEST),
        "discounts": [],
        "payment_status": "no_payment_required" if draft["mode"] == "setup" else "unpaid",
        "url": f"https://checkout.stripe.com/c/pay/{draft['id']}" if hosted else None,
    }
    if draft["mode"] == "setup":
        kept = checkout_outcomes.kept(params, [])
        return save(tx, "create", {**_with_setup(new, params), **kept})
    if not params.get("line_items"):
        raise missing_parameter("line_items")
    named = redeemed(
        tx, params.get("discounts", ""), "discounts", checkout_session=new["id"],
        customer=new["customer"],
    )  # fmt: skip
    sums = checkout_items.made(tx, new, params["line_items"], named)
    shown = [{"coupon": coupon, "promotion_code": None} for coupon in sums.coupons]
    free = sums.fields["amount_total"] == 0
    status = "no_payment_required" if free else "unpaid"
    priced = {**new, **sums.fields, "discounts": shown, "payment_status": status}
    return save(tx, "create", {**priced, **checkout_outcomes.kept(params, named)})


def _with_setup(session: JsonObject, params: Mapping[str, Any]) -> JsonObject:
    currency = params.get("currency") or None
    return {**session, "currency": currency.lower() if currency else None}


def _check_only(params: Mapping[str, Any], name: str, mode: str) -> None:
    if params.get(name):
        raise invalid(f"You can not pass `{name}` in `{mode}` mode.", name)


def _check_ends(tx: Transaction, params: Mapping[str, Any]) -> None:
    ends = number(params, "expires_at", tx.now + _LONGEST)
    if not tx.now + _SHORTEST <= ends <= tx.now + _LONGEST:
        raise invalid(
            "A session expires from 30 minutes to 24 hours after it is made.", "expires_at"
        )


def _open(request: Request, done: str) -> JsonObject:
    session = RESOURCE.of(request)
    status = session["status"]
    if status == "open" and session["expires_at"] <= request.tx.now:
        status = "expired"
    if status != "open":
        raise ApiError(
            400,
            f'Only Checkout Sessions with a status in ["open"] can be {done}. This Checkout '
            f"Session has a status of {status}.",
        )
    return session


def _expire(request: Request) -> JsonObject:
    session = _open(request, "expired")
    return save(request.tx, "expire", {**session, "status": "expired", "url": None})


def _complete(request: Request) -> JsonObject:
    session = _open(request, "completed")
    return checkout_outcomes.completed(request.tx, session, request.params)


def _line_items(request: Request) -> JsonObject:
    session = RESOURCE.of(request)
    items = checkout_items.of(request.tx, session["id"])
    return page("item", items, request.params, f"{RESOURCE.url}/{session['id']}/line_items")


def _with_email(_tx: Transaction, value: Any, name: str) -> Any:
    wanted = subtree(value, name)
    Params(fields_of(TEXT, "email")).check(wanted)
    return lambda session: wanted.get("email") == (session["customer_details"] or {}).get("email")


_OPTIONS = {
    **fields_of(TREE, "adaptive_pricing", "after_expiration", "branding_settings"),
    **fields_of(TREE, "consent_collection", "invoice_creation", "managed_payments"),
    **fields_of(TREE, "name_collection", "payment_method_options", "permissions"),
    **fields_of(TREE, "phone_number_collection", "saved_payment_method_options"),
    **fields_of(TREE, "shipping_address_collection", "wallet_options"),
    **fields_of(TEXT, "billing_address_collection", "locale", "origin_context", "submit_type"),
    **fields_of(TEXT, "redirect_on_completion", "return_url", "integration_identifier"),
    "allow_promotion_codes": BOOLEAN,
}
_TAKEN = {
    **fields_of(ANYTHING, "allowed_payment_method_types", "automatic_tax", "custom_fields"),
    **fields_of(ANYTHING, "custom_text", "customer_update", "discounts"),
    **fields_of(ANYTHING, "excluded_payment_method_types", "optional_items"),
    **fields_of(TREE, "payment_method_data", "tax_id_collection", "setup_intent_data"),
    **fields_of(TREE, "payment_intent_data", "subscription_data"),
    **fields_of(ANYTHING, "shipping_options"),
    "currency": TEXT,
    "expires_at": INTEGER,
    "line_items": LIST,
    "payment_method_configuration": TEXT,
}

RESOURCE = Resource(
    kind="checkout.session",
    plural="checkout/sessions",
    prefix="cs_test",
    id_name="session",
    id_length=60,
    initial=_INITIAL,
    at_creation={
        **_OPTIONS,
        **fields_of(TEXT, "cancel_url", "client_reference_id", "customer", "customer_email"),
        "customer_creation": one_of("always", "if_required"),
        "mode": one_of("payment", "setup", "subscription"),
        "payment_method_collection": one_of("always", "if_required"),
        "payment_method_types": LIST,
        "success_url": TEXT,
        "ui_mode": one_of("elements", "embedded_page", "form", "hosted_page"),
    },
    by_update={"collected_information": TREE},
    create_extra=_TAKEN,
    update_extra={
        **fields_of(ANYTHING, "shipping_options"),
        "line_items": LIST,
        "payment_intent_data": TREE,
    },
    filters={
        "created": CREATED,
        "customer": refers("customer"),
        "customer_details": Filter(TREE, _with_email),
        "payment_intent": refers("payment_intent"),
        "payment_link": equals(),
        "status": has_choice("complete", "expired", "open"),
        "subscription": refers("subscription"),
    },
    create=_create,
)
_COMPLETE = Params({"email": TEXT, "payment_method": TEXT})

OPERATIONS: tuple[Operation, ...] = (
    create_operation(RESOURCE),
    retrieve_operation(RESOURCE),
    update_operation(RESOURCE),
    list_operation(RESOURCE),
    action(RESOURCE, "expire", Params(), _expire),
    reading(
        "checkout/sessions.list_line_items",
        f"{RESOURCE.item_url}/line_items",
        list_params({}),
        _line_items,
    ),
    helper(RESOURCE, "complete", _COMPLETE, _complete),
)
