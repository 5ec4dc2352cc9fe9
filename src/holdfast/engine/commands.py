"""What a call asks of its driver. Each is answered with what happened, or with an exception."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class Tokens(Protocol):
    """Where one call gets its tokens: what its driver needs of a limiter."""

    def admit(
        self,
        timeout: float,
        max_waiting: int,
        *,
        again: bool,
        on_wait: Callable[[], object] | None,
    ) -> float | None:
        """Wait for a token on this thread; gives the seconds waited, or None if it is too late."""

    async def admit_async(
        self,
        timeout: float,  # noqa: ASYNC109 - the twin of `admit`
        max_waiting: int,
        *,
        again: bool,
        on_wait: Callable[[], object] | None,
    ) -> float | None:
        """Wait for a token in this task."""

    def take(self) -> None:
        """Take a token without waiting for it."""

    def end(self) -> None:
        """The attempt is over; once more does nothing."""

    def refused(self, reason: str | None, pause: float) -> None:
        """The attempt was refused by a rate limit."""


@dataclass(slots=True)
class Enter:
    """Enter the lanes within `timeout` seconds; answered with whether they were entered.

    The driver leaves them when the call ends, however it ends. `width` is how many calls may be in
    a lane together; 0 goes by what the lane learned. `on_wait` is called if it has to wait.
    """

    lanes: tuple[str, ...]
    timeout: float
    max_waiting: int
    width: int = 1
    on_wait: Callable[[], object] | None = field(default=None, compare=False)


@dataclass(slots=True)
class Admit:
    """Get a token of the limiter for the next attempt, within `timeout` seconds.

    Answered with the seconds waited, or with None if it would come too late. `again` is True from
    the second attempt on. The driver tells the limiter when the attempt has ended. `on_wait` is
    called if it has to wait.
    """

    tokens: Tokens
    timeout: float
    max_waiting: int
    again: bool
    on_wait: Callable[[], object] | None = field(default=None, compare=False)


@dataclass(slots=True)
class Refused:
    """Tell the limiter that a rate limit refused the attempt; answered with nothing.

    `reason` is the answer's `Stripe-Rate-Limited-Reason`, and `pause` how many seconds the server
    wants to be left alone.
    """

    tokens: Tokens
    reason: str | None
    pause: float


@dataclass(slots=True)
class Send:
    """Send the request, within `timeout` seconds; answered with the outcome."""

    attempt: int
    timeout: float


@dataclass(slots=True)
class Sleep:
    """Wait; answered with nothing."""

    seconds: float


Command = Enter | Admit | Send | Refused | Sleep
