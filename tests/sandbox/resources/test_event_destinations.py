"""Event destinations, through the official package."""

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from holdfast.sandbox import Sandbox

START = 1_800_000_000.0
PARAMS: Any = {
    "name": "Mine",
    "enabled_events": ["customer.created"],
    "event_payload": "thin",
    "type": "webhook_endpoint",
    "webhook_endpoint": {"url": "https://example.com/hook"},
}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(lock_wait=0, hold=0, clock=lambda: START) as box:
        yield box


@pytest.fixture
def destinations(box: Sandbox) -> Any:
    client = stripe.StripeClient("sk_test_1", base_addresses={"api": box.url})
    return client.v2.core.event_destinations


def test_they_are_made_changed_turned_off_and_on_and_deleted(
    box: Sandbox, destinations: Any
) -> None:
    made = destinations.create({**PARAMS, "metadata": {"a": "b"}})
    assert isinstance(made, stripe.v2.core.EventDestination)
    assert (made.object, made.status) == ("v2.core.event_destination", "enabled")
    assert made.created == made.updated == "2027-01-15T08:00:00.000Z"
    box.clock.advance(1)
    changed = destinations.update(made.id, {"name": "Yours", "metadata": {"c": "d"}})
    assert (changed.name, changed.metadata.to_dict()) == ("Yours", {"a": "b", "c": "d"})
    assert changed.updated == "2027-01-15T08:00:01.000Z"
    off = destinations.disable(made.id)
    assert (off.status, off.status_details.disabled.reason) == ("disabled", "user")
    assert destinations.retrieve(made.id).status == "disabled"
    on = destinations.enable(made.id)
    assert (on.status, on.status_details) == ("enabled", None)
    assert destinations.delete(made.id).id == made.id
    effects = [row["effect"] for row in box.ledger()]
    assert effects == ["create", "update", "disable", "enable", "delete"]


def test_what_is_wrong_is_told(destinations: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Missing required param: name"):
        destinations.create({name: value for name, value in PARAMS.items() if name != "name"})
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: nonsense"):
        destinations.create({**PARAMS, "nonsense": "x"})
    with pytest.raises(stripe.InvalidRequestError, match="must be one of snapshot, or thin"):
        destinations.create({**PARAMS, "event_payload": "fat"})
    for call in (destinations.retrieve, destinations.delete, destinations.enable):
        with pytest.raises(stripe.InvalidRequestError, match="No such"):
            call("ed_none")


def test_a_write_locks_the_destination(box: Sandbox, destinations: Any) -> None:
    made = destinations.create(PARAMS)
    box.hold_lock(made.id, 60)
    with pytest.raises(stripe.RateLimitError, match="cannot be accessed right now"):
        destinations.update(made.id, {"name": "x"})
