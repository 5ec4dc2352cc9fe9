"""`expand`: replacing the ids in an answer by the objects they name.

Any field whose text is the id of an object can be expanded, at most four levels deep
(https://docs.stripe.com/api/expanding_objects). A few lists are not part of their object until
they are expanded; the table below says how they are found.
"""

from itertools import islice
from typing import Any, NamedTuple

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources.params import elements, text
from holdfast.sandbox.resources.views import viewed
from holdfast.sandbox.state import JsonObject, Transaction

DEEPEST = 4
_FIRST_PAGE = 10


class _Children(NamedTuple):
    kind: str
    field: str
    url: str


# (kind, field) -> the objects whose `field` is this object's id, and where they are listed.
_LISTS_ON_DEMAND = {
    ("customer", "sources"): _Children("card", "customer", "/v1/customers/{id}/sources"),
    ("customer", "subscriptions"): _Children(
        "subscription", "customer", "/v1/subscriptions?customer={id}"
    ),
    ("checkout.session", "line_items"): _Children(
        "item", "checkout_session", "/v1/checkout/sessions/{id}/line_items"
    ),
    ("charge", "refunds"): _Children("refund", "charge", "/v1/charges/{id}/refunds"),
    ("invoice", "payments"): _Children(
        "invoice_payment", "invoice", "/v1/invoice_payments?invoice={id}"
    ),
}


def expanded(tx: Transaction, answer: JsonObject, paths: Any) -> JsonObject:
    """Return the answer with the given paths expanded; the answer itself stays as it is.

    Args:
        tx: where the objects are found.
        answer: an object or a list.
        paths: the value of the `expand` parameter, such as `["customer", "data.latest_charge"]`.

    Raises:
        ApiError: 400, a path names nothing that can be expanded, or is too deep.
    """
    for path in elements(paths, "expand"):
        steps = text(path, "expand").split(".")
        if len(steps) - steps.count("data") > DEEPEST:
            raise ApiError(
                400,
                f"You cannot expand more than {DEEPEST} levels of a property. Property: {path}",
                param="expand",
            )
        answer = _along(tx, answer, steps, path)
    return answer


def _along(tx: Transaction, value: Any, steps: list[str], path: str) -> Any:
    if not steps or value is None:
        return value
    if isinstance(value, list):
        return [_along(tx, element, steps, path) for element in value]
    if not isinstance(value, dict):
        raise _not_expandable(path)
    if "deleted" in value:
        return value
    step, *rest = steps
    return {**value, step: _along(tx, _opened(tx, value, step, path), rest, path)}


def _opened(tx: Transaction, holder: JsonObject, step: str, path: str) -> Any:
    """Return what a step leads to: the object named there, or the sub-tree or list itself."""
    children = _LISTS_ON_DEMAND.get((holder.get("object", ""), step))
    if children is not None and step not in holder:
        return _first_page(tx, holder["id"], children)
    if step not in holder:
        raise _not_expandable(path)
    present = holder[step]
    if isinstance(present, str) and step != "id":
        return _named(tx, present, path)
    if isinstance(present, list) and present and isinstance(present[0], str):
        return [_named(tx, each, path) for each in present]
    if isinstance(present, (dict, list)) or present is None:
        return present
    raise _not_expandable(path)


def _named(tx: Transaction, named: str, path: str) -> JsonObject:
    found = tx.find(named)
    if found is None:
        raise _not_expandable(path)
    return viewed(found, tx.now)


def _first_page(tx: Transaction, owner: str, children: _Children) -> JsonObject:
    found = (obj for obj in tx.newest_first(children.kind) if obj.get(children.field) == owner)
    page = list(islice(found, _FIRST_PAGE + 1))
    return {
        "object": "list",
        "data": page[:_FIRST_PAGE],
        "has_more": len(page) > _FIRST_PAGE,
        "url": children.url.format(id=owner),
    }


def _not_expandable(path: str) -> ApiError:
    return ApiError(400, f"This property cannot be expanded ({path}).", param="expand")
