"""Holdfast makes Stripe requests hold fast.

Through locked objects, rate limits and lost connections, every request lands once, in order, and
leaves a receipt that says why it ended as it did.
"""

from typing import TYPE_CHECKING, Any

from holdfast._version import __version__
from holdfast.drivers import last_receipt
from holdfast.drivers.allowance import allowance
from holdfast.drivers.deadline import deadline
from holdfast.engine import (
    Backoff,
    Budget,
    FaultClass,
    Jitter,
    Progressive,
    Receipt,
    StopReason,
)
from holdfast.errors import DeadlineExceeded, HoldfastError, LaneFull, NotSent
from holdfast.policy import Policy

if TYPE_CHECKING:
    from holdfast.application import attempts, retrying
    from holdfast.integrations.stripe import StripeHTTPClient, stripe_client

__all__ = [
    "Backoff",
    "Budget",
    "DeadlineExceeded",
    "FaultClass",
    "HoldfastError",
    "Jitter",
    "LaneFull",
    "NotSent",
    "Policy",
    "Progressive",
    "Receipt",
    "StopReason",
    "StripeHTTPClient",
    "__version__",
    "allowance",
    "attempts",
    "deadline",
    "last_receipt",
    "progressive",
    "retrying",
    "stripe_client",
]

progressive = Progressive

# Imported when first asked for: what they need is not there for everybody, or takes time to load.
_LAZY = {
    "attempts": "holdfast.application",
    "retrying": "holdfast.application",
    "StripeHTTPClient": "holdfast.integrations.stripe",
    "stripe_client": "holdfast.integrations.stripe",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'holdfast' has no attribute {name!r}")
    from importlib import import_module

    try:
        value = getattr(import_module(_LAZY[name]), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in (
            "stripe",
            "urllib3",
            "httpx2",
        ):
            raise
        raise ModuleNotFoundError(
            f"holdfast.{name} needs the package {error.name!r}: pip install 'holdfast[stripe]'",
            name=error.name,
        ) from error
    globals()[name] = value
    return value
