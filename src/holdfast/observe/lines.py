"""What a line of a log says of each event: its name, its level, its time and its fields.

The same for `logging`, structlog and Sentry. The fields are plain values: texts in one line, and
nothing secret, since what they come from was redacted at its source.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from holdfast.batch.events import RunProgressed
from holdfast.engine import (
    Admitted,
    AttemptEnded,
    AttemptStarted,
    CallEnded,
    CallStarted,
    Cause,
    LanesEntered,
    Receipt,
    RetryScheduled,
    StopReason,
    Waiting,
)
from holdfast.lanes import LaneLocked, LaneWidthChanged
from holdfast.ratelimit import LimitCut, LimitRecovered

Fields = dict[str, object]


@dataclass(frozen=True, slots=True)
class Line:
    """What is said of an event.

    Attributes:
        event: its name, such as `call_ended`.
        level: a level of `logging`.
        at: when it happened, in unix seconds.
        fields: what else there is to know, without what is not known.
    """

    event: str
    level: int
    at: float
    fields: Fields

    @property
    def time(self) -> str:
        """When it happened, in ISO 8601, in UTC."""
        return datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds")

    def as_text(self) -> str:
        """The line as `key=value` (logfmt): one line, whatever is in it."""
        pairs = [f"event={self.event}"]
        pairs += [f"{name}={_logfmt(value)}" for name, value in self.fields.items()]
        return " ".join(pairs)

    def as_json(self) -> str:
        """The line as an object of JSON, in ASCII."""
        values = {
            "time": self.time,
            "level": logging.getLevelName(self.level).lower(),
            "event": self.event,
            **self.fields,
        }
        return json.dumps(values, separators=(",", ":"))


DETAIL = logging.DEBUG
"""The level of the steps of a call. At any other one its end alone tells them all."""

LEVELS: dict[type[Any], int] = {
    CallStarted: DETAIL,
    Waiting: DETAIL,
    LanesEntered: DETAIL,
    Admitted: DETAIL,
    AttemptStarted: DETAIL,
    AttemptEnded: DETAIL,
    RetryScheduled: DETAIL,
    LaneLocked: logging.INFO,
    LaneWidthChanged: logging.INFO,
    LimitCut: logging.WARNING,
    LimitRecovered: logging.INFO,
}
"""The level of every event but the end of a call, which `ENDS` has."""

RUN_LEVELS = {"run_progressed": DETAIL, "run_ended": logging.INFO}
"""The levels of how far a run is, by the names of the lines."""

ENDS = (
    ("in_doubt", "it changes something, did not succeed, and may have been executed"),
    ("ok", "it succeeded, perhaps after retries"),
    ("cancelled", "the caller cancelled it"),
    ("failed", "it ended otherwise"),
)
"""How a call can end, and what that means; the first that fits counts."""

END_LEVELS = {
    "in_doubt": logging.ERROR,
    "ok": logging.INFO,
    "cancelled": logging.INFO,
    "failed": logging.WARNING,
}

FIELDS = {
    "run": "the journal of a run of `holdfast run`",
    "total": "the requests of its file",
    "done": "those that ended",
    "ok": "those that succeeded",
    "failed": "those that did not, without doubt",
    "unsure": "those that may have been executed although they did not succeed",
    "retries": "attempts beyond the first ones",
    "waiting": "requests that wait for their objects",
    "api_method": "the HTTP method; `RUN` for a block of `holdfast.retrying`",
    "api_path": "the path, without its query; the name of a block",
    "api_server": "scheme, host and port",
    "api_status": "the HTTP status of the (last) attempt",
    "api_error_code": "the server's error code, likewise",
    "api_request_id": "the server's `Request-Id`, likewise",
    "key_fingerprint": "the first 12 hex digits of the idempotency key's SHA-256",
    "stop": "why the call ended: a [stop reason](stop-reasons.md)",
    "in_doubt": "true if it may have been executed although it did not succeed",
    "attempts": "how many HTTP exchanges there were",
    "attempt": "the number of an exchange, from 1",
    "fault": "the [fault class](classification.md) of an exchange",
    "faults": "that of every exchange, in order",
    "replayed": "true if the answer is the stored one of an earlier attempt",
    "seconds": "how long the exchange, the whole call or the run took",
    "waited": "how long it waited, in seconds",
    "waited_lane": "how long the call waited for its lanes in all, in seconds",
    "waited_limiter": "how long for the rate limit",
    "waited_backoff": "how long between its attempts",
    "delay": "the wait before the next attempt, in seconds",
    "cause": "what it waits for: `lane` or `limiter`",
    "lanes": "the objects whose lanes it enters",
    "width": "how many calls may be in the lane at once",
    "account": "whose limit it is, in a short name that is no secret",
    "scope": "`account`, an endpoint or an object",
    "reason": "the server's `Stripe-Rate-Limited-Reason`",
    "rate": "requests a second from now on; `inf` for no bound",
    "concurrency": "how many may be under way at once, likewise",
}
"""What the fields say. One that is not known, or is not so, is left out."""


_WAITS = {
    Cause.LANE: "waited_lane",
    Cause.LIMITER: "waited_limiter",
    Cause.BACKOFF: "waited_backoff",
}


def line_of(event: object) -> Line | None:
    """What to say of an event; nothing of one that is not known."""
    kind = type(event)
    make = _MAKERS.get(kind) or _OF_RUNS.get(kind)
    return None if make is None else make(event)


def end_of(receipt: Receipt) -> str:
    """How a call ended: a name of `ENDS`."""
    if receipt.in_doubt:
        return "in_doubt"
    if receipt.stop is StopReason.OK:
        return "ok"
    return "cancelled" if receipt.stop is StopReason.CANCELLED else "failed"


def _made(name: str, event: Any, at: float, fields: Mapping[str, object]) -> Line:
    return Line(name, LEVELS[type(event)], at, _known(fields))


def _call(receipt: Receipt) -> Fields:
    """Which call it is. The names are of their own: `path` and `request_id` are the web's."""
    return {
        "api_method": receipt.method,
        "api_path": receipt.path,
        "api_server": receipt.server,
        "key_fingerprint": receipt.key_fingerprint,
    }


