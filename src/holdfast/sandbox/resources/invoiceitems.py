"""Invoice items: what a customer is to be billed, pending or on a draft invoice."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from holdfast.sandbox.errors import missing_parameter
from holdfast.sandbox.resources import pricing
from holdfast.sandbox.resources.invoice_lines import price_details, with_item, without_item
from holdfast.sandbox.resources.invoices import not_editable
from holdfast.sandbox.resources.listing import Filter, Predicate, in_times, refers
from holdfast.sandbox.resources.money import CURRENCY
from holdfast.sandbox.resources.objects import discard, refer, save
from holdfast.sandbox.resources.operations import Resource, crud, delete_operation
from holdfast.sandbox.resources.params import (
    ANYTHING,
    BOOLEAN,
    INTEGER,
    TEXT,
    TREE,
    at_least,
    boolean,
    fields_of,
    integer,
    invalid,
    number,
    subtree,
)
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject, Transaction

_INITIAL: Mapping[str, Any] = {
    "customer_account": None,
    "description": None,
    "discountable": True,
    "discounts": [],
    "invoice": None,
    "parent": None,
    "pricing": None,
    "proration": False,
    "tax_rates": [],
    "test_clock": None,
}


def _create(request: Request, draft: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    customer = refer(tx, "customer", params["customer"], "customer")
    item = {
        **draft,
        **_priced(tx, params),
        "date": tx.now,
        "period": _period(params, {"end": tx.now, "start": tx.now}),
    }
    if "currency" not in item:
        item["currency"] = params.get("currency", "").lower() or customer["currency"] or "usd"
    del item["created"]
    if not params.get("invoice"):
        return save(tx, "create", item)
    invoice = _draft(refer(tx, "invoice", params["invoice"], "invoice"))
    _check_fits(invoice, item)
    save(tx, "create", item)
    save(tx, "update", with_item(tx, invoice, item))
    return item


def _priced(tx: Transaction, params: Mapping[str, Any]) -> JsonObject:
    """Read what an item costs: an amount, an amount a piece, or a price and a quantity."""
    if params.get("amount"):
        amount = integer(params["amount"], "amount")
        return _cost_fields(amount, 1, Decimal(amount))
    quantity = number(params, "quantity", 1)
    price = _price(tx, params)
    if price is not None:
        pricing.check_type(price, "one_time", "pricing[price]")
        exact = price["unit_amount_decimal"]
        return {
            **_cost_fields(pricing.cost(price, quantity), quantity, exact),
            "currency": price["currency"],
            "pricing": price_details(price),
        }
    if not params.get("unit_amount_decimal"):
        raise missing_parameter("amount")
    each = pricing.decimal(params["unit_amount_decimal"], "unit_amount_decimal", signed=True)
    total = int((each * quantity).to_integral_value(ROUND_HALF_UP))
    return _cost_fields(total, quantity, each)


def _cost_fields(amount: int, quantity: int, each: Decimal | str | None) -> JsonObject:
    exact = format(each, "f") if isinstance(each, Decimal) else each
    return {
        "amount": amount,
        "net_amount": amount,
        "pricing": {"price_details": None, "type": "price_details", "unit_amount_decimal": exact},
        "quantity": quantity,
        "quantity_decimal": str(quantity),
    }


def _price(tx: Transaction, params: Mapping[str, Any]) -> JsonObject | None:
    """Return the price that an item names; older API versions call it `price`."""
    if params.get("price_data"):
        data = subtree(params["price_data"], "price_data")
        return pricing.price_of_data(tx, data, "price_data")
    named = subtree(params.get("pricing", ""), "pricing").get("price") or params.get("price")
    return refer(tx, "price", named, "pricing[price]") if named else None


def _period(params: Mapping[str, Any], present: JsonObject) -> JsonObject:
    given = subtree(params.get("period", ""), "period")
    bounds = {name: integer(given[name], f"period[{name}]") for name in present if name in given}
    period = {**present, **bounds}
    if period["end"] < period["start"]:
        raise invalid("A period ends after it starts.", "period[end]")
    return period


def _draft(invoice: JsonObject) -> JsonObject:
    if invoice["status"] != "draft":
        raise not_editable(invoice)
    return invoice


def _check_fits(invoice: JsonObject, item: JsonObject) -> None:
    for name in ("customer", "currency"):
        if invoice[name] != item[name]:
            raise invalid(
                f"The invoice's {name} is {invoice[name]} and the item's is {item[name]}.", name
            )


def _update(request: Request, old: JsonObject, new: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    invoice = _invoice_of(tx, old)
    if not _COST_PARAMS.isdisjoint(params):
        new |= _repriced(tx, old, params)
    new["period"] = _period(params, old["period"])
    save(tx, "update", new)
    if invoice is not None:
        save(tx, "update", with_item(tx, invoice, new))
    return new


# What changes an item's cost when it is sent.
_COST_PARAMS = frozenset(
    {"amount", "price", "price_data", "pricing", "quantity", "unit_amount_decimal"}
)


def _repriced(tx: Transaction, old: JsonObject, params: Mapping[str, Any]) -> JsonObject:
    """Read an item's changed cost; what is not sent stays as it is."""
    details = old["pricing"]["price_details"]
    kept = (
        {"price": details["price"]}
        if details
        else {"unit_amount_decimal": old["pricing"]["unit_amount_decimal"]}
    )
    replaced = not (params.keys() & (_COST_PARAMS - {"quantity"}))
    merged = {"quantity": str(old["quantity"]), **(kept if replaced else {}), **params}
    priced = _priced(tx, merged)
    if priced.get("currency", old["currency"]) != old["currency"]:
        raise invalid(f"The item's currency is {old['currency']}.", "pricing[price]")
    return priced


