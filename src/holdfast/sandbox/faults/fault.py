"""One line of the script: which requests a fault meets, and how it alters the headers."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from holdfast.sandbox.faults.kinds import TRAITS, FaultKind, Moment
from holdfast.sandbox.holds import Fixed, Hold, LogNormal, Sampled
from holdfast.sandbox.http import Answer
from holdfast.sandbox.patterns import ANY, PathPattern

FOR_EVER = float("inf")
RETRY_HEADER = "Stripe-Should-Retry"


class Unset:
    """Says that a field was not given, which None does not."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()
ShouldRetry = bool | str | None | Unset
"""What `Stripe-Should-Retry` says: true, false, or any text; None takes the header away."""


@dataclass(frozen=True, slots=True)
class Alteration:
    """What becomes of an answer's headers.

    Attributes:
        should_retry: of the header `Stripe-Should-Retry`; unset leaves it as it would be.
        retry_after: of the header `Retry-After`; None sends none.
        header_case: `lower` or `upper`, for the names of Stripe's own headers; None leaves them.
    """

    should_retry: ShouldRetry = UNSET
    retry_after: str | None = None
    header_case: str | None = None

    def apply(self, answer: Answer) -> None:
        """Alter an answer's headers."""
        headers = answer.headers
        if not isinstance(self.should_retry, Unset):
            headers.pop(RETRY_HEADER, None)
            if self.should_retry is not None:
                told = self.should_retry
                headers[RETRY_HEADER] = told if isinstance(told, str) else str(told).lower()
        if self.retry_after is not None:
            headers["Retry-After"] = self.retry_after
        if self.header_case is not None:
            case = str.lower if self.header_case == "lower" else str.upper
            answer.headers = {case(name): value for name, value in headers.items()}

    def as_dict(self) -> dict[str, Any]:
        """What of it was given."""
        shown = {"retry_after": self.retry_after, "header_case": self.header_case}
        given: dict[str, Any] = {name: value for name, value in shown.items() if value is not None}
        if not isinstance(self.should_retry, Unset):
            given["should_retry"] = self.should_retry
        return given


@dataclass(frozen=True, slots=True, eq=False)
class Outage:
    """A time in which connections are refused.

    Attributes:
        seconds: how long.
        begin: seconds from its being scripted to its begin.
    """

    seconds: float
    begin: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The line as it is shown."""
        return {"fault": str(FaultKind.REFUSED), "seconds": self.seconds, "from": self.begin}


@dataclass(slots=True)
class Fault:
    """One line of the script.

    Attributes:
        method: of the requests it meets; `*` meets any.
        path: of the requests it meets.
        kind: what happens to them.
        left: how many requests it still meets; infinite without a bound.
        seconds: how long the delay, the hanging or the body takes.
        after_execution: whether a kind that could strike on arrival waits for the execution.
        alteration: what becomes of the answer's headers.
        probability: how likely each request that fits is met.
        random: where chance comes from; None takes the script's.
        skip: how many requests that fit pass first.
        window: from when to when it meets any, in seconds from its being scripted.
        status: of the answer, for kinds with a choice.
        reason: of a rate limit.
        pending: requests that it waits for until they were executed.
    """

    method: str
    path: PathPattern
    kind: FaultKind
    left: float = 1
    seconds: Hold = field(default_factory=lambda: Fixed(0.0))
    after_execution: bool = False
    alteration: Alteration = field(default_factory=Alteration)
    probability: float = 1.0
    random: Random | None = None
    skip: int = 0
    window: tuple[float, float] = (0.0, FOR_EVER)
    status: int | None = None
    reason: str | None = None
    pending: int = field(init=False, default=0)

    @property
    def moment(self) -> Moment:
        """When it strikes."""
        return Moment.EXECUTED if self.after_execution else TRAITS[self.kind].moment

    def is_spent(self, age: float) -> bool:
        """Whether it will meet no request any more, so many seconds after it was scripted."""
        return not self.pending and (not self.left or age >= self.window[1])

    def meets(self, method: str, path: str, age: float, random: Random) -> bool:
        """Whether a request is one of those it is for. Draws and counts, so ask once a request.

        Args:
            method: of the request.
            path: of the request.
            age: seconds since the fault was scripted.
            random: where chance comes from, unless the fault has its own.
        """
        begin, end = self.window
        if not self.left or not begin <= age < end:
            return False
        if self.method not in {method, ANY} or not self.path.meets(path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        return self.probability >= 1 or (self.random or random).random() < self.probability

    def draw_seconds(self, random: Random) -> float:
        """How long this time."""
        return self.seconds.sample(self.random or random)

    def as_dict(self) -> dict[str, Any]:
        """The line as `GET /_sandbox/faults` lists it; what was not given is left out."""
        begin, end = self.window
        shown: dict[str, Any] = {
            "method": self.method,
            "path": self.path.text,
            "fault": str(self.kind),
            "count": None if self.left == FOR_EVER else self.left,
        }
        if TRAITS[self.kind].takes_seconds:
            shown["seconds"] = _shown(self.seconds)
        optional = {
            "after_execution": (self.after_execution, False),
            "probability": (self.probability, 1.0),
            "after": (self.skip, 0),
            "from": (begin, 0.0),
            "until": (end, FOR_EVER),
            "status": (self.status, None),
            "reason": (self.reason, None),
        }
        shown.update({name: one for name, (one, usual) in optional.items() if one != usual})
        return shown | self.alteration.as_dict()


def _shown(seconds: Hold) -> object:
    match seconds:
        case Fixed():
            return seconds.seconds
        case LogNormal():
            return {"median": seconds.median, "sigma": seconds.sigma}
        case Sampled():
            return list(seconds.seconds)
    return repr(seconds)
