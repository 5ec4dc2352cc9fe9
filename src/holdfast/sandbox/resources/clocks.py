"""Which time a request lives in: that of its customer's test clock, or everybody's.

Source: https://docs.stripe.com/billing/testing/test-clocks.
"""

from collections.abc import Iterator

from holdfast.sandbox.resources.routing import Request
from holdfast.sandbox.state import JsonObject, Transaction

KIND = "test_helpers.test_clock"
_NAMING = ("customer", "invoice", "subscription", "test_clock")


def set_time(request: Request) -> None:
    """Let a request happen at the frozen time of the test clock that its objects belong to."""
    tx = request.tx
    if not tx.has(KIND):
        return
    for named in _named(request):
        clock = _clock_of(tx, named)
        if clock is not None:
            tx.now = clock["frozen_time"]
            return


def _named(request: Request) -> Iterator[str]:
    yield from request.ids.values()
    for name in _NAMING:
        value = request.params.get(name)
        if isinstance(value, str):
            yield value


def _clock_of(tx: Transaction, named: str) -> JsonObject | None:
    obj = tx.find(named)
    if obj is None or obj["object"] == KIND:
        return obj
    owner = obj.get("customer")
    customer = tx.get("customer", owner) if isinstance(owner, str) else None
    clock = obj.get("test_clock") or (customer or {}).get("test_clock")
    return tx.get(KIND, clock) if clock else None
