"""The delivery of events: at least once, in no particular order, with waits between the tries.

An event is delivered when its receiver answers 2xx. Any other status (429 and 3xx too), a broken
connection and a timeout mean that it is tried again later, until the tries are used up. Source:
https://docs.stripe.com/webhooks#delivery-behaviors.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from json import JSONEncoder
from typing import Any

from holdfast.sandbox.resources.webhook_endpoints import EVERYTHING, RESOURCE, secret_of
from holdfast.sandbox.state import JsonObject, State
from holdfast.sandbox.store import OutboxRow
from holdfast.sandbox.webhooks.posting import PostFailed, post
from holdfast.sandbox.webhooks.settings import DeliverySettings
from holdfast.sandbox.webhooks.signing import signature_header

_AT_ONCE = 8
"""How many deliveries are under way at the same time."""
_KIND = RESOURCE.kind
_logger = logging.getLogger("holdfast.sandbox")
_encode = JSONEncoder(separators=(",", ":")).encode


class Outcome(StrEnum):
    """How far a delivery has come."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(slots=True, eq=False)
class Delivery:
    """One event on its way to one endpoint.

    Attributes:
        event: its id.
        type: of the event.
        account: whose event it is.
        endpoint: its id.
        owner: whose endpoint it is.
        url: of the endpoint.
        tries: how often it was sent.
        outcome: how far it has come.
        status: of the last answer; None when there was none.
        problem: why the last try did not deliver it.
        kept: the event itself, of an earlier run; None when the log of events has it.
    """

    event: str
    type: str
    account: str
    endpoint: str
    owner: str
    url: str
    tries: int = 0
    outcome: Outcome = Outcome.PENDING
    status: int | None = None
    problem: str | None = None
    kept: JsonObject | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as `GET /_sandbox/webhooks` shows it."""
        return {
            "event": self.event,
            "type": self.type,
            "account": self.account,
            "endpoint": self.endpoint,
            "url": self.url,
            "tries": self.tries,
            "state": str(self.outcome),
            "status": self.status,
            "problem": self.problem,
        }


class Deliveries:
    """All deliveries of a sandbox. Everything happens on the thread of the event loop.

    Args:
        state: where the endpoints and the events are.
        platform: the account whose endpoints may get the events of connected accounts.
        settings: the options.
        finished: called with the ids of the event and the endpoint once a delivery has ended.
        wall_clock: unix seconds for signatures, which receivers compare with their own clock.

    Attributes:
        counts: finished deliveries by outcome, and how many tries there were.
        secrets: endpoint id -> its secret, where that does not follow from the id.
    """

    def __init__(
        self,
        state: State,
        platform: str,
        settings: DeliverySettings,
        finished: Callable[[str, str], None] = lambda _event, _endpoint: None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._state = state
        self._platform = platform
        self._settings = settings
        self._tell_finished = finished
        self._wall_clock = wall_clock
        self._open: dict[Delivery, None] = {}
        self._finished: deque[Delivery] = deque(maxlen=settings.shown)
        self._ready: asyncio.Queue[Delivery] = asyncio.Queue()
        self._timers: dict[Delivery, asyncio.TimerHandle] = {}
        self.counts: Counter[str] = Counter()
        self.secrets: dict[str, str] = {}

    def due(self, account: str, places: Iterable[int]) -> list[Delivery]:
        """Return the deliveries that the events of changes call for; they are not begun yet.

        Args:
            account: whose changes they are.
            places: of the changes, in the log of events.
        """
        state = self._state
        if not (state.has(_KIND, account) or state.has(_KIND, self._platform)):
            return []
        return [
            Delivery(event, named, owner, endpoint["id"], of, endpoint["url"])
            for event, named, owner in state.events.ids(places)
            for endpoint, of in self._listening(owner, named)
        ]

    def begin(self, deliveries: Iterable[Delivery]) -> None:
        """Begin deliveries whose changes have come to pass."""
        for delivery in deliveries:
            if len(self._open) < self._settings.most_open:
                self._open[delivery] = None
                pending = self._state.events.pending
                pending[delivery.event] = pending.get(delivery.event, 0) + 1
                self._ready.put_nowait(delivery)
                continue
            delivery.problem = f"more than {self._settings.most_open} deliveries were open"
            self._finish(delivery, Outcome.DROPPED)

    def row(self, delivery: Delivery) -> OutboxRow:
        """Return what a store keeps of a delivery until it has ended."""
        event = self._state.events.event(delivery.account, delivery.event) or {}
        return OutboxRow(delivery.event, delivery.endpoint, delivery.owner, delivery.account, event)

    def resume(self, rows: Iterable[OutboxRow]) -> None:
        """Go on with the deliveries that an earlier run did not end, from their first try."""
        self.begin(
            Delivery(
                row.event, row.content["type"], row.account, row.endpoint, row.owner, "",
                kept=row.content,
            )
            for row in rows
        )  # fmt: skip

    def clear(self) -> None:
        """Forget every delivery, finished or not."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._open.clear()
        self._finished.clear()
        self.counts.clear()
        while not self._ready.empty():
            self._ready.get_nowait()

    def start(self, loop: asyncio.AbstractEventLoop) -> "asyncio.Task[None]":
        """Deliver in the background of a loop, until the task is cancelled."""
        task = loop.create_task(self.run())
        task.add_done_callback(_report)
        return task

    async def run(self) -> None:
        """Deliver, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_AT_ONCE):
                    group.create_task(self._work())
        finally:
            for timer in self._timers.values():
                timer.cancel()

    def as_dict(self) -> dict[str, Any]:
        """Return the endpoints, the counts and the latest deliveries, the latest first."""
        endpoints = [
            {name: endpoint[name] for name in ("id", "url", "enabled_events", "status")}
            for endpoint, _ in self._endpoints(None)
        ]
        known = [*self._finished, *self._open]
        counts = {str(outcome): self.counts[outcome] for outcome in Outcome}
        return {
            "endpoints": endpoints,
            "counts": {**counts, Outcome.PENDING: len(self._open), "tries": self.counts["tries"]},
            "deliveries": [each.as_dict() for each in reversed(known)],
        }

    def _endpoints(self, account: str | None) -> Iterator[tuple[JsonObject, str]]:
        """The endpoints of an account, or of all, each with its owner."""
        for owner in self._state.accounts() if account is None else (account,):
            for endpoint in self._state.objects(_KIND, owner):
                yield endpoint, owner

    def _listening(self, account: str, named: str) -> Iterator[tuple[JsonObject, str]]:
        """The endpoints that want an event of an account."""
        for endpoint, owner in self._endpoints(account):
            if _wants(endpoint, named):
                yield endpoint, owner
        if account == self._platform:
            return
        for endpoint, owner in self._endpoints(self._platform):
            if endpoint.get("connect") and _wants(endpoint, named):
                yield endpoint, owner

    async def _work(self) -> None:
        while True:
            delivery = await self._ready.get()
            if delivery in self._open:
                await self._try(delivery)

    async def _try(self, delivery: Delivery) -> None:
        event = self._event(delivery)
        endpoint = self._state.of_kind(_KIND, delivery.endpoint, delivery.owner)
        if event is None or endpoint is None or endpoint["status"] != "enabled":
            gone = "its event is not kept any more" if event is None else "its endpoint is gone"
            delivery.problem = gone
            self._settle(delivery, Outcome.DROPPED)
            return
        if delivery.owner != delivery.account:
            event = {**event, "account": delivery.account}
        delivery.tries += 1
        delivery.url = endpoint["url"]
        self.counts["tries"] += 1
        delivery.status = None
        body = _encode(event).encode()
        try:
            delivery.status = await post(
                delivery.url, self._headers(delivery, body), body, self._settings.timeout
            )
            delivered = 200 <= delivery.status < 300
            delivery.problem = None if delivered else f"it answered {delivery.status}"
        except PostFailed as failure:
            delivered = False
            delivery.problem = str(failure)
        if delivery not in self._open:  # forgotten in the meantime
            return
        if delivered:
            self._settle(delivery, Outcome.DELIVERED)
        else:
            self._try_later(delivery)

    def _event(self, delivery: Delivery) -> JsonObject | None:
        events = self._state.events
        if delivery.kept is None:
            return events.event(delivery.account, delivery.event)
        return {**delivery.kept, "pending_webhooks": events.pending.get(delivery.event, 0)}

    def _headers(self, delivery: Delivery, body: bytes) -> Mapping[str, str]:
        secret = self.secrets.get(delivery.endpoint) or secret_of(delivery.endpoint)
        return {
            "Accept": "*/*; q=0.5, application/json",
            "Cache-Control": "no-cache",
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature_header(body, secret, int(self._wall_clock())),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }

    def _try_later(self, delivery: Delivery) -> None:
        waits = self._settings.waits
        if delivery.tries > len(waits):
            self._settle(delivery, Outcome.FAILED)
            return
        loop = asyncio.get_running_loop()
        wait = waits[delivery.tries - 1]
        self._timers[delivery] = loop.call_later(wait, self._try_again, delivery)

    def _try_again(self, delivery: Delivery) -> None:
        del self._timers[delivery]
        self._ready.put_nowait(delivery)

    def _settle(self, delivery: Delivery, outcome: Outcome) -> None:
        """End a delivery that was begun."""
        del self._open[delivery]
        pending = self._state.events.pending
        left = pending.pop(delivery.event, 1) - 1
        if left:
            pending[delivery.event] = left
        self._finish(delivery, outcome)

    def _finish(self, delivery: Delivery, outcome: Outcome) -> None:
        delivery.outcome = outcome
        self.counts[outcome] += 1
        self._finished.append(delivery)
        self._tell_finished(delivery.event, delivery.endpoint)
        if outcome is not Outcome.DELIVERED:
            _logger.warning(
                "the webhook %s of %s was %s: %s",
                delivery.type,
                delivery.endpoint,
                outcome,
                delivery.problem,
            )


def _wants(endpoint: JsonObject, named: str) -> bool:
    wanted = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and (named in wanted or EVERYTHING in wanted)


def _report(task: "asyncio.Task[None]") -> None:
    """Say so when no more webhooks will be delivered although the sandbox still serves."""
    if not task.cancelled() and task.exception() is not None:
        _logger.error("webhooks are not delivered any more", exc_info=task.exception())
