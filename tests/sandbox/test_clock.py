"""The clock: it goes on by itself, and ahead as far as a test wants."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.sandbox import Sandbox
from holdfast.sandbox.clock import FURTHEST

Call = Callable[..., Any]
START = 1_800_000_000.0


@pytest.fixture
def still(start: Callable[..., Sandbox]) -> Sandbox:
    """A sandbox whose clock stands, so that only moves change it."""
    return start(hold=0, clock=lambda: START)


def test_it_moves_by_as_much_as_it_is_told(still: Sandbox) -> None:
    assert still.clock.now() == START
    assert still.clock.advance(90) == START + 90
    assert still.clock.advance("25h") == START + 90 + 25 * 3600
    assert still.clock.move_to(START + 100_000) == START + 100_000
    assert still.clock.now() == START + 100_000


def test_answers_are_dated_by_it(still: Sandbox, call: Call) -> None:
    def date(path: str = "/v1/customers") -> str | None:
        headers = call(still, "GET", path).headers
        return next((v for name, v in headers.items() if name.lower() == "date"), None)

    assert date() == date("/nothing/there") == "Fri, 15 Jan 2027 08:00:00 GMT"
    still.clock.advance(90)
    assert date() == "Fri, 15 Jan 2027 08:01:30 GMT"


def test_there_are_answers_after_the_last_date(still: Sandbox, call: Call) -> None:
    for _ in range(81):
        still.clock.advance(FURTHEST)
    answer = call(still, "GET", "/v1/customers")
    assert answer.status == 200
    assert "Fri, 31 Dec 9999 23:59:59 GMT" in answer.headers.values()


def test_it_goes_on_from_where_it_was_moved(start: Callable[..., Sandbox]) -> None:
    box = start(hold=0)
    real = box.clock.now()
    moved = box.clock.advance(1000)
    assert moved >= real + 1000
    assert box.clock.now() >= moved


def test_objects_and_rows_are_dated_by_it(still: Sandbox, call: Call) -> None:
    still.clock.advance(86_400)
    assert call(still, "POST", "/v1/customers", {}).json["created"] == START + 86_400
    assert still.ledger()[0]["at"] == START + 86_400


def test_it_is_moved_over_http_too(still: Sandbox, call: Call) -> None:
    assert call(still, "GET", "/_sandbox/clock").json == {"now": START, "ahead": 0}
    moved = call(still, "POST", "/_sandbox/clock", content={"advance": "25h"})
    assert moved.json == {"now": START + 90_000, "ahead": 90_000}
    moved = call(still, "POST", "/_sandbox/clock", content={"at": START + 90_001.5})
    assert moved.json == {"now": START + 90_001.5, "ahead": 90_001.5}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({}, "give one of"),
        ({"advance": 1, "at": 2}, "give one of"),
        ({"back": 1}, "give one of"),
        ({"advance": -1}, "advance is -1: give seconds from 0"),
        ({"advance": True}, "advance is True"),
        ({"advance": "soon"}, "'soon' is no duration"),
        ({"advance": 1e12}, "up to a hundred years"),
        ({"at": START - 1}, "moves ahead only"),
        ({"at": "now"}, "at is 'now'"),
    ],
)
def test_other_moves_are_refused(still: Sandbox, call: Call, content: Any, says: str) -> None:
    refused = call(still, "POST", "/_sandbox/clock", content=content)
    assert refused.status == 400
    assert says in refused.error["message"]
    assert still.clock.now() == START


def test_the_methods_refuse_them_too(still: Sandbox) -> None:
    with pytest.raises(ValueError, match="advance is -5"):
        still.clock.advance(-5)
    with pytest.raises(ValueError, match="moves ahead only"):
        still.clock.move_to(START - 1)


def test_a_store_remembers_how_far_it_was_moved(call: Call, tmp_path: Path) -> None:
    store = tmp_path / "state.db"
    with Sandbox(hold=0, store=store, clock=lambda: START) as box:
        made = call(box, "POST", "/v1/customers", {}, key="k").json["id"]
        box.clock.advance(23 * 3600)
    with Sandbox(hold=0, store=store, clock=lambda: START) as box:
        assert box.clock.now() == START + 23 * 3600
        assert call(box, "POST", "/v1/customers", {}, key="k").json["id"] == made
        box.clock.advance(3600)
    with Sandbox(hold=0, store=store, clock=lambda: START) as box:
        assert box.stats()["idempotency_keys"] == 0
        assert call(box, "POST", "/v1/customers", {}, key="k").json["id"] != made
