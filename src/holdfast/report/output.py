"""Files that are there as a whole or not at all, and that never replace a run's own."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from holdfast.batch.journal_format import is_journal
from holdfast.batch.results import is_results
from holdfast.report.errors import ReportError, ReportUsageError


def is_of_a_run(path: Path) -> bool:
    """Whether a file is the journal or the results of a run."""
    if not path.is_file() or not path.stat().st_size:
        return False
    return is_journal(path) or is_results(path)


def check_outputs(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """See to it that nothing of a run will be replaced.

    Args:
        outputs: what will be written.
        inputs: what is read.

    Raises:
        ReportUsageError: one of the outputs is one of the inputs, another output, the journal or
            the results of any run, or no file.
    """
    taken = {path.resolve(): "it is what is read" for path in inputs}
    for path in outputs:
        if path.resolve() in taken:
            raise ReportUsageError(f"{path} cannot be written: {taken[path.resolve()]}")
        taken[path.resolve()] = "it is another output of this command, too"
        if path.is_dir() or (path.exists() and not path.is_file()):
            raise ReportUsageError(f"{path} cannot be written: it is no file")
        if is_of_a_run(path):
            raise ReportUsageError(
                f"{path} belongs to a run and is not overwritten: give another name"
            )
        if not path.parent.is_dir():
            raise ReportUsageError(
                f"{path} cannot be written: the folder {path.parent} does not exist"
            )


@contextmanager
def replacing(path: Path, encoding: str = "utf-8") -> Iterator[TextIO]:
    """Write a file, readable by its owner only; it takes its place when all of it is written.

    Args:
        path: where it will be.
        encoding: its encoding.

    Raises:
        ReportError: it cannot be written; what was there is as it was.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror}") from error
    part = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding=encoding, newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
