"""A look at a limiter from outside: how fast each scope goes, and what it may."""

import heapq
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from holdfast.ratelimit.scope import Scope
    from holdfast.ratelimit.scopes import Scopes


@dataclass(frozen=True, slots=True)
class ScopeReading:
    """How a scope does.

    Attributes:
        name: `account`, an endpoint such as `POST /v1/customers`, or an object with its kind of
            requests, such as `write pi_1`.
        rate: attempts that were sent in the last second.
        limit: how many may be sent a second; infinite if it has no bound now.
        concurrency: how many may be under way at once, likewise.
        under_way: how many are.
        waiting: how many calls wait for it.
        is_cut: whether a refusal still slows it down.
    """

    name: str
    rate: float
    limit: float
    concurrency: float
    under_way: int
    waiting: int
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent in the last second.

    Attributes:
        requests: method and path of each, or of the last ones where there were too many to keep.
        seconds: the time in which these were sent.
    """

    requests: tuple[tuple[str, str], ...]
    seconds: float

    def rates(self, scopes: "Scopes") -> dict[str, float]:
        """Requests a second, by the names of the scopes that they count for."""
        numbers: Counter[str] = Counter()
        for (method, path), number in Counter(self.requests).items():
            for name in scopes.covering(method, path):
                numbers[name] += number
        return {name: number / self.seconds for name, number in numbers.items()}


def liveliest(scopes: "Iterable[Scope]", limit: int) -> "list[Scope]":
    """The scopes that most is to be told of: cut ones, then those waited for, then busy ones."""
    return heapq.nlargest(limit, scopes, key=lambda one: (one.is_cut, one.awaited, one.under_way))


def read(scope: "Scope", rates: dict[str, float]) -> ScopeReading:
    """Read a scope. Whoever calls it holds the mutex."""
    return ScopeReading(
        name=scope.name,
        rate=rates.get(scope.name, 0.0),
        limit=scope.rate.value,
        concurrency=_whole(scope.concurrency.value),
        under_way=scope.under_way,
        waiting=scope.awaited,
        is_cut=scope.is_cut,
    )


def _whole(concurrency: float) -> float:
    return concurrency if concurrency == math.inf else math.floor(concurrency)
