"""Taking a request's parameters over into an object: text becomes what the field holds."""

import re
from collections.abc import Mapping
from typing import Any, Final

from holdfast.sandbox.catalogue.making import Maker, Owner
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
)
from holdfast.sandbox.resources.objects import embedded_list
from holdfast.sandbox.state import JsonObject, Transaction

UNFIT: Final = object()
"""In the place of a value that the field cannot hold."""

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")
_FIXED = frozenset({"id", "object", "created", "livemode"})


class Fitter:
    """Takes parameters over for one request.

    Args:
        tx: where objects that parameters name are found.
        maker: makes what parameters leave out.
    """

    def __init__(self, tx: Transaction, maker: Maker) -> None:
        self._tx = tx
        self._maker = maker

    def changed(self, obj: JsonObject, record: Record, params: Mapping[str, Any]) -> JsonObject:
        """Return an object with every parameter that is one of its fields, and fits it.

        Args:
            obj: the object.
            record: the fields of its kind.
            params: the request's parameters; leaves are text.
        """
        owner = Owner(obj.get("object", ""), obj.get("id", ""))
        changes: JsonObject = {}
        for name, value in params.items():
            shape = record.fields.get(name)
            if shape is None or name in _FIXED:
                continue
            fitted = self.fitted(shape, value, obj.get(name), name, owner)
            if fitted is not UNFIT:
                changes[name] = fitted
        return {**obj, **changes}

    def fitted(self, shape: Shape, value: Any, present: Any, name: str, owner: Owner) -> Any:
        """Return the value of a field after a parameter of its name.

        Args:
            shape: of the field.
            value: of the parameter.
            present: what the field holds now.
            name: of the field.
            owner: the object whose field it is.

        Returns:
            The new value, or `UNFIT`.
        """
        match shape:
            case Nullable(of):
                if value == "" and not isinstance(of, MapOf):
                    return None
                return self.fitted(of, value, present, name, owner)
            case Either(options):
                tried = (self.fitted(each, value, present, name, owner) for each in options)
                return next((one for one in tried if one is not UNFIT), UNFIT)
            case ListOf(of):
                return self._list(of, value, name, owner)
            case Page(kinds):
                return self._page(kinds, value, name, owner)
            case MapOf(of):
                return self._map(of, value, present, owner)
            case Record():
                if not isinstance(value, dict):
                    return UNFIT
                base = present if isinstance(present, dict) else self._maker.fields(shape, owner)
                return self.changed(base, shape, value)
            case Embedded(kind):
                found = self._tx.get(kind, value) if isinstance(value, str) else None
                return UNFIT if found is None else found
            case Choice(values):
                return value if value in values else UNFIT
            case Reference():
                return value if isinstance(value, str) else UNFIT
            case Primitive():
                return _primitive(shape, value)

    def _list(self, of: Shape, value: Any, name: str, owner: Owner) -> Any:
        if value == "":
            return []
        if not isinstance(value, list):
            return UNFIT
        fitted = [self.fitted(of, element, None, name, owner) for element in value]
        return [element for element in fitted if element is not UNFIT]

    def _map(self, of: Shape, value: Any, present: Any, owner: Owner) -> Any:
        """Names of the user's own: those sent are set, those sent empty are taken away."""
        if not isinstance(value, dict):
            return {} if value == "" else UNFIT
        merged = dict(present) if isinstance(present, dict) else {}
        for name, entry in value.items():
            if entry == "":
                merged.pop(name, None)
                continue
            fitted = self.fitted(of, entry, merged.get(name), name, owner)
            if fitted is not UNFIT:
                merged[name] = fitted
        return merged

    def _page(self, kinds: tuple[str, ...], value: Any, name: str, owner: Owner) -> Any:
        """A list of what is to be in the object: `line_items[0][quantity]=2`."""
        if not isinstance(value, list) or not kinds:
            return UNFIT
        record = self._maker.record(kinds[0]) or NO_FIELDS
        data = [
            self.changed(self._maker.object(kinds[0], owners=[owner], depth=1), record, element)
            for element in value
            if isinstance(element, dict)
        ]
        return embedded_list(self._maker.page(kinds, name, owner, depth=1)["url"], data)


def _primitive(shape: Primitive, value: Any) -> Any:
    if shape is Primitive.ANYTHING:
        return value
    if not isinstance(value, str):
        return UNFIT
    match shape:
        case Primitive.INTEGER:
            return int(value) if _INTEGER.fullmatch(value) else UNFIT
        case Primitive.NUMBER:
            return float(value) if _NUMBER.fullmatch(value) else UNFIT
        case Primitive.BIG_INTEGER | Primitive.DECIMAL:
            return value if _NUMBER.fullmatch(value) else UNFIT
        case Primitive.BOOLEAN:
            return {"true": True, "false": False}.get(value, UNFIT)
        case Primitive.TEXT:
            return value
