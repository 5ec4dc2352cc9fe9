"""Waits: their spans, their jitter, their bounds."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.engine import Backoff, Growth, Jitter, Progressive

LOW, HIGH = (lambda: 0.0), (lambda: 0.999999)


@pytest.mark.parametrize(("retry", "span"), [(1, 0.25), (2, 0.5), (3, 1.0), (6, 5.0), (5000, 5.0)])
def test_full_jitter_draws_from_the_whole_span(retry: int, span: float) -> None:
    backoff = Backoff(0.25, 5.0)
    assert backoff.wait(retry, LOW) == 0
    assert backoff.wait(retry, HIGH) == pytest.approx(span, rel=1e-4)


def test_equal_jitter_waits_at_least_half_of_the_span() -> None:
    backoff = Backoff(1.0, 80.0, factor=4.0, jitter=Jitter.EQUAL)
    assert [backoff.wait(n, LOW) for n in (1, 2, 3, 4, 5)] == [0.5, 2.0, 8.0, 32.0, 40.0]
    assert backoff.wait(3, HIGH) == pytest.approx(16.0, rel=1e-4)


def test_no_jitter_waits_the_span() -> None:
    assert Backoff(0.5, 5.0, jitter=Jitter.NONE).wait(2, HIGH) == 1.0


def test_quarter_jitter_waits_at_least_three_quarters_of_the_span() -> None:
    backoff = Backoff(1.0, 80.0, jitter=Jitter.QUARTER)
    assert [backoff.wait(n, LOW) for n in (1, 2, 3)] == [0.75, 1.5, 3.0]
    assert backoff.wait(3, HIGH) == pytest.approx(4.0, rel=1e-4)


def test_quadratic_growth_adds_the_square_of_the_retries_made() -> None:
    backoff = Backoff(0.5, 5.0, jitter=Jitter.NONE, growth=Growth.QUADRATIC)
    assert [backoff.wait(n, HIGH) for n in (1, 2, 3, 4, 5000)] == [0.5, 1.0, 2.5, 5.0, 5.0]


def test_no_wait_is_shorter_than_the_floor() -> None:
    backoff = Backoff(0.25, 5.0, jitter=Jitter.EQUAL, floor=0.5)
    assert [backoff.wait(n, LOW) for n in (1, 2, 3, 4)] == [0.5, 0.5, 0.5, 1.0]
    assert [round(backoff.wait(n, HIGH), 3) for n in (1, 2, 3, 4)] == [0.5, 0.5, 1.0, 2.0]


def test_collided_clients_part_at_the_first_retry() -> None:
    draw = random.Random(7).random
    waits = {round(Backoff(0.25, 5.0).wait(1, draw), 3) for _ in range(64)}
    assert len(waits) > 40


@given(
    base=st.floats(0.001, 100),
    extra=st.floats(0, 1000),
    factor=st.floats(1, 16),
    jitter=st.sampled_from(Jitter),
    growth=st.sampled_from(Growth),
    retry=st.integers(1, 10_000),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_a_wait_is_never_negative_and_never_above_the_cap(
    base: float,
    extra: float,
    factor: float,
    jitter: Jitter,
    growth: Growth,
    retry: int,
    chance: float,
) -> None:
    backoff = Backoff(base, base + extra, factor, jitter, base / 2, growth)
    assert base / 2 <= backoff.wait(retry, lambda: chance) <= backoff.cap


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"base": 0.0, "cap": 5.0}, "base is 0.0 s"),
        ({"base": 2.0, "cap": 1.0}, "cap is 1.0 s"),
        ({"base": 1.0, "cap": 4000.0}, "cap at most 3600 s"),
        ({"base": float("nan"), "cap": 1.0}, "base is nan s"),
        ({"base": 1.0, "cap": 1.0, "factor": 0.5}, "factor is 0.5: it must be from 1 to 16"),
        ({"base": 1.0, "cap": 1.0, "jitter": "some"}, "'some' is not a valid Jitter"),
        ({"base": 1.0, "cap": 1.0, "growth": "some"}, "'some' is not a valid Growth"),
        ({"base": 1.0, "cap": 1.0, "floor": 1.5}, "floor is 1.5 s: it must be from 0 to the cap"),
        ({"base": 1.0, "cap": 1.0, "floor": -1.0}, "floor is -1.0 s"),
    ],
)
def test_bad_values_are_named(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Backoff(**options)


BASE_OR_CAP = "they must be above 0, base at most cap, and cap at most 3600 s"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"base": 1.0, "cap": 3600.5}, f"base is 1.0 s and cap is 3600.5 s: {BASE_OR_CAP}"),
        ({"base": 1.0, "cap": 1.0, "factor": 16.5}, "factor is 16.5: it must be from 1 to 16"),
    ],
)
def test_just_beyond_a_bound_is_told_in_a_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        Backoff(**options)
    assert str(caught.value) == sentence


def test_the_bounds_of_a_backoff_are_allowed() -> None:
    assert Backoff(3600.0, 3600.0, 16.0, Jitter.NONE).wait(1, LOW) == 3600.0
    assert Backoff(1.0, 1.0, 1.0, Jitter.NONE).wait(9, LOW) == 1.0


def test_the_bounds_of_the_floor_are_allowed() -> None:
    assert Backoff(1.0, 2.0, floor=2.0).wait(1, LOW) == 2.0


@pytest.mark.parametrize(("step", "cap"), [(-0.5, 1.0), (1.5, 1.0), (1.0, 3600.5)])
def test_a_progressive_wait_beyond_its_bounds_is_told(step: float, cap: float) -> None:
    with pytest.raises(ValueError) as caught:
        Progressive(step, cap)
    assert str(caught.value) == (
        f"step is {step} s and cap is {cap} s: step must be from 0 to cap, and cap at most 3600 s"
    )


def test_the_bounds_of_progressive_waits_are_allowed() -> None:
    assert Progressive(0.0, 1.0).wait(3, HIGH) == 0.0
    assert Progressive(3600.0, 3600.0).wait(3, HIGH) == 3600.0
