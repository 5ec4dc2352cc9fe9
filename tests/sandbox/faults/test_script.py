"""The script, on an event loop whose time the test moves."""

from random import Random
from typing import Any

import pytest

from holdfast.sandbox.faults import (
    MOST_FAULTS,
    Fault,
    FaultScript,
    Scenario,
    read_fault,
    read_scenario,
)


class Play:
    """A script, and what requests meet in it."""

    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.script = FaultScript(loop, Random(1))
        self.outages: list[tuple[float, float]] = []
        self.script.refuse = lambda seconds: self.outages.append((loop.time(), seconds))

    def add(self, fault: str = "error_500", path: str = "/v1/a", **fields: Any) -> None:
        line = read_fault({"method": "POST", "path": path, "fault": fault, **fields})
        self.script.add(line)

    def ask(self, path: str = "/v1/a", method: str = "POST") -> str:
        """The kind of fault that a request meets; empty when it meets none."""
        met = self.script.take(method, path)
        return "" if met is None else str(met.kind)

    def take(self) -> Fault:
        met = self.script.take("POST", "/v1/a")
        assert met is not None
        return met


@pytest.fixture
def play(loop: Any) -> Play:
    return Play(loop)


def test_a_fault_is_spent_by_its_count(play: Play) -> None:
    play.add(count=2)
    assert [play.ask() for _ in range(3)] == ["error_500", "error_500", ""]
    assert not play.script


def test_a_fault_without_a_bound_stays(play: Play) -> None:
    play.add(count=None)
    assert [play.ask() for _ in range(50)] == ["error_500"] * 50


def test_the_first_line_that_fits_is_met(play: Play) -> None:
    play.add("conflict_409", path="/v1/b")
    play.add("error_500", path="/v1/{any}")
    play.add("rate_limit", path="/v1/**")
    assert [play.ask("/v1/a"), play.ask("/v1/a"), play.ask("/v1/b")] == [
        "error_500",
        "rate_limit",
        "conflict_409",
    ]


def test_any_method_can_be_met(play: Play) -> None:
    play.script.add(read_fault({"method": "*", "path": "/v1/a", "fault": "hang", "count": 2}))
    assert [play.ask(method=one) for one in ("GET", "DELETE", "POST")] == ["hang", "hang", ""]


def test_the_first_matches_can_pass(play: Play) -> None:
    play.add(after=2)
    play.add("rate_limit", path="/v1/b")
    asked = [play.ask(), play.ask("/v1/b"), play.ask(), play.ask(), play.ask()]
    assert asked == ["", "rate_limit", "", "error_500", ""]


def test_chance_repeats_with_a_seed(loop: Any) -> None:
    def run(seed: int) -> list[str]:
        play = Play(loop)
        play.add(probability=0.3, seed=seed)
        return [play.ask() for _ in range(1000)]

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert 200 < run(1).count("error_500") < 400


def test_chance_can_be_bounded_by_a_count(play: Play) -> None:
    play.add(probability=0.5, count=3)
    assert [play.ask() for _ in range(100)].count("error_500") == 3


def test_a_window_counts_from_the_order(loop: Any, play: Play) -> None:
    loop.run_until(100)
    play.script.add(read_fault(line("error_500", **{"from": 1, "until": 2})))
    seen = []
    for moment in (100, 100.9, 101, 101.9, 102):
        loop.run_until(moment)
        seen.append(play.ask())
    assert seen == ["", "", "error_500", "error_500", ""]
    assert play.script.as_list() == []


def test_a_fault_that_waits_for_the_execution_comes_back_if_there_was_none(play: Play) -> None:
    play.add("reset_after")
    met = play.take()
    assert play.ask() == ""  # it is reserved
    play.script.settle(met, struck=False)
    met = play.take()
    play.script.settle(met, struck=True)
    assert play.ask() == ""
    assert not play.script


