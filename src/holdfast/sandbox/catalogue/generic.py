"""The generic operations: whatever the catalogue lists, stored and returned as its fields say."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from holdfast.sandbox.catalogue.keeping import Keeping
from holdfast.sandbox.catalogue.looking import Looking
from holdfast.sandbox.catalogue.reading import check_record
from holdfast.sandbox.catalogue.roles import Place, Role
from holdfast.sandbox.catalogue.shapes import NO_FIELDS, ListOf, Primitive, Record
from holdfast.sandbox.catalogue.world import World
from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources.expanding import expanded
from holdfast.sandbox.resources.listing import PAGING
from holdfast.sandbox.resources.params import elements
from holdfast.sandbox.resources.routing import Document, Operation, Request
from holdfast.sandbox.state import JsonObject

_ALWAYS = {"expand": ListOf(Primitive.TEXT)}
_COUNT = "total_count"
"""What a search is told to expand, though it is no object."""
_PAGE = {"page": Primitive.TEXT, "limit": Primitive.INTEGER}


@dataclass(frozen=True, slots=True)
class Anything:
    """Takes any parameters."""

    def check(self, _values: Mapping[str, Any], /) -> None:
        """Find nothing wrong."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one operation; they are read from the catalogue when they are needed.

    Attributes:
        world: where they are.
        place: the operation.
    """

    world: World
    place: Place

    def check(self, values: Mapping[str, Any], /) -> None:
        """Check a request's parameters; see `check_record`."""
        check_record(self.record(), values)
        if self.place.role in {Role.LIST, Role.SEARCH} and "limit" in values:
            PAGING["limit"].check(values["limit"], "limit")

    def record(self) -> Record:
        """Return what the operation takes."""
        number = self.place.entry.params
        own = NO_FIELDS if number is None else self.world.catalogue.record(number)
        paged = self.place.role is Role.LIST and self.place.entry.version == "v2"
        more = _PAGE if paged else _ALWAYS
        return Record({**more, **own.fields}, own.required)


def generic_operation(world: World, place: Place) -> Operation:
    """Make the operation of a place in the catalogue."""
    entry = place.entry
    return Operation(
        name=entry.name,
        method=entry.method,
        template=entry.template,
        params=Anything() if world.lenient else Parameters(world, place),
        execute=_execute(world, place),
        writes=entry.method != "GET",
    )


def _execute(world: World, place: Place) -> Callable[[Request], JsonObject | Document]:
    keeping, looking = Keeping(world, place), Looking(world, place)
    if place.role is Role.DOCUMENT:
        return keeping.document
    by_role: dict[Role, Callable[[Request], JsonObject]] = {
        Role.CREATE: keeping.create,
        Role.RETRIEVE: keeping.retrieve,
        Role.UPDATE: keeping.update,
        Role.DELETE: keeping.delete,
        Role.ACT: keeping.act,
        Role.PREVIEW: keeping.preview,
        Role.FIND: keeping.find,
        Role.FORGET: keeping.forget,
        Role.SHOW_ONLY: keeping.show_only,
        Role.CHANGE_ONLY: keeping.change_only,
        Role.LIST: looking.show_page,
        Role.SEARCH: looking.search,
    }
    execute = by_role[place.role]

    def run(request: Request) -> JsonObject:
        answer = execute(request)
        for path in elements(request.params.get("expand", ""), "expand"):
            if path != _COUNT:
                answer = _expanded(world, request, answer, path)
        return answer

    return run


def _expanded(world: World, request: Request, answer: JsonObject, path: str) -> JsonObject:
    """Expand one path; what a made-up object names in vain stays an id."""
    if not world.lenient:
        return expanded(request.tx, answer, [path])
    with suppress(ApiError):
        return expanded(request.tx, answer, [path])
    return answer
