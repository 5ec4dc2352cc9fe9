"""The commands that retry and report on a run, as lines for a shell."""

import shlex
from collections.abc import Iterable
from pathlib import Path

from holdfast.batch.again.family import find_family
from holdfast.batch.journal_view import open_journal
from holdfast.batch.target import options_for


def retry_command(
    journal: Path | str, ids: Iterable[str] = (), *, target: str | None = None
) -> str:
    """Write the command that retries requests, quoted for a POSIX shell.

    The API key is not in it: the command has it from the environment, as the run had.

    Args:
        journal: the journal of the run, as a path from where the command will be given.
        ids: the requests; none for all that did not end well.
        target: the `about.target` of the journal; without it the journal is opened for it.

    Raises:
        UsageError: `target` is not given, and the journal cannot be read.
    """
    if target is None:
        target = open_journal(journal).about.target
    words = ["holdfast", "run", "--retry", str(journal)]
    # Each in one word, so that an id may begin with a hyphen.
    words += [f"--only={id_}" for id_ in ids]
    words += options_for(target)
    return shlex.join(words)


def report_command(journal: Path | str) -> str:
    """Write the command that reports on a run with all of its retries.

    Args:
        journal: the journal of the run, or of one of its retries.

    Raises:
        UsageError: a journal cannot be read.
    """
    family = find_family(open_journal(journal))
    journals = [str(view.path) for view in (family.first, *family.retries)]
    return shlex.join(["holdfast", "report", *journals, "--out", "report.html"])
