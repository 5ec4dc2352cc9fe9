"""A local server that behaves like Stripe where requests fail: it locks, remembers and breaks.

with holdfast.sandbox.Sandbox(lock_wait=0.1, hold=0.02) as box:
    client = stripe.StripeClient("sk_test_1", base_addresses={"api": box.url})
"""

from typing import TYPE_CHECKING

from holdfast.lazily import lazily

if TYPE_CHECKING:
    from holdfast.sandbox.background import Background
    from holdfast.sandbox.embedded import Sandbox
    from holdfast.sandbox.faults import FaultKind
    from holdfast.sandbox.holds import Fixed, Hold, LogNormal, Sampled
    from holdfast.sandbox.lock_rules import LockRulesError
    from holdfast.sandbox.server import Bounds
    from holdfast.sandbox.store import StoreInUse
    from holdfast.sandbox.webhooks import Webhook

__all__ = [
    "Background",
    "Bounds",
    "FaultKind",
    "Fixed",
    "Hold",
    "LockRulesError",
    "LogNormal",
    "Sampled",
    "Sandbox",
    "StoreInUse",
    "Webhook",
]

# Imported when first asked for: the command line and the plugin of pytest read options with some
# modules of this package, and are not to load the server for that.
__getattr__ = lazily(
    __name__,
    {
        "holdfast.sandbox.background": ("Background",),
        "holdfast.sandbox.embedded": ("Sandbox",),
        "holdfast.sandbox.faults": ("FaultKind",),
        "holdfast.sandbox.holds": (
            "Fixed",
            "Hold",
            "LogNormal",
            "Sampled",
        ),
        "holdfast.sandbox.lock_rules": ("LockRulesError",),
        "holdfast.sandbox.server": ("Bounds",),
        "holdfast.sandbox.store": ("StoreInUse",),
        "holdfast.sandbox.webhooks": ("Webhook",),
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
