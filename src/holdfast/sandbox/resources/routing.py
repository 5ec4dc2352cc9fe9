"""Which operation a method and path mean, and what an operation is given."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote

from holdfast.sandbox.state import JsonObject, Transaction


@dataclass(frozen=True, slots=True)
class Request:
    """One request to an operation.

    Attributes:
        tx: the transaction to work on.
        ids: the ids in the path, by the template's names.
        params: the form's fields, nested; leaves are text, and "" means unset.
    """

    tx: Transaction
    ids: dict[str, str]
    params: dict[str, Any]


class Checks(Protocol):
    """The parameters of an operation, as far as a request meets them."""

    def check(self, values: Mapping[str, Any], /) -> None:
        """Check a request's parameters; an ApiError names the one that is wrong."""


@dataclass(frozen=True, slots=True)
class Document:
    """An answer that is no JSON.

    Attributes:
        body: the bytes.
        content_type: what they are.
    """

    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API.

    Attributes:
        name: such as `customers.update`.
        method: the HTTP method in upper case.
        template: the path with its ids in braces: `/v1/customers/{customer}`.
        params: the parameters it takes.
        execute: does the work on `request.tx` and returns the answer; raises ApiError.
        writes: whether it changes anything.
    """

    name: str
    method: str
    template: str
    params: Checks
    execute: Callable[[Request], JsonObject | Document]
    writes: bool


@dataclass(frozen=True, slots=True)
class Match:
    """The operation a path belongs to, with the path's ids by name."""

    operation: Operation
    ids: dict[str, str]


@dataclass(slots=True)
class _Node:
    literals: "dict[str, _Node]" = field(default_factory=dict)
    any: "_Node | None" = None
    operations: dict[str, tuple[Operation, tuple[str, ...]]] = field(default_factory=dict)

    def child(self, segment: str) -> "_Node":
        """Return the node below for a template's segment, made if it is new."""
        if not segment.startswith("{"):
            return self.literals.setdefault(segment, _Node())
        if self.any is None:
            self.any = _Node()
        return self.any


class Routes:
    """All operations, found by walking a path's segments.

    Args:
        operations: the operations; two with the same method and path are a ValueError.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self.operations = tuple(operations)
        self._root = _Node()
        for operation in self.operations:
            self._add(operation)

    def _add(self, operation: Operation) -> None:
        node = self._root
        names = []
        for segment in _segments(operation.template):
            node = node.child(segment)
            if segment.startswith("{"):
                names.append(segment[1:-1])
        if operation.method in node.operations:
            raise ValueError(f"{operation.method} {operation.template} is there twice")
        node.operations[operation.method] = (operation, tuple(names))

    def match(self, method: str, path: str) -> Match | None:
        """Find the operation of a request.

        Args:
            method: the HTTP method in upper case.
            path: the path without the query, as it came; ids may be percent-encoded.

        Returns:
            The operation and the path's ids, or None when there is no such operation.
        """
        node = self._root
        values = []
        for segment in _segments(path):
            literal = node.literals.get(segment)
            if literal is not None:
                node = literal
                continue
            if node.any is None or not segment:
                return None
            node = node.any
            values.append(unquote(segment))
        found = node.operations.get(method)
        if found is None:
            return None
        operation, names = found
        return Match(operation, dict(zip(names, values, strict=True)))


def _segments(path: str) -> list[str]:
    return path.removeprefix("/").split("/")
