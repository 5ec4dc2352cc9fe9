"""The parts of a sandbox, put together: what its server and its administration work on."""

import logging
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from holdfast.sandbox import catalogue
from holdfast.sandbox.background import Background, BackgroundProcess
from holdfast.sandbox.clock import HttpDate, MovableClock
from holdfast.sandbox.faults import FaultScript
from holdfast.sandbox.holds import Fixed, Hold
from holdfast.sandbox.idempotency import IdempotencyKeys, Record
from holdfast.sandbox.ledger import Ledger, Row
from holdfast.sandbox.limits import Limiter, Limits
from holdfast.sandbox.lock_rules import default_rules
from holdfast.sandbox.lock_trace import LockTrace
from holdfast.sandbox.locks import LockTable, Timers
from holdfast.sandbox.recent import Recent
from holdfast.sandbox.resources import Match
from holdfast.sandbox.snapshots import Snapshot, Snapshots
from holdfast.sandbox.state import JsonObject, State, Transaction
from holdfast.sandbox.store import Store
from holdfast.sandbox.webhooks import Deliveries, DeliverySettings, Webhook

DEFAULT_ACCOUNT = "acct_sandbox"
_logger = logging.getLogger("holdfast.sandbox")


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
        hold: how long the locks of a write are held; a read lets go of its at once.
        linger: how much longer they are held once the answer was sent.
        background: processes that take locks whatever the requests do.
        lock_trace: whether every step of every lock is noted.
        should_retry_header: whether a lock timeout carries `Stripe-Should-Retry: true`.
        routes: the operations.
        locked_objects: the objects whose locks a request takes.
        limits: of the rate limiters.
        deliveries: how patiently events are delivered to webhooks.
        allow_remote: whether other machines are served too, under whatever name they use.
    """

    lock_wait: float = 0.1
    hold: Hold = field(default_factory=lambda: Fixed(0.02))
    linger: Hold = field(default_factory=lambda: Fixed(0))
    background: tuple[Background, ...] = ()
    lock_trace: bool = False
    should_retry_header: bool = True
    routes: Routes = field(default_factory=catalogue.routes)
    locked_objects: LockedObjects = field(default_factory=lambda: default_rules().locked_objects)
    limits: Limits = field(default_factory=Limits)
    deliveries: DeliverySettings = field(default_factory=DeliverySettings)
    allow_remote: bool = False


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
        self.clock = MovableClock(clock, 0.0 if store is None else store.clock_ahead())
        self.date = HttpDate(self.clock)
        self.lock_trace = LockTrace() if behaviour.lock_trace else None
        self.locks = LockTable(timers, self.lock_trace)
        self.limiter = Limiter(behaviour.limits, timers.time) if behaviour.limits else None
        self.stats = Stats()
        self.recent = Recent(timers.time, self.clock)
        self._store = store
        if store is None:
            self.ledger = Ledger()
            self.keys = IdempotencyKeys(self.clock)
        else:
            self.ledger = Ledger(store.rows())
            self.keys = IdempotencyKeys(self.clock, store.records(self.clock()))
        # The place in the ledger takes part, so that a second run on a store makes other ids.
        run = None if random_seed is None else f"{random_seed}/{len(self.ledger)}"
        self.hold_random = _random(run, "holds")
        self.faults = FaultScript(timers, _random(run, "faults"))
        self.state = State(self.clock, _random(run, "ids"))
        self._first_ids = None if random_seed is None else self.state.random_state()
        self.snapshots = Snapshots(store)
        self._seed: dict[str, list[JsonObject]] = {}
        self._receivers: tuple[Webhook, ...] = ()
        self.webhooks = Deliveries(
            self.state, DEFAULT_ACCOUNT, behaviour.deliveries, finished=self._delivered
        )
        if store is not None:
            self._load(store)
        for number, process in enumerate(behaviour.background):
            random = _random(run, f"background/{number}")
            BackgroundProcess(process, self.locks, timers, self.state, random).start()

    def plant(self, account: str, objects: list[JsonObject]) -> None:
        """Put the objects of a seed in, the oldest first, unless there is a state already.

        Args:
            account: whose objects they are.
            objects: whole Stripe objects.
        """
        objects = sorted(objects, key=lambda obj: int(obj["created"]))
        self._seed = {account: objects}
        if self.state.count() or len(self.ledger):
            return
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
        rows: list[Row] = []
        for part in (tx, *tx.elsewhere.values()):
            rows += self.ledger.rows_for(
                part.effects,
                at=round(self.clock(), 6),
                method=method,
                path=path,
                idempotency_key=key,
                request_id=request_id,
                account=part.account,
                behind=len(rows),
            )
        noted = self.state.note(tx, request_id, key)
        started = self.webhooks.due(tx.account, noted)
        if self._store is not None and (tx.staged or rows or record is not None):
            elsewhere = {name: other.staged for name, other in tx.elsewhere.items()}
            outbox = [self.webhooks.row(delivery) for delivery in started]
            try:
                self._store.commit(tx.account, tx.staged, rows, record, elsewhere, outbox)
            except sqlite3.Error:
                self.state.events.take_back(noted)
                raise
        self.state.apply(tx)
        self.ledger.append(rows)
        self.webhooks.begin(started)

    def listen(self, webhooks: Iterable[Webhook]) -> None:
        """Give the sandbox's own account endpoints for webhooks that are there from the start."""
        self._receivers = tuple(webhooks)
        tx = self.state.begin(DEFAULT_ACCOUNT, livemode=False)
        for webhook in self._receivers:
            tx.put(webhook.endpoint(tx.now))
            self.webhooks.secrets[webhook.endpoint_id] = webhook.secret
        self.commit(tx, method="POST", path="", key=None, request_id="", record=None)

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

        self.locks.hold((account, object_id), seconds, "a holder from outside", held)

    def traced_locks(self, after: int) -> list[dict[str, Any]]:
        """The steps of every lock behind a place in the trace.

        Raises:
            ValueError: they are not noted.
        """
        if self.lock_trace is None:
            raise ValueError(
                "the locks are not traced: start the sandbox with --lock-trace (lock_trace=True)"
            )
        return list(self.lock_trace.after(after))

    def move_clock(self, seconds: float) -> float:
        """Move the clock ahead. Idempotency keys age by it, and new objects are created by it.

        Returns:
            What it shows then, in unix seconds.

        Raises:
            sqlite3.Error: the store cannot be written; the clock is as it was.
        """
        ahead = self.clock.offset + seconds
        if self._store is not None:
            self._store.set_clock(ahead)
        self.clock.offset = ahead
        return self.clock()

    def snapshot(self, name: str | None = None) -> str:
        """Keep the state as it is now.

        Args:
            name: of the snapshot; None takes a free one.

        Returns:
            The name.

        Raises:
            ValueError: there are too many snapshots.
            sqlite3.Error: the store cannot be written.
        """
        name = self.snapshots.free_name() if name is None else name
        taken = Snapshot(
            now=self.clock(),
            random=self.state.random_state(),
            objects=self.state.everything(),
            rows=self.ledger.rows(),
            records=list(self.keys.finished()),
        )
        self.snapshots.keep(name, taken)
        return name

    def restore(self, name: str) -> None:
        """Go back to a snapshot. Requests under way go on, on the state as it is then.

        Events and their deliveries are no part of a snapshot: there are none afterwards.

        Raises:
            ValueError: there is no snapshot of that name.
            sqlite3.Error: the store cannot be written; the state is as it was.
        """
        self._become(self.snapshots.get(name))

    def reset(self) -> None:
        """Go back to a fresh start: the objects of the seed and nothing else, by the real clock.

        Scripted faults are dropped too, and the rate limiters are rested; snapshots, counters and
        locks stay.

        Raises:
            sqlite3.Error: the store cannot be written; the state is as it was.
        """
        fresh = Snapshot(
            now=self.clock() - self.clock.offset,
            random=self._first_ids,
            objects=self._seed,
            rows=(),
            records=(),
        )
        self._become(fresh)
        self.faults.clear()
        if self.limiter is not None:
            self.limiter.rest()

    def stats_as_dict(self) -> dict[str, Any]:
        """The counters as `GET /_sandbox/stats` answers them."""
        stats = self.stats
        return {
            "requests": stats.requests,
            "by_status": {str(status): count for status, count in sorted(stats.by_status.items())},
            "by_fault": dict(stats.by_fault),
            "rate_limited": {} if self.limiter is None else dict(self.limiter.refused),
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

    def _become(self, snapshot: Snapshot) -> None:
        """Take over another state: in the store first, if there is one."""
        ahead = self.clock.offset_at(snapshot.now)
        if self._store is not None:
            self._store.replace(snapshot.objects, snapshot.rows, snapshot.records, ahead)
        self.clock.offset = ahead
        self.state.replace(snapshot.objects)
        self.state.events.clear()
        self.webhooks.clear()
        self.ledger.replace(snapshot.rows)
        self.keys.restore(snapshot.records)
        if snapshot.random is not None:
            self.state.set_random_state(snapshot.random)
        if self._receivers:
            self.listen(self._receivers)

    def _load(self, store: Store) -> None:
        by_account: defaultdict[str, list[JsonObject]] = defaultdict(list)
        for account, obj in store.objects():
            by_account[account].append(obj)
        for account, objects in by_account.items():
            self.state.load(account, objects)
        self.webhooks.resume(store.deliveries())

    def _delivered(self, event: str, endpoint: str) -> None:
        """Let the store forget a delivery that has ended."""
        if self._store is None:
            return
        try:
            self._store.drop_delivery(event, endpoint)
        except sqlite3.Error:
            # It will be delivered once more after a restart, as webhooks may be.
            _logger.exception("the end of the delivery of %s could not be stored", event)


def _random(run: str | None, stream: str) -> Random:
    """A source of randomness, the same in every equal run; by chance without a run's name."""
    return Random(None if run is None else f"{run}/{stream}")
