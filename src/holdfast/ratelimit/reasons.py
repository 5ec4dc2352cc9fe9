"""Which scope a refusal is about, and whether its rate or its concurrency was too high.

The reasons are the values of `Stripe-Rate-Limited-Reason` (docs.stripe.com/rate-limits).
"""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """The kinds of scopes."""

    ACCOUNT = "account"
    ENDPOINT = "endpoint"
    RESOURCE = "resource"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a refusal is about."""

    level: Level
    concurrency: bool = False


REFUSALS = {
    "global-rate": Refusal(Level.ACCOUNT),
    "global-concurrency": Refusal(Level.ACCOUNT, concurrency=True),
    "endpoint-rate": Refusal(Level.ENDPOINT),
    "endpoint-concurrency": Refusal(Level.ENDPOINT, concurrency=True),
    "resource-specific": Refusal(Level.RESOURCE),
}

# Without a reason, or with one that nobody knows: whoever slows down everything cannot be wrong
# about the server, only slower than need be, and that for some seconds.
UNEXPLAINED = Refusal(Level.ACCOUNT)


def refusal_for(reason: str | None) -> Refusal:
    """What a refusal with this reason is about."""
    return REFUSALS.get((reason or "").strip().lower(), UNEXPLAINED)
