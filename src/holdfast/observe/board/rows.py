"""A call as a snapshot shows it."""

from holdfast.engine import Receipt
from holdfast.observe.reconcile import how_to_reconcile, why_unsure

UNSURE = 50
"""How many calls in doubt are kept, the newest; all of them are counted."""


def call_row(receipt: Receipt) -> dict[str, object]:
    """A call with its attempts."""
    return {**receipt.as_dict(), "endpoint": receipt.endpoint}


def unsure_row(receipt: Receipt, now: float) -> dict[str, object]:
    """A call in doubt, with why it is and what to do about it now."""
    why, how = why_unsure(receipt), how_to_reconcile(receipt, now)
    return {**call_row(receipt), "why": why, "how": how}
