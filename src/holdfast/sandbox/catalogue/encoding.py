"""How a catalogue is stored: lines of JSON, so that a record is read only when it is needed.

The first line is the head: the format, the package's version and the number of operations. Then
comes a line an operation, a line with the kinds of objects, and a line a record; records refer to
one another by their numbers, and equal ones are there once.
"""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from holdfast.sandbox.catalogue.shapes import (
    Choice,
    Either,
    Embedded,
    Entry,
    Form,
    ListOf,
    MapOf,
    Nullable,
    Page,
    Primitive,
    Record,
    Reference,
    Shape,
)

FORMAT = 1
"""Of the lines; another format's catalogue is not read."""

Code = str | int | list[Any]
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


class Described(Protocol):
    """An operation as the deriving describes it."""

    @property
    def name(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def template(self) -> str: ...
    @property
    def base(self) -> str: ...
    @property
    def form(self) -> Form: ...
    @property
    def kinds(self) -> tuple[str, ...]: ...
    @property
    def params(self) -> Record | None: ...


class Encoder:
    """Collects a catalogue and writes it.

    Args:
        version: of the package it was derived from.
    """

    def __init__(self, version: str) -> None:
        self._version = version
        self._records: dict[str, int] = {}
        self._kinds: dict[str, int] = {}
        self.operations: list[str] = []

    def add_operation(self, call: Described, *, legacy: bool) -> None:
        """Add one operation with its parameters."""
        params = None if call.params is None else self._record(call.params)
        fields = [call.name, call.method, call.template, call.base, call.form.value]
        self.operations.append(_encode([*fields, list(call.kinds), params, int(legacy)]))

    def add_kind(self, kind: str, record: Record) -> None:
        """Add the fields of a kind of object."""
        self._kinds[kind] = self._record(record)

    def encoded(self) -> bytes:
        """Return the lines."""
        head = {
            "format": FORMAT,
            "version": self._version,
            "operations": len(self.operations),
            "records": len(self._records),
        }
        lines = [_encode(head), *self.operations, _encode(self._kinds), *self._records]
        return "\n".join(lines).encode("ascii") + b"\n"

    def _record(self, record: Record) -> int:
        fields = {name: self._code(shape) for name, shape in record.fields.items()}
        line = _encode([list(record.required), fields])
        return self._records.setdefault(line, len(self._records))

    def _code(self, shape: Shape) -> Code:
        match shape:
            case Primitive():
                return shape.value
            case Choice(values):
                return ["c", *values]
            case ListOf(of):
                return ["l", self._code(of)]
            case MapOf(of):
                return ["m", self._code(of)]
            case Nullable(of):
                return ["n", self._code(of)]
            case Either(options):
                return ["e", *(self._code(option) for option in options)]
            case Reference(kinds):
                return ["r", *kinds]
            case Embedded(kind):
                return ["o", kind]
            case Page(kinds):
                return ["p", *kinds]
            case Record():
                return self._record(shape)


class CatalogueError(ValueError):
    """Bytes that are no catalogue of this format."""


class Catalogue:
    """A stored catalogue.

    Args:
        data: the lines.

    Raises:
        CatalogueError: it is no catalogue of this format, or not a whole one.
    """

    def __init__(self, data: bytes) -> None:
        lines = data.split(b"\n")
        head = _loaded(lines[0])
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            raise CatalogueError("this is no catalogue of this format")
        self.version = str(head["version"])
        count = int(head["operations"])
        if len(lines) != count + int(head["records"]) + 3:
            raise CatalogueError("the catalogue is not whole")
        self.operations = tuple(_entry(_loaded(line)) for line in lines[1 : count + 1])
        self._kinds: dict[str, int] = _loaded(lines[count + 1])
        self._lines = lines[count + 2 : -1]
        self._records: dict[int, Record] = {}

    @property
    def kinds(self) -> Mapping[str, int]:
        """The number of each kind's record."""
        return self._kinds

    def fields_of(self, kind: str) -> Record | None:
        """Return the fields of a kind of object; None when there is no such kind."""
        number = self._kinds.get(kind)
        return None if number is None else self.record(number)

    def record(self, number: int) -> Record:
        """Return a record by its number."""
        record = self._records.get(number)
        if record is None:
            required, fields = _loaded(self._lines[number])
            shapes = {name: self._shape(code) for name, code in fields.items()}
            record = self._records[number] = Record(shapes, tuple(required))
        return record

    def _shape(self, code: Code) -> Shape:
        if isinstance(code, str):
            return Primitive(code)
        if isinstance(code, int):
            return self.record(code)
        mark, *rest = code
        match mark:
            case "c":
                return Choice(tuple(rest))
            case "l":
                return ListOf(self._shape(rest[0]))
            case "m":
                return MapOf(self._shape(rest[0]))
            case "n":
                return Nullable(self._shape(rest[0]))
            case "e":
                return Either(tuple(self._shape(one) for one in rest))
            case "r":
                return Reference(tuple(rest))
            case "o":
                return Embedded(rest[0])
            case "p":
                return Page(tuple(rest))
            case _:
                raise CatalogueError(f"{mark!r} marks no shape")


def _entry(fields: list[Any]) -> Entry:
    name, method, template, base, form, kinds, params, legacy = fields
    return Entry(name, method, template, base, Form(form), tuple(kinds), params, bool(legacy))


def _loaded(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise CatalogueError(f"a line of the catalogue is no JSON: {error}") from None
