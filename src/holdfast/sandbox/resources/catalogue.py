"""All resources and operations of the sandbox."""

from typing import Any

from holdfast.sandbox.resources import (
    accounts,
    balance,
    balance_transactions,
    charges,
    checkout_sessions,
    coupons,
    customers,
    discounts,
    event_destinations,
    event_objects,
    invoiceitems,
    invoices,
    payment_intents,
    payment_methods,
    payouts,
    prices,
    products,
    refunds,
    setup_intents,
    subscriptions,
    test_clocks,
    transfers,
    webhook_endpoints,
)
from holdfast.sandbox.resources.operations import Resource
from holdfast.sandbox.resources.routing import Routes
from holdfast.sandbox.state import JsonObject

_MODULES = (
    accounts,
    balance_transactions,
    charges,
    checkout_sessions,
    coupons,
    customers,
    invoiceitems,
    invoices,
    payment_intents,
    payment_methods,
    payouts,
    prices,
    products,
    refunds,
    setup_intents,
    subscriptions,
    test_clocks,
    transfers,
    webhook_endpoints,
)
# Operations on what is no stored kind of its own.
_MORE = (balance, discounts, event_destinations, event_objects)
ROUTES = Routes(
    [
        *(operation for module in _MODULES for operation in module.OPERATIONS),
        *(operation for module in _MORE for operation in module.OPERATIONS),
    ]
)
_RESOURCES: dict[str, Resource] = {module.RESOURCE.kind: module.RESOURCE for module in _MODULES} | {
    invoices.PAYMENTS.kind: invoices.PAYMENTS
}

# Kinds that have no operations of their own but are named by others.
KINDS = frozenset(_RESOURCES) | {"card", "discount", "item", "transfer_reversal"}


def completed(obj: JsonObject) -> JsonObject:
    """Return an object with the fields that a new one of its kind has and this one lacks.

    Operations count on these fields, so an object that was written by hand, as in a seed file, is
    completed before it is put. Fields without a usual value, such as an amount, are not invented.

    Args:
        obj: an object with `object` and `id`.

    Raises:
        KeyError: `object` is none of `KINDS`.
    """
    kind = obj["object"]
    if kind not in KINDS:
        raise KeyError(kind)
    resource = _RESOURCES.get(kind)
    usual: dict[str, Any] = {"metadata": {}}
    if resource is not None:
        usual.update(resource.initial)
    return {**usual, **obj}
