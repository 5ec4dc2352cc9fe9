"""Generic behaviour, part one: operations that keep, change and show one object."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.sandbox.catalogue.documents import PLACEHOLDER, pdf_of
from holdfast.sandbox.catalogue.files import with_upload
from holdfast.sandbox.catalogue.fitting import Fitter
from holdfast.sandbox.catalogue.making import Owner
from holdfast.sandbox.catalogue.prefixes import length_of, prefix_of
from holdfast.sandbox.catalogue.roles import Place
from holdfast.sandbox.catalogue.shapes import Choice, Primitive, Record, without_null
from holdfast.sandbox.catalogue.world import World, kind_of, linked, shown
from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources.objects import deletion, discard, missing, save
from holdfast.sandbox.resources.routing import Document, Request
from holdfast.sandbox.state import JsonObject, Transaction

# Verb -> the statuses that it may lead to; the first that the kind of object knows is taken.
_STATUS_AFTER: Mapping[str, tuple[str, ...]] = {
    "accept": ("accepted",),
    "acknowledge": ("acknowledged",),
    "activate": ("active",),
    "archive": ("archived", "inactive"),
    "cancel": ("canceled", "cancelled"),
    "capture": ("succeeded", "closed"),
    "close": ("closed",),
    "complete": ("complete", "completed"),
    "confirm": ("succeeded", "confirmed", "processing"),
    "deactivate": ("inactive", "deactivated", "expired"),
    "decline": ("declined", "closed"),
    "deliver": ("delivered",),
    "disable": ("disabled",),
    "disconnect": ("disconnected",),
    "enable": ("enabled",),
    "expire": ("expired",),
    "fail": ("failed",),
    "finalize": ("open", "finalized"),
    "mark_uncollectible": ("uncollectible",),
    "pause": ("paused",),
    "pay": ("paid",),
    "post": ("posted",),
    "reactivate": ("active",),
    "redact": ("redacted",),
    "reject": ("rejected",),
    "release": ("released",),
    "resume": ("active",),
    "return": ("returned",),
    "reverse": ("reversed",),
    "ship": ("shipped",),
    "submit": ("submitted",),
    "succeed": ("succeeded",),
    "unarchive": ("active", "unarchived"),
    "verify": ("verified", "chargeable"),
    "void": ("voided", "void"),
}
# Verb -> the boolean field that it sets.
_FLAG_AFTER: Mapping[str, tuple[str, bool]] = {
    "activate": ("active", True),
    "approve": ("approved", True),
    "archive": ("archived", True),
    "close": ("closed", True),
    "deactivate": ("active", False),
    "decline": ("approved", False),
    "disable": ("enabled", False),
    "enable": ("enabled", True),
    "unarchive": ("archived", False),
}


@dataclass(frozen=True, slots=True)
class Keeping:
    """The behaviour of one operation on one object.

    Attributes:
        world: what all operations know.
        place: the operation.
    """

    world: World
    place: Place

    def create(self, request: Request) -> JsonObject:
        """Make an object of the parameters and keep it."""
        new = self._made(request)
        record = self.world.record(new["object"])
        if "id" in record.fields:
            return shown(save(request.tx, "create", new), record)
        # Nothing could ask for it again; the ledger still tells that it was made.
        kind = new["object"]
        name = str(new.get("identifier") or request.tx.new_id(prefix_of(kind), length_of(kind)))
        request.tx.record("create", {"object": kind, "id": name})
        return shown(new, record)

    def preview(self, request: Request) -> JsonObject:
        """Show an object of the parameters that is not kept."""
        return self._made(request) if self.place.kinds else {}

    def retrieve(self, request: Request) -> JsonObject:
        """Show the object of the path."""
        found = self._of_path(request)
        return shown(found, self.world.record(found["object"]))

    def update(self, request: Request) -> JsonObject:
        """Change the object of the path by the parameters."""
        return self._changed(request, "update")

    def act(self, request: Request) -> JsonObject:
        """Do what the last word of the path says: change status and fields."""
        return self._changed(request, self.place.verb)

    def delete(self, request: Request) -> JsonObject:
        """Take the object of the path away."""
        tx, old = request.tx, self._of_path(request)
        return self._deleted(tx, old)

    def show_only(self, request: Request) -> JsonObject:
        """Show the one object of the path."""
        found = self._only(request)
        return shown(found, self.world.record(found["object"]))

    def change_only(self, request: Request) -> JsonObject:
        """Change, or delete, the one object of the path."""
        old = self._only(request)
        record = self.world.record(old["object"])
        if self.place.entry.method == "DELETE":
            request.tx.record("delete", old)
            return {**shown(old, record), "deleted": True}
        new = self._fitter(request.tx).changed(old, record, request.params)
        return shown(save(request.tx, "update", new), record)

    def find(self, request: Request) -> JsonObject:
        """Show the object that the parameters describe."""
        found = self._described(request)
        return shown(found, self.world.record(found["object"]))

    def forget(self, request: Request) -> JsonObject:
        """Delete the object that the parameters describe."""
        return self._deleted(request.tx, self._described(request))

    def document(self, request: Request) -> Document:
        """Answer with the document of the object of the path."""
        pdf = pdf_of(self._of_path(request))
        return Document(PLACEHOLDER, pdf.content_type) if self.world.lenient else pdf

    def owners(self, request: Request) -> tuple[Owner, ...]:
        """Return the objects that the path leads through.

        Raises:
            ApiError: 404 `resource_missing`.
        """
        for parent in self.place.parents:
            self.world.fetch(request.tx, (parent.kind,), request.ids[parent.name])
        return tuple(
            Owner(parent.kind, request.ids[parent.name], parent.name)
            for parent in self.place.parents
        )

    def _of_path(self, request: Request) -> JsonObject:
        id_ = request.ids[self.place.id_name]
        return self.world.fetch(request.tx, self.place.kinds, id_, self.owners(request))

    def _made(self, request: Request) -> JsonObject:
        tx, params = request.tx, request.params
        owners = self.owners(request)
        token = params.get("source", params.get("external_account", ""))
        kind = kind_of(self.place.kinds, str(token))
        record = self.world.record(kind)
        wanted = params.get("id", "")
        if wanted and tx.find(wanted) is not None:
            raise ApiError(
                400, f"There is a {kind} with the id {wanted} already.",
                code="resource_already_exists", param="id",
            )  # fmt: skip
        new = self.world.maker(tx, examples=self.world.lenient).object(kind, id=wanted)
        told = with_upload(self._fitter(tx).changed(new, record, params), params)
        return linked(told, record, owners)

    def _changed(self, request: Request, effect: str) -> JsonObject:
        tx, old = request.tx, self._of_path(request)
        kind = old["object"]
        record = self.world.record(kind)
        new = self._fitter(tx).changed(old, record, request.params)
        if self.place.verb:
            new = {**new, **_after(self.place.verb, record)}
        return shown(self._keep(tx, effect, new), record)

    def _keep(self, tx: Transaction, effect: str, obj: JsonObject) -> JsonObject:
        """Save an object, unless it is made up and of a kind with behaviour of its own.

        Such behaviour counts on a history that a made-up object does not have.
        """
        there = tx.find(obj["id"])
        if there is None:
            return obj if self.world.is_written(obj["object"]) else save(tx, effect, obj)
        # A lenient sandbox shows an id as whatever the path asks for; it is kept as what it is.
        return save(tx, effect, obj) if there["object"] == obj["object"] else obj

    def _deleted(self, tx: Transaction, old: JsonObject) -> JsonObject:
        record = self.world.record(old["object"])
        if tx.get(old["object"], old["id"]) is not None:
            discard(tx, old)
        if self.place.entry.version == "v2":
            return {"id": old["id"], "object": old["object"]}
        return deletion(old) if "deleted" in record.fields else shown(old, record)

    def _only(self, request: Request) -> JsonObject:
        """The one object of a path, kept under the path itself once it was changed."""
        tx, owners = request.tx, self.owners(request)
        kind = self.place.kinds[0]
        if kind == "account":
            return self.world.fetch(tx, ("account",), tx.account)
        path = self.place.entry.template.format_map(request.ids)
        kept = tx.get(kind, path)
        return kept or {**self.world.example(tx, kind, owners=owners), "id": path}

    def _described(self, request: Request) -> JsonObject:
        tx = request.tx
        kind = self.place.kinds[0]
        record = self.world.record(kind)
        for obj in tx.newest_first(kind):
            if self._fitter(tx).changed(obj, record, request.params) == obj:
                return obj
        if not self.world.lenient:
            raise missing(kind, str(next(iter(request.params.values()), "")), "", 404)
        return self._fitter(tx).changed(self.world.example(tx, kind), record, request.params)

    def _fitter(self, tx: Transaction) -> Fitter:
        return Fitter(tx, self.world.maker(tx))


def _after(verb: str, record: Record) -> Mapping[str, Any]:
    """The fields that a verb sets."""
    fields: dict[str, Any] = {}
    status = record.fields.get("status")
    known = without_null(status) if status is not None else None
    if isinstance(known, Choice):
        reached = [word for word in _STATUS_AFTER.get(verb, ()) if word in known.values]
        if reached:
            fields["status"] = reached[0]
    name, value = _FLAG_AFTER.get(verb, ("", False))
    flag = record.fields.get(name)
    if flag is not None and without_null(flag) is Primitive.BOOLEAN:
        fields[name] = value
    return fields
