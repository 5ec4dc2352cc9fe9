"""What an operation does to the objects that the sandbox keeps, told from its method and path."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from holdfast.sandbox.catalogue.shapes import Entry, Form

_ID = re.compile(r"\{([^}]*)\}")
_HELPERS = "/test_helpers"


class Role(Enum):
    """What an operation does."""

    CREATE = "create"
    RETRIEVE = "retrieve"
    UPDATE = "update"
    DELETE = "delete"
    LIST = "list"
    SEARCH = "search"
    ACT = "act"
    """A verb on one object: `POST .../{id}/cancel`."""
    PREVIEW = "preview"
    """Makes an object that is shown and not kept."""
    FIND = "find"
    """Shows the object that the parameters describe."""
    FORGET = "forget"
    """Deletes the object that the parameters describe."""
    SHOW_ONLY = "show only"
    """Shows the one object of its path, such as the balance."""
    CHANGE_ONLY = "change only"
    """Changes the one object of its path."""
    DOCUMENT = "document"
    """Answers with the bytes of a document about one object."""


_BY_LAST_WORD = {
    ("GET", "find"): Role.FIND,
    ("GET", "preview"): Role.PREVIEW,
    ("POST", "create_preview"): Role.PREVIEW,
    ("POST", "delete"): Role.FORGET,
}


@dataclass(frozen=True, slots=True)
class Parent:
    """An object that an operation's path leads through.

    Attributes:
        kind: of the object.
        name: of its id in the template.
    """

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """An operation, and what it does.

    Attributes:
        entry: the operation.
        role: what it does.
        kinds: of the objects it works on, the usual one first.
        id_name: of the object's id in the template; empty when the path names no such object.
        verb: the last word of the path of an `ACT`.
        parents: the objects the path leads through before the one it works on.
    """

    entry: Entry
    role: Role
    kinds: tuple[str, ...]
    id_name: str
    verb: str
    parents: tuple[Parent, ...]


class Places:
    """Finds out what operations do, from all of them together.

    Args:
        entries: all operations.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = tuple(entries)
        self._items: dict[str, tuple[str, ...]] = {}
        self._collections: set[tuple[str, str]] = set()
        self._shown: set[str] = set()
        # What GET answers is surer to be the object of the path than what POST and DELETE answer.
        for method in ("GET", "POST", "DELETE"):
            for entry in self._entries:
                if entry.method == method and entry.kinds:
                    self._learn(entry)

    def _learn(self, entry: Entry) -> None:
        path = nameless(entry.template)
        if entry.form in {Form.LIST, Form.SEARCH}:
            self._collections.add((path, entry.kinds[0]))
        elif path.endswith("{}"):
            self._items.setdefault(path, entry.kinds)
        elif entry.method == "GET":
            self._shown.add(path)

    def of(self, entry: Entry) -> Place:
        """Return what an operation does."""
        role = self._role(entry)
        path = nameless(entry.template)
        owner = path[: path.rfind("{}") + 2]
        names = _ID.findall(entry.template)
        on_item = role in {Role.RETRIEVE, Role.UPDATE, Role.DELETE, Role.ACT, Role.DOCUMENT}
        kinds = entry.kinds or (self._item(owner) if on_item else ())
        return Place(
            entry,
            role,
            kinds,
            names[-1] if on_item else "",
            entry.template.rpartition("/")[2] if role is Role.ACT else "",
            tuple(self._parents(entry.template, len(names) - on_item)),
        )

    def _parents(self, template: str, count: int) -> Iterable[Parent]:
        for found in list(_ID.finditer(template))[:count]:
            kinds = self._item(nameless(template[: found.end()]))
            if kinds:
                yield Parent(kinds[0], found[1])

    def _item(self, path: str) -> tuple[str, ...]:
        """The kinds of the object at a path; test helpers work on the objects of everybody."""
        return self._items.get(path) or self._items.get(path.replace(_HELPERS, "", 1), ())

    def _role(self, entry: Entry) -> Role:
        match entry.form:
            case Form.LIST:
                return Role.LIST
            case Form.SEARCH:
                return Role.SEARCH
            case Form.BYTES:
                return Role.DOCUMENT
            case Form.NOTHING:
                return Role.PREVIEW
            case _:
                return self._role_for_one(entry)

    def _role_for_one(self, entry: Entry) -> Role:
        path = nameless(entry.template)
        on_item = path.endswith("{}")
        by_name = _BY_LAST_WORD.get((entry.method, path.rpartition("/")[2]))
        if by_name is not None:
            return by_name
        if entry.method == "GET":
            return Role.RETRIEVE if on_item else Role.SHOW_ONLY
        if entry.method == "DELETE":
            return Role.DELETE if on_item else Role.CHANGE_ONLY
        return Role.UPDATE if on_item else self._role_of_post(entry, path)

    def _role_of_post(self, entry: Entry, path: str) -> Role:
        kind = entry.kinds[0] if entry.kinds else ""
        if (path, kind) in self._collections or self._items.get(f"{path}/{{}}", ())[:1] == (kind,):
            return Role.CREATE
        if path in self._shown:
            return Role.CHANGE_ONLY
        owner = path[: path.rfind("{}") + 2]
        return Role.ACT if kind in self._item(owner) else Role.CREATE


def nameless(template: str) -> str:
    """Return a template whatever its ids are called."""
    return _ID.sub("{}", template)
