"""What the sandbox knows: the objects of every account, and one request's view of them.

Everything happens on one thread and a request executes in one go, so a transaction is isolated
without any lock: it stages its writes and the core applies them all, or none.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from string import ascii_letters, digits
from typing import Any

JsonObject = dict[str, Any]
"""A Stripe object. Treated as immutable once put: build a new dict and put that."""

_PAIRS = [a + b for a in ascii_letters + digits for b in ascii_letters + digits]
REQUEST_ID_LENGTH = 14


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


@dataclass(frozen=True, slots=True)
class Effect:
    """One object that a request changed, and how."""

    name: str
    kind: str
    object_id: str


class Transaction:
    """One request's reads and staged writes; nothing is visible or stored until it is committed.

    Attributes:
        account: the account the request acts on.
        now: unix seconds, the same for the whole request.
        livemode: whether the request came with a live key.
        staged: what the request put, by id; None for an object it removed.
        effects: what the request recorded, in order.
    """

    __slots__ = ("_objects", "_random", "account", "effects", "livemode", "now", "staged")

    def __init__(
        self, account: str, objects: Account, random: Random, *, now: int, livemode: bool
    ) -> None:
        self.account = account
        self.now = now
        self.livemode = livemode
        self.staged: dict[str, JsonObject | None] = {}
        self.effects: list[Effect] = []
        self._objects = objects
        self._random = random

    def new_id(self, prefix: str, length: int = 24) -> str:
        """Make an id that no object of the account has: the prefix, `_`, letters and digits."""
        while True:
            new = f"{prefix}_{_letters(self._random, length)}"
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

    def record(self, effect: str, obj: JsonObject) -> None:
        """Note one effect on one object: it becomes one row of the ledger."""
        self.effects.append(Effect(effect, obj["object"], obj["id"]))


class State:
    """The objects of all accounts.

    Args:
        clock: wall clock, unix seconds.
        random: where ids come from.
    """

    def __init__(self, clock: Callable[[], float], random: Random) -> None:
        self._accounts: dict[str, Account] = {}
        self._clock = clock
        self._random = random
        self._latest = 0

    def begin(self, account: str, *, livemode: bool) -> Transaction:
        """Start a request's transaction. Its time never runs behind an earlier one's."""
        self._latest = max(self._latest, int(self._clock()))
        return Transaction(
            account, self._account(account), self._random, now=self._latest, livemode=livemode
        )

    def apply(self, tx: Transaction) -> None:
        """Make what the transaction staged visible."""
        objects = self._account(tx.account)
        for object_id, obj in tx.staged.items():
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

    def count(self) -> int:
        """How many objects there are in all accounts."""
        return sum(len(account.by_id) for account in self._accounts.values())

    def request_id(self) -> str:
        """A new request id, as Stripe writes it: `req_` and 14 letters and digits."""
        return "req_" + _letters(self._random, REQUEST_ID_LENGTH)

    def _account(self, name: str) -> Account:
        found = self._accounts.get(name)
        if found is None:
            found = self._accounts[name] = Account()
        return found


def _letters(random: Random, length: int) -> str:
    """Random letters and digits, drawn two at a time."""
    return "".join(random.choices(_PAIRS, k=(length + 1) // 2))[:length]
