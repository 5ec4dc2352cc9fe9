"""The files of a run, and who may touch them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from holdfast.batch.errors import JournalBusy, UsageError
from holdfast.batch.file_locks import take_lock
from holdfast.batch.journal_format import delete_database, is_journal
from holdfast.batch.results import is_results

FOLDER = Path("holdfast-run")

# The sandbox of a run that was killed ends by itself, but not in the same instant.
_WAIT_FOR_SANDBOX = 10.0
# Whoever asks whether a run is at work on a journal has the run's lock for an instant.
_WAIT_FOR_LOOK = 0.1


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where a run keeps its files.

    Args:
        journal: the journal.
        results: the file of results.
    """

    journal: Path = FOLDER / "journal.sqlite"
    results: Path = FOLDER / "results.jsonl"

    @property
    def store(self) -> Path:
        """The state of the embedded sandbox, beside the journal."""
        return self.journal.with_name(f"{self.journal.name}.sandbox")

    def check(self, source_name: str, source: Path) -> None:
        """Raise UsageError if two files of the run are one and the same.

        Args:
            source_name: what the requests come from, such as "the file of requests".
            source: its path.
        """
        names = {source_name: source, "the journal": self.journal, "the results": self.results}
        seen: dict[Path, str] = {}
        for name, path in names.items():
            first = seen.setdefault(path.resolve(), name)
            if first != name:
                raise UsageError(f"{path} cannot be both {first} and {name}")

    def make_folders(self) -> None:
        """Make the folders; our own one keeps itself out of git.

        Raises:
            UsageError: a folder cannot be made.
        """
        try:
            for path in (self.journal, self.results):
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if FOLDER in (self.journal.parent, self.results.parent):
                ignore = FOLDER / ".gitignore"
                if not ignore.exists():
                    ignore.write_text("*\n")
        except OSError as error:
            raise UsageError(f"{error.filename} cannot be made: {error.strerror}") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other run away from the journal.

        Raises:
            JournalBusy: another run is at work on it.
        """
        with _locked(_beside(self.journal), _WAIT_FOR_LOOK) as ours:
            if not ours:
                raise JournalBusy(
                    f"another run is at work on the journal {self.journal}: wait for it, or give "
                    "another --journal and --results"
                )
            yield

    def delete(self) -> None:
        """Start anew: delete the journal, the results and the sandbox's state.

        Raises:
            UsageError: one of them is something else, and nothing was deleted.
            JournalBusy: a sandbox still uses the state.
        """
        if self.journal.exists() and self.journal.stat().st_size and not is_journal(self.journal):
            raise UsageError(f"{self.journal} is no journal, so --fresh does not delete it")
        if self.results.exists() and not is_results(self.results):
            raise UsageError(f"{self.results} holds no results, so --fresh does not delete it")
        if self.store.exists():
            with _locked(_beside(self.store), _WAIT_FOR_SANDBOX) as ours:
                if not ours:
                    raise JournalBusy(
                        f"a sandbox still uses {self.store}: stop it, or give another --journal"
                    )
                delete_database(self.store)
        delete_database(self.journal)
        self.results.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


@contextmanager
def _locked(path: Path, wait: float = 0.0) -> Iterator[bool]:
    """Hold the lock of a file, as `holdfast sandbox` does.

    Args:
        path: the lock's own file.
        wait: how long to wait for whoever has it, in seconds.

    Returns:
        Whether it is ours, as the context's value.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"{path} cannot be opened: {error.strerror}") from error
    try:
        yield take_lock(descriptor, wait=wait)
    finally:
        os.close(descriptor)