def _step(name: str, event: Any, at: float, fields: Mapping[str, object]) -> Line:
    receipt: Receipt = event.receipt
    return _made(name, event, receipt.began_at + at, {**_call(receipt), **fields})


def _call_started(event: CallStarted) -> Line:
    return _step("call_started", event, 0.0, {"lanes": event.receipt.lanes})


def _waiting(event: Waiting) -> Line:
    return _step("waiting", event, event.at, {"cause": event.cause})


def _lanes_entered(event: LanesEntered) -> Line:
    return _step("lanes_entered", event, event.at, {"lanes": event.lanes, "waited": event.waited})


def _admitted(event: Admitted) -> Line:
    return _step("admitted", event, event.at, {"waited": event.waited})


def _attempt_started(event: AttemptStarted) -> Line:
    return _step("attempt_started", event, event.at, {"attempt": event.number})


def _attempt_ended(event: AttemptEnded) -> Line:
    attempt = event.attempt
    fields: Fields = {
        "attempt": attempt.number,
        "fault": attempt.fault,
        "api_status": attempt.status,
        "api_error_code": attempt.error_code,
        "api_request_id": attempt.request_id,
        "replayed": attempt.replayed or None,
        "seconds": attempt.seconds,
    }
    return _step("attempt_ended", event, attempt.at + attempt.seconds, fields)


def _retry_scheduled(event: RetryScheduled) -> Line:
    fields: Fields = {
        "attempt": len(event.receipt.attempts) + 1,
        "fault": event.fault,
        "delay": event.delay,
    }
    return _step("retry_scheduled", event, event.at, fields)


def _call_ended(event: CallEnded) -> Line:
    # Written for every call: what usually says nothing is asked first, and enums give their own.
    receipt = event.receipt
    end, attempts = end_of(receipt), receipt.attempts
    fields: Fields = _call(receipt)
    fields["stop"] = None if receipt.stop is None else receipt.stop._value_
    if end == "in_doubt":
        fields["in_doubt"] = True
    fields["attempts"] = len(attempts)
    fields["faults"] = [attempt.fault._value_ for attempt in attempts]
    fields["seconds"] = receipt.seconds
    for cause, name in _WAITS.items():
        waited = receipt.waits.get(cause)
        if waited:
            fields[name] = waited
    fields["lanes"] = receipt.lanes
    if attempts:
        last = attempts[-1]
        fields["api_status"] = last.status
        if last.error_code:
            fields["api_error_code"] = last.error_code
        fields["api_request_id"] = last.request_id
        if last.replayed:
            fields["replayed"] = True
    at = receipt.began_at + receipt.seconds
    return Line("call_ended", END_LEVELS[end], at, _known(fields))


