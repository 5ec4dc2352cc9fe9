"""The limiters at work: a request passes all of them, or is refused by the first that says no.

A refused request costs nothing: no limiter counts it.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, NamedTuple

from holdfast.sandbox import errors
from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.limits.buckets import Buckets, Running
from holdfast.sandbox.limits.model import (
    EndpointLimit,
    Limit,
    Limits,
    Reason,
    ResourceEndpoint,
    ResourceLimit,
)

Pass = tuple[Hashable, ...]
"""What a request that was let through occupies until it has ended."""
_MOST_ENDPOINTS = 4096


class _Gate(NamedTuple):
    """One limit on a request's way."""

    name: Hashable
    limit: Limit
    rate_reason: Reason
    concurrency_reason: Reason
    too_quickly: bool = False


class _Endpoint(NamedTuple):
    """What the limits say about one endpoint."""

    own: EndpointLimit | None
    resources: tuple[tuple[ResourceLimit, ResourceEndpoint], ...]


class Limiter:
    """Lets requests through, or refuses them.

    Args:
        limits: the limits.
        now: the time, in seconds.

    Attributes:
        refused: how many requests were refused, by reason.
    """

    def __init__(self, limits: Limits, now: Callable[[], float]) -> None:
        self.refused: Counter[str] = Counter()
        self._limits = limits
        self._now = now
        self._buckets = Buckets()
        self._running = Running()
        self._endpoints: dict[tuple[str, str], _Endpoint] = {}

    def __len__(self) -> int:
        """How many buckets and counts are kept."""
        return len(self._buckets) + len(self._running)

    def enter(
        self,
        owner: Hashable,
        method: str,
        path: str,
        template: str | None,
        params: Mapping[str, Any],
    ) -> Pass:
        """Let a request through.

        Args:
            owner: the account and mode whose limits count.
            method: of the request.
            path: of the request.
            template: of its operation's path; None when there is no such operation.
            params: of the request.

        Returns:
            What to give to `leave` when the request has ended.

        Raises:
            ApiError: 429 with the reason, or 400 where Stripe answers so; nothing was counted.
        """
        now = self._now()
        gates = list(self._gates(owner, method, path, template, params))
        for gate in gates:
            limit = gate.limit
            for place, rate in enumerate(limit.rates):
                if not self._buckets.has_token((gate.name, place), rate, now):
                    raise self._refusal(gate, gate.rate_reason)
            if (
                limit.concurrency is not None
                and self._running.count(gate.name) >= limit.concurrency
            ):
                raise self._refusal(gate, gate.concurrency_reason)
        occupied = []
        for gate in gates:
            for place, rate in enumerate(gate.limit.rates):
                self._buckets.take((gate.name, place), rate, now)
            if gate.limit.concurrency is not None:
                self._running.enter(gate.name)
                occupied.append(gate.name)
        return tuple(occupied)

    def leave(self, occupied: Pass) -> None:
        """A request that was let through has ended."""
        for name in occupied:
            self._running.leave(name)

    def rest(self) -> None:
        """Fill every bucket, as if no request had come for long. What runs still counts."""
        self._buckets = Buckets()

    def _gates(
        self,
        owner: Hashable,
        method: str,
        path: str,
        template: str | None,
        params: Mapping[str, Any],
    ) -> Iterator[_Gate]:
        account = self._limits.of_account
        of_account = _Gate(owner, account, Reason.GLOBAL_RATE, Reason.GLOBAL_CONCURRENCY)
        if template is None:
            yield of_account
            return
        endpoint = self._endpoint(method, template)
        if endpoint.own is None or endpoint.own.counts_globally:
            yield of_account
        yield self._endpoint_gate(owner, method, template, endpoint.own)
        for resource, counted in endpoint.resources:
            found = counted.object_of(path, params)
            if found is not None:
                name = (owner, resource.name, found)
                yield _Gate(name, resource.limit, Reason.RESOURCE, Reason.RESOURCE)

    def _endpoint_gate(
        self, owner: Hashable, method: str, template: str, own: EndpointLimit | None
    ) -> _Gate:
        rate, concurrency = Reason.ENDPOINT_RATE, Reason.ENDPOINT_CONCURRENCY
        if own is None:
            name = (owner, method, template)
            return _Gate(name, self._limits.of_endpoint, rate, concurrency)
        shared = (owner, str(own.pattern))
        return _Gate(shared, own.limit, rate, concurrency, own.too_quickly)

    def _endpoint(self, method: str, template: str) -> _Endpoint:
        key = (method, template)
        found = self._endpoints.get(key)
        if found is not None:
            return found
        if len(self._endpoints) >= _MOST_ENDPOINTS:
            self._endpoints.clear()
        limits = self._limits
        own = next((one for one in limits.endpoints if one.pattern.meets_template(*key)), None)
        counted = [
            (resource, next((one for one in resource.endpoints if _meets(one, key)), None))
            for resource in limits.resources
        ]
        resources = tuple((resource, one) for resource, one in counted if one is not None)
        return self._endpoints.setdefault(key, _Endpoint(own, resources))

    def _refusal(self, gate: _Gate, reason: Reason) -> ApiError:
        if gate.too_quickly:
            self.refused[Reason.ACCOUNT_CREATION] += 1
            return errors.too_quickly()
        self.refused[reason] += 1
        return errors.rate_limited(reason, should_retry=self._limits.should_retry)


def _meets(one: ResourceEndpoint, endpoint: tuple[str, str]) -> bool:
    return one.pattern.meets_template(*endpoint)
