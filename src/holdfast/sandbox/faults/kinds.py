"""What can happen to a request, and when: one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum


class FaultKind(StrEnum):
    """What can happen to a request."""

    LATENCY = "latency"
    HANG = "hang"
    SLOW_BODY = "slow_body"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    CLOSE_BEFORE = "close_before"
    CLOSE_AFTER = "close_after"
    TRUNCATED = "truncated"
    ERROR_500 = "error_500"
    ERROR_500_RETRY = "error_500_retry"
    ERROR_500_NO_RETRY = "error_500_no_retry"
    HTML_500 = "html_500"
    HTML_502 = "html_502"
    HTML_503 = "html_503"
    HTML_504 = "html_504"
    NO_ERROR_JSON = "no_error_json"
    RATE_LIMIT = "rate_limit"
    ACCOUNTS_400 = "accounts_400"
    LOCK_TIMEOUT = "lock_timeout"
    CONFLICT_409 = "conflict_409"
    DEPENDENCY_424 = "dependency_424"
    HEADERS = "headers"
    REFUSED = "refuse_connections"


class Moment(Enum):
    """When a fault strikes."""

    ARRIVAL = "when the request arrives; nothing is executed"
    EXECUTED = "when the request was executed, or its first answer is replayed"
    ANSWER = "when any answer is about to be sent"


@dataclass(frozen=True, slots=True)
class Traits:
    """What a kind of fault does and takes.

    Attributes:
        moment: when it strikes.
        movable: whether `after_execution` can tie it to the execution.
        takes_seconds: whether it takes seconds.
        needs_seconds: whether they have to be above 0.
        answers: whether the client gets an answer, whose headers can be altered.
        status: the default of its field `status`, where it has one.
        reason: the default of its field `reason`, where it has one.
    """

    moment: Moment = Moment.ARRIVAL
    movable: bool = False
    takes_seconds: bool = False
    needs_seconds: bool = False
    answers: bool = True
    status: int | None = None
    reason: str | None = None


_ERROR = Traits(movable=True)

TRAITS: Mapping[FaultKind, Traits] = {
    FaultKind.LATENCY: Traits(movable=True, takes_seconds=True, needs_seconds=True),
    FaultKind.HANG: Traits(movable=True, takes_seconds=True, answers=False),
    FaultKind.SLOW_BODY: Traits(Moment.EXECUTED, takes_seconds=True, needs_seconds=True),
    FaultKind.RESET_BEFORE: Traits(answers=False),
    FaultKind.RESET_AFTER: Traits(Moment.EXECUTED, answers=False),
    FaultKind.CLOSE_BEFORE: Traits(answers=False),
    FaultKind.CLOSE_AFTER: Traits(Moment.EXECUTED, answers=False),
    FaultKind.TRUNCATED: Traits(Moment.EXECUTED),
    FaultKind.ERROR_500: _ERROR,
    FaultKind.ERROR_500_RETRY: _ERROR,
    FaultKind.ERROR_500_NO_RETRY: _ERROR,
    FaultKind.HTML_500: _ERROR,
    FaultKind.HTML_502: _ERROR,
    FaultKind.HTML_503: _ERROR,
    FaultKind.HTML_504: _ERROR,
    FaultKind.NO_ERROR_JSON: Traits(movable=True, status=503),
    FaultKind.RATE_LIMIT: Traits(movable=True, reason="global-rate"),
    FaultKind.ACCOUNTS_400: _ERROR,
    FaultKind.LOCK_TIMEOUT: _ERROR,
    FaultKind.CONFLICT_409: _ERROR,
    FaultKind.DEPENDENCY_424: _ERROR,
    FaultKind.HEADERS: Traits(Moment.ANSWER),
    FaultKind.REFUSED: Traits(takes_seconds=True, needs_seconds=True, answers=False),
}
