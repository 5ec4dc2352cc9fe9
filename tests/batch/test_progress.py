"""How far a run is: a bar on a terminal, a line now and then elsewhere."""

import io
import sys

import pytest

from holdfast.batch import Snapshot, UsageError
from holdfast.batch.progress import Lines, progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def snapshot(done: int) -> Snapshot:
    return Snapshot(
        total=2000, done=done, ok=done - 3, failed=2, unsure=1, retries=7, seconds=done / 100
    )


def test_a_line_now_and_then() -> None:
    stream = io.StringIO()
    now = iter([0.0, 1.0, 5.0, 5.0, 6.0, 10.1, 10.1])
    lines = Lines(stream, lambda: next(now))
    for done in (10, 1200, 1300, 1400):
        lines.show(snapshot(done))
    assert stream.getvalue().splitlines() == [
        "1,200 of 2,000: 1,197 ok, 2 failed, 1 unsure, 100/s, 7 retries",
        "1,400 of 2,000: 1,397 ok, 2 failed, 1 unsure, 100/s, 7 retries",
    ]


def test_nothing_at_once_where_nobody_watches() -> None:
    stream = io.StringIO()
    with progress(stream) as show:
        show(snapshot(10))
    assert stream.getvalue() == ""


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "140")
    stream = Terminal()
    with progress(stream) as show:
        show(snapshot(1200))
    shown = stream.getvalue()
    assert "1200/2000" in shown
    assert "1,197 ok, 2 failed, 1 unsure, 100/s, 7 retries" in shown


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    with pytest.raises(UsageError, match=r"'rich': pip install 'holdfast\[cli\]'"):
        with progress(Terminal()):
            pass
    with progress(io.StringIO()) as show:
        show(snapshot(10))
