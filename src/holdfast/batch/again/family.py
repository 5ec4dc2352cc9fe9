"""A run and its retries: their journals are in one folder, and know of each other by it."""

import re
from dataclasses import dataclass
from pathlib import Path

from holdfast.batch.errors import JournalMismatch, NoRequestsYet, UsageError
from holdfast.batch.journal_view import JournalView, open_journal

_PLAIN = "journal"


@dataclass(frozen=True, slots=True)
class Family:
    """The journals of a run and of its retries.

    Attributes:
        asked: the one that was asked for.
        first: that of the run.
        retries: those of its retries, in their order.
        next: where the journal of another retry goes.
    """

    asked: JournalView
    first: JournalView
    retries: tuple[JournalView, ...]
    next: Path

    @property
    def unfinished(self) -> JournalView | None:
        """The retry that was interrupted, if one was."""
        for view in self.retries:
            figures = view.snapshot()
            if figures.done < figures.total:
                return view
        return None


def first_of(journal: JournalView) -> Path:
    """The journal of the run that a journal retries, or the journal itself."""
    retry_of = journal.about.retry_of
    return journal.path if retry_of is None else journal.path.with_name(retry_of.journal)


def find_family(asked: JournalView) -> Family:
    """Find the journals that belong to one.

    Raises:
        UsageError: that of the first run is gone, or is another one by now.
    """
    path = first_of(asked)
    first = open_journal(path)
    retry_of = asked.about.retry_of
    if retry_of is not None and retry_of.run != first.about.run:
        raise UsageError(f"the run that {asked.path} retries is gone: {path} is another one by now")
    retries: list[JournalView] = []
    last = 0
    for number, candidate in sorted(_numbered(path)):
        last = number
        try:
            view = open_journal(candidate)
        except NoRequestsYet:
            last = number - 1  # the name is free: nothing was sent under it
        except JournalMismatch:
            continue
        else:
            of = view.about.retry_of
            if of is not None and (of.journal, of.run) == (path.name, first.about.run):
                retries.append(view)
    following = path.with_name(f"{_stem(path)}{last + 1}{path.suffix}")
    return Family(first if path == asked.path else asked, first, tuple(retries), following)


def _stem(path: Path) -> str:
    return "retry-" if path.stem == _PLAIN else f"{path.stem}-retry-"


def _numbered(path: Path) -> list[tuple[int, Path]]:
    name = re.compile(rf"{re.escape(_stem(path))}([1-9]\d*){re.escape(path.suffix)}")
    found = []
    for candidate in path.parent.iterdir():
        match = name.fullmatch(candidate.name)
        if match:
            found.append((int(match[1]), candidate))
    return found
