"""What was counted since a board was attached."""

from collections import Counter
from collections.abc import Iterable

from holdfast.engine import Attempt, Receipt


class Totals:
    """Adds up calls that ended. Whoever calls it keeps others away.

    Attributes:
        unsure: how many calls are in doubt.
    """

    __slots__ = ("_attempts", "_calls", "_classes", "_retries", "_stops", "unsure")

    def __init__(self) -> None:
        self._calls = self._attempts = self._retries = self.unsure = 0
        self._classes: Counter[str] = Counter()
        self._stops: Counter[str] = Counter()

    def add(self, receipt: Receipt) -> None:
        """Count a call that ended; one in doubt is to be counted beside that."""
        self._calls += 1
        for attempt in receipt.attempts:
            self._add_attempt(attempt)
        if receipt.stop is not None:
            self._stops[receipt.stop._value_] += 1

    def as_dict(self, also: Iterable[Attempt] = ()) -> dict[str, object]:
        """The numbers.

        Args:
            also: attempts that count this once: their calls go on.
        """
        numbers = Totals()
        numbers._attempts, numbers._retries = self._attempts, self._retries
        numbers._classes.update(self._classes)
        for attempt in also:
            numbers._add_attempt(attempt)
        return {
            "calls": self._calls,
            "attempts": numbers._attempts,
            "retries": numbers._retries,
            "classes": dict(numbers._classes),
            "stops": dict(self._stops),
            "unsure": self.unsure,
        }

    def _add_attempt(self, attempt: Attempt) -> None:
        self._attempts += 1
        if attempt.number > 1:
            self._retries += 1
        self._classes[attempt.fault._value_] += 1
