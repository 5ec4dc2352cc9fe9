"""Snapshots: the whole state at an instant, under a name, to go back to.

A snapshot holds the objects, the ledger, the idempotency keys of requests that have ended, the
clock, and where new ids come from. Locks, faults and counters are no part of it. With a store,
snapshots are kept in it and outlive the process.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from json import JSONEncoder, loads
from typing import Any

from holdfast.sandbox.idempotency import Record
from holdfast.sandbox.ledger import Row
from holdfast.sandbox.state import JsonObject
from holdfast.sandbox.store import Store

MOST = 100
"""How many snapshots there may be."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_encode = JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state at an instant.

    Attributes:
        now: the instant, in unix seconds of the sandbox's clock.
        random: where new ids come from; None to leave that as it is.
        objects: by account, in the order of their creation.
        rows: the ledger.
        records: what the idempotency keys remember.
    """

    now: float
    random: Sequence[Any] | None
    objects: Mapping[str, Sequence[JsonObject]]
    rows: Sequence[Row]
    records: Sequence[Record]

    def encoded(self) -> str:
        """Write it as JSON text."""
        return _encode(
            {
                "now": self.now,
                "random": self.random,
                "objects": self.objects,
                "rows": self.rows,
                "records": [_shown(record) for record in self.records],
            }
        )

    def summary(self, name: str) -> dict[str, Any]:
        """What a list of snapshots says of it."""
        return {
            "name": name,
            "at": self.now,
            "objects": sum(len(objects) for objects in self.objects.values()),
            "effects": len(self.rows),
            "idempotency_keys": len(self.records),
        }


def decoded(text: str) -> Snapshot:
    """Read what `Snapshot.encoded` wrote."""
    content = loads(text)
    return Snapshot(
        now=content["now"],
        random=content["random"],
        objects=content["objects"],
        rows=[Row(*row) for row in content["rows"]],
        records=[_record(fields) for fields in content["records"]],
    )


def _shown(record: Record) -> dict[str, Any]:
    fields = asdict(replace(record, failed=None))
    return {name: _text(value) for name, value in fields.items()}


def _text(value: Any) -> Any:
    """Bytes as text of as many characters, so that every byte comes back."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _record(fields: Mapping[str, Any]) -> Record:
    binary = {name: fields[name].encode("latin-1") for name in ("fingerprint", "body")}
    return Record(**{**fields, **binary})


class Snapshots:
    """The snapshots that there are, by name.

    Args:
        store: where they are kept; None keeps them in memory.
    """

    def __init__(self, store: Store | None) -> None:
        self._store = store
        stored = () if store is None else store.snapshots()
        self._kept: dict[str, Snapshot] = {name: decoded(text) for name, text in stored}

    def keep(self, name: str, snapshot: Snapshot) -> None:
        """Keep a snapshot, in place of one of the same name.

        Raises:
            ValueError: there are too many.
            sqlite3.Error: the store cannot be written.
        """
        if name not in self._kept and len(self._kept) >= MOST:
            raise ValueError(f"there are {MOST} snapshots: drop one, or give the name of one")
        if self._store is not None:
            self._store.keep_snapshot(name, snapshot.encoded())
        self._kept[name] = snapshot

    def get(self, name: str) -> Snapshot:
        """The snapshot of a name.

        Raises:
            ValueError: there is none.
        """
        found = self._kept.get(name)
        if found is None:
            there = ", ".join(self._kept) or "none"
            raise ValueError(f"there is no snapshot {name!r}: there is {there}")
        return found

    def drop(self, name: str) -> None:
        """Forget a snapshot.

        Raises:
            ValueError: there is none of that name.
            sqlite3.Error: the store cannot be written.
        """
        self.get(name)
        if self._store is not None:
            self._store.drop_snapshot(name)
        del self._kept[name]

    def free_name(self) -> str:
        """A name that no snapshot has."""
        number = len(self._kept) + 1
        while f"snapshot-{number}" in self._kept:
            number += 1
        return f"snapshot-{number}"

    def as_list(self) -> list[dict[str, Any]]:
        """What there is."""
        return [snapshot.summary(name) for name, snapshot in self._kept.items()]


def check_name(value: object) -> str:
    """Check a snapshot's name.

    Raises:
        ValueError: no text of 1 to 64 letters, digits, dots, hyphens and underscores.
    """
    if not isinstance(value, str) or _NAME.fullmatch(value) is None:
        raise ValueError(
            f"name is {value!r}: give 1 to 64 letters, digits, dots, hyphens and underscores"
        )
    return value
