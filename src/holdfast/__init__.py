"""Holdfast makes Stripe requests hold fast.

Through locked objects, rate limits and lost connections, every request lands once, in order, and
leaves a receipt that says why it ended as it did.
"""

from typing import TYPE_CHECKING, Any

from holdfast._version import __version__
from holdfast.deadline import deadline
from holdfast.drivers import last_receipt
from holdfast.engine import Backoff, Budget, FaultClass, Jitter, Receipt, StopReason
from holdfast.errors import DeadlineExceeded, HoldfastError, LaneFull, NotSent
from holdfast.policy import Policy

if TYPE_CHECKING:
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
    "Receipt",
    "StopReason",
    "StripeHTTPClient",
    "__version__",
    "deadline",
    "last_receipt",
    "stripe_client",
]

# Imported when first asked for: the core needs nothing but the standard library.
_LAZY = {
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
