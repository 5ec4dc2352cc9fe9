"""How far a run is, on standard error: a live bar on a terminal, else a line now and then."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from holdfast.batch.sending import require_packages
from holdfast.batch.snapshot import Snapshot

_LINE_EVERY = 5.0


@contextmanager
def progress(stream: TextIO | None = None) -> Iterator[Callable[[Snapshot], None]]:
    """Show how far a run is.

    Args:
        stream: where to; standard error by default.

    Returns:
        What to tell each snapshot to, as the context's value.
    """
    stream = sys.stderr if stream is None else stream
    if stream.isatty():
        with _bar(stream) as show:
            yield show
    else:
        yield Lines(stream, time.monotonic).show


class Lines:
    """A plain line every few seconds.

    Args:
        stream: where to.
        clock: the time in seconds; only differences count.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._next = clock() + _LINE_EVERY

    def show(self, now: Snapshot) -> None:
        """Write a line, if it is time for one."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + _LINE_EVERY
        print(f"{now.done:,} of {now.total:,}: {_figures(now)}", file=self._stream, flush=True)


@contextmanager
def _bar(stream: TextIO) -> Iterator[Callable[[Snapshot], None]]:
    require_packages(["rich"])
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task("requests", total=None, figures="")

        def show(now: Snapshot) -> None:
            bar.update(task, total=now.total, completed=now.done, figures=_figures(now))

        yield show


def _figures(now: Snapshot) -> str:
    return (
        f"{now.ok:,} ok, {now.failed:,} failed, {now.unsure:,} unsure, {now.rate:,.0f}/s, "
        f"{now.retries:,} retries"
    )
