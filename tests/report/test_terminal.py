"""The summary: in the order of the HTML, in lines of a fixed width."""

from collections.abc import Callable
from pathlib import Path

import pytest
from endings import exchange, line
from endings import lines as some_lines

from holdfast.report import Report, lines, read_report
from holdfast.report.terminal import WIDTH

ORDER = [
    "What ran",
    "Where time went",
    "Requests over time",
    "Retries",
    "How long requests took",
    "Hottest objects",
    "Slowest requests",
    "Not ok",
]


def test_sections_stand_in_the_order_of_the_page_and_no_line_is_too_long(
    results: Callable[..., Path],
) -> None:
    said = list(lines(read_report([results(some_lines(500, failed=0.05, unsure=0.02))])))
    assert [text for text in said if text in ORDER] == ORDER
    assert max(map(len, said)) <= WIDTH
    assert any("█" in text for text in said)


@pytest.mark.parametrize("text", ["x" * 500, "東" * 500, "\x1b[31mred\x07", "\u202egnp"])
def test_hostile_texts_move_nothing(report_of: Callable[..., Report], text: str) -> None:
    failed = line(text, status="failed", stop_reason="rejected", objects=[text], path=f"/v1/{text}")
    said = list(lines(report_of(failed)))
    assert max(map(len, said)) <= WIDTH
    assert not [one for one in said if "\x1b" in one or "\x07" in one or "\u202e" in one]


def test_of_a_table_of_many_rows_the_first_are_shown(report_of: Callable[..., Report]) -> None:
    said = "\n".join(lines(report_of(*(line(f"r-{n}", objects=[f"cus_{n}"]) for n in range(30)))))
    assert "and 10 more in the HTML" in said


def test_it_says_what_to_do(report_of: Callable[..., Report]) -> None:
    unsure = line("r-1", status="unsure", exchanges=[exchange(0, 1, "interrupted", None, None)])
    said = list(lines(report_of(unsure)))
    assert "may have happened or not: find out before sending anew" in " ".join(said)
    assert "    holdfast run --retry JOURNAL" in said
