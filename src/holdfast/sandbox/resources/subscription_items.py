"""The items of a subscription: which price, how many, and the period they are paid for."""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.errors import missing_parameter
from holdfast.sandbox.resources import pricing
from holdfast.sandbox.resources.objects import embedded_list, missing, refer
from holdfast.sandbox.resources.params import (
    METADATA,
    check_known,
    flag,
    integer_from,
    invalid,
    named_elements,
    subtree,
)
from holdfast.sandbox.resources.periods import period_end
from holdfast.sandbox.state import JsonObject, Transaction

MOST_ITEMS = 20
_KNOWN = frozenset(
    {
        "billing_thresholds",
        "clear_usage",
        "deleted",
        "discounts",
        "id",
        "metadata",
        "plan",
        "price",
        "price_data",
        "quantity",
        "tax_rates",
        "trial",
    }
)


def new_items(
    tx: Transaction, subscription: str, given: Any, *, start: int, end: int | None
) -> list[JsonObject]:
    """Return the items that a form's `items` describes.

    Args:
        tx: the transaction; prices given as `price_data` are saved in it.
        subscription: whose items they are.
        given: the form's list.
        start: when their first period starts, in unix seconds.
        end: when it ends if that is not the price's interval later, as with a trial.

    Raises:
        ApiError: 400, something is missing or malformed, or the items do not go together.
    """
    items = [
        _new(tx, subscription, element, param, start, end)
        for element, param in named_elements(given, "items")
    ]
    return _checked(items)


def changed_items(
    tx: Transaction, subscription: str, items: list[JsonObject], given: Any
) -> list[JsonObject]:
    """Return a subscription's items with the changes of a form's `items`: changed, new, deleted.

    Raises:
        ApiError: 400, something is missing or malformed, or the items do not go together.
    """
    by_id = {item["id"]: item for item in items}
    start = min((item["current_period_start"] for item in items), default=tx.now)
    for element, param in named_elements(given, "items"):
        check_known(element, param, _KNOWN)
        named = element.get("id")
        if not named:
            new = _new(tx, subscription, element, param, start, None)
            by_id[new["id"]] = new
        elif named not in by_id:
            raise missing("subscription_item", named, f"{param}[id]")
        elif flag(element, "deleted"):
            del by_id[named]
        else:
            by_id[named] = _changed(tx, by_id[named], element, param)
    return _checked(list(by_id.values()))


def _checked(items: list[JsonObject]) -> list[JsonObject]:
    if not items:
        raise invalid("A subscription must have at least one item.", "items")
    if len(items) > MOST_ITEMS:
        raise invalid(f"A subscription has at most {MOST_ITEMS} items.", "items")
    prices = [item["price"]["id"] for item in items]
    if len(set(prices)) < len(prices):
        raise invalid("Two items of a subscription cannot have the same price.", "items")
    if len({item["price"]["currency"] for item in items}) > 1:
        raise invalid("All prices of a subscription must have the same currency.", "items")
    return items


def _new(
    tx: Transaction,
    subscription: str,
    element: Mapping[str, Any],
    param: str,
    start: int,
    end: int | None,
) -> JsonObject:
    check_known(element, param, _KNOWN)
    price = _price(tx, element, param)
    if price is None:
        raise missing_parameter(f"{param}[price]")
    return {
        "id": tx.new_id("si", 14),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": tx.now,
        "discounts": [],
        "metadata": _metadata(element, {}),
        "quantity": _quantity(element, param, 1),
        "subscription": subscription,
        "tax_rates": [],
        **_paying(price),
        **_period(price, start, end),
    }


def _changed(
    tx: Transaction, item: JsonObject, element: Mapping[str, Any], param: str
) -> JsonObject:
    price = _price(tx, element, param)
    repriced: JsonObject = {}
    if price is not None and price["id"] != item["price"]["id"]:
        repriced = {**_paying(price), **_period(price, item["current_period_start"], None)}
    return {
        **item,
        **repriced,
        "metadata": _metadata(element, item["metadata"]),
        "quantity": _quantity(element, param, item["quantity"]),
    }


def _price(tx: Transaction, element: Mapping[str, Any], param: str) -> JsonObject | None:
    if element.get("price_data"):
        name = f"{param}[price_data]"
        price = pricing.price_of_data(tx, subtree(element["price_data"], name), name)
    elif element.get("price") or element.get("plan"):
        named = element.get("price") or element["plan"]
        price = refer(tx, "price", named, f"{param}[price]")
    else:
        return None
    pricing.check_type(price, "recurring", f"{param}[price]")
    return price


def _metadata(element: Mapping[str, Any], present: JsonObject) -> Any:
    if "metadata" not in element:
        return present
    METADATA.check(element["metadata"], "metadata")
    return METADATA.read(element["metadata"], present)


def _quantity(element: Mapping[str, Any], param: str, present: int) -> int:
    if "quantity" not in element:
        return present
    return integer_from(0, element["quantity"], f"{param}[quantity]")


def _paying(price: JsonObject) -> JsonObject:
    return {"plan": _plan(price), "price": price}


def _period(price: JsonObject, start: int, end: int | None) -> JsonObject:
    rhythm = price["recurring"]
    ends = end or period_end(start, rhythm["interval"], rhythm["interval_count"])
    return {"current_period_end": ends, "current_period_start": start}


def _plan(price: JsonObject) -> JsonObject:
    """Return a price in the older form, which items still carry."""
    same = ("active", "billing_scheme", "created", "currency", "livemode", "metadata", "nickname")
    rhythm = ("interval", "interval_count", "meter", "trial_period_days", "usage_type")
    return {
        "id": price["id"],
        "object": "plan",
        **{name: price[name] for name in same},
        **{name: price["recurring"][name] for name in rhythm},
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": price["transform_quantity"],
    }


def listed(subscription: str, items: list[JsonObject]) -> JsonObject:
    """Return the items as their subscription embeds them."""
    return embedded_list(f"/v1/subscription_items?subscription={subscription}", items)
