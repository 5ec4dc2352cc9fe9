"""What the sandbox knows: the objects of every account, and one request's view of them.

Everything happens on one thread and a request executes in one go, so a transaction is isolated
without any lock: it stages its writes and the core applies them all, or none.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from random import Random
from string import ascii_letters, digits
from typing import Any
from uuid import UUID

from holdfast.sandbox.changes import Change as Change
from holdfast.sandbox.changes import Effect as Effect
from holdfast.sandbox.changes import JsonObject as JsonObject
from holdfast.sandbox.events import EventLog

API_VERSION = "2026-10-28.endive"
"""Named in events, and on answers to requests that name no version."""

_PAIRS = [a + b for a in ascii_letters + digits for b in ascii_letters + digits]
REQUEST_ID_LENGTH = 14
_SALT_LENGTH = 14


@dataclass(slots=True)
class Account:
    """The objects of one account, by id and, in the order of their creation, by kind."""

    by_id: dict[str, JsonObject] = field(default_factory=dict)
    by_kind: dict[str, dict[str, None]] = field(default_factory=dict)

    def put(self, obj: JsonObject) -> None:
        object_id: str = obj["id"]
        if object_id not in self.by_id:
            self.by_kind.setdefault(obj["object"], {})[object_id] = None
        self.by_id[object_id] = obj

    def remove(self, object_id: str) -> None:
        obj = self.by_id.pop(object_id, None)
        if obj is not None:
            del self.by_kind[obj["object"]][object_id]


class Transaction:
    """One request's reads and staged writes; nothing is visible or stored until it is committed.

    Attributes:
        account: the account the request acts on.
        now: unix seconds, the same for the whole request.
        livemode: whether the request came with a live key.
        staged: what the request put, by id; None for an object it removed.
        effects: what the request recorded, in order.
        elsewhere: the request's transactions on other accounts, by account; part of this one.
    """

    __slots__ = (
        "_milestones",
        "_objects",
        "_seen",
        "_state",
        "account",
        "effects",
        "elsewhere",
        "livemode",
        "now",
        "staged",
    )

    def __init__(
        self, account: str, state: "State", objects: Account, *, now: int, livemode: bool
    ) -> None:
        self.account = account
        self.now = now
        self.livemode = livemode
        self.staged: dict[str, JsonObject | None] = {}
        self.effects: list[Effect] = []
        self.elsewhere: dict[str, Transaction] = {}
        self._objects = objects
        self._state = state
        self._milestones: list[Change] = []
        self._seen: dict[str, JsonObject | None] = {}

    @property
    def events(self) -> EventLog:
        """The events of what has come to pass."""
        return self._state.events

    def on(self, account: str) -> "Transaction":
        """Return the part of this transaction that works on another account's objects."""
        if account == self.account:
            return self
        if account not in self.elsewhere:
            self.elsewhere[account] = self._state.begin(account, livemode=self.livemode)
        return self.elsewhere[account]

    def undo(self) -> None:
        """Forget all that was staged and recorded so far, on every account."""
        for part in (self.staged, self.effects, self.elsewhere, self._milestones, self._seen):
            part.clear()

    def milestone(self) -> None:
        """Let what changed so far have its own events, whatever else the request changes yet."""
        for effect in self.effects:
            change = self._change(effect)
            if change is not None:
                self._milestones.append(change)
                self._seen[effect.object_id] = change.new

    def changes(self) -> list[Change]:
        """What the request changed, in order."""
        rest = map(self._change, self.effects)
        return self._milestones + [change for change in rest if change is not None]

    def _change(self, effect: Effect) -> Change | None:
        """What became of an object since the last milestone, or since the request began."""
        object_id = effect.object_id
        new = self.staged.get(object_id)
        if object_id in self._seen:
            old = self._seen[object_id]
        else:
            old = self._objects.by_id.get(object_id)
        if new is old:
            return None
        return Change(self.account, effect.kind, old, new, self.now, self.livemode)

    def new_id(self, prefix: str, length: int = 24) -> str:
        """Make an id that no object of the account has: the prefix, `_`, letters and digits."""
        while True:
            new = f"{prefix}_{_letters(self._state.random, length)}"
            if new not in self._objects.by_id and new not in self.staged:
                return new

    def find(self, id: str) -> JsonObject | None:  # noqa: A002 -- the seam's own word
        """The object with this id, whatever its kind; None when there is none."""
        if id in self.staged:
            return self.staged[id]
        return self._objects.by_id.get(id)

    def get(self, kind: str, id: str) -> JsonObject | None:  # noqa: A002 -- the seam's own word
        """The object of this kind (Stripe's `object`) with this id; None when there is none."""
        obj = self.find(id)
        return obj if obj is not None and obj["object"] == kind else None

    def put(self, obj: JsonObject) -> None:
        """Stage an object, new or changed, under its `object` and `id`."""
        self.staged[obj["id"]] = obj

    def remove(self, kind: str, id: str) -> None:  # noqa: A002 -- the seam's own word
        """Stage the removal of an object.

        Raises:
            KeyError: there is no such object of that kind.
        """
        if self.get(kind, id) is None:
            raise KeyError(f"no {kind} {id} to remove")
        self.staged[id] = None

    def newest_first(self, kind: str) -> Iterator[JsonObject]:
        """The objects of a kind as Stripe lists them: the latest created first."""
        stored = self._objects.by_id
        for object_id, obj in reversed(list(self.staged.items())):
            if obj is not None and object_id not in stored and obj["object"] == kind:
                yield obj
        for object_id in reversed(self._objects.by_kind.get(kind, {})):
            current = self.staged.get(object_id, stored[object_id])
            if current is not None:
                yield current

    def has(self, kind: str) -> bool:
        """Whether the account has an object of a kind, leaving aside what is only staged."""
        return bool(self._objects.by_kind.get(kind))

    def record(self, effect: str, obj: JsonObject) -> None:
        """Note one effect on one object: it becomes one row of the ledger."""
        self.effects.append(Effect(effect, obj["object"], obj["id"]))


