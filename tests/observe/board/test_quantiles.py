"""Middle values out of counts."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.observe.board.quantiles import Durations

SECONDS = st.floats(0, 1e5) | st.floats(1e-7, 1e-2)


def durations(values: list[float]) -> Durations:
    made = Durations()
    for value in values:
        made.add(value)
    return made


@given(st.lists(SECONDS, min_size=1))
def test_the_middle_value_is_known_to_two_percent(values: list[float]) -> None:
    made = durations(values)
    assert made.median() == pytest.approx(statistics.median_low(values), rel=0.021)
    assert made.longest == max(values)
    assert made.number == len(values)
    assert made.total == pytest.approx(sum(values))


@given(st.lists(SECONDS), st.lists(SECONDS))
def test_two_together_are_as_one(first: list[float], second: list[float]) -> None:
    merged = durations(first)
    merged.merge(durations(second))
    whole = durations(first + second)
    assert merged.median() == whole.median()
    assert (merged.number, merged.longest) == (whole.number, whole.longest)


def test_of_none_it_is_nothing() -> None:
    assert Durations().median() == 0.0


def test_many_values_take_no_room() -> None:
    made = Durations()
    for number in range(200_000):
        made.add(number / 200)
    assert len(made._counts) < 400
