"""How long locks are held."""

from pathlib import Path
from random import Random
from statistics import median
from typing import Any, cast

import pytest

from holdfast.sandbox import Fixed, LogNormal, Sampled
from holdfast.sandbox.holds import as_hold, check_seconds, parse_hold


def test_a_number_is_a_fixed_hold() -> None:
    assert as_hold(0.02) == Fixed(0.02)
    assert as_hold(0).sample(Random(1)) == 0


def test_log_normal_holds_have_the_median_and_the_spread() -> None:
    random = Random(7)
    drawn = [LogNormal(0.02, 0.5).sample(random) for _ in range(4000)]
    assert median(drawn) == pytest.approx(0.02, rel=0.05)
    above = sum(one > 0.02 * 2.718281828**0.5 for one in drawn)  # one sigma
    assert above / len(drawn) == pytest.approx(0.159, abs=0.03)
    assert LogNormal(0.02, 0).sample(random) == pytest.approx(0.02)


def test_sampled_holds_are_those_given() -> None:
    hold = as_hold(Sampled([0.01, 0.03]))
    random = Random(3)
    assert {hold.sample(random) for _ in range(50)} == {0.01, 0.03}


@pytest.mark.parametrize("value", [-1, 3601, float("nan"), float("inf"), "20ms", None, True])
def test_what_is_no_time_is_refused_by_name(value: Any) -> None:
    with pytest.raises(ValueError, match=r"lock_wait is .*: give seconds from 0 to 3600"):
        check_seconds("lock_wait", value)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Fixed(-0.1), "hold is -0.1"),
        (lambda: LogNormal(0, 1), "median is 0"),
        (lambda: LogNormal(0.1, 6), "sigma is 6"),
        (lambda: Sampled([]), "seconds is empty"),
        (lambda: Sampled([0.1, -1]), "hold is -1"),
        (lambda: as_hold(cast("Any", "20ms")), "hold is '20ms'"),
    ],
)
def test_distributions_check_what_they_are_given(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize(
    ("text", "hold"),
    [
        ("20ms", Fixed(0.02)),
        ("0", Fixed(0)),
        ("lognormal:20ms,0.5", LogNormal(0.02, 0.5)),
        ("10ms,20ms", Sampled([0.01, 0.02])),
        ("list:10ms", Sampled([0.01])),
        ("list:10ms,2s,3", Sampled([0.01, 2, 3])),
    ],
)
def test_the_command_line_writes_holds_as_text(text: str, hold: Any) -> None:
    assert parse_hold(text) == hold


def test_a_list_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "measured, all.txt"
    file.write_text("10ms\n20ms, 30ms\n\n40ms 50ms\n")
    assert parse_hold(f"list:{file}") == Sampled([0.01, 0.02, 0.03, 0.04, 0.05])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("soon", "'soon' is no duration"),
        ("lognormal:20ms", "is no hold: write 20ms, lognormal:20ms,0.5 or list:FILE"),
        ("lognormal:20ms,x", "'x' is no sigma"),
        ("lognormal:20ms,9", "sigma is 9"),
        ("lognormal:0,1", "median is 0"),
        ("2h", "hold is 7200"),
        ("list:", "'list:' is no list"),
        ("list:10ms,soon", "'soon' is no duration"),
        ("list:nowhere.txt", "nowhere.txt cannot be read"),
        ("10ms,soon", "'soon' is no duration"),
    ],
)
def test_what_is_no_hold_is_refused_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_hold(text)


@pytest.mark.parametrize("content", ["", "10ms soon", "\xff"])
def test_a_file_that_holds_no_list_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "holds.txt"
    file.write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match=r"holds\.txt"):
        parse_hold(f"list:{file}")
