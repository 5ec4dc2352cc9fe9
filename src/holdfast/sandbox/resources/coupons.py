"""Coupons: what is taken off, for how long, and how often they may be redeemed."""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.errors import ApiError, missing_parameter
from holdfast.sandbox.resources.listing import CREATED
from holdfast.sandbox.resources.money import AMOUNT, CURRENCY
from holdfast.sandbox.resources.objects import deletion, save
from holdfast.sandbox.resources.operations import Resource, crud, delete_operation
from holdfast.sandbox.resources.params import (
    ANYTHING,
    INTEGER,
    TEXT,
    TREE,
    at_least,
    invalid,
    invalid_empty,
    one_of,
)
from holdfast.sandbox.resources.pricing import decimal
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject

_ID_LENGTH = 8
_INITIAL: Mapping[str, Any] = {
    "amount_off": None,
    "currency": None,
    "duration": "once",
    "duration_in_months": None,
    "max_redemptions": None,
    "name": None,
    "percent_off": None,
    "redeem_by": None,
    "times_redeemed": 0,
    "valid": True,
}


def _create(request: Request, draft: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    if params.get("id") == "":
        raise invalid_empty("id")
    if "id" not in params:
        draft["id"] = draft["id"].removeprefix("coupon_")
    elif tx.find(draft["id"]) is not None:
        raise ApiError(400, "Coupon already exists.", code="resource_already_exists", param="id")
    return save(tx, "create", {**draft, **_terms(params)})


def _terms(params: Mapping[str, Any]) -> JsonObject:
    """Read what a coupon takes off and for how long, which is fixed once it is made."""
    if bool(params.get("percent_off")) == bool(params.get("amount_off")):
        raise invalid("Send percent_off or amount_off, and not both.", "percent_off")
    terms: JsonObject = {}
    if params.get("percent_off"):
        percent = decimal(params["percent_off"], "percent_off")
        if not 0 < percent <= 100:
            raise invalid("A coupon takes more than 0 and at most 100 percent off.", "percent_off")
        terms["percent_off"] = float(percent)
    elif not params.get("currency"):
        raise missing_parameter("currency")
    repeating = params.get("duration") == "repeating"
    if repeating and "duration_in_months" not in params:
        raise missing_parameter("duration_in_months")
    if not repeating and "duration_in_months" in params:
        raise invalid("Only a coupon whose duration is repeating has months.", "duration_in_months")
    return terms


def _delete(request: Request) -> JsonObject:
    """Delete a coupon; the discounts that it gave stay, so its terms are kept."""
    coupon = RESOURCE.of(request)
    save(request.tx, "delete", {**coupon, "deleted": True})
    return deletion(coupon)


RESOURCE = Resource(
    kind="coupon",
    plural="coupons",
    prefix="coupon",
    id_length=_ID_LENGTH,
    initial=_INITIAL,
    fields={"name": TEXT, "currency_options": TREE},
    at_creation={
        "amount_off": AMOUNT,
        "applies_to": TREE,
        "currency": CURRENCY,
        "duration": one_of("forever", "once", "repeating"),
        "duration_in_months": at_least(1),
        "id": TEXT,
        "max_redemptions": at_least(1),
        "redeem_by": INTEGER,
    },
    create_extra={"percent_off": ANYTHING},
    filters={"created": CREATED},
    create=_create,
)

OPERATIONS: tuple[Operation, ...] = (*crud(RESOURCE), delete_operation(RESOURCE, _delete))
