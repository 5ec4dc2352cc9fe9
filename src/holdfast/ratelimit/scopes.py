"""The scopes of one account: itself, and the endpoints and objects that have a limit of their own.

Scopes are made when a limit is told or a refusal learns one, and go when a new one would be just
like them. What is not limited costs a line in a short memory of what was sent.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from holdfast.paths import first_id
from holdfast.ratelimit.limits import UNLIMITED, Limit, RateLimits
from holdfast.ratelimit.reasons import Level
from holdfast.ratelimit.routes import Routes
from holdfast.ratelimit.scope import Scope
from holdfast.ratelimit.survey import ScopeReading, Sent, read

if TYPE_CHECKING:
    from holdfast.ratelimit.admission import Admission

# What was sent lately, to measure a rate by: at most so many requests of the last so many seconds.
_REMEMBERED = 1000
_WINDOW = 1.0
# Endpoints and objects beyond this number push out those that were not used for longest.
_MOST = 10_000
# How many are looked at for each that comes, whether they can go.
_SWEPT = 4


@dataclass(frozen=True, slots=True)
class ScopeState:
    """How a scope stands.

    Attributes:
        rate: requests a second; infinite if it has no bound now.
        concurrency: how many may be under way at once, likewise.
        under_way: how many are.
        is_cut: whether a refusal still slows it down.
        level: what kind of scope it is.
    """

    rate: float
    concurrency: float
    under_way: int
    is_cut: bool
    level: Level


class Scopes:
    """The scopes of one account. Whoever calls it holds the mutex.

    Args:
        limits: what is known of the account.
        recovered: is told the name of a scope that no refusal slows down any more.
    """

    def __init__(
        self, limits: RateLimits, recovered: Callable[[str], object] = lambda _: None
    ) -> None:
        self._recovered = recovered
        self._told = limits.is_told
        # Whether only the account itself has a limit, as far as is told.
        self._plain = not (limits.endpoint.is_told or limits.endpoints or limits.resources)
        self._routes = Routes(limits)
        self._others: OrderedDict[str, Scope] = OrderedDict()
        self._sent: deque[tuple[float, str, str]] = deque(maxlen=_REMEMBERED)
        self._under_way: set[Admission] = set()
        self._learned_objects = False
        self.account = Scope("account", limits.account)
        self._account_only = (self.account,)
        # Without any limit there is nothing to look at.
        self.bounded = self._told

    def of(self, who: "Admission", now: float) -> tuple[Scope, ...]:
        """The scopes that a call needs tokens of."""
        if not self.bounded:
            return ()
        if self._plain and not self._others:
            return self._account_only
        route = self._routes.find(who.method, who.path)
        endpoint = self._find(route.name, route.limit, now)
        scopes = () if route.limit.apart else self._account_only
        if endpoint is not None:
            scopes = (*scopes, endpoint)
        name = None
        if route.resource is not None or self._learned_objects:
            name = self._names(who.method, who.path)[1]
        if name is None:
            return scopes
        limit = UNLIMITED if route.resource is None else route.resource[1]
        resource = self._find(name, limit, now, of_object=True)
        return scopes if resource is None else (*scopes, resource)

    def admit(self, who: "Admission", scopes: tuple[Scope, ...], now: float) -> None:
        """Take the tokens of a request that is sent now."""
        for scope in scopes:
            scope.take(who, now)
        who.held = scopes
        who.at = now
        who.is_sent = True
        self._sent.append((now, who.method, who.path))
        self._under_way.add(who)

    def take_back(self, who: "Admission") -> None:
        """Undo `admit`: it was never sent."""
        self._under_way.discard(who)
        who.is_sent = False
        for scope in who.held:
            scope.give_back(who)
        who.held = ()

    def end(self, who: "Admission", now: float) -> bool:
        """The request has been answered. True: somebody may wait for that."""
        self._under_way.discard(who)
        who.is_sent = False
        held, who.held = who.held, ()
        for scope in held:
            was_cut = scope.concurrency.is_cut
            scope.end(who.at, now)
            if was_cut and not scope.is_cut:
                self._recovered(scope.name)
        return bool(held)

    def refused(self, level: Level, who: "Admission", now: float) -> Scope:
        """The scope of a level that a refused request belongs to; from now on it has limits."""
        if not self.bounded:
            self.bounded = True
            self._adopt(self.account)
        if level is Level.ACCOUNT:
            return self.account
        route = self._routes.find(who.method, who.path)
        name, resource = self._names(who.method, who.path)
        limit, of_object = route.limit, False
        if level is Level.RESOURCE and resource is not None:
            name, of_object, self._learned_objects = resource, True, True
            limit = UNLIMITED if route.resource is None else route.resource[1]
        scope = self._others.get(name)
        if scope is None:
            scope = self._make(name, limit, now, of_object=of_object)
            self._adopt(scope)
        return scope

    def measured(self, scope: Scope, now: float) -> float:
        """How many requests of a scope were sent in the last second; at least 1."""
        sent = 0
        for at, method, path in reversed(self._sent):
            if at <= now - _WINDOW:
                break
            sent += self._covers(scope, method, path)
        return max(1.0, sent / _WINDOW)

    def grow(self, scopes: Iterable[Scope], now: float) -> None:
        """Recover from cuts as time passes."""
        for scope in scopes:
            if scope.rate.is_cut:
                scope.grow(partial(self.measured, scope, now), now)
                if not scope.is_cut:
                    self._recovered(scope.name)

    def settle(self, now: float) -> None:
        """Forget that there were limits, once none is left; nobody may be waiting."""
        if self._told or self.account.is_bounded:
            return
        self._drop_idle(now, most=_SWEPT)
        self.bounded = bool(self._others)

    def states(self, now: float) -> dict[str, ScopeState]:
        """How each scope stands, by its name."""
        scopes = self.all()
        self.grow(scopes, now)
        return {
            scope.name: ScopeState(
                scope.rate.value,
                scope.concurrency.value,
                scope.under_way,
                scope.is_cut,
                self._level(scope),
            )
            for scope in scopes
        }

    @property
    def in_flight(self) -> int:
        """How many requests are under way, whatever limits there are."""
        return len(self._under_way)

    def _level(self, scope: Scope) -> Level:
        if scope is self.account:
            return Level.ACCOUNT
        return Level.RESOURCE if scope.of_object else Level.ENDPOINT

    def all(self) -> tuple[Scope, ...]:
        """Every scope that exists now, the account first."""
        return (*self._account_only, *self._others.values())

    def sent_lately(self, now: float) -> Sent:
        """What was sent in the last second, as far as it is remembered."""
        lately = [sent for sent in self._sent if sent[0] > now - _WINDOW]
        full = len(lately) == _REMEMBERED
        seconds = max(now - lately[0][0], 1e-6) if full else _WINDOW
        return Sent(tuple((method, path) for _, method, path in lately), seconds)

    def covering(self, method: str, path: str) -> tuple[str, ...]:
        """The names of the scopes that a request counts for, whether or not they exist.

        This one may be asked without the mutex: it reads what never changes, and the memory of
        routes is filled by whole entries.
        """
        endpoint, of_object = self._names(method, path)
        names = (endpoint,) if of_object is None else (endpoint, of_object)
        apart = not self._plain and self._routes.find(method, path).limit.apart
        return names if apart else (self.account.name, *names)

    def reading(self, scope: Scope, rates: dict[str, float], now: float) -> ScopeReading:
        """How a scope does, given the rates that were seen."""
        self.grow((scope,), now)
        reading = read(scope, rates)
        if scope is self.account and not self.bounded:
            # Nobody takes tokens of it, so it does not count those under way either.
            return replace(reading, under_way=self.in_flight)
        return reading

    def _find(
        self, name: str, limit: Limit, now: float, *, of_object: bool = False
    ) -> Scope | None:
        scope = self._others.get(name)
        if scope is not None:
            self._others.move_to_end(name)
        elif limit.is_told:
            scope = self._make(name, limit, now, of_object=of_object)
        return scope

    def _make(self, name: str, limit: Limit, now: float, *, of_object: bool) -> Scope:
        # More go than come, so the idle ones are never many.
        self._drop_idle(now, most=_SWEPT)
        scope = self._others[name] = Scope(name, limit, of_object=of_object)
        return scope

    def _drop_idle(self, now: float, *, most: int) -> None:
        for _ in range(min(most, len(self._others))):
            name, scope = next(iter(self._others.items()))
            self.grow((scope,), now)
            surplus = len(self._others) >= _MOST and not scope.awaited
            if surplus or scope.is_idle(now):
                del self._others[name]
            else:
                self._others.move_to_end(name)

    def _adopt(self, scope: Scope) -> None:
        """Count the requests that are under way already."""
        for who in self._under_way:
            if scope not in who.held and self._covers(scope, who.method, who.path):
                who.held = (*who.held, scope)
                scope.under_way += 1

    def _covers(self, scope: Scope, method: str, path: str) -> bool:
        if scope is self.account:
            return self._plain or not self._routes.find(method, path).limit.apart
        return scope.name in self._names(method, path)

    def _names(self, method: str, path: str) -> tuple[str, str | None]:
        """The names of a request's endpoint and object."""
        route = self._routes.find(method, path)
        object_id = first_id(path)
        if object_id is None:
            return route.name, None
        # Without a limit that says more: an object's reads, or its writes.
        kind = "GET" if method == "GET" else "write"
        return route.name, f"{route.resource[0] if route.resource else kind} {object_id}"
