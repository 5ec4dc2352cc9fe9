"""Products."""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.errors import ApiError, missing_parameter
from holdfast.sandbox.resources import pricing
from holdfast.sandbox.resources.listing import CREATED, equals, has_choice, is_among, is_flag
from holdfast.sandbox.resources.objects import discard, refer, save, stamped
from holdfast.sandbox.resources.operations import Resource, crud, delete_operation
from holdfast.sandbox.resources.params import (
    BOOLEAN,
    LIST,
    TEXT,
    TREE,
    fields_of,
    invalid,
    invalid_empty,
    one_of,
    subtree,
)
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject, Transaction

INITIAL: Mapping[str, Any] = {
    "active": True,
    "default_price": None,
    "description": None,
    "images": [],
    "marketing_features": [],
    "package_dimensions": None,
    "shippable": None,
    "statement_descriptor": None,
    "tax_code": None,
    "type": "service",
    "unit_label": None,
    "url": None,
}


def _create(request: Request, draft: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    if params.get("id") == "":
        raise invalid_empty("id")
    product = {**draft, "updated": tx.now}
    if tx.find(product["id"]) is not None and "id" in params:
        raise ApiError(400, "Product already exists.", code="resource_already_exists", param="id")
    if params.get("default_price_data"):
        param = "default_price_data"
        given = subtree(params[param], param)
        price = pricing.made(tx, given, pricing.within(param), product=product["id"], active=True)
        product["default_price"] = price["id"]
    return save(tx, "create", product)


def made_of_data(tx: Transaction, data: Mapping[str, Any], param: str) -> str:
    """Make the product that a form's `product_data` describes, and return its id.

    Raises:
        ApiError: 400, it has no name.
    """
    if not data.get("name"):
        raise missing_parameter(f"{param}[name]")
    fields = {**INITIAL, "metadata": {}, "name": data["name"], "updated": tx.now}
    product = stamped(tx, "product", "prod", fields, length=RESOURCE.id_length)
    return str(save(tx, "create", product)["id"])


def _update(request: Request, _old: JsonObject, new: JsonObject) -> JsonObject:
    named = request.params.get("default_price")
    if named and refer(request.tx, "price", named, "default_price")["product"] != new["id"]:
        raise invalid(f"The price {named} belongs to another product.", "default_price")
    if request.params.get("name") == "":
        raise invalid_empty("name")
    return save(request.tx, "update", {**new, "updated": request.tx.now})


def _delete(request: Request) -> JsonObject:
    product = RESOURCE.of(request)
    prices = request.tx.newest_first("price")
    if any(price["product"] == product["id"] for price in prices):
        raise ApiError(
            400, "This product cannot be deleted because it has one or more user-created prices."
        )
    return discard(request.tx, product)


RESOURCE = Resource(
    kind="product",
    plural="products",
    prefix="prod",
    id_name="id",
    id_length=14,
    initial=INITIAL,
    fields={
        **fields_of(BOOLEAN, "active", "shippable"),
        **fields_of(TEXT, "description", "name", "statement_descriptor", "tax_code"),
        **fields_of(TEXT, "unit_label", "url"),
        **fields_of(LIST, "images", "marketing_features"),
        "package_dimensions": TREE,
    },
    at_creation={"id": TEXT, "type": one_of("good", "service")},
    by_update={"default_price": TEXT},
    create_extra={"default_price_data": TREE, "tax_details": TREE},
    update_extra={"tax_details": TREE},
    required=("name",),
    filters={
        "created": CREATED,
        "active": is_flag(),
        "ids": is_among("id"),
        "shippable": is_flag(),
        "type": has_choice("good", "service"),
        "url": equals(),
    },
    create=_create,
    update=_update,
)

OPERATIONS: tuple[Operation, ...] = (*crud(RESOURCE), delete_operation(RESOURCE, _delete))
