"""What prices say: reading their terms from a form, and what a quantity costs under them."""

from collections.abc import Callable, Mapping
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal, InvalidOperation
from typing import Any

from holdfast.sandbox.errors import ApiError, missing_parameter
from holdfast.sandbox.resources.money import CURRENCY
from holdfast.sandbox.resources.objects import save, stamped
from holdfast.sandbox.resources.params import (
    flag,
    integer,
    integer_from,
    invalid,
    named_elements,
    subtree,
    text,
)
from holdfast.sandbox.state import JsonObject, Transaction

# How a parameter is called in messages: `unit_amount`, or `price_data[unit_amount]`.
Naming = Callable[[str], str]

INITIAL: Mapping[str, Any] = {
    "active": True,
    "billing_scheme": "per_unit",
    "custom_unit_amount": None,
    "lookup_key": None,
    "nickname": None,
    "recurring": None,
    "tax_behavior": "unspecified",
    "tiers_mode": None,
    "transform_quantity": None,
    "type": "one_time",
    "unit_amount": None,
    "unit_amount_decimal": None,
}
_INTERVALS = ("day", "week", "month", "year")
_TIER_MODES = ("graduated", "volume")
_LONGEST_DECIMAL = 32
_SENT_OR_NOT = ("unit_amount", "unit_amount_decimal", "custom_unit_amount")


def within(param: str) -> Naming:
    """Return how the parameters of a sub-tree are called."""
    return lambda name: f"{param}[{name}]"


def terms(given: Mapping[str, Any], naming: Naming) -> JsonObject:
    """Read what a price charges: its amount or tiers, and how often.

    Args:
        given: the form's fields, of a price or of a `price_data`.
        naming: how they are called in messages.

    Raises:
        ApiError: 400, something is missing or malformed.
    """
    result: JsonObject = {}
    if given.get("recurring"):
        result["recurring"] = _recurring(given["recurring"], naming("recurring"))
        result["type"] = "recurring"
    if given.get("billing_scheme") == "tiered":
        return {**result, **_tiered(given, naming)}
    if given.get("transform_quantity"):
        result["transform_quantity"] = _transform(
            given["transform_quantity"], naming("transform_quantity")
        )
    return {**result, **_per_unit(given, naming)}


def _per_unit(given: Mapping[str, Any], naming: Naming) -> JsonObject:
    if not any(given.get(name) for name in _SENT_OR_NOT):
        raise missing_parameter(naming("unit_amount"))
    if given.get("custom_unit_amount"):
        custom = subtree(given["custom_unit_amount"], naming("custom_unit_amount"))
        if not flag(custom, "enabled"):
            raise missing_parameter(naming("unit_amount"))
        bounds = {
            name: integer(custom[name], name) if name in custom else None
            for name in ("maximum", "minimum", "preset")
        }
        return {"custom_unit_amount": bounds}
    return _unit(given, naming)


def _unit(given: Mapping[str, Any], naming: Naming) -> JsonObject:
    """Read `unit_amount`, or `unit_amount_decimal` with its fractions of the smallest unit."""
    if given.get("unit_amount"):
        amount = integer_from(0, given["unit_amount"], naming("unit_amount"))
        return {"unit_amount": amount, "unit_amount_decimal": str(amount)}
    exact = decimal(given["unit_amount_decimal"], naming("unit_amount_decimal"))
    whole = int(exact) if exact == exact.to_integral_value() else None
    return {"unit_amount": whole, "unit_amount_decimal": format(exact, "f")}


def decimal(value: Any, param: str, *, signed: bool = False) -> Decimal:
    """Return the decimal number that a form's text stands for; only a signed one is below 0.

    Raises:
        ApiError: 400, it is none.
    """
    written = text(value, param)
    try:
        number = Decimal(written)
    except InvalidOperation:
        raise invalid(f"Invalid decimal: {written[:_LONGEST_DECIMAL]}", param) from None
    if not number.is_finite() or (number < 0 and not signed) or len(written) > _LONGEST_DECIMAL:
        raise invalid(f"Invalid decimal: {written[:_LONGEST_DECIMAL]}", param)
    return number