def test_a_fault_cleared_in_the_meantime_does_not_come_back(play: Play) -> None:
    play.add("reset_after")
    met = play.take()
    play.script.clear()
    play.script.settle(met, struck=False)
    assert play.ask() == ""


def test_the_script_is_bounded(play: Play) -> None:
    for _ in range(MOST_FAULTS):
        play.add()
    with pytest.raises(ValueError, match="already has"):
        play.add()


def scenario(*stages: dict[str, Any], faults: list[dict[str, Any]] | None = None) -> Scenario:
    return read_scenario({"faults": faults or [], "stages": list(stages)})


def line(fault: str, **fields: Any) -> dict[str, Any]:
    return {"method": "POST", "path": "/v1/a", "fault": fault, **fields}


def test_stages_end_with_their_time(loop: Any, play: Play) -> None:
    play.script.play(
        scenario(
            {"seconds": 10},
            {"seconds": 5, "faults": [line("error_500", count=None)]},
            {"seconds": 5, "faults": [line("rate_limit", **{"from": 1, "until": 2})]},
        )
    )
    seen = {}
    for moment in (0, 9.9, 10, 14.9, 15, 16, 16.9, 17.1, 30):
        loop.run_until(moment)
        seen[moment] = play.ask()
    assert seen == {
        0: "",
        9.9: "",
        10: "error_500",
        14.9: "error_500",
        15: "",
        16: "rate_limit",
        16.9: "rate_limit",
        17.1: "",
        30: "",
    }


def test_stages_without_a_time_end_with_their_faults(play: Play) -> None:
    play.script.play(
        scenario(
            {"faults": [line("error_500", count=2)]},
            {"faults": [line("rate_limit"), line("hang")]},
            {"faults": [line("html_502")]},
        )
    )
    assert [play.ask() for _ in range(6)] == [
        "error_500",
        "error_500",
        "rate_limit",
        "hang",
        "html_502",
        "",
    ]


def test_a_stage_waits_for_what_is_not_settled(play: Play) -> None:
    play.script.play(scenario({"faults": [line("reset_after")]}, {"faults": [line("error_500")]}))
    met = play.take()
    assert play.ask() == ""
    play.script.settle(met, struck=False)
    met = play.take()
    play.script.settle(met, struck=True)
    assert play.ask() == "error_500"


def test_faults_beside_the_stages_stay(loop: Any, play: Play) -> None:
    always = line("conflict_409", count=None)
    play.script.play(scenario({"seconds": 1, "faults": [line("hang")]}, faults=[always]))
    assert play.ask() == "conflict_409"
    loop.run_until(5)
    assert play.ask() == "conflict_409"


def test_outages_come_when_they_are_due(loop: Any, play: Play) -> None:
    play.script.play(
        scenario(
            {"faults": [{"fault": "refuse_connections", "seconds": 2}]},
            {"faults": [{"fault": "refuse_connections", "seconds": 1, "from": 3}]},
            {"faults": [line("error_500")]},
        )
    )
    assert play.ask() == ""
    loop.run_until(10)
    assert play.outages == [(0, 2), (5, 1)]
    assert play.ask() == "error_500"


def test_a_scenario_can_be_cleared(loop: Any, play: Play) -> None:
    play.script.play(
        scenario(
            {"seconds": 1, "faults": [line("error_500")]},
            {"faults": [{"fault": "refuse_connections", "seconds": 2}]},
            faults=[{"fault": "refuse_connections", "seconds": 2, "from": 3}],
        )
    )
    assert len(play.script.as_list()) == 2
    play.script.clear()
    loop.run_until(20)
    assert (play.ask(), play.outages, play.script.as_list()) == ("", [], [])


def test_a_second_scenario_comes_after_the_first(play: Play) -> None:
    play.script.play(scenario({"faults": [line("error_500")]}))
    play.script.play(scenario({"faults": [line("rate_limit")]}))
    assert [play.ask() for _ in range(3)] == ["error_500", "rate_limit", ""]
