"""Transfers: money from a platform's balance to a connected account's, and back.

The connected account gets a payment (`py_`) for it, with its own balance transaction, in the same
commit.
"""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.errors import ApiError, missing_parameter
from holdfast.sandbox.resources import charges
from holdfast.sandbox.resources.balance import check_available
from holdfast.sandbox.resources.balance_transactions import booked
from holdfast.sandbox.resources.listing import CREATED, equals, list_params, page, refers
from holdfast.sandbox.resources.money import AMOUNT, CURRENCY, amount_too_large, shown
from holdfast.sandbox.resources.objects import embedded_list, fetch, refer, save, stamped
from holdfast.sandbox.resources.operations import Resource, crud, reading, writing
from holdfast.sandbox.resources.params import (
    BOOLEAN,
    METADATA,
    TEXT,
    Params,
    fields_of,
    number,
    one_of,
)
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject, Transaction

_INITIAL: Mapping[str, Any] = {
    "amount_reversed": 0,
    "balance_transaction": None,
    "description": None,
    "destination_payment": None,
    "reversals": embedded_list("", []),
    "reversed": False,
    "source_transaction": None,
    "source_type": "card",
    "transfer_group": None,
}


def _create(request: Request, draft: JsonObject) -> JsonObject:
    tx = request.tx
    if "amount" not in draft:
        raise missing_parameter("amount")
    destination = refer(tx, "account", draft["destination"], "destination")
    available = tx.now
    if draft["source_transaction"] is None:
        check_available(tx, draft["amount"], draft["currency"])
    else:
        available, group = _source(tx, draft)
        draft["transfer_group"] = draft["transfer_group"] or group
    moved = booked(tx, "transfer", draft, -draft["amount"], available=available)
    new = {
        **draft,
        "balance_transaction": moved["id"],
        "destination_payment": _received(tx.on(destination["id"]), draft, available),
        "reversals": embedded_list(f"/v1/transfers/{draft['id']}/reversals", []),
    }
    return save(tx, "create", new)


def _source(tx: Transaction, draft: JsonObject) -> tuple[int, str | None]:
    """Return when the money of the charge that a transfer draws on is available, and its group.

    Raises:
        ApiError: 400, there is no such charge, or the transfers from it exceed it.
    """
    charge = refer(tx, "charge", draft["source_transaction"], "source_transaction")
    drawn = sum(
        other["amount"] - other["amount_reversed"]
        for other in tx.newest_first("transfer")
        if other["source_transaction"] == charge["id"]
    )
    rest = charge["amount_captured"] - charge["amount_refunded"] - drawn
    if draft["amount"] > rest:
        raise amount_too_large(
            f"The transfer exceeds what is left of its source transaction, "
            f"{shown(rest, charge['currency'])}."
        )
    moved = fetch(tx, "balance_transaction", charge["balance_transaction"])
    return max(moved["available_on"], tx.now), charge["transfer_group"]


def _received(tx: Transaction, draft: JsonObject, available: int) -> str:
    """Give a connected account its payment, and return the payment's id."""
    fields = {
        "amount": draft["amount"],
        "amount_captured": draft["amount"],
        "captured": True,
        "currency": draft["currency"],
        "description": draft["description"],
        "paid": True,
        "source_transfer": draft["id"],
        "status": "succeeded",
    }
    payment = {**charges.drafted(tx, fields), "id": tx.new_id("py")}
    moved = booked(tx, "payment", payment, draft["amount"], available=available)
    return str(save(tx, "create", {**payment, "balance_transaction": moved["id"]})["id"])


