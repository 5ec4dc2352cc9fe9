"""From a request to its scopes: its endpoint, and the object that has a limit of its own."""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.paths import template
from holdfast.ratelimit.limits import Limit, RateLimits

# Endpoints whose route is remembered. An API has fewer; paths of some other form may have more.
_REMEMBERED = 2048


@dataclass(frozen=True, slots=True)
class Route:
    """What all requests to one endpoint have in common.

    Attributes:
        name: the scope's name: the endpoint, or the pattern of the limit that it shares.
        limit: what is known of it.
        resource: the limit of each object, if one is known, by the name of its pattern.
    """

    name: str
    limit: Limit
    resource: tuple[str, Limit] | None


class Routes:
    """Finds the route of a request.

    Args:
        limits: what is known of the account.
    """

    __slots__ = ("_endpoint", "_known", "_patterns", "_resources")

    def __init__(self, limits: RateLimits) -> None:
        self._endpoint = limits.endpoint
        self._patterns = [(_compile(p), p, limit) for p, limit in limits.endpoints.items()]
        self._resources = [(_compile(p), p, limit) for p, limit in limits.resources.items()]
        self._known: dict[str, Route] = {}

    def find(self, method: str, path: str) -> Route:
        """The route of a request, from its method and its path without a query."""
        endpoint = f"{method} {template(path)}"
        route = self._known.get(endpoint)
        if route is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            route = self._known[endpoint] = self._make(endpoint)
        return route

    def _make(self, endpoint: str) -> Route:
        resource = next(
            ((name, limit) for fits, name, limit in self._resources if fits(endpoint)), None
        )
        for fits, name, limit in self._patterns:
            if fits(endpoint):
                return Route(name, limit, resource)
        return Route(endpoint, self._endpoint, resource)


def _compile(pattern: str) -> Callable[[str], object]:
    method, _, path = pattern.partition(" ")
    below = path.endswith("/**")
    words = re.split(r"({[^/{}]*}|\*)", path.removesuffix("/**"))
    # The words between are plain text, every second one is a wildcard.
    parts = [
        re.escape(word) if even else (r"[^/]+" if word == "*" else r"\{id\}")
        for even, word in zip(itertools.cycle((True, False)), words, strict=False)
    ]
    verb = "[A-Z]+" if method == "*" else re.escape(method.upper())
    return re.compile(f"{verb} {''.join(parts)}{'(?:/.*)?' if below else ''}").fullmatch
