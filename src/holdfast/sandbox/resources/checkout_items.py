"""What a checkout session sells: its line items and their sums."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from holdfast.sandbox.errors import missing_parameter
from holdfast.sandbox.resources import pricing, products
from holdfast.sandbox.resources.discounts import applied, coupon_of
from holdfast.sandbox.resources.invoice_lines import price_details
from holdfast.sandbox.resources.objects import refer, save, stamped
from holdfast.sandbox.resources.params import (
    check_known,
    integer_from,
    invalid,
    named_elements,
    subtree,
)
from holdfast.sandbox.state import JsonObject, Transaction

_KNOWN = frozenset(
    {
        "adjustable_quantity",
        "dynamic_tax_rates",
        "metadata",
        "price",
        "price_data",
        "quantity",
        "tax_rates",
    }
)


class Sums(NamedTuple):
    """What the line items come to, as fields of the session, and the coupons that took part."""

    fields: JsonObject
    coupons: list[str]


def made(tx: Transaction, session: JsonObject, given: Any, discounts: Sequence[str]) -> Sums:
    """Make the line items that a form's `line_items` describes, and return their sums.

    Args:
        tx: the transaction; the items, and prices given as `price_data`, are saved in it.
        session: whose items they are.
        given: the form's list.
        discounts: the ids of the discounts that apply.

    Raises:
        ApiError: 400, something is missing or malformed, or the items do not go together.
    """
    lines = [
        _line(tx, element, name, session["mode"])
        for element, name in named_elements(given, "line_items")
    ]
    if len({line["currency"] for line in lines}) > 1:
        raise invalid("All line items must have the same currency.", "line_items")
    discounted, off = applied(tx, discounts, lines)
    # The list is read the newest first.
    for line in reversed(discounted):
        save(tx, "create", _item(tx, session["id"], line))
    subtotal = sum(line["amount"] for line in lines)
    taken = sum(each["amount"] for each in off)
    fields = {
        "amount_subtotal": subtotal,
        "amount_total": subtotal - taken,
        "currency": lines[0]["currency"],
        "total_details": {"amount_discount": taken, "amount_shipping": 0, "amount_tax": 0},
    }
    return Sums(fields, [coupon_of(tx, each) for each in discounts])


def of(tx: Transaction, session: str) -> Iterator[JsonObject]:
    """Return the line items of a session, in order."""
    return (item for item in tx.newest_first("item") if item["checkout_session"] == session)


def _line(tx: Transaction, element: Mapping[str, Any], name: str, mode: str) -> JsonObject:
    check_known(element, name, _KNOWN)
    price = _price(tx, element, name)
    if mode == "payment":
        pricing.check_type(price, "one_time", f"{name}[price]")
    quantity = integer_from(1, element.get("quantity", "1"), f"{name}[quantity]")
    product = tx.get("product", price["product"])
    return {
        "amount": pricing.cost(price, quantity),
        "currency": price["currency"],
        "description": product["name"] if product is not None else None,
        "discountable": True,
        "price": price,
        "pricing": price_details(price),
        "quantity": quantity,
    }


def _price(tx: Transaction, element: Mapping[str, Any], name: str) -> JsonObject:
    if not element.get("price_data"):
        if not element.get("price"):
            raise missing_parameter(f"{name}[price]")
        return refer(tx, "price", element["price"], f"{name}[price]")
    data = dict(subtree(element["price_data"], f"{name}[price_data]"))
    if data.get("product_data"):
        about = f"{name}[price_data][product_data]"
        data["product"] = products.made_of_data(tx, subtree(data["product_data"], about), about)
    return pricing.price_of_data(tx, data, f"{name}[price_data]")


def _item(tx: Transaction, session: str, line: JsonObject) -> JsonObject:
    taken = sum(each["amount"] for each in line["discount_amounts"])
    fields = {
        "adjustable_quantity": None,
        "amount_discount": taken,
        "amount_subtotal": line["amount"],
        "amount_tax": 0,
        "amount_total": line["amount"] - taken,
        "checkout_session": session,
        "currency": line["currency"],
        "description": line["description"],
        "metadata": {},
        "price": line["price"],
        "quantity": line["quantity"],
    }
    new = stamped(tx, "item", "li", fields)
    del new["created"], new["livemode"]
    return new
