"""What happened to a call: its receipt, and why it stopped."""

import hashlib
from collections import Counter
from dataclasses import InitVar, dataclass, field
from enum import StrEnum

from holdfast.durations import format_duration
from holdfast.engine.classify import FaultClass
from holdfast.engine.doubt import is_in_doubt
from holdfast.paths import template


class StopReason(StrEnum):
    """Why a call ended as it did."""

    OK = "ok"
    REJECTED = "rejected"
    DEADLINE = "deadline"
    SERVER_SAID_NO = "server_said_no"
    THROTTLED = "throttled"
    NOT_IDEMPOTENT = "not_idempotent"
    NOT_RETRYABLE = "not_retryable"
    RULES = "rules"
    ATTEMPTS = "attempts"
    BUDGET = "budget"
    LANE_FULL = "lane_full"
    LIMITER_FULL = "limiter_full"
    CANCELLED = "cancelled"
    ERROR = "error"


STOP_REASONS = {
    StopReason.OK: "it succeeded",
    StopReason.REJECTED: "the server rejected the request; sending it again would change nothing",
    StopReason.DEADLINE: "the next step would have passed the deadline",
    StopReason.SERVER_SAID_NO: "the server said not to retry (Stripe-Should-Retry: false)",
    StopReason.THROTTLED: "a rate limiter refused it, and a blind retry would add to the load",
    StopReason.NOT_IDEMPOTENT: "it may have been processed, and has no idempotency key",
    StopReason.NOT_RETRYABLE: "the failure is one that no repetition mends",
    StopReason.RULES: "the policy's rules send nothing of the kind again",
    StopReason.ATTEMPTS: "the retries allowed by max_retries were used up",
    StopReason.BUDGET: "the retry budget of its account, or of the block around it, was used up",
    StopReason.LANE_FULL: "too many calls were already waiting for the object",
    StopReason.LIMITER_FULL: "too many calls were already waiting for the account's rate limit",
    StopReason.CANCELLED: "the caller cancelled it",
    StopReason.ERROR: "the program raised an error of its own",
}


_WRITES = frozenset({"POST", "DELETE", "PUT", "PATCH"})


class Cause(StrEnum):
    """What a call waited for."""

    LANE = "lane"
    LIMITER = "limiter"
    BACKOFF = "backoff"


@dataclass(slots=True)
class Attempt:
    """One HTTP exchange of a call.

    Attributes:
        number: 1 for the first.
        fault: what its outcome meant.
        status: the HTTP status, or None when no answer came.
        request_id: the server's `Request-Id`, where it sent one.
        error_code: the server's error code, where it sent one.
        replayed: whether the answer is the stored one of an earlier attempt
            (`Idempotent-Replayed: true`).
        at: seconds from the call's start to the attempt's.
        seconds: how long it took.
    """

    number: int
    fault: FaultClass
    status: int | None
    request_id: str | None
    error_code: str | None
    replayed: bool
    at: float
    seconds: float


class _Aside:
    """Keeps out of the fields what neither `repr` nor `dataclasses.asdict` is to show.

    The key, for whoever has it could have the request's answer again; and what observers keep.
    """

    __slots__ = ("_idempotency_key", "_marks")

    def __post_init__(self, idempotency_key: str | None) -> None:
        self._idempotency_key = idempotency_key

    @property
    def marks(self) -> dict[object, object]:
        """What inline subscribers keep with a call while it runs, each under a key of its own.

        It goes as the receipt goes, so nothing is left behind by a call that nobody ends.
        """
        try:
            return self._marks
        except AttributeError:
            self._marks: dict[object, object] = {}
            return self._marks


