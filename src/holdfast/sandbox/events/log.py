"""The log of changes, read as events.

Nobody may ever ask for the events of a change, so a change is only noted, with the objects as they
were and are, which costs next to nothing: objects are never changed in place. An event is made from
its note when it is asked for. The log is bounded: the oldest notes go first.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from holdfast.sandbox.changes import Change, JsonObject
from holdfast.sandbox.events.kinds import MOST_PER_CHANGE, types_of

KEPT = 10_000
_DIGITS = 10
_WITH_PREVIOUS = frozenset({"charge.captured", "charge.refunded"})


class Note(NamedTuple):
    """A change, and the request that made it."""

    change: Change
    request_id: str | None
    key: str | None


class EventLog:
    """The latest changes of all accounts.

    Args:
        salt: letters and digits that all event ids have in common; 14 of them.
        api_version: named in every event.
        kept: how many changes are kept.

    Attributes:
        pending: event id -> how many endpoints have not taken it yet.
    """

    def __init__(self, salt: str, api_version: str, kept: int = KEPT) -> None:
        self._prefix = f"evt_{salt}"
        self._api_version = api_version
        self._notes: deque[Note] = deque(maxlen=kept)
        self._next = 0
        self.pending: dict[str, int] = {}

    def note(
        self, changes: Iterable[Change], request_id: str | None = None, key: str | None = None
    ) -> range:
        """Note changes that have come to pass.

        Args:
            changes: in the order in which they happened.
            request_id: of the request that made them.
            key: its idempotency key.

        Returns:
            Their places in the log, for `ids`.
        """
        first = self._next
        notes = self._notes
        for change in changes:
            notes.append(Note(change, request_id, key))
            self._next += 1
        return range(first, self._next)

    def take_back(self, places: range) -> None:
        """Forget the latest changes again, because they did not come to pass after all.

        Args:
            places: as `note` returned them last.
        """
        for _ in places:
            self._notes.pop()
        self._next = places.start

    def clear(self) -> None:
        """Forget every change. Ids are not used again."""
        self._notes.clear()
        self.pending.clear()

    def ids(self, places: Iterable[int]) -> Iterator[tuple[str, str, str]]:
        """The events of changes: id, type and account of each."""
        for place in places:
            note = self._at(place)
            if note is not None:
                for index, named in enumerate(types_of(note.change)):
                    yield self._id(place, index), named, note.change.account

    def event(self, account: str, event_id: str) -> JsonObject | None:
        """Make the event of an account that an id names; None when it is not kept (any more)."""
        number = event_id.removeprefix(self._prefix)
        if number == event_id or not (number.isascii() and number.isdigit()):
            return None
        place, index = divmod(int(number), MOST_PER_CHANGE)
        note = self._at(place)
        if note is None or note.change.account != account:
            return None
        types = types_of(note.change)
        return self._made(place, index, types[index], note) if index < len(types) else None

    def newest_first(self, account: str) -> Iterator[JsonObject]:
        """Make the events of an account, the latest first."""
        for back, note in enumerate(reversed(self._notes), 1):
            if note.change.account != account:
                continue
            place = self._next - back
            for index, named in reversed(list(enumerate(types_of(note.change)))):
                yield self._made(place, index, named, note)

    def _at(self, place: int) -> Note | None:
        index = place - (self._next - len(self._notes))
        return self._notes[index] if 0 <= index < len(self._notes) else None

    def _id(self, place: int, index: int) -> str:
        return f"{self._prefix}{place * MOST_PER_CHANGE + index:0{_DIGITS}d}"

    def _made(self, place: int, index: int, named: str, note: Note) -> JsonObject:
        change = note.change
        event_id = self._id(place, index)
        gone = change.new is None or "deleted" in change.new
        data: dict[str, Any] = {"object": change.old if gone else change.new}
        if change.old is not None and change.new is not None and _tells_previous(named):
            data["previous_attributes"] = previous(change.old, change.new)
        return {
            "id": event_id,
            "object": "event",
            "api_version": self._api_version,
            "created": change.at,
            "data": data,
            "livemode": change.livemode,
            "pending_webhooks": self.pending.get(event_id, 0),
            "request": {"id": note.request_id, "idempotency_key": note.key},
            "type": named,
        }


def _tells_previous(named: str) -> bool:
    return named.endswith(".updated") or named in _WITH_PREVIOUS


def previous(old: JsonObject, new: JsonObject) -> JsonObject:
    """Return what an object held before a change: the fields that differ, sub-trees by field."""
    changed: JsonObject = {}
    for name in old.keys() | new.keys():
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            changed[name] = previous(before, after)
        else:
            changed[name] = before
    return {name: changed[name] for name in sorted(changed)}
