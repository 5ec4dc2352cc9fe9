"""All who wait for tokens of one account, in lines by what they wait for.

So whoever waits for an endpoint holds nobody up who only needs the account's token.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from holdfast.ratelimit.line import Line
from holdfast.ratelimit.priority import Priority, Turns
from holdfast.ratelimit.scope import Scope

if TYPE_CHECKING:
    from holdfast.ratelimit.admission import Admission

_OTHER = {
    Priority.INTERACTIVE: Priority.BACKGROUND,
    Priority.BACKGROUND: Priority.INTERACTIVE,
}


class Queue:
    """The lines. Whoever calls it holds the mutex.

    Args:
        interactive_share: as in `RateLimits`.
    """

    __slots__ = ("_lines", "_turns", "waiting")

    def __init__(self, interactive_share: float) -> None:
        self._turns = Turns(interactive_share)
        self._lines: dict[tuple[Scope, ...], Line] = {}
        self.waiting = 0

    def scopes(self) -> set[Scope]:
        """The scopes that somebody waits for."""
        return {scope for line in self._lines.values() for scope in line.scopes}

    def add(self, who: "Admission", scopes: tuple[Scope, ...], now: float) -> None:
        """Take a place."""
        lacking = [scope for scope in scopes if scope.ready_at() > now]
        for scope in lacking:
            scope.rate.bind(now)
        # An object's scope counts only while it holds the call up: else each would have its line.
        key = tuple(scope for scope in scopes if not scope.of_object or scope in lacking)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Line(key)
        for scope in key:
            scope.awaited += 1
        line.add(who)
        who.line = line
        self.waiting += 1

    def remove(self, who: "Admission") -> None:
        """Give up a place."""
        line, who.line = who.line, None
        if line is None:
            return
        line.remove(who)
        for scope in line.scopes:
            scope.awaited -= 1
        self.waiting -= 1
        if line.is_empty:
            del self._lines[line.scopes]

    def pop(self, now: float) -> "Admission | None":
        """Whose turn it is: the first whose tokens are all there, and it leaves. None: nobody."""
        heads = _first(line for line in self._lines.values() if line.ready_at() <= now)
        if not heads:
            return None
        who = heads[self._turns.take()] if len(heads) > 1 else next(iter(heads.values()))
        self.remove(who)
        return who

    def next(self) -> "tuple[float, Admission] | None":
        """When the next tokens are there, and who gets them. None if nobody can say."""
        if not self._lines:
            return None
        soonest = min(line.ready_at() for line in self._lines.values())
        if soonest == math.inf:
            return None
        heads = _first(line for line in self._lines.values() if line.ready_at() == soonest)
        who = heads[self._turns.next] if len(heads) > 1 else next(iter(heads.values()))
        return soonest, who

    def due(self, who: "Admission", now: float, account: Scope, *, new: bool) -> float:
        """When the turn of one who waits comes, at the earliest, if the rates stay.

        Args:
            who: a call that has a place.
            now: the clock, in seconds.
            account: the scope that the lines share.
            new: whether it came last of all.
        """
        line = who.line
        if line is None:
            return now
        ahead = line.ahead(who)
        others = line.waiting(_OTHER[who.priority])
        ahead += self._turns.others_before(who.priority, ahead, others)
        due = max([now, *(scope.token_at(ahead, now) for scope in line.scopes)])
        if new and len(self._lines) > 1 and account in line.scopes:
            # Those in other lines came before, too; but only those count that their own scopes
            # will have let go by then.
            ahead += sum(
                int(min(other.waiting(who.priority), other.tokens_until(due)))
                for other in self._lines.values()
                if other is not line and account in other.scopes
            )
            due = max(due, account.token_at(ahead, now))
        return due


def _first(lines: Iterator[Line]) -> "dict[Priority, Admission]":
    """Who came first of each priority, among the heads of these lines."""
    found: dict[Priority, Admission] = {}
    for line in lines:
        for head in line.heads():
            first = found.get(head.priority)
            if first is None or head.number < first.number:
                found[head.priority] = head
    return found
