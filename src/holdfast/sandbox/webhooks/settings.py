"""What is delivered to whom, and how patiently: the options of the sandbox's webhooks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from holdfast.sandbox.holds import check_seconds
from holdfast.sandbox.resources.webhook_endpoints import (
    EVERYTHING,
    is_event_type,
    problem_of_url,
    secret_of,
)
from holdfast.sandbox.state import JsonObject

_ID_LENGTH = 24


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver that is there from the start, without a request that creates its endpoint.

    Attributes:
        url: where it listens.
        events: the types it wants; `*` for all.
        secret: what deliveries to it are signed with. Unless given it follows from the URL and
            the types, so that it is the same in every run.
        connect: whether it gets the events of connected accounts too.

    Raises:
        ValueError: the URL or a type is no good; the message names it.
    """

    url: str
    events: tuple[str, ...] = (EVERYTHING,)
    secret: str = ""
    connect: bool = False

    def __post_init__(self) -> None:
        problem = problem_of_url(self.url)
        if problem is not None:
            raise ValueError(f"{self.url!r} is no URL of a webhook: {problem}")
        if not self.events:
            raise ValueError(f"the webhook {self.url} wants no events: name some, or * for all")
        for name in self.events:
            if not is_event_type(name):
                raise ValueError(
                    f"{name!r} is no type of an event: write one such as customer.created, or *"
                )
        object.__setattr__(self, "secret", self.secret or secret_of(self.endpoint_id))

    @property
    def endpoint_id(self) -> str:
        """The id of its webhook endpoint."""
        text = " ".join((self.url, *self.events))
        return "we_" + sha256(text.encode()).hexdigest()[:_ID_LENGTH]

    def endpoint(self, now: int) -> JsonObject:
        """Return its webhook endpoint, made at an instant in unix seconds."""
        fields: dict[str, Any] = {"connect": True} if self.connect else {}
        return {
            "id": self.endpoint_id,
            "object": "webhook_endpoint",
            "api_version": None,
            "application": None,
            "created": now,
            "description": "given when the sandbox was started",
            "enabled_events": list(self.events),
            "livemode": False,
            "metadata": {},
            "status": "enabled",
            "url": self.url,
            **fields,
        }


def parse_webhook(text: str) -> Webhook:
    """Read the option `--webhook`: a URL, and behind commas the types of the events it gets.

    Raises:
        ValueError: the URL or a type is no good.
    """
    url, *events = text.split(",")
    return Webhook(url, tuple(events)) if events else Webhook(url)


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How patiently events are delivered.

    Attributes:
        waits: how long to wait before each further try, in seconds. Stripe tries three more times
            over a few hours in a sandbox, and for three days in live mode
            (https://docs.stripe.com/webhooks#retries); here it is seconds.
        timeout: how long a receiver may take to answer, in seconds.
        most_open: how many deliveries may be under way or wait for another try; more are dropped,
            and shown as such.
        shown: how many finished deliveries `GET /_sandbox/webhooks` shows.

    Raises:
        ValueError: a number is out of its range; the message names it.
    """

    waits: tuple[float, ...] = (1.0, 5.0, 25.0)
    timeout: float = 10.0
    most_open: int = 10_000
    shown: int = 1_000

    def __post_init__(self) -> None:
        waits = tuple(check_seconds("webhook_waits", wait) for wait in self.waits)
        object.__setattr__(self, "waits", waits)
        if check_seconds("webhook_timeout", self.timeout) == 0:
            raise ValueError("webhook_timeout is 0: give a number above 0 and at most 3600")


def as_webhooks(given: Sequence[str | Webhook]) -> tuple[Webhook, ...]:
    """Return webhooks, made of URLs where that is all that was given.

    Raises:
        ValueError: a URL or a type is no good, or an endpoint is given twice.
    """
    webhooks = tuple(each if isinstance(each, Webhook) else Webhook(each) for each in given)
    seen: Mapping[str, Webhook] = {each.endpoint_id: each for each in webhooks}
    if len(seen) < len(webhooks):
        raise ValueError("two webhooks have the same URL and events: give each once")
    return webhooks
