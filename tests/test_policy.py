"""Options: defaults, and sentences for bad values."""

from dataclasses import fields
from typing import Any

import pytest

from holdfast import Backoff, FaultClass, Policy


def test_the_defaults_are_those_of_the_design() -> None:
    policy = Policy()
    assert (policy.max_retries, policy.deadline, policy.attempt_timeout) == (3, 120.0, 80.0)
    assert policy.locked_backoff == Backoff(0.25, 5.0)
    assert policy.lanes == "writes"


def test_backoff_by_class() -> None:
    policy = Policy(locked_backoff=Backoff(1, 2), key_in_use_backoff=Backoff(3, 4))
    assert policy.backoff_for(FaultClass.LOCKED) is policy.locked_backoff
    assert policy.backoff_for(FaultClass.KEY_IN_USE) is policy.key_in_use_backoff
    assert policy.backoff_for(FaultClass.SERVER_ERROR) is policy.backoff


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("max_retries", -1, "max_retries is -1: it must be a whole number from 0 to 100 retries"),
        ("max_retries", 101, "max_retries is 101: it must be a whole number from 0 to 100"),
        ("max_retries", 1.5, "max_retries is 1.5: it must be a whole number"),
        ("max_retries", True, "max_retries is True: it must be a whole number"),
        ("max_retries", "3", "max_retries is '3': it must be a whole number"),
        ("deadline", 0, "deadline is 0: it must be a number from 0.001 to 86400 s"),
        ("deadline", float("nan"), "deadline is nan: it must be a number"),
        ("deadline", float("inf"), "deadline is inf: it must be a number"),
        ("deadline", None, "deadline is None: it must be a number"),
        ("attempt_timeout", -5, "attempt_timeout is -5: it must be a number from 0.001 to 600 s"),
        ("max_waiting", 0, "max_waiting is 0: it must be a whole number from 1"),
        ("lanes", "some", "lanes is 'some': it must be one of writes, all, hot, off"),
        ("lanes", ["all"], r"lanes is \['all'\]: it must be one of writes, all, hot, off"),
        ("lane_width", 0, "lane_width is 0: it must be a whole number from 1 to 100 calls"),
        ("lane_width", "wide", "a whole number from 1 to 100 calls or 'adaptive'$"),
        ("lane_width", True, "lane_width is True: it must be a whole number"),
        ("max_retries", len, "max_retries is <built-in function len>: it must be a whole number"),
        ("retry_after", "wait", "retry_after is 'wait': it must be one of give_up, cap, ignore"),
        ("backoff", 0.5, "backoff is 0.5: it must be a Backoff"),
    ],
)
def test_bad_values_are_refused_with_the_option_and_its_range(
    option: str, value: Any, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        Policy(**{option: value})


def test_the_width_of_lanes_is_a_number_or_adaptive() -> None:
    widths = [Policy(lane_width=width).calls_in_lane for width in (1, 7, "adaptive")]
    assert widths == [1, 7, 0]


def test_lanes_may_be_chosen_by_a_function() -> None:
    assert callable(Policy(lanes=lambda *_: ("tenant",)).lanes)


def test_every_option_is_documented() -> None:
    for option in fields(Policy):
        assert option.metadata["about"], option.name
        if option.metadata["bounds"]:
            assert option.metadata["unit"], option.name


def test_a_policy_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Policy().max_retries = 5  # type: ignore[misc]
