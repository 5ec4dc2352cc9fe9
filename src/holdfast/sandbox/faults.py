"""Faults by script: what the next requests of a method and path are to suffer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from holdfast.sandbox import errors
from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.holds import check_seconds
from holdfast.sandbox.http import Ending

MOST_ANSWERS = 1_000_000
MOST_FAULTS = 1_000


class FaultKind(StrEnum):
    """What can happen to a request."""

    LATENCY = "latency"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    CLOSE_BEFORE = "close_before"
    CLOSE_AFTER = "close_after"
    TRUNCATED = "truncated"
    ERROR_500 = "error_500"
    ERROR_500_RETRY = "error_500_retry"
    ERROR_500_NO_RETRY = "error_500_no_retry"
    HTML_503 = "html_503"
    RATE_LIMIT = "rate_limit"
    LOCK_TIMEOUT = "lock_timeout"
    CONFLICT_409 = "conflict_409"


AFTER_EXECUTION = {
    FaultKind.RESET_AFTER: Ending.RESET,
    FaultKind.CLOSE_AFTER: Ending.CLOSED,
    FaultKind.TRUNCATED: Ending.TRUNCATED,
}
INSTEAD_OF_AN_ANSWER = {
    FaultKind.RESET_BEFORE: Ending.RESET,
    FaultKind.CLOSE_BEFORE: Ending.CLOSED,
}
_UNANSWERED = {
    FaultKind.RESET_BEFORE,
    FaultKind.RESET_AFTER,
    FaultKind.CLOSE_BEFORE,
    FaultKind.CLOSE_AFTER,
}
HTML_BODY = (
    b"<html><head><title>503 Service Temporarily Unavailable</title></head>"
    b"<body><h1>503 Service Temporarily Unavailable</h1></body></html>"
)


class _Unset:
    """Says that `should_retry` was not given, which None does not: None takes the header away."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()
ShouldRetry = bool | None | _Unset


