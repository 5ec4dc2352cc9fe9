"""What a limiter is told: rates, caps on what runs at once, and what they count."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from holdfast.sandbox.patterns import EndpointPattern


class Reason(StrEnum):
    """Which limiter refused; all but the last are values of `Stripe-Rate-Limited-Reason`.

    Source: https://docs.stripe.com/rate-limits
    """

    GLOBAL_RATE = "global-rate"
    GLOBAL_CONCURRENCY = "global-concurrency"
    ENDPOINT_RATE = "endpoint-rate"
    ENDPOINT_CONCURRENCY = "endpoint-concurrency"
    RESOURCE = "resource-specific"
    ACCOUNT_CREATION = "account-creation"


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in a length of time, as a token bucket.

    Attributes:
        amount: how many requests.
        per: in how many seconds.
        burst: how many at once after a rest; by default one period's worth, which is a second's
            worth of 25 a second, and an hour's worth of 1000 an hour.
    """

    amount: float
    per: float = 1.0
    burst: float = 0.0

    @property
    def interval(self) -> float:
        """Seconds until one more request is let through."""
        return self.per / self.amount

    @property
    def capacity(self) -> float:
        """How many requests at once."""
        return max(self.burst or self.amount, 1.0)


@dataclass(frozen=True, slots=True)
class Limit:
    """Rates, all of which must be kept, and a cap on what runs at once.

    Attributes:
        rates: the rates.
        concurrency: how many requests may run at once; None does not limit them.
    """

    rates: tuple[Rate, ...] = ()
    concurrency: int | None = None

    def __bool__(self) -> bool:
        return bool(self.rates) or self.concurrency is not None


@dataclass(frozen=True, slots=True)
class EndpointLimit:
    """The limit of the endpoints that a pattern names, instead of that of every endpoint.

    Attributes:
        pattern: the endpoints; all that it names share the limit.
        limit: the limit.
        counts_globally: whether their requests count against the account's limit too.
        too_quickly: whether the 400 of accounts made too quickly answers instead of the usual 429.
    """

    pattern: EndpointPattern
    limit: Limit
    counts_globally: bool = True
    too_quickly: bool = False


@dataclass(frozen=True, slots=True)
class ResourceEndpoint:
    """A request that counts against the limit of an object.

    Attributes:
        pattern: the endpoint.
        object: what makes up the object's name: names of the pattern, or parameters with dots.
        having: parameters (`quantity`, `items.quantity`) or their values
            (`billing_cycle_anchor=now`) of which the request must have one; none means any request.
    """

    pattern: EndpointPattern
    object: tuple[str, ...]
    having: tuple[str, ...] = ()

    def object_of(self, path: str, params: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The name of the object that a request counts against; None when it counts for none."""
        if self.having and not any(_has(params, one) for one in self.having):
            return None
        names = self.pattern.path.names(path)
        parts = [names.get(one) or _text_at(params, one) for one in self.object]
        return tuple(part for part in parts if part) if all(parts) else None


@dataclass(frozen=True, slots=True)
class ResourceLimit:
    """The limit of every single object of a kind.

    Attributes:
        name: what the limit is called.
        endpoints: the requests that count.
        limit: the limit.
    """

    name: str
    endpoints: tuple[ResourceEndpoint, ...]
    limit: Limit


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits of a sandbox; each holds for every account and mode by itself.

    Attributes:
        of_account: of all requests of an account.
        of_endpoint: of every endpoint (a method and a path's template) by itself.
        endpoints: of endpoints that have limits of their own; the first that fits counts.
        resources: of single objects.
        should_retry: what `Stripe-Should-Retry` says on a refusal; None sends no such header.
    """

    of_account: Limit = field(default_factory=Limit)
    of_endpoint: Limit = field(default_factory=Limit)
    endpoints: tuple[EndpointLimit, ...] = ()
    resources: tuple[ResourceLimit, ...] = ()
    should_retry: bool | None = None

    def __bool__(self) -> bool:
        """Whether there is any limit."""
        return bool(self.of_account or self.of_endpoint or self.endpoints or self.resources)


def _values_at(tree: Any, steps: list[str]) -> list[str]:
    """The texts at a dotted path; lists on the way are entered."""
    if isinstance(tree, list):
        return [value for element in tree for value in _values_at(element, steps)]
    if not steps:
        return [tree] if isinstance(tree, str) else []
    return _values_at(tree.get(steps[0]), steps[1:]) if isinstance(tree, dict) else []


def _has(params: Mapping[str, Any], wanted: str) -> bool:
    path, equals, value = wanted.partition("=")
    found = _values_at(params, path.split("."))
    return value in found if equals else bool(found)


def _text_at(params: Mapping[str, Any], path: str) -> str:
    return next(iter(_values_at(params, path.split("."))), "")
