"""Which objects are hot."""

from typing import Any

from holdfast.lanes import LaneState, MemoryLanes
from holdfast.observe.board.hot import REMEMBERED, SHOWN, HotObjects, crowds, hottest

NOW = 1_764_000_000.0


def rows(past: HotObjects, now: float = NOW, **lanes: tuple[int, int]) -> list[Any]:
    states = {key: LaneState(key, *numbers) for key, numbers in lanes.items()}
    return hottest(past, states, {}, now)


def names(past: HotObjects, now: float = NOW, **lanes: tuple[int, int]) -> list[str]:
    return [row["object"] for row in rows(past, now, **lanes)]


def test_what_waits_now_comes_before_lock_timeouts_and_these_before_waits() -> None:
    past = HotObjects()
    past.waited(["slow"], 30.0, NOW)
    past.waited(["slower"], 40.0, NOW)
    past.locked(["locked"], NOW)
    assert names(past, crowded=(1, 1)) == ["crowded", "locked", "slower", "slow"]


def test_the_numbers_of_an_object() -> None:
    past = HotObjects()
    past.passed(["a"], NOW)  # before it was contended: not remembered
    for seconds in (1.0, 2.0, 3.0):
        past.waited(["a", "b"], seconds, NOW)
    past.passed(["a"], NOW)
    past.passed(["a"], NOW)
    past.locked(["a"], NOW)
    (first, second) = rows(past, a=(1, 4))
    assert first == {
        "object": "a",
        "inside": 1,
        "waiting": 4,
        "wait_p50": first["wait_p50"],
        "wait_max": 3.0,
        "calls": 5,
        "locked": 1,
    }
    assert 0.98 < first["wait_p50"] < 1.02
    assert (second["object"], second["calls"], second["waiting"]) == ("b", 3, 0)


def test_those_who_wait_still_count_with_their_time_so_far() -> None:
    past = HotObjects()
    past.waited(["a"], 0.5, NOW)
    lanes = {"a": LaneState("a", 1, 2)}
    (row,) = hottest(past, lanes, {"a": [50.0, 40.0]}, NOW, ["a", "a"])
    assert (row["wait_max"], row["calls"], row["locked"]) == (50.0, 1, 2)
    assert names(past) == ["a"]
    assert rows(past)[0]["wait_max"] == 0.5  # they counted but once


def test_a_minute_later_it_is_forgotten() -> None:
    past = HotObjects()
    past.waited(["a"], 1.0, NOW)
    past.locked(["b"], NOW + 30)
    assert names(past, NOW + 59) == ["b", "a"]
    assert names(past, NOW + 66) == ["b"]
    assert names(past, NOW + 96) == []
    assert len(past) == 0


def test_older_seconds_leave_one_by_one() -> None:
    past = HotObjects()
    for second in range(120):
        past.waited(["a"], 1.0, NOW + second)
    assert 60 <= rows(past, NOW + 119)[0]["calls"] <= 65


def test_at_most_twenty_are_named() -> None:
    past = HotObjects()
    for number in range(100):
        past.waited([f"cus_{number}"], number + 1.0, NOW)
    found = names(past)
    assert len(found) == SHOWN
    assert found[0] == "cus_99"


def test_an_object_nobody_waits_for_is_not_hot() -> None:
    assert names(HotObjects(), idle=(1, 0)) == []


def test_a_million_objects_leave_nothing_behind() -> None:
    past = HotObjects()
    past.waited(["warm"], 1.0, NOW)
    for number in range(100_000):
        past.waited([f"first_{number}"], 0.1, NOW)
    for number in range(900_000):
        past.passed([f"cus_{number}"], NOW)  # with nobody in the way
        if number % 10 == 0:
            past.waited([f"cus_{number}", "hot"], 0.1, NOW)
    assert len(past) == REMEMBERED
    assert sum(len(slots) for slots in past._slots.values()) == REMEMBERED
    assert names(past)[0] == "hot"
    assert rows(past)[0]["calls"] == 90_000
    assert rows(past, NOW + 70) == []
    assert len(past) == 0


def test_crowds_are_those_of_all_tables_together() -> None:
    first, second = MemoryLanes(), MemoryLanes()
    for table, key, calls in ((first, "a", 3), (second, "a", 2), (second, "b", 2), (first, "c", 1)):
        for _ in range(calls):
            table.enqueue([key], lambda: None)
    found = crowds([first, second], ["c", "nobody"])
    assert found == {
        "a": LaneState("a", 2, 3),
        "b": LaneState("b", 1, 1),
        "c": LaneState("c", 1, 0),
    }
