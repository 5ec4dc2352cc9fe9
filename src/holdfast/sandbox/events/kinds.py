"""Which events a change makes.

One table: for each kind of object what its making, its changes and its end are called, and which
statuses have an event of their own. Source of the types: https://docs.stripe.com/api/events/types.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from holdfast.sandbox.changes import Change, JsonObject

Further = Callable[[JsonObject | None, JsonObject], Iterator[str]]


def _nothing_further(_old: JsonObject | None, _new: JsonObject) -> Iterator[str]:
    yield from ()


@dataclass(frozen=True, slots=True)
class Story:
    """The events of one kind of object.

    Attributes:
        created: when it is made.
        updated: at every change of an object that was there and is not gone.
        deleted: when it is deleted.
        reached: status -> when the object reaches it, made or changed.
        further: given the object before and after, yields what the rest cannot say.
    """

    created: str | None = None
    updated: str | None = None
    deleted: str | None = None
    reached: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    further: Further = _nothing_further


def _stored(prefix: str) -> Story:
    """The story of an object that is made, changed and deleted, and has no statuses."""
    return Story(f"{prefix}.created", f"{prefix}.updated", f"{prefix}.deleted")


def _grown(old: JsonObject | None, new: JsonObject, name: str) -> bool:
    return int(new.get(name) or 0) > int((old or {}).get(name) or 0)


def _charge(old: JsonObject | None, new: JsonObject) -> Iterator[str]:
    if old is None:
        return
    if new["captured"] and not old["captured"]:
        yield "charge.captured"
    if _grown(old, new, "amount_refunded"):
        yield "charge.refunded"


def _payment_intent(old: JsonObject | None, new: JsonObject) -> Iterator[str]:
    error = new["last_payment_error"]
    if error is not None and error != (old or {}).get("last_payment_error"):
        yield "payment_intent.payment_failed"


def _setup_intent(old: JsonObject | None, new: JsonObject) -> Iterator[str]:
    error = new["last_setup_error"]
    if error is not None and error != (old or {}).get("last_setup_error"):
        yield "setup_intent.setup_failed"


def _invoice(old: JsonObject | None, new: JsonObject) -> Iterator[str]:
    finalized = new["status_transitions"]["finalized_at"] is not None
    if finalized and (old is None or old["status_transitions"]["finalized_at"] is None):
        yield "invoice.finalized"
    if _grown(old, new, "attempt_count") and new["status"] == "open":
        yield "invoice.payment_failed"


def _card(old: JsonObject | None, new: JsonObject) -> Iterator[str]:
    if old is None and new.get("customer"):
        yield "customer.source.created"


def _payment_method(old: JsonObject | None, new: JsonObject) -> Iterator[str]:
    before, after = (old or {}).get("customer"), new["customer"]
    if after is not None and before is None:
        yield "payment_method.attached"
    elif before is not None and after is None:
        yield "payment_method.detached"
    elif old is not None:
        yield "payment_method.updated"


def _transfer(old: JsonObject | None, new: JsonObject) -> Iterator[str]:
    if _grown(old, new, "amount_reversed"):
        yield "transfer.reversed"


_STORIES: Mapping[str, Story] = {
    "account": Story(updated="account.updated"),
    "card": Story(further=_card),
    "charge": Story(
        updated="charge.updated",
        reached={"failed": ("charge.failed",), "succeeded": ("charge.succeeded",)},
        further=_charge,
    ),
    "checkout.session": Story(
        reached={
            "complete": ("checkout.session.completed",),
            "expired": ("checkout.session.expired",),
        }
    ),
    "coupon": _stored("coupon"),
    "customer": _stored("customer"),
    "discount": _stored("customer.discount"),
    "invoice": Story(
        created="invoice.created",
        updated="invoice.updated",
        deleted="invoice.deleted",
        reached={
            "paid": ("invoice.paid", "invoice.payment_succeeded"),
            "uncollectible": ("invoice.marked_uncollectible",),
            "void": ("invoice.voided",),
        },
        further=_invoice,
    ),
    "invoice_payment": Story(reached={"paid": ("invoice_payment.paid",)}),
    "invoiceitem": Story(created="invoiceitem.created", deleted="invoiceitem.deleted"),
    "payment_intent": Story(
        created="payment_intent.created",
        reached={
            "canceled": ("payment_intent.canceled",),
            "requires_action": ("payment_intent.requires_action",),
            "requires_capture": ("payment_intent.amount_capturable_updated",),
            "succeeded": ("payment_intent.succeeded",),
        },
        further=_payment_intent,
    ),
    "payment_method": Story(further=_payment_method),
    "payout": Story(
        created="payout.created",
        updated="payout.updated",
        reached={
            "canceled": ("payout.canceled",),
            "failed": ("payout.failed",),
            "paid": ("payout.paid",),
        },
    ),
    "price": _stored("price"),
    "product": _stored("product"),
    "refund": Story(
        created="refund.created", updated="refund.updated", reached={"failed": ("refund.failed",)}
    ),
    "setup_intent": Story(
        created="setup_intent.created",
        reached={
            "canceled": ("setup_intent.canceled",),
            "requires_action": ("setup_intent.requires_action",),
            "succeeded": ("setup_intent.succeeded",),
        },
        further=_setup_intent,
    ),
    # The end of a subscription is called its deletion.
    "subscription": Story(
        created="customer.subscription.created",
        updated="customer.subscription.updated",
        reached={
            "canceled": ("customer.subscription.deleted",),
            "paused": ("customer.subscription.paused",),
        },
    ),
    "test_helpers.test_clock": Story(
        created="test_helpers.test_clock.created",
        deleted="test_helpers.test_clock.deleted",
        updated="test_helpers.test_clock.ready",
    ),
    "transfer": Story(created="transfer.created", updated="transfer.updated", further=_transfer),
}

EVENT_TYPES = frozenset(
    named
    for story in _STORIES.values()
    for named in (
        story.created,
        story.updated,
        story.deleted,
        *(each for reached in story.reached.values() for each in reached),
    )
    if named is not None
) | {
    "charge.captured",
    "charge.refunded",
    "customer.source.created",
    "invoice.finalized",
    "invoice.payment_failed",
    "payment_intent.payment_failed",
    "payment_method.attached",
    "payment_method.detached",
    "payment_method.updated",
    "setup_intent.setup_failed",
    "transfer.reversed",
}
"""Every type that `types_of` can return."""

MOST_PER_CHANGE = 8
"""No change makes more events than this."""


def types_of(change: Change) -> tuple[str, ...]:
    """Return the types of the events that a change makes, in the order in which they happened."""
    story = _STORIES.get(change.kind)
    return () if story is None else tuple(_told(story, change.old, change.new))


def _told(story: Story, old: JsonObject | None, new: JsonObject | None) -> Iterator[str]:
    if new is None or "deleted" in new:
        if story.deleted is not None and old is not None:
            yield story.deleted
        return
    status = new.get("status")
    reached = story.reached.get(status, ()) if isinstance(status, str) else ()
    arrived = old is None or old.get("status") != status
    if old is None and story.created is not None:
        yield story.created
    # A subscription that ends is not told to be updated too.
    ended = arrived and any(each.endswith(".deleted") for each in reached)
    if old is not None and story.updated is not None and not ended:
        yield story.updated
    yield from story.further(old, new)
    if arrived:
        yield from reached
