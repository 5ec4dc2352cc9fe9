"""The last 120 seconds, a bucket each."""

from typing import Any

import pytest

from holdfast.observe.board.series import BUCKETS, Series

NOW = 1_764_000_000.5
SECOND = int(NOW)


def shown(series: Series, now: float, *also: tuple[str, float]) -> Any:
    return series.as_dict(now, also)


def test_an_attempt_counts_in_the_second_in_which_it_ended() -> None:
    series = Series(NOW)
    for at in (NOW, NOW + 0.4, NOW + 0.6, NOW - 2, NOW - 119):
        series.add("ok", at)
    series.add("locked", NOW)
    seen = shown(series, NOW + 0.7)
    assert (seen["step"], seen["until"]) == (1, SECOND + 1)
    assert len(seen["classes"]["ok"]) == len(seen["waiting"]) == BUCKETS
    assert seen["classes"]["ok"][-4:] == [1, 0, 2, 1]
    assert sum(seen["classes"]["ok"]) == 4  # the one of 119 s ago has left with the new second
    assert seen["classes"]["locked"][-2:] == [1, 0]


def test_what_is_older_than_all_buckets_is_left_out() -> None:
    series = Series(NOW)
    series.add("ok", NOW - BUCKETS)
    assert shown(series, NOW)["classes"] == {}


@pytest.mark.parametrize("pause", [1, 60, 119, 120, 121, 100_000])
def test_a_pause_leaves_empty_seconds(pause: int) -> None:
    series = Series(NOW)
    series.add("ok", NOW)
    counts = shown(series, NOW + pause)["classes"]["ok"]
    assert sum(counts) == (1 if pause < BUCKETS else 0)
    series.add("ok", NOW + pause)
    counts = shown(series, NOW + pause)["classes"]["ok"]
    assert counts[-1] == 1
    if pause < BUCKETS:
        assert counts[-1 - pause] == 1


def test_as_many_wait_as_were_noted_last() -> None:
    series = Series(NOW)
    series.level(3, NOW)
    series.level(5, NOW + 1)
    series.level(0, NOW + 4)
    assert shown(series, NOW + 5)["waiting"][-6:] == [3, 5, 5, 5, 0, 0]


def test_attempts_of_calls_that_go_on_count_but_once() -> None:
    series = Series(NOW)
    series.add("ok", NOW)
    late = ("locked", NOW - 3), ("ok", NOW), ("ok", NOW - 500), ("ok", NOW + 500)
    seen = shown(series, NOW, *late)
    assert seen["classes"]["ok"][-1] == 2
    assert seen["classes"]["locked"][-4] == 1
    assert sum(seen["classes"]["ok"]) == 2
    assert shown(series, NOW)["classes"]["ok"][-1] == 1


def test_a_clock_put_back_changes_nothing() -> None:
    series = Series(NOW)
    series.add("ok", NOW)
    series.level(2, NOW - 50)
    seen = shown(series, NOW - 50)
    assert seen["until"] == SECOND
    assert (seen["classes"]["ok"][-1], seen["waiting"][-1]) == (1, 2)
