"""Discounts: coupons that were redeemed, and what they take off an invoice's lines.

Rules: https://docs.stripe.com/billing/subscriptions/coupons. Several discounts apply one after the
other, each to what the ones before have left. What is taken off is rounded once for each discount,
and then shared out among the lines to the last cent.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from holdfast.sandbox.errors import ApiError, missing_parameter, no_such
from holdfast.sandbox.resources.objects import fetch, missing, refer, save, stamped
from holdfast.sandbox.resources.operations import writing
from holdfast.sandbox.resources.params import Params, check_known, invalid, named_elements
from holdfast.sandbox.resources.periods import period_end
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.resources.views import viewed
from holdfast.sandbox.state import JsonObject, Transaction

_KNOWN = frozenset({"coupon", "discount", "promotion_code"})


def redeemed(tx: Transaction, given: Any, param: str, **of: str | None) -> list[str]:
    """Redeem the coupons that a form's `discounts` names.

    Args:
        tx: the transaction; the discounts and coupons are saved in it.
        given: the form's list.
        param: what it is called in messages.
        of: what the discounts belong to: `customer`, `subscription`, `invoice`,
            `checkout_session`.

    Returns:
        The ids of the discounts, in order; those that the form names stay as they are.

    Raises:
        ApiError: 400, there is no such coupon or discount, or the coupon is used up.
    """
    return [_redeemed_one(tx, element, name, of) for element, name in named_elements(given, param)]


def _redeemed_one(
    tx: Transaction, element: Mapping[str, Any], name: str, of: Mapping[str, str | None]
) -> str:
    check_known(element, name, _KNOWN)
    if element.get("promotion_code"):
        raise invalid(
            "The sandbox redeems coupons, and no promotion codes.", f"{name}[promotion_code]"
        )
    if element.get("discount"):
        return str(refer(tx, "discount", element["discount"], f"{name}[discount]")["id"])
    if not element.get("coupon"):
        raise missing_parameter(f"{name}[coupon]")
    coupon = refer(tx, "coupon", element["coupon"], f"{name}[coupon]")
    _redeem(tx, coupon, f"{name}[coupon]")
    return str(save(tx, "create", _discount(tx, coupon, of))["id"])


def _redeem(tx: Transaction, coupon: JsonObject, param: str) -> None:
    if not viewed(coupon, tx.now)["valid"]:
        raise invalid(f"Coupon {coupon['id']} is expired or used up.", param, "coupon_expired")
    times, most = coupon["times_redeemed"] + 1, coupon["max_redemptions"]
    counted = {"times_redeemed": times, "valid": most is None or times < most}
    save(tx, "redeem", {**coupon, **counted})


def _discount(tx: Transaction, coupon: JsonObject, of: Mapping[str, str | None]) -> JsonObject:
    months = coupon["duration_in_months"]
    owners = ("checkout_session", "customer", "invoice", "subscription")
    fields = {
        **{owner: of.get(owner) for owner in owners},
        "end": period_end(tx.now, "month", months) if months else None,
        "invoice_item": None,
        "promotion_code": None,
        "source": {"coupon": coupon["id"], "type": "coupon"},
        "start": tx.now,
        "subscription_item": None,
    }
    new = stamped(tx, "discount", "di", fields)
    del new["created"], new["livemode"]
    return new


def lasting(tx: Transaction, named: Sequence[str]) -> list[str]:
    """Return which of a subscription's discounts are left once an invoice was made with them."""
    return [each for each in named if _coupon(tx, each)["duration"] != "once"]


def in_force(tx: Transaction, named: Sequence[str]) -> list[str]:
    """Return which of a subscription's discounts have not ended."""
    ends = {each: _found(tx, "discount", each)["end"] for each in named}
    return [each for each, end in ends.items() if end is None or end > tx.now]


