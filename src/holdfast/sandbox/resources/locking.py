"""Which objects a write locks.

Stripe publishes no such table; it says that requests on the same and on related objects contend
(https://docs.stripe.com/rate-limits#object-lock-timeouts). What follows is therefore this sandbox's
assumption: a write locks the objects in its path, the objects its well-known parameters name, and
all their parents. Products and prices are locked only when they are written themselves.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.sandbox.resources.routing import Match
from holdfast.sandbox.state import JsonObject, Transaction

# Kind -> where an object of that kind holds the ids of its parents.
PARENTS: Mapping[str, tuple[str, ...]] = {
    "card": ("customer",),
    "charge": ("payment_intent", "customer"),
    "invoice": ("customer", "parent.subscription_details.subscription"),
    "invoice_payment": ("invoice",),
    "invoiceitem": ("customer", "invoice"),
    "payment_intent": ("customer",),
    "payment_method": ("customer",),
    "refund": ("charge", "payment_intent"),
    "subscription": ("customer",),
}

# Parameters, at any depth, whose text is the id of an object that the request works on.
REFERENCES = frozenset(
    {
        "charge",
        "customer",
        "default_payment_method",
        "default_source",
        "invoice",
        "payment_intent",
        "payment_method",
        "source",
        "subscription",
    }
)


def locked_objects(match: Match, params: dict[str, Any], tx: Transaction) -> list[str]:
    """Return the ids of the objects whose exclusive locks a write takes.

    Args:
        match: the operation and the path's ids.
        params: the request's parameters.
        tx: where the objects are read; nothing is written.

    Returns:
        The ids, sorted, each once. Ids that name no object give no lock.
    """
    if not match.operation.writes:
        return []
    found: set[str] = set()
    for named in match.ids.values():
        _add_with_parents(named, tx, found)
    for named in _references(params):
        _add_with_parents(named, tx, found)
    return sorted(found)


def _references(tree: Any) -> Iterator[str]:
    if isinstance(tree, list):
        for element in tree:
            yield from _references(element)
    elif isinstance(tree, dict):
        for name, value in tree.items():
            if not isinstance(value, str):
                if name != "metadata":
                    yield from _references(value)
            elif value and name in REFERENCES:
                yield value


def _add_with_parents(named: str, tx: Transaction, found: set[str]) -> None:
    if named in found:
        return
    obj = tx.find(named)
    if obj is None:
        return
    found.add(named)
    for path in PARENTS.get(obj["object"], ()):
        parent = _at(obj, path)
        if parent is not None:
            _add_with_parents(parent, tx, found)


def _at(obj: JsonObject, path: str) -> str | None:
    value: Any = obj
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value if isinstance(value, str) else None