def _invoice_of(tx: Transaction, item: JsonObject) -> JsonObject | None:
    """Return the draft invoice that an item is on, if it is on one.

    Raises:
        ApiError: 400, the invoice is finalized.
    """
    if item["invoice"] is None:
        return None
    return _draft(refer(tx, "invoice", item["invoice"], "invoice"))


def _delete(request: Request) -> JsonObject:
    tx, item = request.tx, RESOURCE.of(request)
    invoice = _invoice_of(tx, item)
    if invoice is not None:
        save(tx, "update", without_item(tx, invoice, item["id"]))
    return discard(tx, item)


def _is_pending(_tx: Transaction, value: Any, name: str) -> Predicate:
    wanted = boolean(value, name)
    return lambda item: (item["invoice"] is None) == wanted


_CHANGEABLE = {
    "description": TEXT,
    "discountable": BOOLEAN,
    "discounts": ANYTHING,
}
_TAKEN = {
    **fields_of(TEXT, "price", "tax_behavior", "tax_code", "unit_amount_decimal"),
    **fields_of(TREE, "period", "price_data", "pricing"),
    "amount": INTEGER,
    "quantity": at_least(0),
    "tax_rates": ANYTHING,
}

RESOURCE = Resource(
    kind="invoiceitem",
    plural="invoiceitems",
    prefix="ii",
    initial=_INITIAL,
    fields=_CHANGEABLE,
    at_creation={"customer": TEXT, "invoice": TEXT},
    create_extra={**_TAKEN, "currency": CURRENCY, "subscription": TEXT},
    update_extra={**_TAKEN, "invoicing_rules": ANYTHING},
    required=("customer",),
    filters={
        "created": in_times("date"),
        "customer": refers("customer"),
        "invoice": refers("invoice"),
        "pending": Filter(BOOLEAN, _is_pending),
    },
    create=_create,
    update=_update,
)

OPERATIONS: tuple[Operation, ...] = (*crud(RESOURCE), delete_operation(RESOURCE, _delete))