def _recurring(value: Any, param: str) -> JsonObject:
    given = subtree(value, param)
    naming = within(param)
    if not given.get("interval"):
        raise missing_parameter(naming("interval"))
    if given["interval"] not in _INTERVALS:
        raise invalid(
            f"Invalid {naming('interval')}: must be one of day, week, month, or year",
            naming("interval"),
        )
    if given.get("usage_type", "licensed") != "licensed":
        raise invalid("The sandbox bills licensed usage.", naming("usage_type"))
    return {
        "interval": given["interval"],
        "interval_count": integer_from(
            1, given.get("interval_count", "1"), naming("interval_count")
        ),
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def _transform(value: Any, param: str) -> JsonObject:
    given = subtree(value, param)
    naming = within(param)
    if "divide_by" not in given:
        raise missing_parameter(naming("divide_by"))
    if given.get("round") not in {"up", "down"}:
        raise invalid(f"Invalid {naming('round')}: must be one of down, or up", naming("round"))
    divisor = integer_from(1, given["divide_by"], naming("divide_by"))
    return {"divide_by": divisor, "round": given["round"]}


def _tiered(given: Mapping[str, Any], naming: Naming) -> JsonObject:
    if given.get("tiers_mode") not in _TIER_MODES:
        raise invalid(
            f"Invalid {naming('tiers_mode')}: must be one of graduated, or volume",
            naming("tiers_mode"),
        )
    tiers = [_tier(tier, param) for tier, param in named_elements(given.get("tiers", ""), "tiers")]
    limits = [tier["up_to"] for tier in tiers]
    if not tiers or limits[-1] is not None or None in limits[:-1] or limits[:-1] != sorted(
        set(limits[:-1])
    ):  # fmt: skip
        raise invalid(
            "Tiers rise by up_to, and the last one alone goes up to inf.", naming("tiers")
        )
    return {"billing_scheme": "tiered", "tiers": tiers, "tiers_mode": given["tiers_mode"]}


def _tier(given: Mapping[str, Any], param: str) -> JsonObject:
    naming = within(param)
    if "up_to" not in given:
        raise missing_parameter(naming("up_to"))
    last = given["up_to"] == "inf"
    unit: JsonObject = {"unit_amount": None, "unit_amount_decimal": None}
    if given.get("unit_amount") or given.get("unit_amount_decimal"):
        unit = _unit(given, naming)
    flat = given.get("flat_amount")
    return {
        **unit,
        "flat_amount": integer_from(0, flat, naming("flat_amount")) if flat else None,
        "flat_amount_decimal": flat or None,
        "up_to": None if last else integer_from(1, given["up_to"], naming("up_to")),
    }


def cost(price: JsonObject, quantity: int) -> int:
    """Return what a quantity costs, in the currency's smallest unit, halves rounded up."""
    if price["transform_quantity"] is not None:
        transform = price["transform_quantity"]
        rounding = ROUND_UP if transform["round"] == "up" else ROUND_DOWN
        packs = Decimal(quantity) / transform["divide_by"]
        quantity = int(packs.to_integral_value(rounding))
    if price["billing_scheme"] == "tiered":
        exact = _TIERED_COST[price["tiers_mode"]](price["tiers"], quantity)
    else:
        exact = Decimal(price["unit_amount_decimal"] or 0) * quantity
    return int(exact.to_integral_value(ROUND_HALF_UP))


def _tier_cost(tier: JsonObject, quantity: int) -> Decimal:
    return Decimal(tier["flat_amount"] or 0) + Decimal(tier["unit_amount_decimal"] or 0) * quantity


def _volume_cost(tiers: list[JsonObject], quantity: int) -> Decimal:
    tier = next(each for each in tiers if each["up_to"] is None or quantity <= each["up_to"])
    return _tier_cost(tier, quantity)


def _graduated_cost(tiers: list[JsonObject], quantity: int) -> Decimal:
    total, below = Decimal(0), 0
    for tier in tiers:
        if quantity <= below and below > 0:
            break
        upper = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
        total += _tier_cost(tier, upper - below)
        below = upper if tier["up_to"] is None else tier["up_to"]
    return total


_TIERED_COST: Mapping[str, Callable[[list[JsonObject], int], Decimal]] = {
    "graduated": _graduated_cost,
    "volume": _volume_cost,
}


def price_of_data(tx: Transaction, given: Mapping[str, Any], param: str) -> JsonObject:
    """Make the inactive price that a form's `price_data` describes, and return it.

    Raises:
        ApiError: 400, something is missing or malformed, or the product is not there.
    """
    naming = within(param)
    for name in ("currency", "product"):
        if not given.get(name):
            raise missing_parameter(naming(name))
    if tx.get("product", given["product"]) is None:
        raise invalid(
            f"No such product: '{given['product']}'", naming("product"), "resource_missing"
        )
    return made(tx, given, naming, product=given["product"], active=False)


def made(
    tx: Transaction, given: Mapping[str, Any], naming: Naming, *, product: str, active: bool
) -> JsonObject:
    """Make a price from the terms in a sub-tree, save it and return it.

    Raises:
        ApiError: 400, something is missing or malformed.
    """
    if not given.get("currency"):
        raise missing_parameter(naming("currency"))
    CURRENCY.check(given["currency"], naming("currency"))
    fields = {
        **INITIAL,
        **terms(given, naming),
        "active": active,
        "currency": CURRENCY.read(given["currency"], None),
        "metadata": {},
        "product": product,
    }
    return save(tx, "create", stamped(tx, "price", "price", fields))


def check_type(price: JsonObject, wanted: str, param: str) -> None:
    """Check that a price is `recurring` or `one_time`, as the place where it is used needs.

    Raises:
        ApiError: 400, it is the other.
    """
    if price["type"] != wanted:
        raise ApiError(
            400,
            f"The price specified is set to `type={price['type']}` but this field only accepts "
            f"prices with `type={wanted}`.",
            param=param,
        )
