"""The parameters of an operation: which there are, which are required, and what they may hold.

A form's leaves are text. A `Field` knows how its text is checked and how it becomes the value of an
object; sub-trees (`shipping[address][line1]`) are open below their first name unless they say
otherwise.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.sandbox.errors import ApiError, missing_parameter, unknown_parameter

# Stripe's integers are 64 bits wide; a longer text is no integer of theirs.
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Field:
    """One kind of parameter.

    Attributes:
        check: given the value and the parameter's name, raises ApiError when it is malformed.
        read: given the checked value and the object's present value, returns the new one.
    """

    check: Callable[[Any, str], None]
    read: Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters an operation takes; `metadata` and `expand` are always among them.

    Args:
        fields: the kinds of the parameters by name.
        required: the names that must be there.
    """

    fields: Mapping[str, Field] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", {**ALWAYS, **self.fields})

    def check(self, values: Mapping[str, Any]) -> None:
        """Check a request's parameters.

        Raises:
            ApiError: 400 with code `parameter_unknown`, `parameter_missing`,
                `parameter_invalid_empty`, `parameter_invalid_integer` or without code, naming the
                parameter.
        """
        for name, value in values.items():
            known = self.fields.get(name)
            if known is None:
                raise unknown_parameter(name)
            known.check(value, name)
        for name in self.required:
            given = values.get(name)
            if given is None:
                raise missing_parameter(name)
            if given == "":
                raise invalid_empty(name)


def invalid_empty(param: str) -> ApiError:
    """A parameter that cannot be unset was sent empty."""
    return ApiError(
        400,
        f"You passed an empty string for '{param}', which would unset it, but '{param}' cannot be "
        "unset. Leave it out or give it a value.",
        code="parameter_invalid_empty",
        param=param,
    )


def invalid(message: str, param: str, code: str | None = None) -> ApiError:
    """A parameter holds something the operation cannot take."""
    return ApiError(400, message, code=code, param=param)


def integer(value: Any, param: str) -> int:
    """Return the integer a form's text stands for.

    Raises:
        ApiError: 400 `parameter_invalid_empty` or `parameter_invalid_integer`.
    """
    if value == "":
        raise invalid_empty(param)
    if not isinstance(value, str) or _INTEGER.fullmatch(value) is None:
        raise invalid(f"Invalid integer: {_shown(value)}", param, "parameter_invalid_integer")
    return int(value)


def integer_from(lowest: int, value: Any, param: str) -> int:
    """Return the integer a form's text stands for, which must be `lowest` or more.

    Raises:
        ApiError: 400 `parameter_invalid_empty` or `parameter_invalid_integer`.
    """
    number = integer(value, param)
    if number < lowest:
        raise invalid(
            f"This value must be greater than or equal to {lowest}.",
            param,
            "parameter_invalid_integer",
        )
    return number


def boolean(value: Any, param: str) -> bool:
    """Return the truth value a form's text stands for.

    Raises:
        ApiError: 400 `parameter_invalid_empty`, or without code when it is neither true nor false.
    """
    if value == "":
        raise invalid_empty(param)
    found = _BOOLEANS.get(value) if isinstance(value, str) else None
    if found is None:
        raise invalid(f"Invalid boolean: {_shown(value)}", param)
    return found


