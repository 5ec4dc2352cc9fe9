"""Waits: their spans, their jitter, their bounds."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.engine import Backoff, Jitter

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


def test_collided_clients_part_at_the_first_retry() -> None:
    draw = random.Random(7).random
    waits = {round(Backoff(0.25, 5.0).wait(1, draw), 3) for _ in range(64)}
    assert len(waits) > 40


@given(
    base=st.floats(0.001, 100),
    extra=st.floats(0, 1000),
    factor=st.floats(1, 16),
    jitter=st.sampled_from(Jitter),
    retry=st.integers(1, 10_000),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_a_wait_is_never_negative_and_never_above_the_cap(
    base: float, extra: float, factor: float, jitter: Jitter, retry: int, chance: float
) -> None:
    backoff = Backoff(base, base + extra, factor, jitter)
    assert 0 <= backoff.wait(retry, lambda: chance) <= backoff.cap


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"base": 0.0, "cap": 5.0}, "base is 0.0 s"),
        ({"base": 2.0, "cap": 1.0}, "cap is 1.0 s"),
        ({"base": 1.0, "cap": 4000.0}, "cap at most 3600 s"),
        ({"base": float("nan"), "cap": 1.0}, "base is nan s"),
        ({"base": 1.0, "cap": 1.0, "factor": 0.5}, "factor is 0.5: it must be from 1 to 16"),
        ({"base": 1.0, "cap": 1.0, "jitter": "some"}, "'some' is not a valid Jitter"),
    ],
)
def test_bad_values_are_named(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Backoff(**options)
