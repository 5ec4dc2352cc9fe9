"""A merchant's day through the official package for Node, and what the sandbox has of it after."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from official_node import run_script

from holdfast.sandbox import Sandbox
from holdfast.sandbox.resources.balance_transactions import fee_of

SCRIPT = Path(__file__).with_name("node_story.cjs")
CONCURRENT = 24
PAYMENTS = (3000, 1500, 5000)
"""The subscription's first invoice with a quarter off, the other invoice, the payment."""
REFUNDED = 1200
EVENTS = (
    "charge.failed",
    "charge.refunded",
    "charge.succeeded",
    "coupon.created",
    "customer.created",
    "customer.subscription.created",
    "customer.updated",
    "invoice.created",
    "invoice.finalized",
    "invoice.paid",
    "payment_intent.payment_failed",
    "payment_intent.succeeded",
    "payment_method.attached",
    "price.created",
    "product.created",
    "refund.created",
)


class Story(NamedTuple):
    """What the script saw, and the sandbox that it saw it on."""

    seen: Any
    box: Sandbox


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    with Sandbox(lock_wait=0.08, hold=0.008, webhook_waits=[0.05, 0.2, 1, 5]) as box:
        job = {"port": box.port, "concurrent": CONCURRENT, "events": EVENTS}
        yield Story(run_script(SCRIPT, job, 150), box)


def test_everything_is_paid(story: Story) -> None:
    seen = story.seen
    assert seen["subscription"] == {"status": "active", "paid": 3000}
    assert seen["invoice"] == {"finalized": "open", "paid": "paid", "amount": 1500}
    assert (seen["intent"], seen["refund"]) == ("succeeded", "succeeded")
    assert seen["declined"] == {
        "type": "StripeCardError",
        "code": "card_declined",
        "declineCode": "insufficient_funds",
    }


def test_the_balance_is_what_came_in_less_fees_and_refunds(story: Story) -> None:
    ((available,), (pending,)) = story.seen["balance"].values()
    assert available["currency"] == pending["currency"] == "usd"
    came_in = sum(amount - fee_of(amount) for amount in PAYMENTS)
    assert (available["amount"], pending["amount"]) == (-REFUNDED, came_in)
    moved = story.box.objects("balance_transaction")
    assert sum(each["net"] for each in moved) == came_in - REFUNDED
    assert sorted(each["amount"] for each in moved) == sorted([*PAYMENTS, -REFUNDED])
    assert sorted(story.seen["fees"]) == sorted([0, *map(fee_of, PAYMENTS)])


def test_its_own_retries_get_every_update_through(story: Story) -> None:
    seen = story.seen
    assert (seen["updates"], seen["fields"]) == (CONCURRENT, CONCURRENT)
    timeouts = story.box.stats()["lock_timeouts"]
    assert timeouts > 0
    assert seen["attempts"] == CONCURRENT + timeouts


def test_each_effect_landed_once(story: Story) -> None:
    rows = story.box.ledger()
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    effects = Counter((row["object"], row["effect"]) for row in rows)
    posts = {row["request_id"] for row in rows if row["path"].endswith(story.seen["customer"])}
    assert len(posts) == CONCURRENT + 1  # and the default payment method
    assert effects["customer", "create"] == 1
    assert effects["subscription", "create"] == 1
    assert effects["invoice", "create"] == 2
    assert effects["invoice", "finalize"] == 1
    assert effects["invoice", "pay"] == 1
    assert effects["charge", "create"] == len(PAYMENTS) + 1  # and the one that was declined
    assert effects["charge", "refund"] == effects["refund", "create"] == 1
    assert effects["balance_transaction", "create"] == len(PAYMENTS) + 1
    assert effects["coupon", "redeem"] == 1


def test_webhooks_are_delivered_and_verified(story: Story) -> None:
    seen = story.seen
    assert set(EVENTS) <= set(seen["events"])
    assert seen["refused"] == 1
    assert seen["forged"] == len(seen["events"]) + seen["refused"]
    listed = Counter(seen["listed"])
    assert Counter(seen["events"]) <= listed
    assert listed["customer.updated"] == sum(
        1 for row in story.box.ledger() if (row["object"], row["effect"]) == ("customer", "update")
    )
