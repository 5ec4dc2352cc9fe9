"""Which lanes a request enters, and what its refusals teach the lanes."""

from typing import TYPE_CHECKING

from holdfast.lanes.keys import keys_for_body, public
from holdfast.lanes.memory import MemoryLanes
from holdfast.lanes.params import decode
from holdfast.redaction import redact_path

if TYPE_CHECKING:
    from holdfast.policy import ChosenLanes, LaneRule

READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Touched:
    """The objects that a request touches, found out when they are first asked for.

    Args:
        lanes: the lanes in question.
        method: the HTTP method, in capitals.
        target: the path, with its query if it has one.
        body: the encoded body, as far as it is known.
        content_type: the request's `Content-Type`.
        owner: whose objects the ids are those of; "" for Stripe's.
    """

    __slots__ = ("_body", "_content_type", "_keys", "_lanes", "_method", "_owner", "_target")

    def __init__(
        self,
        lanes: MemoryLanes,
        method: str,
        target: str,
        body: str | bytes | None,
        content_type: str = "",
        owner: str = "",
    ) -> None:
        self._lanes = lanes
        self._method = method
        self._target = target
        self._body = body
        self._content_type = content_type
        self._owner = owner
        self._keys: tuple[str, ...] | None = None

    def entering(self, rule: "LaneRule | ChosenLanes") -> tuple[str, ...]:
        """The lanes that the request enters before its first attempt.

        Args:
            rule: the policy's `lanes`, and not "off".

        Raises:
            TypeError: a rule of the user's own gave something else than texts.
        """
        if callable(rule):
            self._keys = self._choose(rule)
            return self._keys
        if rule == "all" or (rule == "writes" and self._method not in READS):
            return self.keys()
        # Nothing was seen locked lately: the usual case of a read.
        return self._lanes.heat.hot(self.keys()) if len(self._lanes.heat) else ()

    def keys(self) -> tuple[str, ...]:
        """The objects that it names, and those that they are known to belong to."""
        if self._keys is None:
            keys = keys_for_body(self._target, self._body, self._content_type)
            if self._owner:
                self._keys = tuple(f"{self._owner}/{key}" for key in keys)
            else:
                self._keys = self._lanes.relations.with_parents(keys)
        return self._keys

    def was_locked(self) -> None:
        """The server had to give up waiting for one of the objects."""
        self._lanes.seen_locked(self.keys())

    def was_in_conflict(self) -> None:
        """The request was refused as a conflict; of a read, with the writes under way."""
        if self._method in READS:
            self._lanes.heat.mark(self._lanes.occupied(self.keys()))

    def _choose(self, rule: "ChosenLanes") -> tuple[str, ...]:
        path = self._target.partition("?")[0]
        chosen = rule(self._method, path, decode(self._target, self._body, self._content_type))
        keys = (chosen,) if isinstance(chosen, str) else tuple(chosen)
        given: tuple[object, ...] = keys
        for key in given:
            if not isinstance(key, str) or not key:
                raise TypeError(
                    f"the policy's lanes gave {key!r} for {self._method} {redact_path(path)}: "
                    "a lane's name must be a text that is not empty"
                )
        return tuple(map(public, keys))
