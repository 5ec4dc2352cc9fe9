"""How fast an account may go: what a user tells, and the numbers that Stripe publishes.

The table is that of docs.stripe.com/rate-limits (read on 2026-04-30). Stripe may set other numbers
for an account, so they bind only who asks for them: `Policy(rate_limit="stripe")`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

_FASTEST = 1_000_000.0
_TEST_KEYS = ("sk_test_", "rk_test_", "pk_test_")


def _check(name: str, value: float | None, low: float, high: float, unit: str) -> None:
    if value is not None and not low <= value <= high:
        raise ValueError(f"{name} is {value}: it must be from {low:g} to {high:g} {unit}")


@dataclass(frozen=True, slots=True)
class Limit:
    """The limit of one scope: an account, an endpoint or a resource.

    Attributes:
        rate: requests a second; None for what only refusals can tell.
        burst: how many may go at once after a pause; None for what goes in a tenth of a second,
            and at least 2, so that a late wake-up loses nothing. In any time `t` at most
            `rate * t + burst` requests go.
        concurrency: how many may be under way at once; None for what only refusals can tell.
        apart: whether they do not count against the account's limit.

    Raises:
        ValueError: a number is out of its range.
    """

    rate: float | None = None
    burst: float | None = None
    concurrency: int | None = None
    apart: bool = False

    def __post_init__(self) -> None:
        _check("rate", self.rate, 1e-6, _FASTEST, "requests a second")
        _check("burst", self.burst, 1, _FASTEST, "requests")
        _check("concurrency", self.concurrency, 1, _FASTEST, "requests")

    @property
    def is_told(self) -> bool:
        """Whether anything is known before the first refusal."""
        return self.rate is not None or self.concurrency is not None


UNLIMITED = Limit()


@dataclass(frozen=True, kw_only=True)
class RateLimits:
    """The limits of an account, as far as they are known.

    A pattern is a method and a path, such as `POST /v1/customers/{id}`: `{…}` stands for an id,
    `*` for any one segment, `/**` at the end for whatever follows, and `*` as the method for
    every method. Of several patterns that fit, the first counts.

    Attributes:
        account: of all requests together.
        endpoint: of each endpoint (a method with a path, whatever the ids) that `endpoints` does
            not name.
        endpoints: of all requests together that fit a pattern.
        resources: of each object, by the first id in the path, over the requests that fit a
            pattern.
        interactive_share: while both wait, the share of `interactive` calls; `background` ones
            have the rest. Whoever waits alone has all of it.

    Raises:
        ValueError: a pattern or the share is not what it has to be.
    """

    account: Limit = UNLIMITED
    endpoint: Limit = UNLIMITED
    endpoints: Mapping[str, Limit] = field(default_factory=dict)
    resources: Mapping[str, Limit] = field(default_factory=dict)
    interactive_share: float = 0.8
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check("interactive_share", self.interactive_share, 0.0, 1.0, "of the tokens")
        for name in ("endpoints", "resources"):
            # A copy: who changes the mapping later must not change us.
            object.__setattr__(self, name, dict(getattr(self, name)))
            for pattern in getattr(self, name):
                method, _, path = pattern.partition(" ")
                if not method or not path.startswith("/"):
                    raise ValueError(
                        f"{name} has the pattern {pattern!r}: write a method and a path, such as "
                        "'POST /v1/customers/{id}'"
                    )
        tables = (tuple(self.endpoints.items()), tuple(self.resources.items()))
        known = (self.account, self.endpoint, tables, self.interactive_share)
        object.__setattr__(self, "_hash", hash(known))

    @property
    def is_told(self) -> bool:
        """Whether anything is known before the first refusal."""
        tables = (self.endpoints, self.resources)
        return self.account.is_told or self.endpoint.is_told or any(tables)

    def __hash__(self) -> int:
        return self._hash  # limiters are found by it, a call at a time


RateLimit = float | Literal["stripe"] | RateLimits | None
"""What a policy may tell: nothing, a rate, the published numbers, or numbers of one's own."""

UNKNOWN = RateLimits()


@dataclass(frozen=True, slots=True)
class Published:
    """A row of Stripe's page: what is limited, for live keys and in a sandbox."""

    what: str
    pattern: str
    live: Limit
    sandbox: Limit
    per: Literal["account", "endpoint", "pattern", "resource"]


_SEARCH, _FILES, _PAYOUTS = Limit(20), Limit(20), Limit(15, concurrency=30)
# 1,000 an hour: half of them at once and the rest spread out, so that no hour has more.
_UPDATES = Limit(500 / 3600, burst=500)

PUBLISHED = (
    Published("all requests", "", Limit(100), Limit(25), "account"),
    Published("each endpoint", "", Limit(25), Limit(25), "endpoint"),
    Published("searches", "GET /v1/*/search", _SEARCH, _SEARCH, "pattern"),
    Published("reading files", "GET /v1/files/**", _FILES, _FILES, "pattern"),
    Published("writing files", "POST /v1/files", _FILES, _FILES, "pattern"),
    Published("creating payouts", "POST /v1/payouts", _PAYOUTS, _PAYOUTS, "pattern"),
    Published("creating accounts", "POST /v1/accounts", Limit(30), Limit(5), "pattern"),
    # In a sandbox they count as any other request does.
    Published(
        "meter events",
        "POST /v1/billing/meter_events",
        Limit(1000, apart=True),
        Limit(25),
        "pattern",
    ),
    Published(
        "updates of one PaymentIntent",
        "POST /v1/payment_intents/{id}/**",
        _UPDATES,
        _UPDATES,
        "resource",
    ),
)


def published_limits(*, live: bool) -> RateLimits:
    """The limits that Stripe publishes, for live keys or for a sandbox."""
    kinds = ("account", "endpoint", "pattern", "resource")
    by: dict[str, dict[str, Limit]] = {kind: {} for kind in kinds}
    for row in PUBLISHED:
        by[row.per][row.pattern] = row.live if live else row.sandbox
    return RateLimits(
        account=by["account"][""],
        endpoint=by["endpoint"][""],
        endpoints=by["pattern"],
        resources=by["resource"],
    )


_LIVE, _SANDBOX = published_limits(live=True), published_limits(live=False)


def limits_for(told: RateLimit, authorization: str | None) -> RateLimits:
    """The limits that a policy tells.

    Args:
        told: the policy's `rate_limit`.
        authorization: the request's `Authorization`; a test key has a sandbox's numbers.
    """
    if told is None:
        return UNKNOWN
    if isinstance(told, RateLimits):
        return told
    if told != "stripe":
        return _of_rate(told)
    key = (authorization or "").rpartition(" ")[2]
    return _SANDBOX if key.startswith(_TEST_KEYS) else _LIVE


@lru_cache(64)
def _of_rate(rate: float) -> RateLimits:
    return RateLimits(account=Limit(rate))


def check_rate_limit(told: object) -> None:
    """Raise ValueError, with a sentence, for what is no `rate_limit` of a policy."""
    if told is None or told == "stripe" or isinstance(told, RateLimits):
        return
    number = told if isinstance(told, int | float) and not isinstance(told, bool) else 0
    if not 1e-6 <= number <= _FASTEST:
        raise ValueError(
            f"rate_limit is {told!r}: it must be None (learned from refusals), 'stripe' (the "
            "published numbers), requests a second above 0, or RateLimits(...)"
        )
