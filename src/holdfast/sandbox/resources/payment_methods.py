"""Payment methods: cards that customers keep, and the test ids that stand for them."""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.errors import ApiError, missing_parameter
from holdfast.sandbox.resources import cards
from holdfast.sandbox.resources.card_table import BY_METHOD_ID
from holdfast.sandbox.resources.listing import Filter, equals, refers
from holdfast.sandbox.resources.objects import refer, save, stamped
from holdfast.sandbox.resources.operations import Resource, action, crud, of_parent
from holdfast.sandbox.resources.params import (
    MERGED_TREE,
    TEXT,
    TREE,
    Params,
    invalid,
    one_of,
    subtree,
)
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject, Transaction

_INITIAL: Mapping[str, Any] = {
    "allow_redisplay": "unspecified",
    "billing_details": {
        "address": {
            "city": None,
            "country": None,
            "line1": None,
            "line2": None,
            "postal_code": None,
            "state": None,
        },
        "email": None,
        "name": None,
        "phone": None,
        "tax_id": None,
    },
    "customer": None,
    "customer_account": None,
    "type": "card",
}
_EXPIRY = ("exp_month", "exp_year")
_FILTERS: Mapping[str, Filter] = {"allow_redisplay": equals(), "type": equals()}


def _create(request: Request, draft: JsonObject) -> JsonObject:
    _check_type(draft["type"], "type")
    card = _card_of(request.params, "card", request.tx.now)
    return save(request.tx, "create", {**draft, "card": card})


def _update(request: Request, old: JsonObject, new: JsonObject) -> JsonObject:
    if old["customer"] is None:
        raise ApiError(
            400,
            "You must save this PaymentMethod to a customer before you can update it.",
        )
    card = subtree(request.params.get("card", ""), "card")
    expiry = {name: int(card[name]) for name in _EXPIRY if str(card.get(name, "")).isdigit()}
    return save(request.tx, "update", {**new, "card": {**old["card"], **expiry}})


def materialise(
    tx: Transaction,
    id: str,  # noqa: A002 - Stripe's field name
    param: str = "payment_method",
    *,
    customer: str | None = None,
) -> JsonObject:
    """Return the payment method an id names; a test id such as `pm_card_visa` makes a new one.

    Args:
        tx: the transaction.
        id: of a payment method, or a test id.
        param: which parameter named it.
        customer: whom a new one belongs to.

    Raises:
        ApiError: 400 `resource_missing`.
    """
    card = BY_METHOD_ID.get(id)
    if card is None:
        return refer(tx, "payment_method", id, param)
    return _made(tx, cards.described(card, tx.now), customer)


def _made(tx: Transaction, card: JsonObject, customer: str | None = None) -> JsonObject:
    fields = {**_INITIAL, "metadata": {}, "card": card, "customer": customer}
    return save(tx, "create", stamped(tx, "payment_method", "pm", fields))


def from_data(tx: Transaction, data: Any, param: str) -> JsonObject:
    """Return a new payment method from a form's `payment_method_data`.

    Raises:
        ApiError: 400, something is missing or malformed; 402, the number is no test card's.
    """
    given = subtree(data, param)
    _check_type(given.get("type"), f"{param}[type]")
    return _made(tx, _card_of(given, f"{param}[card]", tx.now))


def _check_type(given: Any, param: str) -> None:
    if not given:
        raise missing_parameter(param)
    if given != "card":
        raise invalid(
            "The sandbox keeps payment methods of type card.",
            param,
            "payment_method_unsupported_type",
        )


def _card_of(given: Mapping[str, Any], param: str, now: int) -> JsonObject:
    if "card" not in given:
        raise missing_parameter(param)
    return cards.read_card(subtree(given["card"], param), param, now)


