"""Percentiles in bounded memory, beside exact ones."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.report.histogram import Histogram

SECONDS = st.floats(min_value=1e-4, max_value=1e6)


def _of(values: list[float]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(st.lists(SECONDS, min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_within_one_percent(values: list[float], share: float) -> None:
    exact = sorted(values)[max(math.ceil(share * len(values)), 1) - 1]
    assert _of(values).percentile(share) == pytest.approx(exact, rel=0.0101)


@given(st.lists(SECONDS, min_size=1, max_size=100))
def test_mean_and_longest_are_exact(values: list[float]) -> None:
    histogram = _of(values)
    assert histogram.longest == max(values)
    assert histogram.mean == pytest.approx(sum(values) / len(values))


def test_nothing_is_nothing() -> None:
    empty = Histogram()
    assert (empty.mean, empty.percentile(0.5), empty.longest) == (0.0, 0.0, 0.0)
    assert list(empty.columns(10)) == []


def test_no_time_at_all_is_no_time() -> None:
    assert _of([0.0, 0.0, 1.0]).percentile(0.5) == 0.0


@given(st.lists(SECONDS | st.just(0.0), min_size=1, max_size=100), st.integers(1, 40))
def test_columns_hold_everything_without_gaps(values: list[float], most: int) -> None:
    columns = list(_of(values).columns(most))
    assert len(columns) <= most
    assert sum(number for _, _, number in columns) == len(values)
    assert all(before[1] == after[0] for before, after in pairwise(columns))


def test_a_million_durations_need_few_bins() -> None:
    chance = random.Random(7)
    histogram = _of([chance.lognormvariate(0, 2) for _ in range(20_000)])
    assert len(histogram._bins) < 1500
