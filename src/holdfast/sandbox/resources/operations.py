"""How operations are made: single ones, and the four or five that every resource has.

A `Resource` describes a kind of object as a table: where it is found, which fields may be set and
when, how its list is filtered. `crud` turns the table into operations. What a kind does beyond
storing its fields goes into the two hooks `create` and `update`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.sandbox.resources.clocks import set_time
from holdfast.sandbox.resources.expanding import expanded
from holdfast.sandbox.resources.listing import Filter, chosen, list_params, page
from holdfast.sandbox.resources.objects import assigned, fetch, missing, save, stamped
from holdfast.sandbox.resources.params import METADATA, Field, Params
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.resources.views import viewed
from holdfast.sandbox.state import JsonObject

Execute = Callable[[Request], JsonObject]
_METADATA: Mapping[str, Field] = {"metadata": METADATA}


def created(request: Request, draft: JsonObject) -> JsonObject:
    """Save a new object as it is: what creating means for a resource that says nothing else."""
    return save(request.tx, "create", draft)


def updated(request: Request, _old: JsonObject, new: JsonObject) -> JsonObject:
    """Save a changed object as it is: what updating means for a resource that says nothing else."""
    return save(request.tx, "update", new)


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object.

    Attributes:
        kind: Stripe's name of the object.
        plural: its collection in the path, and the first part of its operations' names.
        prefix: of its ids.
        id_name: what the path's id is called in templates; the kind unless given.
        id_length: letters and digits after the prefix.
        initial: the fields of a new object before any parameter.
        fields: what creating and updating may set.
        at_creation: what only creating may set.
        by_update: what only updating may set.
        create_extra: parameters of creating that the hook reads and that set no field themselves.
        update_extra: the same of updating.
        retrieve_extra: parameters of retrieving.
        required: parameters that creating needs.
        filters: of the list.
        list_defaults: filters of a list that are in force unless the request sends them.
        create: given the request and the new, unsaved object, saves and returns it.
        update: given the request, the old and the changed, unsaved object, saves and returns it.
        find: given the request and the path's id, returns the object.
    """

    kind: str
    plural: str
    prefix: str
    id_name: str = ""
    id_length: int = 24
    initial: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Field] = field(default_factory=dict)
    at_creation: Mapping[str, Field] = field(default_factory=dict)
    by_update: Mapping[str, Field] = field(default_factory=dict)
    create_extra: Mapping[str, Field] = field(default_factory=dict)
    update_extra: Mapping[str, Field] = field(default_factory=dict)
    retrieve_extra: Mapping[str, Field] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    filters: Mapping[str, Filter] = field(default_factory=dict)
    list_defaults: Mapping[str, Any] = field(default_factory=dict)
    create: Callable[[Request, JsonObject], JsonObject] = created
    update: Callable[[Request, JsonObject, JsonObject], JsonObject] = updated

    @property
    def url(self) -> str:
        """The path of the collection."""
        return f"/v1/{self.plural}"

    @property
    def path_name(self) -> str:
        """What the path's id is called."""
        return self.id_name or self.kind

    @property
    def item_url(self) -> str:
        """The template of one object's path."""
        return f"{self.url}/{{{self.path_name}}}"

    def of(self, request: Request) -> JsonObject:
        """Return the object that the request's path names.

        Raises:
            ApiError: 404 `resource_missing`.
        """
        return fetch(request.tx, self.kind, request.ids[self.path_name])

    def draft(self, request: Request) -> JsonObject:
        """Return a new object, unsaved, with the request's parameters taken over."""
        new = stamped(
            request.tx, self.kind, self.prefix, {"metadata": {}, **self.initial},
            length=self.id_length,
        )  # fmt: skip
        return assigned(new, {**_METADATA, **self.fields, **self.at_creation}, request.params)

    def changed(self, old: JsonObject, params: Mapping[str, Any]) -> JsonObject:
        """Return the object, unsaved, with the parameters that an update may set taken over."""
        return assigned(old, {**_METADATA, **self.fields, **self.by_update}, params)


def reading(name: str, template: str, params: Params, execute: Execute) -> Operation:
    """Make an operation that changes nothing."""
    return Operation(name, "GET", template, params, _expanding(execute), writes=False)


def writing(
    name: str, template: str, params: Params, execute: Execute, method: str = "POST"
) -> Operation:
    """Make an operation that changes objects."""

    def run(request: Request) -> JsonObject:
        set_time(request)
        return execute(request)

    return Operation(name, method, template, params, _expanding(run), writes=True)


