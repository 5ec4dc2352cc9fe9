"""CSV that a spreadsheet opens without harm."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from endings import exchange, line, old_line
from hypothesis import given
from hypothesis import strategies as st

from holdfast.report.ending import read_ending
from holdfast.report.spreadsheet import FIELDS, Rows, safe

Command = Callable[..., tuple[int, str, str]]

# The full-width equals sign, which some spreadsheets take for the narrow one.
WIDE = "\uff1d"


def _rows(*values: dict[str, Any]) -> list[dict[str, str]]:
    file = io.StringIO(newline="")
    rows = Rows(file)
    for value in values:
        ending = read_ending(json.dumps(value))
        assert ending is not None
        rows.add(ending)
    return list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))


def test_a_row_has_what_the_line_tells() -> None:
    attempts = [exchange(0.5, 0.1, "locked", 429), exchange(1.0, 0.25)]
    [row] = _rows(
        line("r-1", exchanges=attempts, waits={"lane": 0.5, "backoff": 0.4}, objects=["a1", "b2"])
    )
    assert tuple(row) == FIELDS
    assert (row["id"], row["status"], row["http_status"]) == ("r-1", "ok", "200")
    assert (row["attempts"], row["fault_classes"]) == ("2", "locked ok")
    assert (row["seconds"], row["server_seconds"]) == ("1.25", "0.35")
    assert (row["wait_lane"], row["wait_backoff"], row["wait_limiter"]) == ("0.5", "0.4", "0.0")
    assert row["objects"] == "a1 b2"
    assert row["began_at"] == "2026-05-28T20:26:40.000Z"


def test_what_is_unknown_is_empty() -> None:
    [row] = _rows(old_line())
    assert (row["seconds"], row["server_seconds"], row["path"], row["began_at"]) == ("",) * 4


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        f"{WIDE}1",
        '=HYPERLINK("http://x","y")',
        "=cmd|' /C calc'!A0",
    ],
)
def test_no_cell_is_a_formula(text: str) -> None:
    assert not safe(text).lstrip().startswith(tuple(f"=+-@\t\r\n{WIDE}"))
    [row] = _rows(line(text, status="failed", error={"message": text, "code": text}))
    assert row["id"] == row["message"] == row["error_code"] == safe(text)


@given(st.text(max_size=50))
def test_whatever_a_text_holds_the_table_keeps_its_shape(text: str) -> None:
    values = line(f"r{text}", status="failed", error={"message": text, "code": text}, reason=text)
    [row] = _rows(values)
    assert tuple(row) == FIELDS
    assert row["status"] == "failed"
    for cell in row.values():
        assert not cell.startswith(("=", "+", "-", "@"))
        assert "\n" not in cell


def test_the_file_is_what_excel_needs(
    results: Callable[..., Path], command: Command, tmp_path: Path
) -> None:
    path = results([line('Zürich,"1"'), line("r-2")])
    code, _, said = command(path, "--csv", tmp_path / "out.csv")
    assert (code, "written" in said) == (0, True)
    written = (tmp_path / "out.csv").read_bytes()
    assert written.startswith(b"\xef\xbb\xbf")
    assert written.count(b"\r\n") == 3
    assert '"Zürich,""1"""'.encode() in written
