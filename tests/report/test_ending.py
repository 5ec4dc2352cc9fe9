"""What a line tells, and what is unknown."""

import json

import pytest
from endings import exchange, line, old_line
from hypothesis import given
from hypothesis import strategies as st

from holdfast.batch import Status
from holdfast.report.ending import UNKNOWN_FAULT, read_ending


def _read(values: object) -> object:
    return read_ending(json.dumps(values))


def test_a_whole_line_is_read() -> None:
    values = line(
        "r-7",
        status="failed",
        stop_reason="attempts",
        exchanges=[
            exchange(0.5, 0.1, "locked", 429, "req_1", "lock_timeout"),
            exchange(0.9, 0.1, "server_error", 500, "req_2"),
        ],
        waits={"lane": 0.5, "backoff": 0.3},
        error={"type": "api_error", "message": "it failed"},
    )
    ending = read_ending(json.dumps(values))
    assert ending is not None
    assert ending.status is Status.FAILED
    assert ending.faults == ("locked", "server_error")
    assert (ending.retries, ending.last_fault) == (1, "server_error")
    assert ending.seconds == pytest.approx(1.0)
    assert ending.server_seconds == pytest.approx(0.2)
    assert ending.ended_at == pytest.approx(values["began_at"] + 1.0)
    assert (ending.error_type, ending.error_code) == ("api_error", None)
    assert ending.message == "it failed"


def test_what_a_line_of_the_first_version_lacks_is_unknown() -> None:
    ending = read_ending(json.dumps(old_line()))
    assert ending is not None
    assert (ending.method, ending.path, ending.objects) == (None, None, None)
    assert (ending.seconds, ending.began_at, ending.ended_at) == (None, None, None)
    assert (ending.exchanges, ending.server_seconds) == (None, None)
    assert ending.faults == ("ok",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '"x"',
        '{"id":"r-1"',
        '{"id":1,"status":"ok","stop_reason":"ok"}',
        '{"id":"r-1","status":"fine","stop_reason":"ok"}',
        '{"id":"r-1","status":[],"stop_reason":"ok"}',
        "[" * 100_000,
    ],
)
def test_what_is_no_result_is_none(text: str) -> None:
    assert read_ending(text) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seconds", -1),
        ("seconds", True),
        ("seconds", "1"),
        ("seconds", float("inf")),
        ("seconds", float("nan")),
        ("seconds", 10**400),
        ("began_at", 1e30),
        ("exchanges", [{"at": 0}]),
        ("exchanges", "none"),
        ("objects", [1]),
        ("method", 7),
        ("http_status", 2.5),
    ],
)
def test_a_field_of_another_kind_is_unknown(field: str, value: object) -> None:
    ending = read_ending(json.dumps(line() | {field: value}))
    assert ending is not None
    assert getattr(ending, field) is None


def test_a_fault_class_of_a_newer_version_is_unknown() -> None:
    values = line(exchanges=[exchange(0, 1, "quantum")])
    ending = read_ending(json.dumps(values))
    assert ending is not None
    assert ending.faults == (UNKNOWN_FAULT,)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(line())), _VALUES))
def test_no_line_breaks_the_reading(changed: dict[str, object]) -> None:
    read_ending(json.dumps(line() | changed))
