"""How one request went, without a guess."""

import json
from itertools import pairwise
from typing import Any

import pytest
from endings import exchange, line, old_line

from holdfast.report.ending import Ending, read_ending
from holdfast.report.timeline import Waited, in_brief, spans


def _ending(**changed: Any) -> Ending:
    ending = read_ending(json.dumps(line(**changed)))
    assert ending is not None
    return ending


def test_waits_before_the_first_attempt_are_its_lanes_then_the_limiter() -> None:
    found = spans(
        _ending(exchanges=[exchange(0.7, 0.1)], waits={"lane": 0.4, "limiter": 0.2}, seconds=0.8)
    )
    assert [(span.waited, round(span.at, 6), round(span.seconds, 6)) for span in found] == [
        (Waited.LANE, 0.0, 0.4),
        (Waited.LIMITER, 0.4, 0.2),
        (Waited.OTHER, 0.6, 0.1),
        (None, 0.7, 0.1),
    ]


@pytest.mark.parametrize(
    ("waits", "expected"),
    [
        ({"backoff": 0.5}, Waited.BACKOFF),
        ({"limiter": 0.5}, Waited.LIMITER),
        ({"backoff": 0.3, "limiter": 0.2}, Waited.MIXED),
        ({}, Waited.OTHER),
        # All of the limiter's wait was before the first attempt.
        ({"backoff": 0.5, "limiter": 0.1}, Waited.BACKOFF),
    ],
)
def test_a_wait_between_attempts_has_a_cause_only_where_there_is_but_one(
    waits: dict[str, float], expected: Waited
) -> None:
    first = 0.1 if waits.get("limiter") == 0.1 else 0.0
    attempts = [exchange(first, 0.1, "locked", 429), exchange(first + 0.6, 0.1)]
    *_, between, last = spans(_ending(exchanges=attempts, waits=waits))
    assert between.waited is expected
    assert between.seconds == pytest.approx(0.5)
    assert last.number == 2


def test_a_request_that_was_never_sent_waited_all_its_time() -> None:
    [span] = spans(
        _ending(
            exchanges=[], waits={"lane": 5.0}, seconds=5.0, status="failed", stop_reason="deadline"
        )
    )
    assert (span.waited, span.seconds) == (Waited.LANE, 5.0)


def test_spans_cover_the_time_up_to_the_last_attempt() -> None:
    attempts = [exchange(0.2, 0.1, "locked", 429), exchange(1.0, 0.2, "locked", 429)]
    found = spans(_ending(exchanges=attempts, waits={"lane": 0.2, "backoff": 0.7}))
    assert all(one.at + one.seconds == pytest.approx(other.at) for one, other in pairwise(found))
    assert sum(span.seconds for span in found) == pytest.approx(1.2)


def test_in_brief_it_is_one_line() -> None:
    attempts = [exchange(0.0, 0.1, "locked", 429), exchange(0.6, 0.02)]
    ending = _ending(exchanges=attempts, waits={"backoff": 0.5})
    assert in_brief(ending) == "locked 100 ms, backoff 500 ms, ok 20 ms"


def test_an_older_line_has_its_classes_only() -> None:
    ending = read_ending(json.dumps(old_line(exchanges=[exchange(0, 1, "locked"), exchange(2, 1)])))
    assert ending is not None
    assert spans(ending) == []
    assert in_brief(ending) == "locked, ok"
