"""A local server that behaves like Stripe where requests fail: it locks, remembers and breaks.

with holdfast.sandbox.Sandbox(lock_wait=0.1, hold=0.02) as box:
    client = stripe.StripeClient("sk_test_1", base_addresses={"api": box.url})
"""

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
