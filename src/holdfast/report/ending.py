"""A line of a file of results -> how one request ended.

Lines of older versions lack fields, and anybody may have edited the file. What is not there, or is
not of its kind, is unknown: `None`, never a guess.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from holdfast.batch.conclusion import Status
from holdfast.engine import FaultClass
from holdfast.report.texts import shown

UNKNOWN_FAULT = "unknown"

_FAULTS = frozenset(FaultClass)
_LONGEST_WORD = 80
_REQUIRED = frozenset({"id", "status", "stop_reason"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """One attempt on the wire.

    Attributes:
        at: when it began, in seconds from when the request was taken up.
        seconds: how long it took.
        fault: its fault class.
        status: the HTTP status, if an answer came.
        request_id: the server's id of it, if it gave one.
        error_code: the server's error code, if it gave one.
        replayed: whether the answer is the stored one of an earlier attempt.
    """

    at: float
    seconds: float
    fault: str
    status: int | None
    request_id: str | None
    error_code: str | None
    replayed: bool

    @property
    def until(self) -> float:
        """When it ended, in seconds from when the request was taken up."""
        return self.at + self.seconds


@dataclass(frozen=True, slots=True)
class Ending:
    """How one request ended. `None` is unknown.

    Attributes:
        id: the request's id in the file of requests.
        status: ok, failed or unsure.
        http_status: the last answer's.
        request_id: the server's id of the last attempt.
        faults: the fault class of every attempt, in order.
        stop: why it ended. This, the codes and the type of the error are safe to show; all other
            texts have to pass `shown`.
        waits: seconds waited, by cause.
        method: the HTTP method.
        path: the path.
        objects: what it touches.
        began_at: when it was taken up, in unix seconds.
        seconds: the whole time.
        exchanges: the attempts, in order.
        error_code: the server's error code.
        error_type: the server's error type.
        message: what the error says.
        reason: why it is unsure or was not sent.
    """

    id: str
    status: Status
    http_status: int | None
    request_id: str | None
    faults: tuple[str, ...]
    stop: str
    waits: Mapping[str, float]
    method: str | None = None
    path: str | None = None
    objects: tuple[str, ...] | None = None
    began_at: float | None = None
    seconds: float | None = None
    exchanges: tuple[Exchange, ...] | None = None
    error_code: str | None = None
    error_type: str | None = None
    message: str | None = None
    reason: str | None = None

    @property
    def ended_at(self) -> float | None:
        """When it ended, in unix seconds."""
        if self.began_at is None or self.seconds is None:
            return None
        return self.began_at + self.seconds

    @property
    def retries(self) -> int:
        """How often it was sent again."""
        return max(len(self.faults) - 1, 0)

    @property
    def last_fault(self) -> str | None:
        """The fault class of the last attempt; None if it was never sent."""
        return self.faults[-1] if self.faults else None

    @property
    def server_seconds(self) -> float | None:
        """The time of all its exchanges together."""
        if self.exchanges is None:
            return None
        return sum(exchange.seconds for exchange in self.exchanges)


def read_ending(line: str | bytes) -> Ending | None:
    """Read a line of results.

    Args:
        line: the line, with or without its line break.

    Returns:
        How the request ended; None if the line is no result.
    """
    try:
        values: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return ending_of(values)


def ending_of(values: object) -> Ending | None:
    """Take the fields of a line of results.

    Args:
        values: the line's JSON.

    Returns:
        How the request ended; None if the values are no result.
    """
    if not isinstance(values, dict) or not values.keys() >= _REQUIRED:
        return None
    id_, status = values["id"], values["status"]
    if not isinstance(id_, str) or status not in tuple(Status):
        return None
    error = values.get("error")
    error = error if isinstance(error, Mapping) else {}
    return Ending(
        id=id_,
        status=Status(status),
        http_status=_whole(values.get("http_status")),
        request_id=_text(values.get("request_id")),
        faults=tuple(_fault(text) for text in _texts(values.get("fault_classes")) or ()),
        stop=_word(values["stop_reason"]) or "",
        waits=_waits(values.get("waits")),
        method=_text(values.get("method")),
        path=_text(values.get("path")),
        objects=_texts(values.get("objects")),
        began_at=_number(values.get("began_at")),
        seconds=_number(values.get("seconds")),
        exchanges=_exchanges(values.get("exchanges")),
        error_code=_word(error.get("code")),
        error_type=_word(error.get("type")),
        message=_text(error.get("message")),
        reason=_text(values.get("reason")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _word(value: object) -> str | None:
    """A reason or a code: one of few, and from here on safe to show."""
    return _shown_word(value) if isinstance(value, str) and value else None


@lru_cache(maxsize=1024)
def _shown_word(text: str) -> str:
    return shown(text, _LONGEST_WORD)


def _texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(inner, str) for inner in value):
        return None
    return tuple(value)


def _fault(text: str) -> str:
    """A class that only a newer version has is unknown here."""
    return text if text in _FAULTS else UNKNOWN_FAULT


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float | None:
    """A time or a duration: finite and not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and 0 <= number < _LATEST else None


# Unix seconds, about the year 5770: what is beyond is no time of a run. Twice of it, which the sum
# of a beginning and a duration may be, can still be written as a date.
_LATEST = 1.2e11


def _waits(value: object) -> dict[str, float]:
    if not isinstance(value, Mapping):
        return {}
    read = {cause: _number(seconds) for cause, seconds in value.items()}
    return {cause: seconds for cause, seconds in read.items() if seconds is not None}


def _exchanges(value: object) -> tuple[Exchange, ...] | None:
    if not isinstance(value, list):
        return None
    read = [_exchange(inner) for inner in value]
    whole = [exchange for exchange in read if exchange is not None]
    return tuple(whole) if len(whole) == len(read) else None


def _exchange(value: object) -> Exchange | None:
    if not isinstance(value, Mapping):
        return None
    at, seconds = _number(value.get("at")), _number(value.get("seconds"))
    fault = _text(value.get("fault"))
    if at is None or seconds is None or fault is None:
        return None
    return Exchange(
        at=at,
        seconds=seconds,
        fault=_fault(fault),
        status=_whole(value.get("status")),
        request_id=_text(value.get("request_id")),
        error_code=_word(value.get("error_code")),
        replayed=value.get("replayed") is True,
    )
