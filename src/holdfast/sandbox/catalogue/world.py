"""What the generic operations know in common: the catalogue, and whether unknown ids exist."""

import re
from dataclasses import dataclass, field
from typing import Any

from holdfast.sandbox.catalogue.encoding import Catalogue
from holdfast.sandbox.catalogue.making import Maker, Owner, apart
from holdfast.sandbox.catalogue.roles import Place, Places, Role, nameless
from holdfast.sandbox.catalogue.shapes import NO_FIELDS, Record
from holdfast.sandbox.resources import KINDS, completed
from holdfast.sandbox.resources.objects import missing
from holdfast.sandbox.state import JsonObject, Transaction

_WELL_FORMED = re.compile(r"[\x21-\x7e]{1,255}")
_KINDS_OF_PREFIXES = {
    "acct": "account",
    "ba": "bank_account",
    "btok": "bank_account",
    "card": "card",
    "src": "source",
    "tok": "card",
}
_OF = "_of"
"""The field in which the sandbox keeps the owner of an object that has no field of its own for it;
answers do not show it."""


@dataclass(frozen=True, slots=True)
class World:
    """The catalogue with what follows from it.

    Attributes:
        catalogue: the catalogue.
        lenient: whether any well-formed id names an object.
        places: what every operation does.
        urls: where the lists that objects embed are found.
    """

    catalogue: Catalogue
    lenient: bool
    places: tuple[Place, ...] = field(init=False)
    urls: dict[tuple[str, str], str] = field(init=False)

    def __post_init__(self) -> None:
        known = Places(self.catalogue.operations)
        places = tuple(known.of(entry) for entry in self.catalogue.operations)
        object.__setattr__(self, "places", places)
        object.__setattr__(self, "urls", _urls(places))

    def record(self, kind: str) -> Record:
        """Return the fields of a kind."""
        return self.catalogue.fields_of(kind) or NO_FIELDS

    def is_written(self, kind: str) -> bool:
        """Whether a kind has behaviour of its own, beyond what the catalogue tells."""
        return kind in KINDS

    def maker(self, tx: Transaction, *, examples: bool = False) -> Maker:
        """Return what makes objects for a request."""
        return Maker(self.catalogue, self.urls, tx, examples=examples)

    def find(self, tx: Transaction, kinds: tuple[str, ...], id: str) -> JsonObject | None:  # noqa: A002
        """Return the object of one of the kinds with an id; None when there is none.

        The account a request acts on exists without having been made.
        """
        found = tx.find(id)
        if found is not None and found["object"] in kinds and "deleted" not in found:
            return found
        own = "account" in kinds and id == tx.account
        return self.example(tx, "account", id) if own else None

    def fetch(
        self,
        tx: Transaction,
        kinds: tuple[str, ...],
        id: str,  # noqa: A002 - Stripe's field name
        owners: tuple[Owner, ...] = (),
    ) -> JsonObject:
        """Return the object that the path names; a lenient sandbox makes it up.

        Args:
            tx: the request's transaction; nothing is put in it.
            kinds: that the object may be of.
            id: of the object.
            owners: the objects that one made up belongs to.

        Raises:
            ApiError: 404 `resource_missing`.
        """
        found = self.find(tx, kinds, id)
        if found is not None:
            return found
        if not self.lenient or _WELL_FORMED.fullmatch(id) is None:
            raise missing(kinds[0], id, "id", 404)
        return self.example(tx, kind_of(kinds, id), id, owners)

    def example(
        self,
        tx: Transaction,
        kind: str,
        id: str = "",  # noqa: A002 - Stripe's field name
        owners: tuple[Owner, ...] = (),
    ) -> JsonObject:
        """Return a made-up object: the same fields for the same id every time.

        Args:
            tx: the request's transaction; nothing is put in it.
            kind: of the object.
            id: of the object; one is made up when it is empty.
            owners: the objects that it belongs to.
        """
        maker = self.maker(apart(tx, f"{kind}/{id}"), examples=True)
        made = maker.object(kind, id=id, owners=owners)
        return _as_written(made) if self.is_written(kind) and "id" in made else made


def kind_of(kinds: tuple[str, ...], id: str) -> str:  # noqa: A002 - Stripe's field name
    """Return which of several kinds an id, or a token, is likely to be of."""
    hint = _KINDS_OF_PREFIXES.get(id.partition("_")[0], "")
    if hint in kinds:
        return hint
    return "card" if kinds[0] == "account" and "card" in kinds else kinds[0]


def linked(obj: JsonObject, record: Record, owners: tuple[Owner, ...]) -> JsonObject:
    """Return an object that names its owners.

    The nearest owner for whom the kind has no field is kept in a field of the sandbox's own.
    """
    links: JsonObject = {}
    for owner in owners:
        name = owner.field_in(record)
        links[_OF if name is None else name] = owner.id
    return {**obj, **links}


def belongs(obj: JsonObject, record: Record, owner: Owner) -> bool:
    """Whether an object names the owner as `linked` lets it."""
    name = owner.field_in(record)
    return bool(obj.get(_OF if name is None else name) == owner.id)


def shown(obj: JsonObject, record: Record) -> JsonObject:
    """Return an object as it is answered: without what the sandbox keeps for itself."""
    hidden = {_OF} if "id" in record.fields or not record.fields else {_OF, "id"}
    if hidden.isdisjoint(obj):
        return obj
    return {name: value for name, value in obj.items() if name not in hidden}


def _as_written(made: JsonObject) -> JsonObject:
    """Let the usual values of a kind with behaviour of its own win over those made up."""
    usual = completed({"id": made["id"], "object": made["object"]})
    return {**made, **{name: value for name, value in usual.items() if _tells(value)}}


def _tells(value: Any) -> bool:
    """Whether a usual value is more than null or an empty list, of which examples have more."""
    return value is not None and not (isinstance(value, dict) and value.get("object") == "list")


def _urls(places: tuple[Place, ...]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for place in places:
        template = place.entry.template
        if place.role is Role.LIST and place.parents and not template.endswith("}"):
            owner = place.parents[-1].kind
            found.setdefault((owner, template.rpartition("/")[2]), nameless(template))
    return found
