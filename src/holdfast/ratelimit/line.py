"""Those who wait for the same scopes: first come first served within a priority.

A call that was refused asks again; it came before all who were never sent, so it goes before them.
So does a call that was next elsewhere, when a limit came up that it has to wait for as well.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from holdfast.ratelimit.priority import Priority
from holdfast.ratelimit.scope import Scope

if TYPE_CHECKING:
    from holdfast.ratelimit.admission import Admission


class _Fifo:
    """A queue that anybody may leave from anywhere."""

    __slots__ = ("_gone", "members")

    def __init__(self) -> None:
        # Not a dict: its front is slow to reach when many have left there.
        self.members: OrderedDict[Admission, None] = OrderedDict()
        self._gone = 0

    def add(self, member: "Admission") -> None:
        member.place = self._gone + len(self.members)
        self.members[member] = None

    def remove(self, member: "Admission") -> None:
        del self.members[member]
        self._gone += 1

    def ahead(self, member: "Admission") -> int:
        # Who left from behind it counts as one that was ahead: at worst it wakes too early.
        return max(0, member.place - self._gone)


class Line:
    """One line. Whoever calls it holds the mutex.

    Args:
        scopes: what is waited for.
    """

    __slots__ = ("_queues", "scopes")

    def __init__(self, scopes: tuple[Scope, ...]) -> None:
        self.scopes = scopes
        self._queues = {priority: (_Fifo(), _Fifo()) for priority in Priority}

    def waiting(self, priority: Priority) -> int:
        """How many of this priority wait."""
        return sum(len(queue.members) for queue in self._queues[priority])

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits."""
        return not any(self.waiting(priority) for priority in Priority)

    def add(self, member: "Admission") -> None:
        """Take a place."""
        self._queues[member.priority][not member.again].add(member)

    def remove(self, member: "Admission") -> None:
        """Give up a place."""
        self._queues[member.priority][not member.again].remove(member)

    def heads(self) -> Iterator["Admission"]:
        """Who goes next of each priority."""
        for again, first in self._queues.values():
            members = again.members or first.members
            if members:
                yield next(iter(members))

    def ahead(self, member: "Admission") -> int:
        """How many of its own priority go before this one, at the least."""
        again, first = self._queues[member.priority]
        if member.again:
            return again.ahead(member)
        return len(again.members) + first.ahead(member)

    def ready_at(self) -> float:
        """When there is a token of every scope."""
        return max([scope.ready_at() for scope in self.scopes], default=-float("inf"))

    def tokens_until(self, until: float) -> float:
        """How many can go until then, as far as their scopes tell."""
        return min([scope.tokens_until(until) for scope in self.scopes], default=float("inf"))
