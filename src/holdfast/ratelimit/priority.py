"""Who goes first where both wait, and the share of each."""

import math
from enum import StrEnum


class Priority(StrEnum):
    """How urgent a call is."""

    INTERACTIVE = "interactive"
    """Somebody waits for the answer."""
    BACKGROUND = "background"
    """It has time: a batch, a backfill, a nightly job."""


# Sums of shares such as 0.2 fall short of a whole turn by less than this.
_ROUNDING = 1e-9


class Turns:
    """Interactive calls go first, but background ones have their share of the turns.

    Args:
        interactive_share: of the turns at which both wait.
    """

    __slots__ = ("_credit", "_share")

    def __init__(self, interactive_share: float) -> None:
        self._share = 1.0 - interactive_share
        self._credit = 0.0

    @property
    def next(self) -> Priority:
        """Whose turn it is where both wait."""
        credit = self._credit + self._share
        return Priority.BACKGROUND if credit >= 1 - _ROUNDING else Priority.INTERACTIVE

    def take(self) -> Priority:
        """Give away a turn for which both wait."""
        priority = self.next
        self._credit += self._share - (1 if priority is Priority.BACKGROUND else 0)
        return priority

    def others_before(self, priority: Priority, ahead: int, others: int) -> int:
        """How many of the other priority go before a call, at the least.

        Args:
            priority: that of the call.
            ahead: how many of its own priority go before it.
            others: how many of the other priority wait.
        """
        if priority is Priority.BACKGROUND:
            if self._share == 0:
                return others
            # As many turns as it takes until the shares add up to its own.
            turns = math.ceil((ahead + 1 - self._credit) / self._share - _ROUNDING)
            return min(others, max(0, turns - ahead - 1))
        if self._share == 1:
            return others
        return min(others, int((self._credit + ahead * self._share) / (1 - self._share)))
