"""Payouts: money that leaves an account's balance for a bank account.

An instant payout is paid at once. Any other stays pending, and can be canceled, until a test ends
it by `POST /v1/test_helpers/payouts/{payout}/pay` or `/fail`, in the bank's place; these two
operations are ours.
"""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources.balance import check_available
from holdfast.sandbox.resources.balance_transactions import available_on, booked
from holdfast.sandbox.resources.listing import CREATED, equals, has_choice, in_times
from holdfast.sandbox.resources.money import AMOUNT, CURRENCY
from holdfast.sandbox.resources.objects import save, stamped
from holdfast.sandbox.resources.operations import Resource, action, crud, helper
from holdfast.sandbox.resources.params import METADATA, TEXT, Params, fields_of, one_of
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject, Transaction

_INITIAL: Mapping[str, Any] = {
    "application_fee": None,
    "application_fee_amount": None,
    "arrival_date": None,
    "automatic": False,
    "balance_transaction": None,
    "description": None,
    "destination": None,
    "failure_balance_transaction": None,
    "failure_code": None,
    "failure_message": None,
    "method": "standard",
    "original_payout": None,
    "payout_method": None,
    "reconciliation_status": "not_applicable",
    "reversed_by": None,
    "source_type": "card",
    "statement_descriptor": None,
    "status": "pending",
    "trace_id": None,
    "type": "bank_account",
}
_STATUSES = ("canceled", "failed", "in_transit", "paid", "pending")


def _create(request: Request, draft: JsonObject) -> JsonObject:
    tx = request.tx
    check_available(tx, draft["amount"], draft["currency"])
    if draft["destination"] is None:
        draft["destination"] = tx.new_id("ba")
    instant = draft["method"] == "instant"
    arrival = tx.now if instant else available_on(tx)
    new = {**draft, "arrival_date": arrival, "status": "paid" if instant else "pending"}
    return save(tx, "create", _booked(tx, new, "payout", -new["amount"]))


def _booked(tx: Transaction, payout: JsonObject, kind: str, amount: int) -> JsonObject:
    return {**payout, "balance_transaction": booked(tx, kind, payout, amount)["id"]}


def _in_status(request: Request, status: str, done: str) -> JsonObject:
    payout = RESOURCE.of(request)
    if payout["status"] != status or payout["original_payout"] is not None:
        raise ApiError(
            400,
            f"Payout {payout['id']} cannot be {done}: its status is {payout['status']}, and only "
            f"one of ours that is {status} can be.",
        )
    return payout


def _cancel(request: Request) -> JsonObject:
    old = _in_status(request, "pending", "canceled")
    return _returned(request.tx, old, "payout_cancel", {"status": "canceled"}, "cancel")


def _returned(
    tx: Transaction, old: JsonObject, kind: str, changes: JsonObject, effect: str
) -> JsonObject:
    """Put the money of a payout back into the balance."""
    back = booked(tx, kind, old, old["amount"])
    return save(tx, effect, {**old, **changes, "failure_balance_transaction": back["id"]})


def _reverse(request: Request) -> JsonObject:
    tx, old = request.tx, _in_status(request, "paid", "reversed")
    if old["reversed_by"] is not None:
        raise ApiError(400, f"Payout {old['id']} has already been reversed.")
    fields = {
        "metadata": METADATA.read(request.params.get("metadata", ""), {}),
        **_INITIAL,
        **{name: old[name] for name in ("currency", "destination", "method", "source_type")},
        "amount": -old["amount"],
        "arrival_date": tx.now,
        "original_payout": old["id"],
        "status": "paid",
    }
    reversal = stamped(tx, "payout", "po", fields)
    new = save(tx, "create", _booked(tx, reversal, "payout", old["amount"]))
    save(tx, "reverse", {**old, "reversed_by": new["id"]})
    return new


def _pay(request: Request) -> JsonObject:
    old = _in_status(request, "pending", "paid")
    return save(request.tx, "pay", {**old, "arrival_date": request.tx.now, "status": "paid"})


def _fail(request: Request) -> JsonObject:
    old = _in_status(request, "pending", "failed")
    failed = {
        "failure_code": "account_closed",
        "failure_message": "The bank account has been closed.",
        "status": "failed",
    }
    return _returned(request.tx, old, "payout_failure", failed, "fail")


RESOURCE = Resource(
    kind="payout",
    plural="payouts",
    prefix="po",
    initial=_INITIAL,
    at_creation={
        **fields_of(TEXT, "description", "destination", "payout_method", "statement_descriptor"),
        "amount": AMOUNT,
        "currency": CURRENCY,
        "method": one_of("instant", "standard"),
        "source_type": one_of("bank_account", "card", "fpx"),
    },
    required=("amount", "currency"),
    filters={
        "arrival_date": in_times("arrival_date"),
        "created": CREATED,
        "destination": equals(),
        "status": has_choice(*_STATUSES),
    },
    create=_create,
)

OPERATIONS: tuple[Operation, ...] = (
    *crud(RESOURCE),
    action(RESOURCE, "cancel", Params(), _cancel),
    action(RESOURCE, "reverse", Params(), _reverse),
    helper(RESOURCE, "pay", Params(), _pay),
    helper(RESOURCE, "fail", Params(), _fail),
)
