"""Stripe's rate limiters: which requests are let through, and what the others are told.

Scopes, numbers and reasons are those of https://docs.stripe.com/rate-limits.
"""

from holdfast.sandbox.limits.limiter import Limiter, Pass
from holdfast.sandbox.limits.model import Limits, Reason
from holdfast.sandbox.limits.reading import read_limits

__all__ = ["Limiter", "Limits", "Pass", "Reason", "read_limits"]
