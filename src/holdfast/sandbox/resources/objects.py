"""How objects are read, made, changed and deleted inside a transaction."""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.errors import ApiError, no_such
from holdfast.sandbox.resources.params import Field
from holdfast.sandbox.state import JsonObject, Transaction

# What Stripe calls a kind in "No such ...", where that is not the object's name.
_SPOKEN = {"payment_method": "PaymentMethod"}
# What Stripe calls the path's id in `param`, where that is not "id".
_PATH_PARAMS = {"payment_intent": "intent", "payment_method": "payment_method", "charge": "charge"}


def missing(kind: str, id: str, param: str, status: int = 400) -> ApiError:  # noqa: A002
    """The error for an id that a parameter (400) or the path (404) names in vain."""
    return no_such(_SPOKEN.get(kind, kind), id, param, status=status)


def fetch(tx: Transaction, kind: str, id: str) -> JsonObject:  # noqa: A002 - Stripe's field name
    """Return the object that the path names.

    Raises:
        ApiError: 404 `resource_missing`; a deleted object is missing too.
    """
    found = tx.get(kind, id)
    if found is None or "deleted" in found:
        raise missing(kind, id, _PATH_PARAMS.get(kind, "id"), 404)
    return found


def refer(tx: Transaction, kind: str, id: str, param: str) -> JsonObject:  # noqa: A002
    """Return the object that a parameter names.

    Raises:
        ApiError: 400 `resource_missing`; a deleted object is missing too.
    """
    found = tx.get(kind, id)
    if found is None or "deleted" in found:
        raise missing(kind, id, param)
    return found


def save(tx: Transaction, effect: str, obj: JsonObject) -> JsonObject:
    """Put a new or changed object, note the effect in the ledger, and return the object.

    An object gets one row a request: what is made and then attached, say, was made.
    """
    tx.put(obj)
    if all(noted.object_id != obj["id"] for noted in tx.effects):
        tx.record(effect, obj)
    return obj


def discard(tx: Transaction, obj: JsonObject) -> JsonObject:
    """Remove an object for good, note it in the ledger, and return the answer."""
    tx.remove(obj["object"], obj["id"])
    tx.record("delete", obj)
    return deletion(obj)


def bury(tx: Transaction, obj: JsonObject) -> JsonObject:
    """Delete an object that can still be retrieved as deleted, and return the answer."""
    kept = {name: value for name, value in obj.items() if name in {"created", "livemode"}}
    save(tx, "delete", {**deletion(obj), **kept})
    return deletion(obj)


def deletion(obj: JsonObject) -> JsonObject:
    """Return how a deleted object is shown."""
    return {"id": obj["id"], "object": obj["object"], "deleted": True}


def embedded_list(url: str, data: list[JsonObject]) -> JsonObject:
    """Return a whole list as other objects embed it."""
    return {
        "object": "list",
        "data": data,
        "has_more": False,
        "total_count": len(data),
        "url": url,
    }


def stamped(
    tx: Transaction, kind: str, prefix: str, fields: Mapping[str, Any], *, length: int = 24
) -> JsonObject:
    """Return a new object, not yet put: an id, the common fields and the given ones."""
    return {
        "id": tx.new_id(prefix, length),
        "object": kind,
        "created": tx.now,
        "livemode": tx.livemode,
        **fields,
    }


def assigned(obj: JsonObject, fields: Mapping[str, Field], params: Mapping[str, Any]) -> JsonObject:
    """Return the object with every parameter that is one of its fields taken over."""
    changes = {
        name: fields[name].read(value, obj.get(name))
        for name, value in params.items()
        if name in fields
    }
    return {**obj, **changes}