def applied(
    tx: Transaction, named: Sequence[str], lines: Sequence[JsonObject]
) -> tuple[list[JsonObject], list[JsonObject]]:
    """Apply discounts to an invoice's lines.

    Args:
        tx: where the discounts are found.
        named: their ids, in the order in which they apply.
        lines: the lines, each with its amount.

    Returns:
        The lines with their `discount_amounts`, and the invoice's `total_discount_amounts`. No line
        is discounted below 0.
    """
    left = [max(line["amount"], 0) for line in lines]
    shares: list[list[JsonObject]] = [[] for _ in lines]
    totals: list[JsonObject] = []
    for each in named:
        coupon = _coupon(tx, each)
        bases = [
            rest if _applies(coupon, line) else 0 for line, rest in zip(lines, left, strict=True)
        ]
        off = _off(coupon, sum(bases))
        totals.append({"amount": off, "discount": each})
        for index, share in enumerate(_shared_out(off, bases)):
            left[index] -= share
            shares[index].append({"amount": share, "discount": each})
    discounted = [
        {**line, "discount_amounts": of_line} for line, of_line in zip(lines, shares, strict=True)
    ]
    return discounted, totals


def coupon_of(tx: Transaction, discount: str) -> str:
    """Return the id of the coupon that a discount came from."""
    return str(_coupon(tx, discount)["id"])


def _coupon(tx: Transaction, discount: str) -> JsonObject:
    """Return the coupon of a discount. Either may be deleted: what was granted stays granted."""
    return _found(tx, "coupon", _found(tx, "discount", discount)["source"]["coupon"])


def _found(tx: Transaction, kind: str, named: str) -> JsonObject:
    found = tx.get(kind, named)
    if found is None:
        raise missing(kind, named, "discounts")
    return found


def _applies(coupon: JsonObject, line: JsonObject) -> bool:
    products = (coupon.get("applies_to") or {}).get("products")
    details = (line.get("pricing") or {}).get("price_details")
    fits = not products or (details is not None and details["product"] in products)
    return fits and bool(line["discountable"])


def _off(coupon: JsonObject, base: int) -> int:
    """Return how much a coupon takes off an amount, in the smallest unit, halves rounded up."""
    if coupon["percent_off"] is None:
        return min(int(coupon["amount_off"]), base)
    exact = Decimal(base) * Decimal(str(coupon["percent_off"])) / 100
    return int(exact.to_integral_value(ROUND_HALF_UP))


def _shared_out(off: int, bases: Sequence[int]) -> list[int]:
    """Share an amount out in proportion; the shares sum up to it, and none exceeds its base."""
    total, behind, given = sum(bases), 0, 0
    shares = []
    for base in bases:
        behind += base
        upto = off * behind // total if total else 0
        shares.append(upto - given)
        given = upto
    return shares


def _delete_of_subscription(request: Request) -> JsonObject:
    tx = request.tx
    subscription = fetch(tx, "subscription", request.ids["subscription"])
    if not subscription["discounts"]:
        raise no_such("discount", subscription["id"], "id")
    ended = [fetch(tx, "discount", named) for named in subscription["discounts"]]
    for discount in ended:
        save(tx, "delete", {**discount, "end": tx.now, "deleted": True})
    save(tx, "update", {**subscription, "discounts": []})
    return {**ended[-1], "end": tx.now, "deleted": True}


def _delete_of_customer(request: Request) -> JsonObject:
    customer = fetch(request.tx, "customer", request.ids["customer"])
    # Coupons are redeemed on subscriptions and invoices, so a customer has no discount to lose.
    raise ApiError(
        404,
        f"No active discount for customer: {customer['id']}",
        code="resource_missing",
        param="customer",
    )


OPERATIONS: tuple[Operation, ...] = (
    writing(
        "subscriptions.delete_discount",
        "/v1/subscriptions/{subscription}/discount",
        Params(),
        _delete_of_subscription,
        method="DELETE",
    ),
    writing(
        "customers.delete_discount",
        "/v1/customers/{customer}/discount",
        Params(),
        _delete_of_customer,
        method="DELETE",
    ),
)
