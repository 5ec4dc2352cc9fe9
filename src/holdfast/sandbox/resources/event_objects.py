"""`/v1/events`: the latest events of an account."""

from typing import Any

from holdfast.sandbox.resources.listing import (
    CREATED,
    Filter,
    Predicate,
    chosen,
    equals,
    is_flag,
    list_params,
    page,
)
from holdfast.sandbox.resources.objects import missing
from holdfast.sandbox.resources.operations import reading
from holdfast.sandbox.resources.params import LIST, Params, boolean, elements, text
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject, Transaction

_URL = "/v1/events"


def _of_types(_tx: Transaction, value: Any, name: str) -> Predicate:
    wanted = {text(element, name) for element in elements(value, name)}
    return lambda event: event["type"] in wanted


def _delivered(_tx: Transaction, value: Any, name: str) -> Predicate:
    wanted = boolean(value, name)
    return lambda event: (event["pending_webhooks"] == 0) == wanted


_FILTERS = {
    "created": CREATED,
    "delivery_success": Filter(is_flag().field, _delivered),
    "type": equals(),
    "types": Filter(LIST, _of_types),
}


def _list(request: Request) -> JsonObject:
    tx, params = request.tx, request.params
    keeps = chosen(tx, params, _FILTERS)
    return page("event", tx.events.newest_first(tx.account), params, _URL, keeps)


def _retrieve(request: Request) -> JsonObject:
    named = request.ids["id"]
    found = request.tx.events.event(request.tx.account, named)
    if found is None:
        raise missing("event", named, "id", 404)
    return found


OPERATIONS: tuple[Operation, ...] = (
    reading("events.list", _URL, list_params(_FILTERS), _list),
    reading("events.retrieve", f"{_URL}/{{id}}", Params(), _retrieve),
)
