"""A record of what happened to the locks, exact to the instant, for whoever wants to check it.

Instants are those by which the locks count: a lock passes on at the instant at which its holder was
due to leave, and a wait ends exactly when its time has passed, however late the timers fired.
"""

from collections import deque
from collections.abc import Iterator
from enum import StrEnum
from itertools import count
from typing import Any, NamedTuple

KEPT = 200_000
"""How many events a trace keeps; the oldest go first."""


class LockStep(StrEnum):
    """What can happen to one lock of a claim, in this order."""

    CLAIMED = "claimed"
    WAITS = "waits"
    GRANTED = "granted"
    RELEASED = "released"
    TIMED_OUT = "timed_out"


class LockEvent(NamedTuple):
    """One step of one claim on one lock.

    Attributes:
        seq: its place in the trace, from 1.
        at: the instant, in seconds of the event loop's clock.
        event: what happened.
        claim: the number of the claim; its locks have their events under one number.
        object: the object whose lock it is.
        account: whose object it is.
        by: who claims.
        request_id: of the request that claims; None when none does.
    """

    seq: int
    at: float
    event: LockStep
    claim: int
    object: str
    account: str
    by: str
    request_id: str | None


class LockTrace:
    """The newest events.

    Args:
        kept: how many.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._events: deque[LockEvent] = deque(maxlen=kept)
        self._numbers = count(1)

    def note(
        self,
        at: float,
        event: LockStep,
        key: tuple[str, str],
        claim: int,
        by: str,
        request_id: str | None,
    ) -> None:
        """Put an event at the end."""
        account, object_id = key
        self._events.append(
            LockEvent(next(self._numbers), at, event, claim, object_id, account, by, request_id)
        )

    def after(self, seq: int = 0) -> Iterator[dict[str, Any]]:
        """The events behind a place, in order."""
        return (event._asdict() for event in self._events if event.seq > seq)
