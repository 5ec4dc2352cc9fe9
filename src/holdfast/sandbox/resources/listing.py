"""Lists: pages, cursors, and the filters of a resource.

Source of the paging rules: https://docs.stripe.com/api/pagination.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from holdfast.sandbox.errors import unknown_parameter
from holdfast.sandbox.resources.objects import missing, refer
from holdfast.sandbox.resources.params import (
    TEXT,
    Field,
    Params,
    boolean,
    elements,
    integer,
    integer_from,
    invalid,
    subtree,
    text,
)
from holdfast.sandbox.resources.params import one_of as choice
from holdfast.sandbox.state import JsonObject, Transaction

DEFAULT_LIMIT = 10
HIGHEST_LIMIT = 100

Predicate = Callable[[JsonObject], bool]
_BOUNDS: Mapping[str, Callable[[int, int], bool]] = {
    "gt": int.__gt__,
    "gte": int.__ge__,
    "lt": int.__lt__,
    "lte": int.__le__,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter of a list.

    Attributes:
        field: how its parameter is checked.
        predicate: given the transaction, the parameter's value and its name, returns which objects
            stay; raises ApiError when the value names nothing.
    """

    field: Field
    predicate: Callable[[Transaction, Any, str], Predicate]


def _check_times(value: Any, param: str) -> None:
    _within(value, param)


def _check_limit(value: Any, param: str) -> None:
    if integer_from(1, value, param) > HIGHEST_LIMIT:
        raise invalid(
            f"This value must be less than or equal to {HIGHEST_LIMIT}.",
            param,
            "parameter_invalid_integer",
        )


def _within(value: Any, param: str) -> Callable[[int], bool]:
    """Read a time or `[gt]`, `[gte]`, `[lt]`, `[lte]` bounds on one."""
    if isinstance(value, str):
        exact = integer(value, param)
        return lambda at: at == exact
    bounds = []
    for name, bound in subtree(value, param).items():
        if name not in _BOUNDS:
            raise unknown_parameter(f"{param}[{name}]")
        bounds.append((_BOUNDS[name], integer(bound, f"{param}[{name}]")))
    return lambda at: all(holds(at, bound) for holds, bound in bounds)


def equals(param_field: Field = TEXT, of: str | None = None) -> Filter:
    """Keep objects whose field (`of`, else the parameter's name) is the given text."""
    return Filter(param_field, lambda _tx, value, name: _has(of or name, value))


def refers(kind: str, of: str | None = None) -> Filter:
    """Keep objects that name the given object, which must exist."""

    def predicate(tx: Transaction, value: Any, name: str) -> Predicate:
        refer(tx, kind, value, name)
        return _has(of or name, value)

    return Filter(TEXT, predicate)


def is_flag() -> Filter:
    """Keep objects whose boolean field is as given."""
    kind = Field(lambda value, name: _nothing(boolean(value, name)), TEXT.read)
    return Filter(kind, lambda _tx, value, name: _has(name, value == "true"))


def is_among(of: str) -> Filter:
    """Keep objects whose field `of` is one of the given texts."""
    kind = Field(lambda value, name: _nothing(elements(value, name)), TEXT.read)

    def predicate(_tx: Transaction, value: Any, name: str) -> Predicate:
        wanted = {text(element, name) for element in elements(value, name)}
        return lambda obj: obj.get(of) in wanted

    return Filter(kind, predicate)


def has_choice(*choices: str) -> Filter:
    """Keep objects whose field is the given one of the choices."""
    return equals(choice(*choices))


def _nothing(_checked: object) -> None:
    return None


def _has(name: str, value: Any) -> Predicate:
    return lambda obj: bool(obj.get(name) == value)


def in_times(of: str) -> Filter:
    """Keep objects whose time `of` lies within the given bounds."""

    def predicate(_tx: Transaction, value: Any, name: str) -> Predicate:
        holds = _within(value, name)
        return lambda obj: obj.get(of) is not None and holds(obj[of])

    return Filter(Field(_check_times, TEXT.read), predicate)


PAGING: Mapping[str, Field] = {
    "limit": Field(_check_limit, TEXT.read),
    "starting_after": TEXT,
    "ending_before": TEXT,
}
CREATED = in_times("created")


def list_params(filters: Mapping[str, Filter]) -> Params:
    """Return the parameters of a list with these filters."""
    return Params({**PAGING, **{name: each.field for name, each in filters.items()}})


def chosen(tx: Transaction, params: Mapping[str, Any], filters: Mapping[str, Filter]) -> Predicate:
    """Return which objects pass all filters that the parameters name.

    Raises:
        ApiError: 400, a filter names an object that is not there.
    """
    wanted = [
        filters[name].predicate(tx, value, name)
        for name, value in params.items()
        if name in filters
    ]
    return lambda obj: all(keeps(obj) for keeps in wanted)


def page(
    kind: str,
    objects: Iterable[JsonObject],
    params: Mapping[str, Any],
    url: str,
    keeps: Predicate = lambda _obj: True,
) -> JsonObject:
    """Return one page of a list.

    Args:
        kind: what the list holds.
        objects: all objects in the list's order; deleted ones may be among them and are left out.
        params: the checked parameters; `limit`, `starting_after` and `ending_before` are read.
        url: where the list is found.
        keeps: which objects belong to the list.

    Raises:
        ApiError: 400, the cursor names no object, or there are two cursors.
    """
    limit = int(params.get("limit", DEFAULT_LIMIT))
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise invalid("Send starting_after or ending_before, not both.", "ending_before")
    if before:
        data, has_more = _last_before(kind, objects, before, limit, keeps)
    else:
        rows = _rows_after(kind, objects, after) if after else iter(objects)
        found = list(islice((row for row in rows if _listed(row, keeps)), limit + 1))
        data, has_more = found[:limit], len(found) > limit
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def _listed(row: JsonObject, keeps: Predicate) -> bool:
    return "deleted" not in row and keeps(row)


def _rows_after(kind: str, objects: Iterable[JsonObject], cursor: str) -> Iterator[JsonObject]:
    rows = iter(objects)
    for row in rows:
        if row["id"] == cursor:
            return rows
    raise missing(kind, cursor, "starting_after")


def _last_before(
    kind: str, objects: Iterable[JsonObject], cursor: str, limit: int, keeps: Predicate
) -> tuple[list[JsonObject], bool]:
    seen: deque[JsonObject] = deque(maxlen=limit + 1)
    for row in objects:
        if row["id"] == cursor:
            data = list(seen)
            return data[-limit:], len(data) > limit
        if _listed(row, keeps):
            seen.append(row)
    raise missing(kind, cursor, "ending_before")