@dataclass(slots=True)
class Receipt(_Aside):
    """What happened to one call.

    Attributes:
        method: the HTTP method.
        path: the request's path, without its query.
        attempts: the HTTP exchanges, in order.
        waits: seconds waited, by cause.
        stop: why it ended; None while it runs.
        seconds: the whole time from start to end.
        lanes: the objects whose lanes it enters.
        server: scheme, host and port of where it is sent; "" for what is no request.
        began_at: when it was made, in unix seconds; 0 if nobody looked at the clock.
        unanswered: whether it was broken off while an attempt was under way.
    """

    method: str
    path: str
    attempts: list[Attempt] = field(default_factory=list)
    waits: dict[Cause, float] = field(default_factory=dict)
    stop: StopReason | None = None
    seconds: float = 0.0
    lanes: tuple[str, ...] = ()
    server: str = ""
    began_at: float = 0.0
    unanswered: bool = False
    idempotency_key: InitVar[str | None] = None

    @property
    def endpoint(self) -> str:
        """The path with `{id}` in the place of each id."""
        return template(self.path)

    @property
    def key_fingerprint(self) -> str | None:
        """The first 12 hex digits of the idempotency key's SHA-256, to tell keys apart."""
        if self._idempotency_key is None:
            return None
        return hashlib.sha256(self._idempotency_key.encode()).hexdigest()[:12]

    @property
    def _why(self) -> str:
        return "" if self.stop is None else STOP_REASONS[self.stop]

    @property
    def in_doubt(self) -> bool:
        """Whether it changes something, did not succeed, and may have been executed all the same.

        Then the account has to be looked at before anybody sends it again with another key.
        """
        if self.stop is None or self.stop is StopReason.OK or self.method not in _WRITES:
            return False
        if self.unanswered:
            return True
        faults = self.fault_classes
        if not faults:
            return False
        keyed = self._idempotency_key is not None
        return is_in_doubt(faults, self.attempts[-1].status, keyed=keyed)

    @property
    def fault_classes(self) -> list[FaultClass]:
        """The fault class of every attempt, in order."""
        return [attempt.fault for attempt in self.attempts]

    def add_wait(self, cause: Cause, seconds: float) -> None:
        """Count a wait."""
        self.waits[cause] = self.waits.get(cause, 0.0) + seconds

    def sentence(self) -> str:
        """The receipt for a person, in a sentence."""
        ended = "running" if self.stop is None else f"{self.stop} ({self._why})"
        parts = [f"{self.method} {self.path}: {ended}"]
        number = len(self.attempts)
        noun = "attempt" if number == 1 else "attempts"
        parts.append(f"{number} {noun} in {format_duration(self.seconds)}")
        if number:
            counts = Counter(self.fault_classes)
            parts.append(", ".join(f"{fault} x {count}" for fault, count in counts.items()))
        waits = self.waits.copy()  # of a call that goes on, on another thread
        waited = [f"{format_duration(s)} ({cause})" for cause, s in waits.items() if s >= 5e-4]
        if waited:
            parts.append("waited " + " + ".join(waited))
        last = self.attempts[-1].request_id if self.attempts else None
        if last is not None:
            parts.append(f"last request {last}")
        return "; ".join(parts)

    __str__ = sentence

    def timeline(self) -> str:
        """The receipt as a small timeline: a line for the wait before, and for each attempt."""
        first = self.attempts[0].at if self.attempts else self.seconds
        lines = [f"{format_duration(0.0):>10}  {self.method} {self.path}"]
        if first >= 5e-4:
            lines.append(f"{'':>10}  waited {format_duration(first)}")
        for attempt in self.attempts:
            status = "" if attempt.status is None else f" {attempt.status}"
            code = "" if attempt.error_code is None else f" {attempt.error_code}"
            request = "" if attempt.request_id is None else f"  {attempt.request_id}"
            lines.append(
                f"{format_duration(attempt.at):>10}  attempt {attempt.number}: {attempt.fault}"
                f"{status}{code} in {format_duration(attempt.seconds)}{request}"
            )
        if self.stop is not None:
            lines.append(f"{format_duration(self.seconds):>10}  {self.stop}: {self._why}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, object]:
        """The receipt as plain values that `json.dumps` takes."""
        return {
            "method": self.method,
            "path": self.path,
            "server": self.server,
            "lanes": list(self.lanes),
            "began_at": self.began_at,
            "stop": None if self.stop is None else self.stop.value,
            "seconds": self.seconds,
            "in_doubt": self.in_doubt,
            "key_fingerprint": self.key_fingerprint,
            "waits": {cause.value: seconds for cause, seconds in self.waits.copy().items()},
            "attempts": [
                {
                    "number": attempt.number,
                    "fault": attempt.fault.value,
                    "status": attempt.status,
                    "request_id": attempt.request_id,
                    "error_code": attempt.error_code,
                    "replayed": attempt.replayed,
                    "at": attempt.at,
                    "seconds": attempt.seconds,
                }
                for attempt in self.attempts
            ],
        }
