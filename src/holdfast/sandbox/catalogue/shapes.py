"""What parameters and objects look like, and what the operations of the API are, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Primitive(StrEnum):
    """A value without parts. The value of a member is its mark in a stored catalogue."""

    TEXT = "s"
    INTEGER = "i"
    BIG_INTEGER = "I"
    """An integer that JSON carries as text."""
    NUMBER = "f"
    DECIMAL = "d"
    """A decimal number that JSON carries as text."""
    BOOLEAN = "b"
    ANYTHING = "a"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few texts."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list."""

    of: "Shape"


@dataclass(frozen=True, slots=True)
class MapOf:
    """A tree with names of the user's own, such as metadata."""

    of: "Shape"


@dataclass(frozen=True, slots=True)
class Nullable:
    """A value that may be null in an object, or unset by "" in a form."""

    of: "Shape"


@dataclass(frozen=True, slots=True)
class Either:
    """A value of one of several shapes."""

    options: tuple["Shape", ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """The id of an object of one of the kinds."""

    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Embedded:
    """A whole object of a kind within another."""

    kind: str


@dataclass(frozen=True, slots=True)
class Page:
    """A list object that holds objects of one of the kinds."""

    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A tree with known names.

    Attributes:
        fields: the shapes by name.
        required: the names that must be there.
    """

    fields: Mapping[str, "Shape"]
    required: tuple[str, ...] = ()


Shape = (
    Primitive | Choice | ListOf | MapOf | Nullable | Either | Reference | Embedded | Page | Record
)

NO_FIELDS = Record({})


class Form(StrEnum):
    """What an operation answers with. The value of a member is its mark in a stored catalogue."""

    OBJECT = "o"
    LIST = "l"
    SEARCH = "s"
    BYTES = "b"
    NOTHING = "n"


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation of the API.

    Attributes:
        name: such as `checkout.sessions.list`.
        method: the HTTP method in upper case.
        template: the path with its ids in braces.
        base: the host it is sent to: `api`, `files`, `connect` or `meter_events`.
        form: of the answer.
        kinds: of the objects in the answer, the usual one first.
        params: the number of its parameters' record in the catalogue; None when it has none.
        legacy: whether only the older resource classes of the official package have it.
    """

    name: str
    method: str
    template: str
    base: str
    form: Form
    kinds: tuple[str, ...]
    params: int | None
    legacy: bool = False

    @property
    def version(self) -> str:
        """`v1` or `v2`."""
        return self.template.split("/", 2)[1]


def without_null(shape: Shape) -> Shape:
    """Return a shape for when there is a value."""
    return shape.of if isinstance(shape, Nullable) else shape


def either(options: list[Shape]) -> Shape:
    """Return the shape of a union: flat, each option once, in order."""
    flat: list[Shape] = []
    nullable = False
    for option in options:
        inner = without_null(option)
        nullable = nullable or inner is not option
        parts = inner.options if isinstance(inner, Either) else (inner,)
        flat += [part for part in parts if part not in flat]
    shape = flat[0] if len(flat) == 1 else Either(tuple(flat))
    return Nullable(shape) if nullable else shape
