"""The parts of a sandbox, put together: what its server and its administration work on."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from holdfast.sandbox import resources
from holdfast.sandbox.faults import FaultScript
from holdfast.sandbox.holds import Fixed, Hold
from holdfast.sandbox.idempotency import KEPT_FOR, IdempotencyKeys, Record
from holdfast.sandbox.ledger import Ledger
from holdfast.sandbox.locks import Claim, LockTable, Timers
from holdfast.sandbox.resources import Match
from holdfast.sandbox.state import JsonObject, State, Transaction
from holdfast.sandbox.store import Store

DEFAULT_ACCOUNT = "acct_sandbox"
API_VERSION = "2026-10-28.endive"
"""Named on answers to requests that name no version."""


class Routes(Protocol):
    """Finds the operation for a method and a path."""

    def match(self, method: str, path: str) -> Match | None: ...


_FAULT_CLASSES = (
    "lock_timeout",
    "rate_limit",
    "idempotent_replays",
    "key_in_use",
    "key_mismatch",
    "conflict",
    "declined",
    "rejected",
    "server_error",
)
LockedObjects = Callable[[Match, dict[str, Any], Transaction], list[str]]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the sandbox behaves.

    Attributes:
        lock_wait: the longest wait for one lock, in seconds; 0 does not wait.
        hold: how long the locks of a request are held.
        should_retry_header: whether a lock timeout carries `Stripe-Should-Retry: true`.
        routes: the operations.
        locked_objects: the objects whose locks a write takes.
    """

    lock_wait: float = 0.1
    hold: Hold = field(default_factory=lambda: Fixed(0.02))
    should_retry_header: bool = True
    routes: Routes = resources.ROUTES
    locked_objects: LockedObjects = resources.locked_objects


@dataclass(slots=True)
class Stats:
    """What has been counted since the start.

    Attributes:
        requests: all but those of the administration.
        by_status: answers by HTTP status.
        by_fault: answers that tell of trouble, by its class.
        injected: scripted faults that were met, by kind.
        connections: accepted ones.
        open_connections: those that are open now.
    """

    requests: int = 0
    by_status: Counter[int] = field(default_factory=Counter)
    by_fault: Counter[str] = field(
        default_factory=lambda: Counter(dict.fromkeys(_FAULT_CLASSES, 0))
    )
    injected: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    open_connections: int = 0


class Core:
    """A sandbox without its sockets.

    Args:
        behaviour: the options.
        timers: the event loop.
        store: where the state is kept; None keeps it in memory alone.
        clock: wall clock, unix seconds.
        random_seed: makes ids and holds repeatable; None takes them at random.
    """

    def __init__(
        self,
        behaviour: Behaviour,
        timers: Timers,
        *,
        store: Store | None = None,
        clock: Callable[[], float] = time.time,
        random_seed: int | None = None,
    ) -> None:
        self.behaviour = behaviour
        self.timers = timers
        self.clock = clock
        self.locks = LockTable(timers)
        self.faults = FaultScript()
        self.stats = Stats()
        self._store = store
        if store is None:
            self.ledger = Ledger()
            self.keys = IdempotencyKeys(clock)
        else:
            self.ledger = Ledger(store.rows())
            self.keys = IdempotencyKeys(clock, store.records(clock() - KEPT_FOR))
        # The place in the ledger takes part, so that a second run on a store makes other ids.
        stream = None if random_seed is None else f"{random_seed}/{len(self.ledger)}"
        self.hold_random = Random(stream and f"{stream}/holds")
        self.state = State(clock, Random(stream and f"{stream}/ids"))
        if store is not None:
            self._load(store)

    def plant(self, account: str, objects: list[JsonObject]) -> None:
        """Put the objects of a seed in, the oldest first, unless there is a state already.

        Args:
            account: whose objects they are.
            objects: whole Stripe objects.
        """
        if self.state.count() or len(self.ledger):
            return
        objects = sorted(objects, key=lambda obj: int(obj["created"]))
        if self._store is not None:
            self._store.put_all(account, objects)
        self.state.load(account, objects)

    def commit(
        self,
        tx: Transaction,
        *,
        method: str,
        path: str,
        key: str | None,
        request_id: str,
        record: Record | None,
    ) -> None:
        """Make all that a request did come to pass: in the store first, if there is one.

        Raises:
            sqlite3.Error: the store cannot be written; nothing came to pass.
        """
        rows = self.ledger.rows_for(
            tx.effects,
            at=round(self.clock(), 6),
            method=method,
            path=path,
            idempotency_key=key,
            request_id=request_id,
            account=tx.account,
        )
        if self._store is not None and (tx.staged or rows or record is not None):
            self._store.commit(tx.account, tx.staged, rows, record)
        self.state.apply(tx)
        self.ledger.append(rows)

    def hold_from_outside(
        self, account: str, object_id: str, seconds: float, held: Callable[[], None]
    ) -> None:
        """Hold an object's lock as another process of Stripe's would, after those who came before.

        Args:
            account: whose object it is.
            object_id: the object.
            seconds: how long.
            held: called when the lock is held.
        """

        def granted(claim: Claim, at: float) -> None:
            self.timers.call_at(at + seconds, self.locks.release, claim, at + seconds)
            held()

        self.locks.claim(((account, object_id),), None, granted, _never, "a holder from outside")

    def stats_as_dict(self) -> dict[str, Any]:
        """The counters as `GET /_sandbox/stats` answers them."""
        stats = self.stats
        return {
            "requests": stats.requests,
            "by_status": {str(status): count for status, count in sorted(stats.by_status.items())},
            "by_fault": dict(stats.by_fault),
            "injected": dict(stats.injected),
            "lock_waits": self.locks.waits,
            "lock_timeouts": self.locks.timeouts,
            "locks_held": len(self.locks),
            "locks_waiting": sum(1 for _ in self.locks.waiting()),
            "connections": stats.connections,
            "connections_open": stats.open_connections,
            "objects": self.state.count(),
            "effects": len(self.ledger),
            "idempotency_keys": len(self.keys),
        }

    def _load(self, store: Store) -> None:
        by_account: defaultdict[str, list[JsonObject]] = defaultdict(list)
        for account, obj in store.objects():
            by_account[account].append(obj)
        for account, objects in by_account.items():
            self.state.load(account, objects)


def _never(object_id: str) -> None:
    raise AssertionError(f"a claim without a limit on its wait timed out on {object_id}")