class State:
    """The objects of all accounts.

    Args:
        clock: wall clock, unix seconds.
        random: where ids come from.

    Attributes:
        random: where ids come from.
        events: of the changes.
    """

    def __init__(self, clock: Callable[[], float], random: Random) -> None:
        self._accounts: dict[str, Account] = {}
        self._clock = clock
        self.random = random
        self._latest = 0
        self.events = EventLog(_letters(random, _SALT_LENGTH), API_VERSION)

    def begin(self, account: str, *, livemode: bool) -> Transaction:
        """Start a request's transaction. Its time never runs behind an earlier one's."""
        self._latest = max(self._latest, int(self._clock()))
        return Transaction(
            account, self, self._account(account), now=self._latest, livemode=livemode
        )

    def note(self, tx: Transaction, request_id: str | None = None, key: str | None = None) -> range:
        """Note the events of a transaction, on every account, before it is applied.

        Args:
            tx: the transaction.
            request_id: of the request.
            key: its idempotency key.

        Returns:
            The places of the changes in the log of events.
        """
        changes = tx.changes()
        for other in tx.elsewhere.values():
            changes += other.changes()
        return self.events.note(changes, request_id, key)

    def apply(self, tx: Transaction) -> None:
        """Make what the transaction staged visible, on every account."""
        for part in (tx, *tx.elsewhere.values()):
            objects = self._account(part.account)
            for object_id, obj in part.staged.items():
                if obj is None:
                    objects.remove(object_id)
                else:
                    objects.put(obj)

    def load(self, account: str, objects: Iterable[JsonObject]) -> None:
        """Take over objects of a store or a seed, the oldest first."""
        into = self._account(account)
        for obj in objects:
            into.put(obj)

    def objects(self, kind: str, account: str) -> list[JsonObject]:
        """The objects of a kind in the order of their creation. They are not to be changed."""
        found = self._accounts.get(account)
        if found is None:
            return []
        return [found.by_id[object_id] for object_id in found.by_kind.get(kind, {})]

    def everything(self) -> dict[str, list[JsonObject]]:
        """The objects of every account in the order of their creation. Not to be changed."""
        return {name: list(account.by_id.values()) for name, account in self._accounts.items()}

    def replace(self, objects: Mapping[str, Iterable[JsonObject]]) -> None:
        """Hold these objects instead, by account; time may run from an earlier instant on.

        No event is left: those of what is undone never came to pass.
        """
        self.events.clear()
        self._accounts.clear()
        self._latest = 0
        for account, theirs in objects.items():
            self.load(account, theirs)

    def random_state(self) -> list[Any]:
        """Where the ids that are still to be made come from, as JSON can hold it."""
        version, numbers, carried = self.random.getstate()
        return [version, list(numbers), carried]

    def set_random_state(self, state: Sequence[Any]) -> None:
        """Make the same ids again that were made after `random_state` was taken."""
        version, numbers, carried = state
        self.random.setstate((version, tuple(numbers), carried))

    def count_of(self, kinds: Iterable[str], account: str) -> int:
        """How many objects of some kinds an account has."""
        found = self._accounts.get(account)
        return 0 if found is None else sum(len(found.by_kind.get(kind, ())) for kind in kinds)

    def id_at(self, kinds: Iterable[str], account: str, place: int) -> str | None:
        """The id at a place, from 0, among an account's objects of some kinds; None beyond."""
        found = self._accounts.get(account)
        if found is None:
            return None
        ids = chain.from_iterable(found.by_kind.get(kind, ()) for kind in kinds)
        return next(islice(ids, place, None), None)

    def of_kind(self, kind: str, object_id: str, account: str) -> JsonObject | None:
        """The object of an account with a kind and an id. It is not to be changed."""
        found = self._accounts.get(account)
        obj = found.by_id.get(object_id) if found is not None else None
        return obj if obj is not None and obj["object"] == kind else None

    def has(self, kind: str, account: str) -> bool:
        """Whether an account has an object of a kind."""
        found = self._accounts.get(account)
        return found is not None and bool(found.by_kind.get(kind))

    def accounts(self) -> list[str]:
        """The accounts that requests have worked on."""
        return list(self._accounts)

    def find(self, object_id: str, account: str) -> JsonObject | None:
        """The object of an account with this id; None when there is none."""
        found = self._accounts.get(account)
        return None if found is None else found.by_id.get(object_id)

    def kinds(self) -> list[tuple[str, str, int]]:
        """Account, kind and number of the objects that there are."""
        return [
            (name, kind, len(ids))
            for name, account in self._accounts.items()
            for kind, ids in account.by_kind.items()
            if ids
        ]

    def count(self) -> int:
        """How many objects there are in all accounts."""
        return sum(len(account.by_id) for account in self._accounts.values())

    def request_id(self) -> str:
        """A new request id, as Stripe writes it: `req_` and 14 letters and digits."""
        return "req_" + _letters(self.random, REQUEST_ID_LENGTH)

    def idempotency_key(self) -> str:
        """A new idempotency key, for a request that brought none and is given one."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def _account(self, name: str) -> Account:
        found = self._accounts.get(name)
        if found is None:
            found = self._accounts[name] = Account()
        return found


def _letters(random: Random, length: int) -> str:
    """Random letters and digits, drawn two at a time."""
    return "".join(random.choices(_PAIRS, k=(length + 1) // 2))[:length]