@dataclass(slots=True)
class Fault:
    """One line of the script.

    Attributes:
        method: of the requests it meets.
        path: of the requests it meets; `*` stands for any one segment.
        kind: what happens to them.
        left: how many requests it still meets.
        seconds: the delay, for latency.
        should_retry: what the header `Stripe-Should-Retry` says; None takes it away; unset leaves
            it as it would be.
    """

    method: str
    path: str
    kind: FaultKind
    left: int = 1
    seconds: float = 0.0
    should_retry: ShouldRetry = UNSET
    _segments: list[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._segments = self.path.split("/")

    def meets(self, method: str, path: str) -> bool:
        """Whether a request is one of those it is for."""
        if method != self.method:
            return False
        segments = path.split("/")
        return len(segments) == len(self._segments) and all(
            mine in {"*", theirs} for mine, theirs in zip(self._segments, segments, strict=True)
        )

    def as_dict(self) -> dict[str, Any]:
        """The line as `GET /_sandbox/faults` lists it."""
        shown: dict[str, Any] = {
            "method": self.method,
            "path": self.path,
            "fault": str(self.kind),
            "count": self.left,
        }
        if self.kind is FaultKind.LATENCY:
            shown["seconds"] = self.seconds
        if not isinstance(self.should_retry, _Unset):
            shown["should_retry"] = self.should_retry
        return shown

    def retry_header(self, usual: bool | None) -> bool | None:
        """What the header says, given what it would say without the fault."""
        return usual if isinstance(self.should_retry, _Unset) else self.should_retry


class FaultScript:
    """The faults that are still to come, in the order in which they were scripted."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def __bool__(self) -> bool:
        return bool(self._faults)

    def add(self, fault: Fault) -> None:
        """Put a fault at the end of the script.

        Raises:
            ValueError: the script is full.
        """
        if len(self._faults) >= MOST_FAULTS:
            raise ValueError(f"the script already has {MOST_FAULTS} faults: clear it, or use count")
        self._faults.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that a request meets, if any; it is spent on the request."""
        for place, fault in enumerate(self._faults):
            if fault.meets(method, path):
                fault.left -= 1
                if not fault.left:
                    del self._faults[place]
                return fault
        return None

    def clear(self) -> None:
        """Drop all of them."""
        self._faults.clear()

    def as_list(self) -> list[dict[str, Any]]:
        """What is left of the script."""
        return [fault.as_dict() for fault in self._faults]


def error_of(kind: FaultKind) -> ApiError | None:
    """The error that a fault answers with; None when it answers with none."""
    match kind:
        case FaultKind.RATE_LIMIT:
            return errors.rate_limited("global-rate")
        case FaultKind.LOCK_TIMEOUT:
            return errors.lock_timeout()
        case FaultKind.CONFLICT_409:
            return ApiError(409, "The request conflicts with another request. Try it again.")
        case FaultKind.ERROR_500:
            return internal_error()
        case FaultKind.ERROR_500_RETRY:
            return internal_error(should_retry=True)
        case FaultKind.ERROR_500_NO_RETRY:
            return internal_error(should_retry=False)
        case _:
            return None


def internal_error(should_retry: bool | None = None) -> ApiError:
    """The answer to a failure of the server's own."""
    return ApiError(500, "An unknown error occurred", type="api_error", should_retry=should_retry)


def read_fault(fields: Mapping[str, object]) -> Fault:
    """Read a fault as `POST /_sandbox/faults` is sent it.

    Args:
        fields: `method`, `path`, `fault`, and perhaps `count`, `seconds`, `should_retry`.

    Raises:
        ValueError: a field is missing, unknown or out of range; the message names it.
    """
    for name in fields:
        if name not in _FIELDS:
            raise ValueError(f"{name} is no field of a fault: the fields are {', '.join(_FIELDS)}")
    kind = _kind(fields.get("fault"))
    should_retry = _should_retry(fields.get("should_retry", UNSET))
    if kind in _UNANSWERED and not isinstance(should_retry, _Unset):
        raise ValueError(f"should_retry is given for {kind}, which sends no header: leave it out")
    return Fault(
        method=_method(fields.get("method")),
        path=_path(fields.get("path")),
        kind=kind,
        left=_count(fields.get("count", 1)),
        seconds=_seconds(kind, fields.get("seconds", 0.0)),
        should_retry=should_retry,
    )


_FIELDS = ("method", "path", "fault", "count", "seconds", "should_retry")
_METHODS = ("GET", "POST", "DELETE")


def _kind(value: object) -> FaultKind:
    try:
        return FaultKind(str(value))
    except ValueError:
        raise ValueError(f"fault is {value!r}: give one of {', '.join(FaultKind)}") from None


def _method(value: object) -> str:
    method = value.upper() if isinstance(value, str) else ""
    if method not in _METHODS:
        raise ValueError(f"method is {value!r}: give one of {', '.join(_METHODS)}")
    return method


def _path(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("/") or "?" in value:
        raise ValueError(
            f"path is {value!r}: give a path such as /v1/refunds or /v1/customers/*, without query"
        )
    return value


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_ANSWERS:
        raise ValueError(f"count is {value!r}: give a whole number from 1 to {MOST_ANSWERS}")
    return value


def _seconds(kind: FaultKind, value: object) -> float:
    seconds = check_seconds("seconds", value)
    if kind is FaultKind.LATENCY and seconds == 0:
        raise ValueError("seconds is 0: give latency a number above 0 and at most 3600")
    if kind is not FaultKind.LATENCY and seconds:
        raise ValueError(f"seconds is {value!r}: only latency takes seconds, {kind} does not")
    return seconds


def _should_retry(value: object) -> ShouldRetry:
    if value is None or isinstance(value, bool | _Unset):
        return value
    raise ValueError(f"should_retry is {value!r}: give true, false or null")
