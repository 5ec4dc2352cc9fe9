"""Durations, read and written."""

import pytest

from holdfast.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("100ms", 0.1), ("2s", 2), ("5m", 300), ("1h", 3600), ("7", 7), ("0.5", 0.5), (" .5 s ", 0.5)],
)
def test_reads_every_form(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "ms", "-1s", "1d", "1s2", "1e3", "inf", "nan", "\u0661s"])
def test_refuses_the_rest_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="write 100ms, 2s, 5m, 1h, or plain seconds"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0214, "21 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (59.99, "59.99 s"),
        (59.999, "1 min 0 s"),
        (3599.9, "1 h 0 min"),
        (7320, "2 h 2 min"),
    ],
)
def test_writes_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
