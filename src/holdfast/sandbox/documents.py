"""JSON documents that a user writes: read, and told by place where they are no good."""

from collections.abc import Mapping
from json import loads
from pathlib import Path
from typing import Any


class DocumentError(ValueError):
    """Something is wrong with a document; the message says where, what, and what to write."""


def load(path: Path) -> object:
    """Read a JSON file.

    Raises:
        DocumentError: it is no JSON.
        OSError: it cannot be read.
    """
    try:
        return loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"{path} is no JSON: {error}") from None


def mapping(place: str, value: object) -> Mapping[str, Any]:
    """Check that a value is a JSON object."""
    if not isinstance(value, Mapping):
        raise DocumentError(f"{place} is {_shown(value)}: give a JSON object, {{...}}")
    return value


def fields(place: str, value: object, known: tuple[str, ...]) -> Mapping[str, Any]:
    """Check that a value is a JSON object with no other fields than the known ones."""
    found = mapping(place, value)
    for name in found:
        if name not in known:
            raise DocumentError(
                f"{place}: {name} is no field here: the fields are {', '.join(known)}"
            )
    return found


def listed(place: str, value: object) -> list[Any]:
    """Check that a value is a JSON list."""
    if not isinstance(value, list):
        raise DocumentError(f"{place} is {_shown(value)}: give a JSON list, [...]")
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