def flag(params: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """Return a boolean parameter, or `default` when it is absent."""
    return boolean(params[name], name) if name in params else default


def number(params: Mapping[str, Any], name: str, default: int) -> int:
    """Return an integer parameter, or `default` when it is absent."""
    return integer(params[name], name) if name in params else default


def text(value: Any, param: str) -> str:
    """Return a form's text.

    Raises:
        ApiError: 400, the value is a sub-tree or a list.
    """
    if not isinstance(value, str):
        raise invalid(f"Invalid string: {_shown(value)}", param)
    return value


def subtree(value: Any, param: str) -> dict[str, Any]:
    """Return a form's sub-tree; "" is an empty one.

    Raises:
        ApiError: 400, the value is text or a list.
    """
    if value == "":
        return {}
    if not isinstance(value, dict):
        raise invalid(f"Invalid object: {_shown(value)}", param)
    return value


def elements(value: Any, param: str) -> list[Any]:
    """Return a form's list; "" is an empty one.

    Raises:
        ApiError: 400, the value is no list.
    """
    if value == "":
        return []
    if not isinstance(value, list):
        raise invalid(f"Invalid array: {_shown(value)}", param)
    return value


def named_elements(value: Any, param: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Iterate over a list of sub-trees, each with its name: `items[0]`.

    Raises:
        ApiError: 400, the value is no list or an element is no sub-tree.
    """
    for index, element in enumerate(elements(value, param)):
        name = f"{param}[{index}]"
        yield subtree(element, name), name


def _shown(value: Any) -> str:
    return str(value)[:100]


def _unset_or_same(value: Any, _present: Any) -> Any:
    return None if value == "" else value


def _check_integer(value: Any, param: str) -> None:
    integer(value, param)


def _check_boolean(value: Any, param: str) -> None:
    boolean(value, param)


def _check_text(value: Any, param: str) -> None:
    text(value, param)


def _check_subtree(value: Any, param: str) -> None:
    subtree(value, param)


def _check_elements(value: Any, param: str) -> None:
    elements(value, param)


def _merged_metadata(change: Any, present: Any) -> dict[str, str]:
    if change == "":
        return {}
    merged = {**(present or {}), **change}
    return {name: value for name, value in merged.items() if value != ""}


def _check_metadata(value: Any, param: str) -> None:
    for name, entry in subtree(value, param).items():
        text(entry, f"{param}[{name}]")


def check_known(given: Mapping[str, Any], param: str, known: Collection[str]) -> None:
    """Check that a sub-tree has no fields but the known ones.

    Raises:
        ApiError: 400 `parameter_unknown`.
    """
    for name in given:
        if name not in known:
            raise unknown_parameter(f"{param}[{name}]")


def without_empty(tree: Any) -> Any:
    """Return a sub-tree with None for every text that is ""."""
    if isinstance(tree, dict):
        return {name: without_empty(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [without_empty(value) for value in tree]
    return None if tree == "" else tree


TEXT = Field(_check_text, _unset_or_same)
INTEGER = Field(_check_integer, lambda value, _present: int(value))
INTEGER_OR_UNSET = Field(
    lambda value, param: None if value == "" else _check_integer(value, param),
    lambda value, _present: None if value == "" else int(value),
)
BOOLEAN = Field(_check_boolean, lambda value, _present: value == "true")
LIST = Field(_check_elements, lambda value, _present: without_empty(elements(value, "")))
TREE = Field(_check_subtree, lambda value, _present: without_empty(value))
ANYTHING = Field(lambda _value, _param: None, lambda value, _present: without_empty(value))
METADATA = Field(_check_metadata, _merged_metadata)

ALWAYS: Mapping[str, Field] = {"metadata": METADATA, "expand": LIST}


def tree_of(*names: str) -> Field:
    """A sub-tree whose value always has the given names, None where nothing was sent."""

    def read(value: Any, _present: Any) -> Any:
        if value == "":
            return None
        return {**dict.fromkeys(names), **without_empty(value)}

    return Field(_check_subtree, read)


MERGED_TREE = Field(
    _check_subtree,
    lambda value, present: {**(present or {}), **without_empty(subtree(value, ""))},
)


def one_of(*choices: str, unset: bool = False) -> Field:
    """A text that is one of the choices; with `unset`, "" is allowed too."""

    def check(value: Any, param: str) -> None:
        if value == "" and not unset:
            raise invalid_empty(param)
        if value not in choices and value != "":
            raise invalid(f"Invalid {param}: must be one of {_alternatives(choices)}", param)

    return Field(check, _unset_or_same)


def at_least(lowest: int) -> Field:
    """An integer of `lowest` or more."""

    def check(value: Any, param: str) -> None:
        integer_from(lowest, value, param)

    return Field(check, INTEGER.read)


def _alternatives(choices: Collection[str]) -> str:
    *most, last = choices
    return f"{', '.join(most)}, or {last}" if most else last


def fields_of(kind: Field, *names: str) -> dict[str, Field]:
    """Return a table that gives the same kind to every name."""
    return dict.fromkeys(names, kind)