def _create_reversal(request: Request) -> JsonObject:
    tx, params = request.tx, request.params
    old = fetch(tx, "transfer", request.ids["id"])
    rest = old["amount"] - old["amount_reversed"]
    amount = number(params, "amount", rest)
    if rest == 0 or amount > rest:
        raise ApiError(
            400,
            f"Transfer {old['id']} has {shown(rest, old['currency'])} left to reverse.",
            code="amount_too_large" if rest else "transfer_already_reversed",
            param="amount",
        )
    there = tx.on(old["destination"])
    payment = fetch(there, "charge", old["destination_payment"])
    refund = _given_back(there, payment, amount)
    reversal = stamped(
        tx,
        "transfer_reversal",
        "trr",
        {
            "amount": amount,
            "currency": old["currency"],
            "destination_payment_refund": refund["id"],
            "metadata": METADATA.read(params.get("metadata", ""), {}),
            "source_refund": None,
            "transfer": old["id"],
        },
    )
    moved = booked(tx, "transfer_refund", reversal, amount)
    del reversal["livemode"]
    reversal = save(tx, "create", {**reversal, "balance_transaction": moved["id"]})
    changed = {
        "amount_reversed": old["amount_reversed"] + amount,
        "reversals": embedded_list(old["reversals"]["url"], [reversal, *old["reversals"]["data"]]),
        "reversed": amount == rest,
    }
    save(tx, "reverse", {**old, **changed})
    return reversal


def _given_back(tx: Transaction, payment: JsonObject, amount: int) -> JsonObject:
    """Refund a connected account's payment, and return the refund."""
    fields = {
        "amount": amount,
        "charge": payment["id"],
        "currency": payment["currency"],
        "metadata": {},
        "payment_intent": None,
        "reason": None,
        "status": "succeeded",
    }
    refund = stamped(tx, "refund", "pyr", fields)
    moved = booked(tx, "payment_refund", refund, -amount)
    total = payment["amount_refunded"] + amount
    whole = total == payment["amount"]
    save(tx, "refund", {**payment, "amount_refunded": total, "refunded": whole})
    return save(tx, "create", {**refund, "balance_transaction": moved["id"]})


def _reversal(request: Request) -> JsonObject:
    owner = fetch(request.tx, "transfer", request.ids["transfer"])
    found = fetch(request.tx, "transfer_reversal", request.ids["id"])
    return _check_owner(owner, found)


def _check_owner(owner: JsonObject, found: JsonObject) -> JsonObject:
    if found["transfer"] != owner["id"]:
        raise ApiError(
            404, f"No such transfer_reversal: '{found['id']}'", code="resource_missing", param="id"
        )
    return found


def _update_reversal(request: Request) -> JsonObject:
    old = _reversal(request)
    metadata = METADATA.read(request.params.get("metadata", {}), old["metadata"])
    return save(request.tx, "update", {**old, "metadata": metadata})


def _list_reversals(request: Request) -> JsonObject:
    owner = fetch(request.tx, "transfer", request.ids["id"])
    found = request.tx.newest_first("transfer_reversal")
    url = f"/v1/transfers/{owner['id']}/reversals"
    return page(
        "transfer_reversal", found, request.params, url, lambda one: one["transfer"] == owner["id"]
    )


RESOURCE = Resource(
    kind="transfer",
    plural="transfers",
    prefix="tr",
    initial=_INITIAL,
    fields={"description": TEXT},
    at_creation={
        **fields_of(TEXT, "destination", "source_transaction", "transfer_group"),
        "amount": AMOUNT,
        "currency": CURRENCY,
        "source_type": one_of("bank_account", "card", "fpx"),
    },
    required=("currency", "destination"),
    filters={
        "created": CREATED,
        "destination": refers("account"),
        "transfer_group": equals(),
    },
    create=_create,
)
_REVERSALS = "/v1/transfers/{id}/reversals"
_ONE_REVERSAL = "/v1/transfers/{transfer}/reversals/{id}"
_REVERSE = Params({"amount": AMOUNT, "description": TEXT, "refund_application_fee": BOOLEAN})

OPERATIONS: tuple[Operation, ...] = (
    *crud(RESOURCE),
    writing("transfers.create_reversal", _REVERSALS, _REVERSE, _create_reversal),
    reading("transfers.list_reversals", _REVERSALS, list_params({}), _list_reversals),
    reading("transfers.retrieve_reversal", _ONE_REVERSAL, Params(), _reversal),
    writing("transfers.update_reversal", _ONE_REVERSAL, Params(), _update_reversal),
)