def attached(
    tx: Transaction,
    id: str,  # noqa: A002 - Stripe's field name
    customer: str,
    param: str = "payment_method",
) -> JsonObject:
    """Attach the payment method an id names to a customer, and return it.

    Nothing changes when it is attached already; a test id makes a new one that is.

    Raises:
        ApiError: 400, there is no such payment method, or it belongs to another customer; 402, the
            card is one that no customer can keep.
    """
    test_card = BY_METHOD_ID.get(id)
    if test_card is not None:
        cards.check_attachable(test_card)
        return materialise(tx, id, customer=customer)
    return attach(tx, refer(tx, "payment_method", id, param), customer)


def attach(tx: Transaction, method: JsonObject, customer: str) -> JsonObject:
    """Attach a payment method to a customer; nothing changes when it is attached already.

    Raises:
        ApiError: 400, it belongs to another customer; 402, the card is one that no customer can
            keep.
    """
    if method["customer"] == customer:
        return method
    if method["customer"] is not None:
        raise ApiError(
            400, "The payment method you provided has already been attached to a customer."
        )
    cards.check_attachable(cards.behind(method))
    return save(tx, "attach", {**method, "customer": customer})


def check_owner(
    method: JsonObject, customer: str | None, param: str = "payment_method", *, kept: bool = False
) -> None:
    """Check that a customer can pay with a payment method: it is theirs, or nobody's.

    Args:
        method: the payment method, or a card.
        customer: who pays; None for a payment without a customer.
        param: which parameter named the payment method.
        kept: it must be theirs, because it becomes a default.

    Raises:
        ApiError: 400 `resource_missing`.
    """
    if method["customer"] == customer or (method["customer"] is None and not kept):
        return
    raise invalid(
        f"The customer does not have a payment method with the ID {method['id']}. The payment "
        "method must be attached to the customer.",
        param,
        "resource_missing",
    )


def check_default(tx: Transaction, named: str | None, customer: str, param: str) -> None:
    """Check that a payment method can be a customer's default; None is no default.

    Raises:
        ApiError: 400 `resource_missing`.
    """
    if named is not None:
        check_owner(refer(tx, "payment_method", named, param), customer, param, kept=True)


def _attach(request: Request) -> JsonObject:
    tx, customer = request.tx, request.params["customer"]
    named = request.ids["payment_method"]
    if named not in BY_METHOD_ID:
        RESOURCE.of(request)
    refer(tx, "customer", customer, "customer")
    return attached(tx, named, customer)


def _detach(request: Request) -> JsonObject:
    method = RESOURCE.of(request)
    if method["customer"] is None:
        raise ApiError(
            400,
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible.",
        )
    _clear_default(request.tx, method)
    return save(request.tx, "detach", {**method, "customer": None})


def _clear_default(tx: Transaction, method: JsonObject) -> None:
    """Let a customer forget a default payment method that is no longer theirs."""
    customer = tx.get("customer", method["customer"])
    settings = (customer or {}).get("invoice_settings")
    if customer is None or not settings or settings["default_payment_method"] != method["id"]:
        return
    without = {**settings, "default_payment_method": None}
    save(tx, "update", {**customer, "invoice_settings": without})


RESOURCE = Resource(
    kind="payment_method",
    plural="payment_methods",
    prefix="pm",
    initial=_INITIAL,
    fields={
        "allow_redisplay": one_of("always", "limited", "unspecified"),
        "billing_details": MERGED_TREE,
    },
    at_creation={"type": TEXT},
    create_extra={"card": TREE, "radar_options": TREE},
    update_extra={"card": TREE},
    required=("type",),
    filters={**_FILTERS, "customer": refers("customer")},
    create=_create,
    update=_update,
)

OPERATIONS: tuple[Operation, ...] = (
    *crud(RESOURCE),
    action(RESOURCE, "attach", Params({"customer": TEXT}, ("customer",)), _attach),
    action(RESOURCE, "detach", Params(), _detach),
    *of_parent("customer", "payment_methods", "payment_method", _FILTERS),
)
