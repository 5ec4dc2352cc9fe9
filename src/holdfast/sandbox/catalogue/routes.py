"""Finding the operation of a request: written behaviour first, the catalogue's for all others."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from holdfast.sandbox.catalogue import oauth
from holdfast.sandbox.catalogue.encoding import Catalogue
from holdfast.sandbox.catalogue.generic import Anything, generic_operation
from holdfast.sandbox.catalogue.loading import catalogue
from holdfast.sandbox.catalogue.world import World
from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources import ROUTES
from holdfast.sandbox.resources.routing import Document, Match, Operation, Request, Routes
from holdfast.sandbox.state import JsonObject

_WORD = re.compile(r"[a-z_]+")
"""What an id could be and a fixed part of a path too: `search`, `create_preview`."""
_NOT_THERE = frozenset(
    {
        "parameter_invalid_empty",
        "parameter_missing",
        "parameter_unknown",
        "resource_missing",
    }
)
"""Codes with which written behaviour refuses what a lenient sandbox is to answer in any case."""
_REFUSED = frozenset({400, 404})


class AllRoutes:
    """Every operation, of v1 and v2.

    Args:
        written: operations with behaviour of their own; they go first.
        lenient: whether any well-formed id exists, and any parameter is taken.
        find_catalogue: returns the catalogue; asked at the first request that needs it.
    """

    def __init__(
        self,
        written: Routes = ROUTES,
        *,
        lenient: bool = False,
        find_catalogue: Callable[[], Catalogue] = catalogue,
    ) -> None:
        self._written = written
        self._lenient = lenient
        self._find_catalogue = find_catalogue
        self._generic: Routes | None = None
        self._making = threading.Lock()
        self._loosened: dict[str, Operation] = {}

    @property
    def generic(self) -> Routes:
        """The operations that the catalogue tells of."""
        with self._making:  # sandboxes of several threads share one object
            if self._generic is None:
                world = World(self._find_catalogue(), self._lenient)
                made = [generic_operation(world, place) for place in world.places]
                self._generic = Routes([*made, *oauth.OPERATIONS])
            return self._generic

    def match(self, method: str, path: str) -> Match | None:
        """Find the operation of a request; see `Routes.match`."""
        found = self._written.match(method, path)
        if found is None:
            return self.generic.match(method, path)
        if any(_WORD.fullmatch(id_) for id_ in found.ids.values()):
            other = self.generic.match(method, path)
            if other is not None and len(other.ids) < len(found.ids):
                return other
        return self._loose(method, path, found) if self._lenient else found

    def _loose(self, method: str, path: str, found: Match) -> Match:
        operation = found.operation
        loosened = self._loosened.get(operation.name)
        if loosened is None:
            other = self.generic.match(method, path)
            loosened = operation if other is None else loosely(operation, other.operation)
            self._loosened[operation.name] = loosened
        return Match(loosened, found.ids)


def loosely(written: Operation, generic: Operation) -> Operation:
    """Return a written operation that leaves to the generic one what it finds nothing for.

    A request about objects that are there meets the written behaviour, refusals and all.

    Args:
        written: has behaviour of its own.
        generic: the same operation as the catalogue tells of it.
    """
    names = _names(written.template, generic.template)

    def execute(request: Request) -> JsonObject | Document:
        try:
            written.params.check(request.params)
            answer = written.execute(request)
        except ApiError as error:
            if error.status not in _REFUSED or not _is_unfounded(error, request):
                raise
        else:
            if not _is_empty_list(answer):
                return answer
        request.tx.undo()
        ids = {names[name]: value for name, value in request.ids.items()}
        return generic.execute(Request(request.tx, ids, request.params))

    return replace(written, params=Anything(), execute=execute)


@lru_cache(maxsize=2)
def routes(*, lenient: bool = False) -> AllRoutes:
    """Return all operations; the same object for the same mode, so that they are made once."""
    return AllRoutes(lenient=lenient)


def _names(written: str, generic: str) -> dict[str, str]:
    """What the ids of one template are called in another of the same path."""
    pairs = zip(written.split("/"), generic.split("/"), strict=True)
    return {one[1:-1]: other[1:-1] for one, other in pairs if one.startswith("{")}


def _is_unfounded(error: ApiError, request: Request) -> bool:
    """Whether a refusal says no more than that something is missing, or is about nothing kept."""
    named = (*request.ids.values(), *_texts(request.params))
    return error.code in _NOT_THERE or all(request.tx.find(text) is None for text in named)


def _texts(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, (dict, list)):
        for value in tree.values() if isinstance(tree, dict) else tree:
            yield from _texts(value)


def _is_empty_list(answer: JsonObject | Document) -> bool:
    return isinstance(answer, dict) and answer.get("object") == "list" and not answer["data"]
