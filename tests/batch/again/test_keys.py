"""Which idempotency key the next try of a request has."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.batch.again.keys import RULES, is_replayed, next_try, rule_for
from holdfast.batch.journal_format import Entry
from holdfast.batch.reading import Request
from holdfast.engine import FaultClass

BEGUN = 1_800_000_000.0
DAY = 24 * 3600.0


def entry(method: str = "POST", path: str = "/v1/customers", *, own_key: bool = False) -> Entry:
    key = None if method == "GET" else "old"
    return Entry(3, Request("r", method, path, {}, None, key), own_key, BEGUN)


def end(status: str, *faults: FaultClass) -> dict[str, Any]:
    return {"status": status, "fault_classes": [fault.value for fault in faults]}


REJECTED = end("failed", FaultClass.REJECTED)


@pytest.mark.parametrize(
    ("request_", "result", "new"),
    [
        (entry(), end("unsure", FaultClass.INTERRUPTED), False),
        (entry(), end("unsure", FaultClass.SERVER_ERROR), False),
        (entry(), end("unsure", FaultClass.INTERRUPTED, FaultClass.LOCKED), False),
        (entry(), end("unsure", FaultClass.INTERRUPTED, FaultClass.REJECTED), False),
        (entry(), end("unsure"), False),
        (entry(), end("failed"), False),
        (entry(), end("failed", FaultClass.LOCKED), False),
        (entry(), end("failed", FaultClass.THROTTLED), False),
        (entry(), end("failed", FaultClass.CONFLICT), False),
        (entry(), end("failed", FaultClass.UNREACHABLE), False),
        (entry(), REJECTED, True),
        (entry(), end("failed", FaultClass.INTERRUPTED, FaultClass.REJECTED), True),
        (entry(path="/v2/core/event_destinations"), REJECTED, False),
        (entry("DELETE", "/v2/core/event_destinations/ed_1"), REJECTED, False),
    ],
)
def test_the_key(request_: Entry, result: dict[str, Any], new: bool) -> None:
    again = next_try(request_, result)
    assert (again.request.idempotency_key != "old") is new
    assert rule_for(request_, result).new is new
    assert replace(again.request, idempotency_key="old") == request_.request


def test_a_get_has_none() -> None:
    again = next_try(entry("GET"), REJECTED)
    assert again.request.idempotency_key is None


@pytest.mark.parametrize("result", [REJECTED, end("failed", FaultClass.LOCKED)])
def test_what_failed_begins_anew_and_what_is_unsure_does_not(result: dict[str, Any]) -> None:
    assert next_try(entry(), result).begun_at is None
    assert next_try(entry(), end("unsure", FaultClass.INTERRUPTED)).begun_at == BEGUN


def test_the_new_key_is_the_same_each_time_and_another_after_another_rejection() -> None:
    once = next_try(entry(), REJECTED).request.idempotency_key
    assert once == next_try(entry(), REJECTED).request.idempotency_key
    assert once != next_try(next_try(entry(), REJECTED), REJECTED).request.idempotency_key
    other = replace(entry(), request=replace(entry().request, idempotency_key="other"))
    assert once != next_try(other, REJECTED).request.idempotency_key


def test_a_key_of_the_files_own_stays() -> None:
    own = entry(own_key=True)
    assert next_try(own, REJECTED).request.idempotency_key == "old"
    assert is_replayed(own, REJECTED, BEGUN + DAY - 1)
    assert not is_replayed(own, REJECTED, BEGUN + DAY)
    assert not is_replayed(own, end("failed", FaultClass.LOCKED), BEGUN)
    assert not is_replayed(entry(), REJECTED, BEGUN)


def test_the_documentation_has_every_row() -> None:
    text = (Path(__file__).parents[3] / "docs" / "how-to" / "batches.md").read_text()
    table = text.partition("| it ended | key |")[2].partition("\n\n")[0].splitlines()[2:]
    told = [
        ("a new one" in row, row.rpartition("(https://")[2].removesuffix(") |")) for row in table
    ]
    assert told == [(rule.new, rule.source) for rule in RULES[:-1]]
