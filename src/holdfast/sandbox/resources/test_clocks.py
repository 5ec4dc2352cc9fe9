"""Test clocks: time that stands still until a test moves it.

Advancing is done when the request is answered: the answer says `ready`, where Stripe first says
`advancing`. Source: https://docs.stripe.com/billing/testing/test-clocks.
"""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.resources.clocks import KIND
from holdfast.sandbox.resources.objects import bury, discard, refer, save
from holdfast.sandbox.resources.operations import (
    Resource,
    action,
    create_operation,
    delete_operation,
    list_operation,
    retrieve_operation,
)
from holdfast.sandbox.resources.params import INTEGER, TEXT, Params, integer, invalid
from holdfast.sandbox.resources.periods import period_end
from holdfast.sandbox.resources.renewals import settle_until
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.resources.subscriptions import ENDED, cancel_all
from holdfast.sandbox.state import JsonObject, Transaction

_DELETED_AFTER_DAYS = 30
_DAY = 86_400
_MOST_INTERVALS = 2
_MOST_YEARS = 2
_INITIAL: Mapping[str, Any] = {
    "name": None,
    "status": "ready",
    "status_details": {"advancing": None},
}


def _create(request: Request, draft: JsonObject) -> JsonObject:
    tx, params = request.tx, request.params
    if params.get("customer"):
        customer = refer(tx, "customer", params["customer"], "customer")
        save(tx, "update", {**customer, "test_clock": draft["id"]})
    deletes_after = draft["created"] + _DELETED_AFTER_DAYS * _DAY
    return save(tx, "create", {**draft, "deletes_after": deletes_after})


def _advance(request: Request) -> JsonObject:
    tx, clock = request.tx, RESOURCE.of(request)
    until = integer(request.params["frozen_time"], "frozen_time")
    if until <= clock["frozen_time"]:
        raise invalid("A test clock only moves forward.", "frozen_time")
    if until > _farthest(tx, clock):
        raise invalid(
            "A test clock moves by at most two intervals of its shortest subscription, or two "
            "years without one.",
            "frozen_time",
        )
    tx.now = clock["frozen_time"]
    settle_until(tx, clock["id"], until)
    return save(tx, "advance", {**clock, "frozen_time": until})


def _farthest(tx: Transaction, clock: JsonObject) -> int:
    """Return how far a clock may be moved at once (https://docs.stripe.com/api/test_clocks)."""
    start = clock["frozen_time"]
    ends = [
        period_end(start, rhythm["interval"], rhythm["interval_count"] * _MOST_INTERVALS)
        for subscription in tx.newest_first("subscription")
        if subscription["test_clock"] == clock["id"] and subscription["status"] not in ENDED
        for rhythm in (item["price"]["recurring"] for item in subscription["items"]["data"])
    ]
    return min(ends, default=period_end(start, "year", _MOST_YEARS))


def _delete(request: Request) -> JsonObject:
    """Delete a clock with its customers; their subscriptions are canceled."""
    tx, clock = request.tx, RESOURCE.of(request)
    for customer in list(tx.newest_first("customer")):
        if "deleted" not in customer and customer["test_clock"] == clock["id"]:
            cancel_all(tx, customer["id"])
            bury(tx, customer)
    return discard(tx, clock)


RESOURCE = Resource(
    kind=KIND,
    plural="test_helpers/test_clocks",
    prefix="clock",
    id_name="test_clock",
    initial=_INITIAL,
    at_creation={"frozen_time": INTEGER, "name": TEXT},
    create_extra={"customer": TEXT},
    required=("frozen_time",),
    create=_create,
)

OPERATIONS: tuple[Operation, ...] = (
    create_operation(RESOURCE),
    retrieve_operation(RESOURCE),
    list_operation(RESOURCE),
    delete_operation(RESOURCE, _delete),
    action(RESOURCE, "advance", Params({"frozen_time": INTEGER}, ("frozen_time",)), _advance),
)
