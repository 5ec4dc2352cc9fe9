"""Customers, and the cards kept on them as sources."""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.resources import cards
from holdfast.sandbox.resources.billing import invoice_prefix
from holdfast.sandbox.resources.clocks import KIND as CLOCK
from holdfast.sandbox.resources.listing import CREATED, equals
from holdfast.sandbox.resources.objects import bury, deletion, refer, save, stamped
from holdfast.sandbox.resources.operations import (
    Resource,
    create_operation,
    delete_operation,
    list_operation,
    of_parent,
    retrieve_operation,
    update_operation,
)
from holdfast.sandbox.resources.params import (
    ANYTHING,
    BOOLEAN,
    INTEGER,
    LIST,
    MERGED_TREE,
    TEXT,
    TREE,
    at_least,
    one_of,
    tree_of,
)
from holdfast.sandbox.resources.payment_methods import attached, check_default
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.resources.subscriptions import cancel_all
from holdfast.sandbox.state import JsonObject, Transaction

_INITIAL: Mapping[str, Any] = {
    "address": None,
    "balance": 0,
    "currency": None,
    "default_source": None,
    "delinquent": False,
    "description": None,
    "discount": None,
    "email": None,
    "invoice_prefix": None,
    "invoice_settings": {
        "custom_fields": None,
        "default_payment_method": None,
        "footer": None,
        "rendering_options": None,
    },
    "name": None,
    "next_invoice_sequence": 1,
    "phone": None,
    "preferred_locales": [],
    "shipping": None,
    "tax_exempt": "none",
    "test_clock": None,
}


def _create(request: Request, draft: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    if draft["test_clock"] is not None:
        refer(tx, CLOCK, draft["test_clock"], "test_clock")
    prefixed = {**draft, "invoice_prefix": invoice_prefix(draft)}
    customer = _with_source(tx, prefixed, params)
    if params.get("payment_method"):
        method = attached(tx, params["payment_method"], customer["id"])
        customer = _with_default_method(customer, params["payment_method"], method["id"])
    save(tx, "create", customer)
    _check_default_method(tx, customer)
    return customer


def _update(request: Request, _old: JsonObject, new: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    if params.get("default_source"):
        refer(tx, "card", params["default_source"], "default_source")
    customer = _with_source(tx, new, params)
    if "invoice_settings" in params:
        _check_default_method(tx, customer)
    return save(tx, "update", customer)


def _with_source(tx: Transaction, customer: JsonObject, params: Mapping[str, Any]) -> JsonObject:
    """Keep the card that `source` names on the customer, as its default."""
    if not params.get("source"):
        return customer
    test_card = cards.token(params["source"], "source")
    cards.check_attachable(test_card, "source")
    shown = cards.described(test_card, tx.now)
    fields = {**shown, "customer": customer["id"], "metadata": {}, "name": None}
    card = save(tx, "create", stamped(tx, "card", "card", fields))
    return {**customer, "default_source": card["id"]}


def _with_default_method(customer: JsonObject, named: str, method: str) -> JsonObject:
    """Let a test id, such as `pm_card_visa`, name as default the method that it just made."""
    settings = customer["invoice_settings"]
    if settings["default_payment_method"] != named:
        return customer
    return {**customer, "invoice_settings": {**settings, "default_payment_method": method}}


def _check_default_method(tx: Transaction, customer: JsonObject) -> None:
    named = customer["invoice_settings"]["default_payment_method"]
    check_default(tx, named, customer["id"], "invoice_settings[default_payment_method]")


def _retrieve(request: Request) -> JsonObject:
    found = request.tx.get("customer", request.ids["customer"])
    if found is not None and "deleted" in found:
        return deletion(found)
    return RESOURCE.of(request)


def _delete(request: Request) -> JsonObject:
    customer = RESOURCE.of(request)
    cancel_all(request.tx, customer["id"])
    return bury(request.tx, customer)


RESOURCE = Resource(
    kind="customer",
    plural="customers",
    prefix="cus",
    id_length=14,
    initial=_INITIAL,
    fields={
        "address": tree_of("city", "country", "line1", "line2", "postal_code", "state"),
        "balance": INTEGER,
        "business_name": TEXT,
        "description": TEXT,
        "email": TEXT,
        "individual_name": TEXT,
        "invoice_prefix": TEXT,
        "invoice_settings": MERGED_TREE,
        "name": TEXT,
        "next_invoice_sequence": at_least(1),
        "phone": TEXT,
        "preferred_locales": LIST,
        "shipping": tree_of("address", "name", "phone"),
        "tax_exempt": one_of("exempt", "none", "reverse", unset=True),
    },
    at_creation={"test_clock": TEXT},
    by_update={"default_source": TEXT},
    create_extra={
        "cash_balance": TREE,
        "payment_method": TEXT,
        "source": TEXT,
        "tax": TREE,
        "tax_id_data": ANYTHING,
        "validate": BOOLEAN,
    },
    update_extra={"cash_balance": TREE, "source": TEXT, "tax": TREE, "validate": BOOLEAN},
    filters={"created": CREATED, "email": equals(), "test_clock": equals()},
    create=_create,
    update=_update,
)


OPERATIONS: tuple[Operation, ...] = (
    create_operation(RESOURCE),
    retrieve_operation(RESOURCE, _retrieve),
    update_operation(RESOURCE),
    list_operation(RESOURCE),
    delete_operation(RESOURCE, _delete),
    *of_parent("customer", "sources", "card", {}),
)
