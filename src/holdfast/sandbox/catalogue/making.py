"""Making objects that have every field their kind must have, each with a value that fits it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from holdfast.sandbox.catalogue.encoding import Catalogue
from holdfast.sandbox.catalogue.prefixes import length_of, prefix_of
from holdfast.sandbox.catalogue.shapes import (
    NO_FIELDS,
    Choice,
    Either,
    Embedded,
    ListOf,
    MapOf,
    Nullable,
    Page,
    Primitive,
    Record,
    Reference,
    Shape,
    without_null,
)
from holdfast.sandbox.resources.objects import embedded_list
from holdfast.sandbox.state import JsonObject, State, Transaction

_DEEPEST = 6
_LEFT_OUT = frozenset({"deleted"})
"""Fields that only a deleted object has."""
_BEGINNING = (
    "active", "open", "enabled", "pending", "processing", "requires_payment_method",
    "requires_action", "draft", "queued", "created", "incomplete",
)  # fmt: skip
"""What a new object's status is, the first of these that the kind knows."""
_STATUSES = frozenset({"state", "status"})
_TEXTS = {"currency": "usd", "country": "US", "email": "someone@example.com"}
_TYPES = {"event": "customer.created", "v2.core.event": "v2.core.event_destination.ping"}
"""What an event is about; the official packages choose its class by that."""
_NUMBERS = {"exp_month": 12, "exp_year": 2040}
_TRUE = frozenset({"active", "enabled", "valid"})
_TIMES = ("created", "updated", "effective_at", "_at", "_date", "_time")


@dataclass(frozen=True, slots=True)
class Owner:
    """The object that another one is made in or below.

    Attributes:
        kind: of the owner.
        id: of the owner.
        called: what the path calls the owner's id, if a path is at hand.
    """

    kind: str
    id: str
    called: str = ""

    def field_in(self, record: Record) -> str | None:
        """Return the field of an object's record in which it names this owner."""
        for name, shape in record.fields.items():
            inner = without_null(shape)
            if isinstance(inner, Reference) and self.kind in inner.kinds and name != "id":
                return name
        last = self.kind.rpartition(".")[2]
        names = [name for name in (self.called, last, f"{last}_id") if name != "id"]
        return next((name for name in names if record.fields.get(name) is not None), None)


class Maker:
    """Makes objects for one request.

    Args:
        catalogue: what objects look like.
        urls: where the lists that objects embed are found, by the owner's kind and the field.
        tx: where ids and the time come from.
        examples: whether embedded lists hold an element.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        urls: Mapping[tuple[str, str], str],
        tx: Transaction,
        *,
        examples: bool = False,
    ) -> None:
        self._catalogue = catalogue
        self._urls = urls
        self._tx = tx
        self._examples = examples

    def object(
        self,
        kind: str,
        *,
        id: str = "",  # noqa: A002 - Stripe's field name
        owners: Iterable[Owner] = (),
        depth: int = 0,
    ) -> JsonObject:
        """Return a new object of a kind, with an id unless one is given.

        Args:
            kind: of the object.
            id: of the object.
            owners: the objects that it belongs to.
            depth: how many objects it is inside of.
        """
        record = self._catalogue.fields_of(kind) or NO_FIELDS
        made: JsonObject = {}
        if "id" in record.fields:
            made["id"] = id or self._tx.new_id(prefix_of(kind), length_of(kind))
        made["object"] = kind
        made.update(self.fields(record, Owner(kind, made.get("id", "")), depth, made))
        for owner in owners:
            field = owner.field_in(record)
            if field is not None:
                made[field] = owner.id
        return made

    def record(self, kind: str) -> Record | None:
        """Return the fields of a kind; None when there is no such kind."""
        return self._catalogue.fields_of(kind)

    def fields(
        self, record: Record, inside: Owner, depth: int = 0, known: Mapping[str, Any] | None = None
    ) -> JsonObject:
        """Return the fields of a record that are not known yet."""
        known = known or {}
        return {
            name: self.value(shape, name, inside, depth)
            for name, shape in record.fields.items()
            if name not in known and name not in _LEFT_OUT
        }

    def value(self, shape: Shape, name: str, inside: Owner, depth: int = 0) -> Any:
        """Return a value that fits a shape.

        Args:
            shape: the shape.
            name: of the field.
            inside: the object whose field it is.
            depth: how many objects that one is inside of.
        """
        match shape:
            case Nullable(of):
                # The official packages do not take null for a tree of names of the user's own.
                wanted = isinstance(of, (Page, MapOf))
                return self.value(of, name, inside, depth) if wanted else None
            case Choice(values):
                return _beginning(values) if name in _STATUSES else values[0]
            case ListOf():
                return []
            case MapOf():
                return {}
            case Either(options):
                return self.value(options[0], name, inside, depth)
            case Reference(kinds):
                return self._named(kinds, inside)
            case Embedded(kind):
                return self.object(kind, depth=depth + 1) if depth < _DEEPEST else None
            case Page(kinds):
                return self.page(kinds, name, inside, depth)
            case Record():
                return self.fields(shape, inside, depth)
            case Primitive():
                known = _TYPES.get(inside.kind) if name == "type" else None
                return known or self._primitive(shape, name)

    def page(self, kinds: tuple[str, ...], name: str, inside: Owner, depth: int = 0) -> JsonObject:
        """Return the list object that a field of an object holds."""
        url = self._urls.get((inside.kind, name), f"/v1/{name}").replace("{}", inside.id)
        data = []
        if self._examples and not depth and kinds:
            data = [self.object(kinds[0], owners=[inside], depth=depth + 1)]
        return embedded_list(url, data)

    def _named(self, kinds: tuple[str, ...], inside: Owner) -> str:
        if inside.kind in kinds:
            return inside.id
        kind = kinds[0] if kinds else "object"
        return self._tx.new_id(prefix_of(kind), length_of(kind))

    def _primitive(self, shape: Primitive, name: str) -> Any:
        match shape:
            case Primitive.TEXT:
                return self._text(name)
            case Primitive.INTEGER:
                return self._tx.now if name.endswith(_TIMES) else _NUMBERS.get(name, 0)
            case Primitive.BOOLEAN:
                return self._tx.livemode if name == "livemode" else name in _TRUE
            case Primitive.NUMBER:
                return 0.0
            case Primitive.BIG_INTEGER | Primitive.DECIMAL:
                return "0"
            case Primitive.ANYTHING:
                return {}

    def _text(self, name: str) -> str:
        if name.endswith(_TIMES):
            return datetime.fromtimestamp(self._tx.now, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        if name.endswith("url"):
            return f"https://example.com/{name}"
        if name in self._catalogue.kinds:
            return self._tx.new_id(prefix_of(name), length_of(name))
        return _TEXTS.get(name, name)


def apart(tx: Transaction, seed: str) -> Transaction:
    """Return a transaction to make an object in that is the same whenever the seed is."""
    return State(lambda: tx.now, Random(seed)).begin(tx.account, livemode=tx.livemode)


def completed(found: Catalogue, obj: JsonObject) -> JsonObject:
    """Return an object with the fields that every one of its kind has and this one lacks.

    Args:
        found: tells of its kind.
        obj: an object with `object`, `id`, `created` and `livemode`.
    """
    random = Random(f"{obj['object']}/{obj['id']}")
    tx = State(lambda: obj["created"], random).begin("", livemode=obj["livemode"])
    return {**Maker(found, {}, tx).object(obj["object"], id=obj["id"]), **obj}


def _beginning(values: tuple[str, ...]) -> str:
    return next((word for word in _BEGINNING if word in values), values[0])
