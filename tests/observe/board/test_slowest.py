"""The slowest calls of the last five minutes."""

import random

from holdfast.observe.board.slowest import MINUTES, SHOWN, Slowest

NOW = 1_764_000_000.0


def test_the_slowest_come_first_and_few_are_shown() -> None:
    slowest = Slowest[str]()
    for number in range(100):
        slowest.add(f"call {number}", number / 10, NOW + number)
    assert slowest.newest(NOW + 100) == [f"call {99 - number}" for number in range(SHOWN)]


def test_they_leave_after_five_minutes() -> None:
    slowest = Slowest[str]()
    slowest.add("old", 50.0, NOW)
    slowest.add("new", 1.0, NOW + 100)
    assert slowest.newest(NOW + MINUTES - 1) == ["old", "new"]
    assert slowest.newest(NOW + MINUTES + 1) == ["new"]
    assert slowest.newest(NOW + 500) == []
    assert slowest._slots == {}


def test_they_are_the_slowest_of_all_in_whatever_order_they_are_told() -> None:
    chance = random.Random(7)
    calls = [(chance.random(), NOW + 290 * chance.random()) for _ in range(5000)]
    slowest = Slowest[float]()
    for seconds, at in calls:
        slowest.add(seconds, seconds, at)
    assert slowest.newest(NOW + 295) == sorted((s for s, _ in calls), reverse=True)[:SHOWN]


def test_memory_is_bounded() -> None:
    slowest = Slowest[int]()
    for number in range(100_000):
        slowest.add(number, number, NOW + number)
    assert sum(len(calls) for calls in slowest._slots.values()) <= SHOWN * (MINUTES / 10 + 1)
