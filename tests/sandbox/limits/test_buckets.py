"""Token buckets and counts of what runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sandbox.limits import buckets
from holdfast.sandbox.limits.buckets import Buckets, Running
from holdfast.sandbox.limits.model import Rate


def passed(bucket: Buckets, rate: Rate, now: float, tries: int) -> int:
    count = 0
    for _ in range(tries):
        if bucket.has_token("name", rate, now):
            bucket.take("name", rate, now)
            count += 1
    return count


def test_a_rested_bucket_lets_a_periods_worth_through_at_once() -> None:
    assert passed(Buckets(), Rate(25), 0, 100) == 25
    assert passed(Buckets(), Rate(1000, 3600), 0, 2000) == 1000
    assert passed(Buckets(), Rate(25, burst=5), 0, 100) == 5
    assert passed(Buckets(), Rate(0.5), 0, 100) == 1


def test_a_bucket_fills_at_its_rate() -> None:
    bucket, rate = Buckets(), Rate(25)
    passed(bucket, rate, 0, 25)
    assert passed(bucket, rate, 0.02, 10) == 0
    assert passed(bucket, rate, 0.4, 100) == 10
    assert passed(bucket, rate, 60, 100) == 25


@given(st.lists(st.floats(0, 0.3), min_size=1, max_size=200))
def test_no_second_lets_through_more_than_the_burst_and_the_rate(pauses: list[float]) -> None:
    bucket, rate, now = Buckets(), Rate(10, burst=3), 0.0
    times = []
    for pause in pauses:
        now += pause
        times += [now] * passed(bucket, rate, now, 20)
    for begin in times:
        assert sum(begin <= one <= begin + 1 for one in times) <= 3 + 10


def test_full_buckets_are_not_kept() -> None:
    bucket, rate = Buckets(), Rate(10)
    for number in range(5000):
        bucket.take(number, rate, number * 0.01)  # each is full again after 0.1
    assert len(bucket) <= 20


def test_buckets_that_fill_slowly_do_not_keep_others(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = Buckets()
    for number in range(100):
        bucket.take(("slow", number), Rate(1, 86400), 0)
    for number in range(5000):
        bucket.take(number, Rate(10), number * 0.01)
    assert len(bucket) <= 300


def test_the_number_of_buckets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "MOST_BUCKETS", 50)
    bucket = Buckets()
    for number in range(1000):
        bucket.take(number, Rate(1, 3600), 0)
    assert len(bucket) == 50


def test_what_runs_is_counted_and_forgotten() -> None:
    running = Running()
    running.enter("a")
    running.enter("a")
    running.leave("a")
    assert (running.count("a"), running.count("b"), len(running)) == (1, 0, 1)
    running.leave("a")
    assert len(running) == 0
