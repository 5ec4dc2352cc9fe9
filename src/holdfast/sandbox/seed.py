"""Seeds: the objects that an empty sandbox starts with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import loads
from pathlib import Path

from holdfast.sandbox import catalogue, resources
from holdfast.sandbox.core import DEFAULT_ACCOUNT
from holdfast.sandbox.state import JsonObject


class SeedError(ValueError):
    """Something is wrong with a seed; the message says where and what."""


@dataclass(frozen=True, slots=True)
class Seed:
    """Objects of one account, each whole as Stripe would show it."""

    account: str
    objects: list[JsonObject]


def read_seed(source: Path | str | Mapping[str, object], clock: Callable[[], float]) -> Seed:
    """Read a seed: `{"objects": [{"object": "customer", "id": "cus_1", ...}], "account": ...}`.

    Args:
        source: a JSON file, or what such a file holds.
        clock: unix seconds, for objects without `created`.

    Returns:
        The objects; `created`, `livemode` and the usual fields of their kind are filled in where
        they are missing.

    Raises:
        SeedError: something is wrong with the content.
        OSError: the file cannot be read.
    """
    if isinstance(source, Mapping):
        return _read("the seed", source, int(clock()))
    path = Path(source)
    try:
        content = loads(path.read_bytes())
    except ValueError as error:
        raise SeedError(f"{path} is no JSON: {error}") from None
    if not isinstance(content, Mapping):
        raise SeedError(f'{path} is no JSON object: write {{"objects": [...]}}')
    return _read(str(path), content, int(clock()))


def _read(place: str, content: Mapping[str, object], now: int) -> Seed:
    for name in content:
        if name not in {"objects", "account"}:
            raise SeedError(f"{place}: {name} is no field of a seed: give objects and account")
    account = content.get("account", DEFAULT_ACCOUNT)
    if not isinstance(account, str) or not account:
        raise SeedError(f"{place}: account is {account!r}: give an id such as acct_123")
    objects = content.get("objects")
    if not isinstance(objects, list):
        raise SeedError(f"{place}: objects is missing or no list")
    places: dict[str, int] = {}
    read: list[JsonObject] = []
    for index, obj in enumerate(objects):
        checked = _object(f"{place}: objects[{index}]", obj, now)
        first = places.setdefault(checked["id"], index)
        if first != index:
            raise SeedError(
                f"{place}: objects[{index}] has the id {checked['id']} of objects[{first}]"
            )
        read.append(checked)
    return Seed(account, read)


def _object(place: str, obj: object, now: int) -> JsonObject:
    if not isinstance(obj, Mapping):
        raise SeedError(f"{place} is no JSON object")
    kind, object_id = obj.get("object"), obj.get("id")
    if not isinstance(kind, str) or not kind:
        raise SeedError(f'{place} has no "object": give its kind, such as customer')
    if kind not in resources.KINDS and catalogue.catalogue().fields_of(kind) is None:
        raise SeedError(
            f"{place} is a {kind}, which the sandbox does not know: give the kind as Stripe "
            "writes it, such as customer or terminal.location"
        )
    if not isinstance(object_id, str) or not object_id:
        raise SeedError(f'{place} has no "id": give one, such as cus_123')
    created = obj.get("created", now)
    if isinstance(created, bool) or not isinstance(created, int):
        raise SeedError(f"{place}: created is {created!r}: give whole unix seconds")
    livemode = obj.get("livemode", False)
    whole = {**obj, "created": created, "livemode": livemode}
    if kind in resources.KINDS:
        return resources.completed(whole)
    return catalogue.completed(catalogue.catalogue(), whole)
