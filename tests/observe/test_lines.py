import json
import logging
import shlex
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.batch import RunProgressed, Snapshot
from holdfast.engine import (
    Admitted,
    Attempt,
    AttemptEnded,
    AttemptStarted,
    CallEnded,
    CallStarted,
    Cause,
    Event,
    FaultClass,
    LanesEntered,
    Receipt,
    RetryScheduled,
    StopReason,
    Waiting,
)
from holdfast.lanes import LaneLocked, LaneWidthChanged
from holdfast.observe.lines import END_LEVELS, ENDS, FIELDS, LEVELS, event_names, line_of
from holdfast.ratelimit import LimitCut, LimitRecovered

PATH = "/v1/customers/cus_1"


def receipt(**changes: Any) -> Receipt:
    fields: dict[str, Any] = {
        "began_at": 1_800_000_000.25,
        "server": "https://api.stripe.com",
        "idempotency_key": "k",
        **changes,
    }
    return Receipt(fields.pop("method", "POST"), fields.pop("path", PATH), **fields)


LOCKED = Attempt(1, FaultClass.LOCKED, 429, "req_1", "lock_timeout", False, 0.5, 0.25)
FINE = Attempt(2, FaultClass.OK, 200, "req_2", None, True, 1.0, 0.125)
LOST = Attempt(1, FaultClass.INTERRUPTED, None, None, None, False, 0.0, 1.0)

CALL = {
    "api_method": "POST",
    "api_path": PATH,
    "api_server": "https://api.stripe.com",
    "key_fingerprint": "8254c329a928",
}


@pytest.mark.parametrize(
    ("event", "name", "at", "fields"),
    [
        (CallStarted(receipt(lanes=("cus_1",))), "call_started", 0.0, {"lanes": ["cus_1"]}),
        (Waiting(receipt(), Cause.LANE, 0.5), "waiting", 0.5, {"cause": "lane"}),
        (
            LanesEntered(receipt(), ("cus_1", "a b"), 0.75, 0.8),
            "lanes_entered",
            0.8,
            {"lanes": ["cus_1", "a b"], "waited": 0.75},
        ),
        (Admitted(receipt(), 0.5, 0.5), "admitted", 0.5, {"waited": 0.5}),
        (AttemptStarted(receipt(), 2, 1.5), "attempt_started", 1.5, {"attempt": 2}),
        (
            AttemptEnded(receipt(), LOCKED),
            "attempt_ended",
            0.75,
            {
                "attempt": 1,
                "fault": "locked",
                "api_status": 429,
                "api_error_code": "lock_timeout",
                "api_request_id": "req_1",
                "seconds": 0.25,
            },
        ),
        (
            RetryScheduled(receipt(attempts=[LOCKED]), FaultClass.LOCKED, 0.1, 0.75),
            "retry_scheduled",
            0.75,
            {"attempt": 2, "fault": "locked", "delay": 0.1},
        ),
        (
            CallEnded(
                receipt(
                    attempts=[LOCKED, FINE],
                    stop=StopReason.OK,
                    seconds=1.125,
                    waits={Cause.LANE: 0.5, Cause.BACKOFF: 0.25, Cause.LIMITER: 0.0},
                    lanes=("cus_1",),
                )
            ),
            "call_ended",
            1.125,
            {
                "stop": "ok",
                "attempts": 2,
                "faults": ["locked", "ok"],
                "seconds": 1.125,
                "waited_lane": 0.5,
                "waited_backoff": 0.25,
                "lanes": ["cus_1"],
                "api_status": 200,
                "api_request_id": "req_2",
                "replayed": True,
            },
        ),
    ],
)
def test_what_is_said_of_a_step_of_a_call(
    event: object, name: str, at: float, fields: dict[str, object]
) -> None:
    line = line_of(event)
    assert line is not None
    assert line.event == name
    assert line.at == 1_800_000_000.25 + at
    assert line.fields == {**CALL, **fields}
    assert line.fields.keys() <= FIELDS.keys()


@pytest.mark.parametrize(
    ("event", "name", "level", "fields"),
    [
        (LaneLocked(("cus_1",), 5.5), "lane_locked", "INFO", {"lanes": ["cus_1"]}),
        (
            LaneWidthChanged("cus_1", 2, 5.5),
            "lane_width_changed",
            "INFO",
            {"lanes": ["cus_1"], "width": 2},
        ),
        (
            LimitCut("live 1a2b", "account", None, 25.0, float("inf"), 5.5),
            "limit_cut",
            "WARNING",
            {"account": "live 1a2b", "scope": "account", "rate": 25.0, "concurrency": "inf"},
        ),
        (
            LimitRecovered("live 1a2b", "account", 5.5),
            "limit_recovered",
            "INFO",
            {"account": "live 1a2b", "scope": "account"},
        ),
    ],
)
def test_what_is_said_of_a_change(
    event: object, name: str, level: str, fields: dict[str, object]
) -> None:
    line = line_of(event)
    assert line is not None
    assert line.fields.keys() <= FIELDS.keys()
    assert (line.event, line.at, line.fields) == (name, 5.5, fields)
    assert logging.getLevelName(line.level) == level


