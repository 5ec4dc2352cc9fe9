"""The benchmark of events runs; nobody subscribed costs next to nothing, a stuck one no call."""

import json
from typing import Any

import pytest

from bench import events


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    file = tmp_path_factory.mktemp("events") / "rows.json"
    size = ["--rounds", "5", "--calls", "1000", "--rate", "12000", "--seconds", "2"]
    assert events.main([*size, "--json", str(file)]) == 0
    told = json.loads(file.read_text())
    assert told["bench"] == "events"
    found: list[dict[str, Any]] = told["rows"]
    return found


def test_nobody_subscribed_costs_less_than_any_subscriber(rows: list[dict[str, Any]]) -> None:
    costs = {row["told"]: row["us"] for row in rows if "told" in row}
    nobody, without = costs["nobody"], costs[events.WITHOUT]
    # The bound is 1 us, of a call of some 4; it is a third of that, and the rest a busy machine's.
    assert nobody - without < 0.6 * without
    assert nobody < costs["all"]


def test_a_stuck_subscriber_is_told_what_its_queue_holds_and_the_rest_is_counted(
    rows: list[dict[str, Any]],
) -> None:
    paced = {row["subscriber"]: row for row in rows if "subscriber" in row}
    free, stuck = paced["takes all"], paced["stuck"]
    assert (free["delivered"], free["dropped"]) == (free["published"], 0)
    assert stuck["delivered"] + stuck["dropped"] == stuck["published"]
    assert stuck["delivered"] <= 10_000 + 1 + events.THREADS
    # A call that waited for it would wait until the end, and the pace would be lost.
    assert stuck["dropped"] > 0
    assert stuck["published"] > 0.5 * free["published"]
    assert stuck["p50_us"] < 5 * free["p50_us"]
