"""Prices."""

from typing import Any

from holdfast.sandbox.errors import missing_parameter
from holdfast.sandbox.resources import pricing, products
from holdfast.sandbox.resources.listing import (
    CREATED,
    Filter,
    Predicate,
    equals,
    has_choice,
    is_among,
    is_flag,
    refers,
)
from holdfast.sandbox.resources.money import CURRENCY
from holdfast.sandbox.resources.objects import refer, save
from holdfast.sandbox.resources.operations import Resource, crud
from holdfast.sandbox.resources.params import (
    ANYTHING,
    BOOLEAN,
    TEXT,
    TREE,
    Params,
    fields_of,
    flag,
    invalid,
    one_of,
    subtree,
)
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject, Transaction


def _create(request: Request, draft: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    price = {
        **draft,
        **pricing.terms(params, lambda name: name),
        "product": _product_id(tx, params),
    }
    _claim_lookup_key(tx, price, params)
    return save(tx, "create", price)


def _product_id(tx: Transaction, params: dict[str, Any]) -> str:
    if params.get("product"):
        return str(refer(tx, "product", params["product"], "product")["id"])
    if not params.get("product_data"):
        raise missing_parameter("product")
    data = subtree(params["product_data"], "product_data")
    return products.made_of_data(tx, data, "product_data")


def _claim_lookup_key(tx: Transaction, price: JsonObject, params: dict[str, Any]) -> None:
    key = price["lookup_key"]
    if not params.get("lookup_key"):
        return
    for other in tx.newest_first("price"):
        if other["lookup_key"] != key or other["id"] == price["id"]:
            continue
        if not flag(params, "transfer_lookup_key"):
            raise invalid(f"A price (`{other['id']}`) already uses that lookup key.", "lookup_key")
        save(tx, "update", {**other, "lookup_key": None})
        return


def _update(request: Request, _old: JsonObject, new: JsonObject) -> JsonObject:
    _claim_lookup_key(request.tx, new, request.params)
    return save(request.tx, "update", new)


def _recurs(_tx: Transaction, value: Any, name: str) -> Predicate:
    wanted = subtree(value, name)
    Params(fields_of(TEXT, "interval", "meter", "usage_type")).check(wanted)
    return lambda price: wanted.items() <= (price["recurring"] or {}).items()


RESOURCE = Resource(
    kind="price",
    plural="prices",
    prefix="price",
    initial=pricing.INITIAL,
    fields={
        **fields_of(TEXT, "lookup_key", "nickname"),
        "active": BOOLEAN,
        "tax_behavior": one_of("exclusive", "inclusive", "unspecified"),
    },
    at_creation={"currency": CURRENCY},
    create_extra={
        **fields_of(TEXT, "product", "unit_amount", "unit_amount_decimal"),
        **fields_of(TREE, "custom_unit_amount", "product_data", "recurring", "transform_quantity"),
        "billing_scheme": one_of("per_unit", "tiered"),
        "currency_options": TREE,
        "tiers": ANYTHING,
        "tiers_mode": one_of("graduated", "volume"),
        "transfer_lookup_key": BOOLEAN,
    },
    update_extra={"currency_options": TREE, "transfer_lookup_key": BOOLEAN},
    required=("currency",),
    filters={
        "created": CREATED,
        "active": is_flag(),
        "currency": equals(),
        "lookup_keys": is_among("lookup_key"),
        "product": refers("product"),
        "recurring": Filter(TREE, _recurs),
        "type": has_choice("one_time", "recurring"),
    },
    create=_create,
    update=_update,
)

OPERATIONS: tuple[Operation, ...] = crud(RESOURCE)
