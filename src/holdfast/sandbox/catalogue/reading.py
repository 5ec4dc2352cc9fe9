"""Checking a request's parameters against the catalogue. Leaves are text, as forms carry them."""

import re
from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.catalogue.shapes import (
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
)
from holdfast.sandbox.errors import ApiError, missing_parameter, unknown_parameter
from holdfast.sandbox.resources.params import (
    boolean,
    elements,
    integer,
    invalid,
    invalid_empty,
    one_of,
    subtree,
    text,
)

_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")


def check_record(record: Record, values: Mapping[str, Any], place: str = "") -> None:
    """Check the parameters of a record.

    Args:
        record: what it may and must hold.
        values: the parameters.
        place: where they are, such as `items[0]`; empty at the top.

    Raises:
        ApiError: 400 with code `parameter_unknown`, `parameter_missing`, `parameter_invalid_empty`,
            `parameter_invalid_integer` or without code, naming the parameter.
    """
    for name, value in values.items():
        shape = record.fields.get(name)
        if shape is None:
            raise unknown_parameter(_inside(place, name))
        check(shape, value, _inside(place, name))
    for name in record.required:
        if name not in values:
            raise missing_parameter(_inside(place, name))
        if values[name] == "":
            raise invalid_empty(_inside(place, name))


def check(shape: Shape, value: Any, name: str) -> None:
    """Check one value.

    Raises:
        ApiError: as `check_record`.
    """
    match shape:
        case Nullable(of):
            if value != "":
                check(of, value, name)
        case Choice(values):
            one_of(*values).check(text(value, name), name)
        case ListOf(of):
            for index, element in enumerate(elements(value, name)):
                check(of, element, f"{name}[{index}]")
        case MapOf(of):
            for key, entry in subtree(value, name).items():
                if entry != "":  # which takes the key away
                    check(of, entry, f"{name}[{key}]")
        case Record():
            check_record(shape, subtree(value, name), name)
        case Either(options):
            _check_either(options, value, name)
        case Primitive():
            _check_primitive(shape, value, name)
        case Reference() | Embedded() | Page():
            text(value, name)


def _check_either(options: tuple[Shape, ...], value: Any, name: str) -> None:
    """The first option that the value fits decides; the complaint is the first one's."""
    complaint: ApiError | None = None
    for option in options:
        try:
            check(option, value, name)
        except ApiError as error:
            complaint = complaint or error
        else:
            return
    if complaint is not None:
        raise complaint


def _check_primitive(shape: Primitive, value: Any, name: str) -> None:
    match shape:
        case Primitive.INTEGER | Primitive.BIG_INTEGER:
            integer(value, name)
        case Primitive.BOOLEAN:
            boolean(value, name)
        case Primitive.NUMBER | Primitive.DECIMAL:
            if _NUMBER.fullmatch(text(value, name)) is None:
                raise invalid(f"Invalid decimal: {value[:100]}", name)
        case Primitive.TEXT:
            text(value, name)
        case Primitive.ANYTHING:
            return


def _inside(place: str, name: str) -> str:
    return f"{place}[{name}]" if place else name
