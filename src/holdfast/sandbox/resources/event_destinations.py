"""Event destinations, a resource of version 2 of the API: JSON in and out, times as text."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from holdfast.sandbox.resources.objects import assigned, fetch, save
from holdfast.sandbox.resources.operations import reading, writing
from holdfast.sandbox.resources.params import LIST, METADATA, TEXT, TREE, Field, Params, one_of
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject, Transaction

KIND = "v2.core.event_destination"
_URL = "/v2/core/event_destinations"
_ITEM = f"{_URL}/{{id}}"

_INITIAL: Mapping[str, Any] = {
    "amazon_eventbridge": None,
    "azure_event_grid": None,
    "description": "",
    "events_from": ["@self"],
    "metadata": {},
    "snapshot_api_version": None,
    "status": "enabled",
    "status_details": None,
    "webhook_endpoint": None,
}
_UPDATED: Mapping[str, Field] = {
    "description": TEXT,
    "enabled_events": LIST,
    "metadata": METADATA,
    "name": TEXT,
    "webhook_endpoint": TREE,
}
_CREATED: Mapping[str, Field] = {
    **_UPDATED,
    "event_payload": one_of("snapshot", "thin"),
    "events_from": LIST,
    "snapshot_api_version": TEXT,
    "type": one_of("amazon_eventbridge", "azure_event_grid", "webhook_endpoint"),
}
# What was given for a destination outside Stripe is answered with what is made of it there.
_GIVEN: Mapping[str, Field] = {
    "amazon_eventbridge": TREE,
    "azure_event_grid": TREE,
    "include": LIST,
}


def _now(tx: Transaction) -> str:
    return datetime.fromtimestamp(tx.now, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _create(request: Request) -> JsonObject:
    tx = request.tx
    draft = {
        "id": tx.new_id("ed"),
        "object": KIND,
        "created": _now(tx),
        "livemode": tx.livemode,
        "updated": _now(tx),
        **_INITIAL,
    }
    return save(tx, "create", assigned(draft, _CREATED, request.params))


def _retrieve(request: Request) -> JsonObject:
    return fetch(request.tx, KIND, request.ids["id"])


def _update(request: Request) -> JsonObject:
    changed = assigned(_retrieve(request), _UPDATED, request.params)
    return save(request.tx, "update", {**changed, "updated": _now(request.tx)})


def _turned(status: str) -> Callable[[Request], JsonObject]:
    details = {"disabled": {"disabled": {"reason": "user"}}, "enabled": None}

    def execute(request: Request) -> JsonObject:
        changes = {
            "status": status,
            "status_details": details[status],
            "updated": _now(request.tx),
        }
        effect = status.removesuffix("d")
        return save(request.tx, effect, {**_retrieve(request), **changes})

    return execute


def _delete(request: Request) -> JsonObject:
    found = _retrieve(request)
    request.tx.remove(KIND, found["id"])
    request.tx.record("delete", found)
    return {"id": found["id"], "object": KIND}


_NAME = "v2/core/event_destinations"
OPERATIONS: tuple[Operation, ...] = (
    writing(
        f"{_NAME}.create",
        _URL,
        Params({**_CREATED, **_GIVEN}, ("enabled_events", "event_payload", "name", "type")),
        _create,
    ),
    reading(f"{_NAME}.retrieve", _ITEM, Params({"include": LIST}), _retrieve),
    writing(f"{_NAME}.update", _ITEM, Params({**_UPDATED, "include": LIST}), _update),
    writing(f"{_NAME}.delete", _ITEM, Params(), _delete, method="DELETE"),
    writing(f"{_NAME}.disable", f"{_ITEM}/disable", Params(), _turned("disabled")),
    writing(f"{_NAME}.enable", f"{_ITEM}/enable", Params(), _turned("enabled")),
)
