"""Reading lock rules from JSON: ours, and a user's file that changes them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from json import loads
from pathlib import Path
from re import compile as pattern
from typing import Any, cast

from holdfast.sandbox.lock_rules.rules import LockRules, Override, operation_key

FindOperation = Callable[[str, str], object]
"""Takes a method and a path and returns None when the sandbox has no such operation."""

_NAME = pattern(r"[A-Za-z0-9_@]+")
_PATH = pattern(r"[A-Za-z0-9_@]+(?:\.[A-Za-z0-9_@]+)*")
_KIND = pattern(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*")
_OPERATION = pattern(r"(GET|POST|DELETE) (/[^\s?]+)")
_ID_IN_PATH = pattern(r"\{([^{}/]+)\}")
_OVERRIDE_FIELDS = ("exclusive", "parents")
_EMPTY = LockRules(True, False, frozenset(), {}, {})


class LockRulesError(ValueError):
    """Something is wrong with lock rules; the message says where, what, and what to write."""


@cache
def default_rules() -> LockRules:
    """The rules of `default.json`, which is this sandbox's assumption."""
    text = files(__package__).joinpath("default.json").read_text("utf-8")
    return _changed(_EMPTY, loads(text), "default.json", None)


def read_rules(source: Path | str | Mapping[str, object], find: FindOperation) -> LockRules:
    """Read lock rules that change ours.

    What the source leaves out stays as it is in ours. `parents` and `operations` are taken over
    entry by entry (`[]` takes the parents of a kind away), the rest whole.

    Args:
        source: a JSON file, or what such a file holds.
        find: finds the operation of a method and a path, so that a slip in a template is noticed.

    Raises:
        LockRulesError: something is wrong with the content.
        OSError: the file cannot be read.
    """
    if isinstance(source, Mapping):
        return _changed(default_rules(), source, "locks", find)
    path = Path(source)
    try:
        content = loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise LockRulesError(f"{path} is no JSON: {error}") from None
    if not isinstance(content, Mapping):
        raise LockRulesError(f'{path} is no JSON object: write {{"parents": {{...}}}}')
    return _changed(default_rules(), content, str(path), find)


def _changed(
    rules: LockRules, content: Mapping[str, object], place: str, find: FindOperation | None
) -> LockRules:
    for name in content:
        if name not in _FIELDS and name not in _COMMENTS:
            raise LockRulesError(
                f"{place}: {name} is no field of lock rules: give {', '.join(_FIELDS)}"
            )
    changes: dict[str, Any] = {
        name: read(f"{place}: {name}", content[name])
        for name, read in _FIELDS.items()
        if name in content
    }
    for name in ("parents", "operations"):
        changes[name] = {**getattr(rules, name), **changes.get(name, {})}
    if find is not None:
        _check_operations(place, content.get("operations"), find)
    return replace(rules, **changes)


def _truth(place: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise LockRulesError(f"{place} is {value!r}: write true or false")
    return value


def _parameters(place: str, value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(_is_name(name) for name in value):
        raise LockRulesError(
            f'{place} is {value!r}: write a list of parameter names, such as ["customer"]'
        )
    return frozenset(value)


def _parents(place: str, value: object) -> dict[str, tuple[str, ...]]:
    table = _table(place, value, '{"charge": ["customer"]}')
    for kind, paths in table.items():
        if _KIND.fullmatch(kind) is None:
            raise LockRulesError(f"{place}.{kind} is no kind of object: write one such as charge")
        if not isinstance(paths, list) or not all(_is_path(path) for path in paths):
            raise LockRulesError(
                f"{place}.{kind} is {paths!r}: write a list of the fields that hold the parents' "
                'ids, such as ["customer"], or [] for none'
            )
    return {kind: tuple(cast("list[str]", paths)) for kind, paths in table.items()}


def _operations(place: str, value: object) -> dict[str, Override]:
    table = _table(place, value, '{"POST /v1/customers/{customer}": "none"}')
    read: dict[str, Override] = {}
    for name, wanted in table.items():
        match = _OPERATION.fullmatch(name)
        if match is None:
            raise LockRulesError(
                f"{place}: {name!r} is no operation: write a method and a path's template, such as "
                "POST /v1/customers/{customer}"
            )
        read[operation_key(match[1], match[2])] = _override(f"{place}[{name!r}]", match[2], wanted)
    return read


def _override(place: str, template: str, wanted: object) -> Override:
    if wanted == "none":
        return Override()
    if not isinstance(wanted, Mapping) or "exclusive" not in wanted:
        raise LockRulesError(
            f'{place} is {wanted!r}: write "none", or {{"exclusive": [...]}} with ids of the path '
            "in braces and names of parameters"
        )
    for field in wanted:
        if field not in _OVERRIDE_FIELDS:
            raise LockRulesError(
                f"{place}.{field} is no field here: give {' and '.join(_OVERRIDE_FIELDS)}"
            )
    named = wanted["exclusive"]
    if not isinstance(named, list):
        raise LockRulesError(f'{place}.exclusive is {named!r}: write a list, such as ["customer"]')
    ids = _ID_IN_PATH.findall(template)
    places: list[int] = []
    parameters: list[tuple[str, ...]] = []
    for index, one in enumerate(named):
        if isinstance(one, str) and one.startswith("{") and one[1:-1] in ids:
            places.append(ids.index(one[1:-1]))
        elif _is_path(one):
            parameters.append(tuple(one.split(".")))
        else:
            of_path = ", ".join(f"{{{name}}}" for name in ids) or "none"
            raise LockRulesError(
                f"{place}.exclusive[{index}] is {one!r}: write an id of the path (there is "
                f"{of_path}), or a parameter such as customer or items.price"
            )
    parents = _truth(f"{place}.parents", wanted.get("parents", True))
    return Override(tuple(places), tuple(parameters), parents)


def _check_operations(place: str, operations: object, find: FindOperation) -> None:
    for name in operations if isinstance(operations, Mapping) else ():
        method, _, template = name.partition(" ")
        if find(method, _ID_IN_PATH.sub("x", template)) is None:
            raise LockRulesError(
                f"{place}: operations[{name!r}] is no operation that the sandbox has: check the "
                "method and the path"
            )


def _table(place: str, value: object, example: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise LockRulesError(f"{place} is {value!r}: write an object, such as {example}")
    return value


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_path(value: object) -> bool:
    return isinstance(value, str) and _PATH.fullmatch(value) is not None


_FIELDS: Mapping[str, Callable[[str, object], Any]] = {
    "path": _truth,
    "reads": _truth,
    "parameters": _parameters,
    "parents": _parents,
    "operations": _operations,
}
_COMMENTS = {"about", "notes"}
