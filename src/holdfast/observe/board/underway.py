"""The calls that go on, and what each of them waits for."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from holdfast.engine import (
    Admitted,
    Attempt,
    AttemptStarted,
    CallStarted,
    Cause,
    LanesEntered,
    Receipt,
    RetryScheduled,
    Waiting,
)


@dataclass(frozen=True, slots=True)
class LiveAttempt:
    """An attempt that has ended, of a call that goes on."""

    receipt: Receipt
    attempt: Attempt

    @property
    def ended_at(self) -> float:
        """When it ended, in unix seconds."""
        return self.receipt.began_at + self.attempt.at + self.attempt.seconds


class Look:
    """What went on at one moment.

    A call that has ended meanwhile and was not told to `UnderWay.ended` yet is under way no more,
    but its attempts are still among those here.

    Args:
        calls: the calls.
        waits: what those that wait wait for.
    """

    __slots__ = ("_waits", "attempts", "in_flight")

    def __init__(self, calls: list[Receipt], waits: list[Waiting | RetryScheduled]) -> None:
        self._waits = [event for event in waits if event.receipt.stop is None]
        self.in_flight = sum(receipt.stop is None for receipt in calls)
        self.attempts = [
            LiveAttempt(receipt, attempt) for receipt in calls for attempt in receipt.attempts
        ]

    def waiting_for(self, in_runs: int = 0) -> dict[str, int]:
        """How many calls wait, by cause.

        Args:
            in_runs: how many requests of runs wait for their lanes, before they become calls.
        """
        numbers = Counter(map(_cause, self._waits))
        numbers[Cause.LANE] += in_runs
        return {cause.value: numbers[cause] for cause in Cause}

    def waiting_at(self, objects: Collection[str], now: float) -> Mapping[str, list[float]]:
        """For how long those have waited so far that wait for some objects, in seconds."""
        found: defaultdict[str, list[float]] = defaultdict(list)
        for event in self._waits:
            if _cause(event) is Cause.LANE:
                since = event.receipt.began_at + event.at
                for key in event.receipt.lanes:
                    if key in objects:
                        found[key].append(max(0.0, now - since))
        return found


class UnderWay:
    """Follows calls by their events, which may be told by any thread.

    Each event is one operation on a dictionary, so it needs no mutex and is soon done. What is
    no request (a block of the user's own code) is not followed.

    Attributes:
        steps: what is to be told each kind of event.
    """

    __slots__ = ("_queued", "_running", "_waiting", "steps")

    def __init__(self) -> None:
        self._running: dict[int, Receipt] = {}
        self._waiting: dict[int, Waiting | RetryScheduled] = {}
        # Those that had to wait for a lane, until they end.
        self._queued: set[int] = set()
        self.steps: dict[type, Callable[..., object]] = {
            CallStarted: self._started,
            Waiting: self._waits,
            RetryScheduled: self._waits,
            LanesEntered: self._goes_on,
            Admitted: self._goes_on,
            AttemptStarted: self._sends,
        }

    @property
    def waiting(self) -> int:
        """How many of them wait."""
        return len(self._waiting)

    def clear(self) -> None:
        """Forget all calls."""
        self._running.clear()
        self._waiting.clear()
        self._queued.clear()

    def ended(self, receipt: Receipt) -> bool:
        """A call is over. Returns whether it had to wait for its lanes."""
        number = id(receipt)
        self._running.pop(number, None)
        self._waiting.pop(number, None)
        if number not in self._queued:
            return False
        self._queued.discard(number)
        return True

    def look(self) -> "Look":
        """What goes on at this moment."""
        return Look(list(self._running.values()), list(self._waiting.values()))

    def _started(self, event: CallStarted) -> None:
        receipt = event.receipt
        if receipt.server:
            self._running[id(receipt)] = receipt

    def _waits(self, event: Waiting | RetryScheduled) -> None:
        receipt = event.receipt
        if not receipt.server:
            return
        number = id(receipt)
        self._waiting[number] = event
        # A call may have begun before anybody listened.
        self._running[number] = receipt
        if _cause(event) is Cause.LANE:
            self._queued.add(number)

    def _goes_on(self, event: LanesEntered | Admitted) -> None:
        self._waiting.pop(id(event.receipt), None)

    def _sends(self, event: AttemptStarted) -> None:
        if event.number > 1:  # before the first it has been told already
            self._waiting.pop(id(event.receipt), None)


def _cause(event: Waiting | RetryScheduled) -> Cause:
    return event.cause if type(event) is Waiting else Cause.BACKOFF
