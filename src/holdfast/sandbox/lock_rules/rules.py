"""Which objects' locks a request takes, as a table that can be read from a file.

Stripe publishes no such table; `default.json` holds this sandbox's assumption, with the evidence.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.sandbox.resources.routing import Match
from holdfast.sandbox.state import JsonObject, Transaction

_NAMED_ID = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Override:
    """What one operation locks, instead of what the rules would say.

    Attributes:
        places: of the path's ids that are locked, counted from 0.
        parameters: paths of parameters whose text is an id, such as `items.price`; a list on the
            way stands for each of its elements.
        parents: whether the parents of these objects are locked too.
    """

    places: tuple[int, ...] = ()
    parameters: tuple[tuple[str, ...], ...] = ()
    parents: bool = True


@dataclass(frozen=True, slots=True)
class LockRules:
    """The table.

    Attributes:
        path: whether a write locks the objects in its path.
        reads: whether a read waits for the lock of the objects in its path.
        parameters: names of parameters, at any depth, whose text is the id of an object that a
            write locks.
        parents: kind -> where an object of that kind holds the ids of its parents, as paths such
            as `parent.subscription_details.subscription`. Parents of locked objects are locked.
        operations: what operations lock that differ, by `operation_key`.
    """

    path: bool
    reads: bool
    parameters: frozenset[str]
    parents: Mapping[str, tuple[str, ...]]
    operations: Mapping[str, Override]

    def locked_objects(self, match: Match, params: Mapping[str, Any], tx: Transaction) -> list[str]:
        """Return the ids of the objects whose locks a request takes.

        Args:
            match: the operation and the path's ids.
            params: the request's parameters.
            tx: where the objects are read; nothing is written.

        Returns:
            The ids, sorted, each once. Ids that name no object give no lock.
        """
        operation = match.operation
        override = self._override(operation.method, operation.template)
        found: set[str] = set()
        if override is not None:
            for named in _chosen(override, match, params):
                self._add(named, tx, found, parents=override.parents)
        elif operation.writes:
            for named in (*(match.ids.values() if self.path else ()), *self._references(params)):
                self._add(named, tx, found, parents=True)
        elif self.reads:
            for named in match.ids.values():
                self._add(named, tx, found, parents=False)
        return sorted(found)

    def _override(self, method: str, template: str) -> Override | None:
        if not self.operations:
            return None
        return self.operations.get(operation_key(method, template))

    def _references(self, tree: Any) -> Iterator[str]:
        if isinstance(tree, list):
            for element in tree:
                yield from self._references(element)
        elif isinstance(tree, Mapping):
            for name, value in tree.items():
                if not isinstance(value, str):
                    if name != "metadata":
                        yield from self._references(value)
                elif value and name in self.parameters:
                    yield value

    def _add(self, named: str, tx: Transaction, found: set[str], *, parents: bool) -> None:
        if named in found:
            return
        obj = tx.find(named)
        if obj is None:
            return
        found.add(named)
        if not parents:
            return
        for path in self.parents.get(obj["object"], ()):
            parent = _at(obj, path)
            if parent is not None:
                self._add(parent, tx, found, parents=True)


def operation_key(method: str, template: str) -> str:
    """How an operation is found, whatever the ids in its path are called."""
    return f"{method} {_NAMED_ID.sub('{}', template)}"


def _chosen(override: Override, match: Match, params: Mapping[str, Any]) -> Iterator[str]:
    ids = list(match.ids.values())
    for place in override.places:
        yield ids[place]
    for path in override.parameters:
        yield from _texts(params, path)


def _texts(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    """The texts at a path of parameters."""
    if isinstance(value, list):
        for element in value:
            yield from _texts(element, path)
    elif path:
        if isinstance(value, Mapping) and path[0] in value:
            yield from _texts(value[path[0]], path[1:])
    elif isinstance(value, str) and value:
        yield value


def _at(obj: JsonObject, path: str) -> str | None:
    value: Any = obj
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value if isinstance(value, str) else None
