"""What there is to see of a batch that another process runs, out of its journal.

The snapshot has the same form as that of `Board`. Its totals are the journal's own, of everything
that was done so far. What happened lately is read from the newest result backwards, a bounded part
at each look, so that the first look at a large journal is a quick one, too.
"""

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from holdfast.batch.errors import BatchError
from holdfast.batch.journal_view import open_journal
from holdfast.observe.journal.state import JournalState


class JournalBoard:
    """The figures of a run, from its journal. Any thread may ask; nothing stays open in between.

    Args:
        path: the journal, such as `holdfast-run/journal.sqlite`.
        name: what the source is called; by default the path.
        clock: gives unix seconds.
    """

    def __init__(
        self,
        path: Path | str,
        name: str | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = Path(path)
        self._name = str(path) if name is None else name
        self._clock = clock
        self._mutex = threading.Lock()
        self._state: JournalState | None = None
        self._file = 0

    def snapshot(self) -> dict[str, object]:
        """Everything there is to see now, as plain values that `json.dumps` takes.

        Only what is new since the last time is read.

        Raises:
            OSError: the journal is not there (yet), cannot be read, or is none; its text says so.
        """
        with self._mutex:
            try:
                return self._opened().snapshot(self._clock())
            except (BatchError, sqlite3.Error) as error:
                raise OSError(str(error)) from error

    def close(self) -> None:
        """There is nothing to close; it is here for whoever closes all sources alike."""

    def _opened(self) -> JournalState:
        """The state of the journal that is there now."""
        file = self._path.stat().st_ino if self._path.exists() else 0
        state = self._state
        if state is not None and file == self._file and state.goes_on():
            return state
        # The first look, or another run has begun at the same place.
        state = JournalState(open_journal(self._path), self._name)
        state.goes_on()
        self._state, self._file = state, file
        return state
