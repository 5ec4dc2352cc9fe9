"""Generic behaviour, part two: operations that list and search objects."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.sandbox.catalogue.fitting import UNFIT, Fitter
from holdfast.sandbox.catalogue.keeping import Keeping
from holdfast.sandbox.catalogue.making import Owner
from holdfast.sandbox.catalogue.pages import page_v1, page_v2
from holdfast.sandbox.catalogue.roles import Place
from holdfast.sandbox.catalogue.searching import matching
from holdfast.sandbox.catalogue.shapes import Record
from holdfast.sandbox.catalogue.world import World, belongs, kind_of, shown
from holdfast.sandbox.resources.listing import PAGING, Predicate, in_times
from holdfast.sandbox.resources.params import elements
from holdfast.sandbox.resources.routing import Request
from holdfast.sandbox.state import JsonObject, Transaction

_NO_FILTERS = frozenset({*PAGING, "page", "expand", "include"})
_CURSORS = frozenset({"starting_after", "ending_before"})
_BOUNDS = frozenset({"gt", "gte", "lt", "lte"})


@dataclass(frozen=True, slots=True)
class Looking:
    """The behaviour of one operation on many objects.

    Attributes:
        world: what all operations know.
        place: the operation.
    """

    world: World
    place: Place

    def show_page(self, request: Request) -> JsonObject:
        """Answer with one page."""
        tx, params = request.tx, request.params
        owners = Keeping(self.world, self.place).owners(request)
        url = self.place.entry.template.format_map(request.ids)
        turn = page_v2 if self.place.entry.version == "v2" else page_v1
        keeps = self._filter(tx, params)
        rows = self._rows(tx, owners)
        found = turn(self.place.kinds[0], rows, self._paging(tx, params), url, keeps)
        return {**found, "data": self._shown(tx, found["data"], params, owners)}

    def search(self, request: Request) -> JsonObject:
        """Answer with what a query finds."""
        tx, params = request.tx, request.params
        keeps = matching(params.get("query", ""))
        wanted = [obj for obj in self._rows(tx, ()) if "deleted" not in obj and keeps(obj)]
        url = self.place.entry.template
        asked = {name: value for name, value in params.items() if name in {"limit", "page"}}
        found = page_v2(self.place.kinds[0], wanted, asked, url, lambda _obj: True)
        data = self._shown(tx, found["data"], asked, ())
        token = (found["next_page_url"] or "").rpartition("page=")[2]
        counted = self.world.lenient or "total_count" in elements(params.get("expand", ""), "")
        return {
            "object": "search_result",
            "data": data,
            "has_more": bool(token),
            "next_page": token or None,
            "url": url,
            **({"total_count": len(wanted) or len(data)} if counted else {}),
        }

    def _rows(self, tx: Transaction, owners: tuple[Owner, ...]) -> Iterable[JsonObject]:
        """All objects of the list, the latest first."""
        if owners:
            within = tx.find(owners[-1].id) or {}
            embedded = within.get(self.place.entry.template.rpartition("/")[2])
            if isinstance(embedded, dict) and embedded.get("object") == "list":
                return [obj for obj in embedded["data"] if isinstance(obj, dict)]
        return (obj for obj in self._kept(tx) if self._belongs(obj, owners))

    def _kept(self, tx: Transaction) -> Iterator[JsonObject]:
        for kind in self.place.kinds:
            yield from tx.newest_first(kind)

    def _belongs(self, obj: JsonObject, owners: tuple[Owner, ...]) -> bool:
        record = self.world.record(obj["object"])
        return all(belongs(obj, record, owner) for owner in owners)

    def _filter(self, tx: Transaction, params: Mapping[str, Any]) -> Predicate:
        record = self.world.record(self.place.kinds[0])
        tests = [
            self._test(tx, record, name, value)
            for name, value in params.items()
            if name not in _NO_FILTERS and name in record.fields
        ]
        return lambda obj: all(test(obj) for test in tests)

    def _test(self, tx: Transaction, record: Record, name: str, value: Any) -> Predicate:
        if isinstance(value, dict) and _BOUNDS.issuperset(value):
            return in_times(name).predicate(tx, value, name)
        fitter = Fitter(tx, self.world.maker(tx))
        wanted = fitter.fitted(record.fields[name], value, None, name, Owner("", ""))
        if isinstance(wanted, list):
            return lambda obj: all(one in (obj.get(name) or ()) for one in wanted)
        return lambda obj: wanted is UNFIT or bool(obj.get(name) == wanted)

    def _paging(self, tx: Transaction, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """The paging of a request; a lenient list takes an unknown cursor for its beginning."""
        if not self.world.lenient:
            return params
        return {
            name: value
            for name, value in params.items()
            if name not in _CURSORS or self.world.find(tx, self.place.kinds, value) is not None
        }

    def _shown(
        self,
        tx: Transaction,
        data: list[JsonObject],
        params: Mapping[str, Any],
        owners: tuple[Owner, ...],
    ) -> list[JsonObject]:
        """The objects of a page; a lenient list that is empty shows what an object looks like."""
        if not data and self.world.lenient and {*_CURSORS, "page"}.isdisjoint(params):
            data = [self.world.example(tx, kind_of(self.place.kinds, ""), owners=owners)]
        return [shown(obj, self.world.record(obj.get("object", ""))) for obj in data]