def _expanding(execute: Execute) -> Execute:
    def run(request: Request) -> JsonObject:
        answer = viewed(execute(request), request.tx.now)
        paths = request.params.get("expand")
        return expanded(request.tx, answer, paths) if paths else answer

    return run


def action(resource: Resource, verb: str, params: Params, execute: Execute) -> Operation:
    """Make the operation `POST .../{id}/verb` of a resource."""
    return writing(f"{resource.plural}.{verb}", f"{resource.item_url}/{verb}", params, execute)


def helper(resource: Resource, verb: str, params: Params, execute: Execute) -> Operation:
    """Make an operation of ours, `POST /v1/test_helpers/.../{id}/verb`, for what happens elsewhere.

    With it a test does what a customer or a bank does outside of the API.
    """
    template = resource.item_url.replace("/v1/", "/v1/test_helpers/", 1)
    return writing(f"test_helpers.{resource.plural}.{verb}", f"{template}/{verb}", params, execute)


def create_operation(resource: Resource) -> Operation:
    """Make the operation that creates an object."""
    params = Params(
        {**resource.fields, **resource.at_creation, **resource.create_extra}, resource.required
    )
    return writing(
        f"{resource.plural}.create",
        resource.url,
        params,
        lambda request: resource.create(request, resource.draft(request)),
    )


def retrieve_operation(resource: Resource, retrieve: Execute | None = None) -> Operation:
    """Make the operation that retrieves an object, with `retrieve` where it is no plain one."""
    name = f"{resource.plural}.retrieve"
    params = Params(resource.retrieve_extra)
    return reading(name, resource.item_url, params, retrieve or resource.of)


def update_operation(resource: Resource) -> Operation:
    """Make the operation that updates an object."""

    def execute(request: Request) -> JsonObject:
        old = resource.of(request)
        return resource.update(request, old, resource.changed(old, request.params))

    params = Params({**resource.fields, **resource.by_update, **resource.update_extra})
    return writing(f"{resource.plural}.update", resource.item_url, params, execute)


def list_operation(resource: Resource) -> Operation:
    """Make the operation that lists a resource."""
    filters = resource.filters

    def execute(request: Request) -> JsonObject:
        tx, params = request.tx, request.params
        keeps = chosen(tx, {**resource.list_defaults, **params}, filters)
        return page(resource.kind, tx.newest_first(resource.kind), params, resource.url, keeps)

    return reading(f"{resource.plural}.list", resource.url, list_params(filters), execute)


def delete_operation(resource: Resource, delete: Execute) -> Operation:
    """Make the operation `DELETE .../{id}` of a resource."""
    name = f"{resource.plural}.delete"
    return writing(name, resource.item_url, Params(), delete, method="DELETE")


def crud(resource: Resource) -> tuple[Operation, ...]:
    """Make the operations create, retrieve, update and list of a resource."""
    return (
        create_operation(resource),
        retrieve_operation(resource),
        update_operation(resource),
        list_operation(resource),
    )


def of_parent(
    parent: str, plural: str, child: str, filters: Mapping[str, Filter]
) -> tuple[Operation, ...]:
    """Make the operations that list and retrieve the objects of a parent, below its path.

    Args:
        parent: the parent's kind, which is also the field in which a child holds its id.
        plural: of the path: `payment_methods` in `/v1/customers/{customer}/payment_methods`.
        child: the children's kind.
        filters: of the list.
    """
    collection = f"/v1/{parent}s/{{{parent}}}/{plural}"
    name = f"{parent}s.{plural}"

    def list_children(request: Request) -> JsonObject:
        tx, owner = request.tx, request.ids[parent]
        fetch(tx, parent, owner)
        keeps = chosen(tx, request.params, filters)
        return page(
            child,
            tx.newest_first(child),
            request.params,
            collection.format(**request.ids),
            lambda obj: obj.get(parent) == owner and keeps(obj),
        )

    def retrieve_child(request: Request) -> JsonObject:
        fetch(request.tx, parent, request.ids[parent])
        obj = fetch(request.tx, child, request.ids[child])
        if obj[parent] != request.ids[parent]:
            raise missing(child, obj["id"], "id", 404)
        return obj

    return (
        reading(f"{name}.list", collection, list_params(filters), list_children),
        reading(f"{name}.retrieve", f"{collection}/{{{child}}}", Params(), retrieve_child),
    )
