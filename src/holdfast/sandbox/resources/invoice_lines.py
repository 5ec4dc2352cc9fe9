"""The lines of an invoice, and the sums that follow from them."""

from typing import Any

from holdfast.sandbox.resources.discounts import applied
from holdfast.sandbox.resources.objects import embedded_list
from holdfast.sandbox.resources.pricing import cost
from holdfast.sandbox.state import JsonObject, Transaction


def line(tx: Transaction, invoice: str, fields: JsonObject) -> JsonObject:
    """Return a new line with the given fields."""
    return {
        "id": tx.new_id("il"),
        "object": "line_item",
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice,
        "livemode": tx.livemode,
        "metadata": {},
        "pretax_credit_amounts": [],
        "subtotal": fields["amount"],
        "taxes": [],
        **fields,
    }


def line_of_item(tx: Transaction, invoice: str, item: JsonObject) -> JsonObject:
    """Return the line that bills an invoice item."""
    return line(tx, invoice, _taken_from(item))


def _taken_from(item: JsonObject) -> JsonObject:
    taken = (
        "amount",
        "currency",
        "description",
        "discountable",
        "metadata",
        "period",
        "pricing",
        "quantity",
        "quantity_decimal",
    )
    return {
        **{name: item[name] for name in taken},
        "parent": {
            "invoice_item_details": {
                "invoice_item": item["id"],
                "proration": False,
                "proration_details": None,
                "subscription": None,
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        },
        "subscription": None,
        "subtotal": item["amount"],
    }


def line_of_subscription_item(
    tx: Transaction, invoice: str, item: JsonObject, *, trial: bool
) -> JsonObject:
    """Return the line that bills a subscription item for its current period."""
    price, quantity = item["price"], item["quantity"]
    amount = 0 if trial else cost(price, quantity)
    return line(
        tx,
        invoice,
        {
            "amount": amount,
            "currency": price["currency"],
            "description": _description(tx, price, quantity, trial),
            "metadata": item["metadata"],
            "parent": {
                "invoice_item_details": None,
                "subscription_item_details": {
                    "invoice_item": None,
                    "proration": False,
                    "proration_details": None,
                    "subscription": item["subscription"],
                    "subscription_item": item["id"],
                },
                "type": "subscription_item_details",
            },
            "period": {"end": item["current_period_end"], "start": item["current_period_start"]},
            "pricing": price_details(price),
            "quantity": quantity,
            "quantity_decimal": str(quantity),
            "subscription": item["subscription"],
        },
    )


def _description(tx: Transaction, price: JsonObject, quantity: int, trial: bool) -> str:
    product = tx.get("product", price["product"])
    name = product["name"] if product is not None else price["product"]
    return f"Trial period for {name}" if trial else f"{quantity} × {name}"  # noqa: RUF001 - Stripe's sign


def price_details(price: JsonObject) -> JsonObject:
    """Return the `pricing` of a line or an invoice item that bills a price."""
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def _item_of(billed: JsonObject) -> Any:
    details = billed["parent"]["invoice_item_details"]
    return details["invoice_item"] if details else None


def with_lines(tx: Transaction, invoice: JsonObject, lines: list[JsonObject]) -> JsonObject:
    """Return the invoice, unsaved, with these lines, its discounts and the sums that follow."""
    discounted, off = applied(tx, invoice["discounts"], lines)
    subtotal = sum(each["amount"] for each in lines)
    total = subtotal - sum(each["amount"] for each in off)
    due = max(total, 0)
    return {
        **invoice,
        "amount_due": due,
        "amount_remaining": due,
        "lines": embedded_list(f"/v1/invoices/{invoice['id']}/lines", discounted),
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_discount_amounts": off,
        "total_excluding_tax": total,
    }


def with_item(tx: Transaction, invoice: JsonObject, item: JsonObject) -> JsonObject:
    """Return the invoice, unsaved, with an item's line added or brought up to date."""
    lines = invoice["lines"]["data"]
    if all(_item_of(each) != item["id"] for each in lines):
        return with_lines(tx, invoice, [line_of_item(tx, invoice["id"], item), *lines])
    fields = _taken_from(item)
    return with_lines(
        tx,
        invoice,
        [{**each, **fields} if _item_of(each) == item["id"] else each for each in lines],
    )


def without_item(tx: Transaction, invoice: JsonObject, item: str) -> JsonObject:
    """Return the invoice, unsaved, without an item's line."""
    lines = invoice["lines"]["data"]
    return with_lines(tx, invoice, [each for each in lines if _item_of(each) != item])


def items_on(invoice: JsonObject) -> list[str]:
    """Return the ids of the invoice items that an invoice bills."""
    found = (_item_of(each) for each in invoice["lines"]["data"])
    return [item for item in found if item is not None]
