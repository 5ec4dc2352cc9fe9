"""What a call asks of its driver. Each is answered with what happened, or with an exception."""

from dataclasses import dataclass

from holdfast.engine.receipt import Event


@dataclass(slots=True)
class Enter:
    """Enter the lanes within `timeout` seconds; answered with whether they were entered.

    The driver leaves them when the call ends, however it ends. `width` is how many calls may be in
    a lane together; 0 goes by what the lane learned.
    """

    lanes: tuple[str, ...]
    timeout: float
    max_waiting: int
    width: int = 1


@dataclass(slots=True)
class Admit:
    """Ask the limiter of a scope for a token within `timeout` seconds.

    Part of the protocol between call and driver; a call yields it once it has a limiter.
    """

    scope: str
    timeout: float


@dataclass(slots=True)
class Send:
    """Send the request, within `timeout` seconds; answered with the outcome."""

    attempt: int
    timeout: float


@dataclass(slots=True)
class Sleep:
    """Wait; answered with nothing."""

    seconds: float


@dataclass(slots=True)
class Emit:
    """Tell the subscriber; answered with nothing."""

    event: Event


Command = Enter | Admit | Send | Sleep | Emit