def _lane_locked(event: LaneLocked) -> Line:
    return _made("lane_locked", event, event.at, {"lanes": event.keys})


def _lane_width_changed(event: LaneWidthChanged) -> Line:
    fields: Fields = {"lanes": (event.key,), "width": event.width}
    return _made("lane_width_changed", event, event.at, fields)


def _limit_cut(event: LimitCut) -> Line:
    fields: Fields = {
        "account": event.account,
        "scope": event.scope,
        "reason": event.reason,
        "rate": event.rate,
        "concurrency": event.concurrency,
    }
    return _made("limit_cut", event, event.at, fields)


def _limit_recovered(event: LimitRecovered) -> Line:
    fields: Fields = {"account": event.account, "scope": event.scope}
    return _made("limit_recovered", event, event.at, fields)


_MAKERS: dict[type[Any], Callable[[Any], Line]] = {
    CallStarted: _call_started,
    Waiting: _waiting,
    LanesEntered: _lanes_entered,
    Admitted: _admitted,
    AttemptStarted: _attempt_started,
    AttemptEnded: _attempt_ended,
    RetryScheduled: _retry_scheduled,
    CallEnded: _call_ended,
    LaneLocked: _lane_locked,
    LaneWidthChanged: _lane_width_changed,
    LimitCut: _limit_cut,
    LimitRecovered: _limit_recovered,
}


def _run_progressed(event: RunProgressed) -> Line:
    name = "run_progressed" if event.running else "run_ended"
    now = event.snapshot
    fields: Fields = {
        "run": event.name,
        "total": now.total,
        "done": now.done,
        "ok": now.ok,
        "failed": now.failed,
        "unsure": now.unsure,
        "retries": now.retries,
        "waiting": event.waiting,
        "seconds": now.seconds,
    }
    return Line(name, RUN_LEVELS[name], event.at, _known(fields))


# Apart: one event has two names.
_OF_RUNS: dict[type[Any], Callable[[Any], Line]] = {RunProgressed: _run_progressed}


def event_names() -> Iterator[tuple[str, type[Any]]]:
    """The names of all events, with their classes."""
    for kind, make in _MAKERS.items():
        yield make.__name__.removeprefix("_"), kind


def _known(fields: Mapping[str, Any]) -> Fields:
    """The fields that say something, as JSON has them, each text in one line.

    By exact types, the usual ones first: this is done for every call.
    """
    known: Fields = {}
    for name, value in fields.items():
        kind = type(value)
        if kind is str:
            if value:
                known[name] = value if value.isprintable() else _one_line(value)
        elif value is None:
            continue
        elif kind is float:
            # JSON has no infinity: a limit that is none.
            known[name] = round(value, 6) if value - value == 0 else str(value)
        elif kind is tuple or kind is list:
            if value:
                known[name] = [_one_line(str(inner)) for inner in value]
        elif kind is int or kind is bool:
            known[name] = value
        else:
            known[name] = _one_line(str(value))
    return known


def _one_line(text: str) -> str:
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


_BARE = re.compile(r"[!#-<>-\[\]-~]+").fullmatch


def _logfmt(value: Any) -> str:
    kind = type(value)
    if kind is int:
        return str(value)
    if kind is float:
        # No exponents: what reads and sorts the lines may not know them.
        plain = str(value)
        return f"{value:.6f}" if "e" in plain else plain
    if kind is bool:
        return "true" if value else "false"
    return _quoted(",".join(value) if kind is list else str(value))


@lru_cache(maxsize=2048)
def _quoted(text: str) -> str:
    """A text as logfmt has it; most of them are in one line after the other."""
    return text if _BARE(text) else json.dumps(text)
