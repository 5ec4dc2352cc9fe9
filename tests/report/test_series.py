"""Counts over time stay few and lose nothing."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.report.series import Series

MOMENTS = st.floats(min_value=0, max_value=2e9)


@given(st.lists(st.tuples(MOMENTS, st.sampled_from("abc")), max_size=60))
def test_every_moment_is_in_one_of_few_buckets(moments: list[tuple[float, str]]) -> None:
    series = Series()
    for at, kind in moments:
        series.add(at, kind)
    buckets = list(series.buckets())
    assert len(buckets) == len(series) <= series.most
    for kind in "abc":
        expected = sum(1 for _, other in moments if other == kind)
        assert sum(counts.get(kind, 0) for _, counts in buckets) == expected
    for at, kind in moments:
        [counts] = [c for start, c in buckets if start <= at < start + series.width]
        assert counts[kind] >= 1


def test_buckets_between_are_there_though_empty() -> None:
    series = Series()
    series.add(100.0, "a")
    series.add(101.0, "a")
    assert [counts for _, counts in series.buckets()] == [{"a": 1}, *[{}] * 7, {"a": 1}]


def test_a_long_run_has_wider_buckets_of_the_same_numbers() -> None:
    series = Series()
    for second in range(10_000):
        series.add(1e9 + second, "a" if second % 2 else "b")
    assert 60 <= len(series) <= 120
    assert series.width == 128.0
    assert series.kinds == ("a", "b")
    assert sum(sum(counts.values()) for _, counts in series.buckets()) == 10_000


def test_what_comes_earlier_than_the_first_is_counted_too() -> None:
    series = Series()
    series.add(1000.0, "a")
    series.add(10.0, "b")
    assert series.began_at <= 10.0
    assert series.kinds == ("a", "b")