@pytest.mark.parametrize(
    ("stop", "attempts", "level", "end"),
    [
        (StopReason.OK, [FINE], logging.INFO, "ok"),
        (StopReason.REJECTED, [LOCKED], logging.WARNING, "failed"),
        (StopReason.CANCELLED, [], logging.INFO, "cancelled"),
        (StopReason.ATTEMPTS, [LOST], logging.ERROR, "in_doubt"),
    ],
)
def test_level_of_an_end(stop: StopReason, attempts: list[Attempt], level: int, end: str) -> None:
    line = line_of(CallEnded(receipt(stop=stop, attempts=attempts)))
    assert line is not None
    assert line.level == level == END_LEVELS[end]
    assert ("in_doubt" in line.fields) == (end == "in_doubt")


def test_every_event_has_a_line_and_a_level() -> None:
    kinds = {kind for _, kind in event_names()}
    assert kinds >= set(get_args(Event))
    assert kinds == {*LEVELS, CallEnded}
    assert [name for name, _ in ENDS] == list(END_LEVELS)
    assert line_of(object()) is None


@pytest.mark.parametrize(
    ("running", "name", "level"),
    [(True, "run_progressed", logging.DEBUG), (False, "run_ended", logging.INFO)],
)
def test_what_is_said_of_a_run(running: bool, name: str, level: int) -> None:
    snapshot = Snapshot(total=9, done=5, ok=4, failed=1, unsure=0, retries=2, seconds=1.5)
    line = line_of(RunProgressed("journal.sqlite", snapshot, 3, running, 5.5))
    assert line is not None
    assert (line.event, line.level, line.at) == (name, level, 5.5)
    assert line.fields.keys() <= FIELDS.keys()
    assert line.as_text() == (
        f"event={name} run=journal.sqlite total=9 done=5 ok=4 failed=1 unsure=0 retries=2 "
        "waiting=3 seconds=1.5"
    )


def test_the_shortest_times_have_no_exponent() -> None:
    line = line_of(CallEnded(receipt(attempts=[FINE], stop=StopReason.OK, seconds=0.0000264)))
    assert line is not None
    assert " seconds=0.000026 " in line.as_text()
    assert json.loads(line.as_json())["seconds"] == 0.000026


def test_text_is_logfmt() -> None:
    ended = CallEnded(
        receipt(attempts=[LOCKED, FINE], stop=StopReason.OK, seconds=1.0, lanes=("a b", "c"))
    )
    line = line_of(ended)
    assert line is not None
    assert line.as_text() == (
        "event=call_ended api_method=POST api_path=/v1/customers/cus_1 "
        "api_server=https://api.stripe.com key_fingerprint=8254c329a928 stop=ok attempts=2 "
        'faults=locked,ok seconds=1.0 lanes="a b,c" api_status=200 api_request_id=req_2 '
        "replayed=true"
    )


def test_json_is_an_object_a_line() -> None:
    line = line_of(LimitCut("live 1", "account", "global-rate", 25.0, 4.0, 1_800_000_000.1234))
    assert line is not None
    assert json.loads(line.as_json()) == {
        "time": "2027-01-15T08:00:00.123+00:00",
        "level": "warning",
        "event": "limit_cut",
        "account": "live 1",
        "scope": "account",
        "reason": "global-rate",
        "rate": 25.0,
        "concurrency": 4.0,
    }


@given(st.text(), st.text())
def test_nothing_breaks_a_line_or_adds_a_field(path: str, code: str) -> None:
    attempt = Attempt(1, FaultClass.REJECTED, 400, "req_1", code, False, 0.0, 0.0)
    ended = CallEnded(receipt(path=path, attempts=[attempt], stop=StopReason.REJECTED))
    line = line_of(ended)
    assert line is not None
    for text in (line.as_text(), line.as_json()):
        assert text.isascii()
        assert text.isprintable()
    assert json.loads(line.as_json()).items() >= line.fields.items()
    for value in line.fields.values():
        assert not isinstance(value, str) or len(value.splitlines()) <= 1
    # Read as a shell would: the names are those of the fields and no more.
    names = [pair.partition("=")[0] for pair in shlex.split(line.as_text().replace("'", "_"))]
    assert names == ["event", *line.fields]
