"""Holdfast makes Stripe requests hold fast.

Through locked objects, rate limits and lost connections, every request lands once, in order, and
leaves a receipt that says why it ended as it did.

PYTEST_DONT_REWRITE: this module may be imported before pytest, which would warn of it.
"""

from typing import TYPE_CHECKING, Any

from holdfast._version import __version__
from holdfast.lazily import lazily

if TYPE_CHECKING:
    from holdfast.application import attempts, retrying
    from holdfast.drivers import last_receipt
    from holdfast.drivers.allowance import allowance
    from holdfast.drivers.blocks import lane, serialized
    from holdfast.drivers.deadline import deadline
    from holdfast.drivers.priority import priority
    from holdfast.engine import (
        Backoff,
        Budget,
        FaultClass,
        Jitter,
        Progressive,
        Receipt,
        StopReason,
    )
    from holdfast.engine import Progressive as progressive  # noqa: N813 -- as it reads in a call
    from holdfast.errors import DeadlineExceeded, HoldfastError, LaneFull, LimiterFull, NotSent
    from holdfast.integrations.stripe import StripeHTTPClient, stripe_client
    from holdfast.policy import Policy
    from holdfast.ratelimit import Limit, RateLimits

__all__ = [
    "Backoff",
    "Budget",
    "DeadlineExceeded",
    "FaultClass",
    "HoldfastError",
    "Jitter",
    "LaneFull",
    "Limit",
    "LimiterFull",
    "NotSent",
    "Policy",
    "Progressive",
    "RateLimits",
    "Receipt",
    "StopReason",
    "StripeHTTPClient",
    "__version__",
    "allowance",
    "attempts",
    "deadline",
    "lane",
    "last_receipt",
    "priority",
    "progressive",
    "retrying",
    "serialized",
    "stripe_client",
]

# Imported when first asked for: what some need is not there for everybody, and the plugin of pytest
# is loaded in every project that has Holdfast installed, which is to cost it nothing.
_PLACES = {
    "holdfast.application": ("attempts", "retrying"),
    "holdfast.drivers": ("last_receipt",),
    "holdfast.drivers.allowance": ("allowance",),
    "holdfast.drivers.blocks": ("lane", "serialized"),
    "holdfast.drivers.deadline": ("deadline",),
    "holdfast.drivers.priority": ("priority",),
    "holdfast.engine": (
        "Backoff",
        "Budget",
        "FaultClass",
        "Jitter",
        "Progressive",
        "Receipt",
        "StopReason",
    ),
    "holdfast.errors": (
        "DeadlineExceeded",
        "HoldfastError",
        "LaneFull",
        "LimiterFull",
        "NotSent",
    ),
    "holdfast.integrations.stripe": ("StripeHTTPClient", "stripe_client"),
    "holdfast.policy": ("Policy",),
    "holdfast.ratelimit": ("Limit", "RateLimits"),
}
_ALSO = {"progressive": "Progressive"}
_public = lazily(__name__, _PLACES)


def __getattr__(name: str) -> Any:
    try:
        value = _public(_ALSO.get(name, name))
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


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
