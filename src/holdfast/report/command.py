"""`holdfast report FILE`: what became of a run, as a page, a table or plain text."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.batch.workspace import Workspace
from holdfast.command_line import FAILED, OK, USAGE, complain
from holdfast.report.document import document
from holdfast.report.ending import Ending
from holdfast.report.errors import ReportError, ReportUsageError
from holdfast.report.output import check_outputs, is_of_a_run, replacing
from holdfast.report.plain import as_dict
from holdfast.report.reading import Report, read_report
from holdfast.report.spreadsheet import ENCODING, Rows
from holdfast.report.terminal import lines

if TYPE_CHECKING:
    from holdfast.command_line import Subparsers

_STDOUT = Path("-")

_DESCRIPTION = """\
Tell what became of a run of `holdfast run`: how fast it was, where its time went, what was retried,
which objects are hot, and of every request that is not ok why, and what to do about it.
FILE is the run's journal, also while the run is going on or after it was killed, or its results.
Several files are a run and its retries, oldest first: the last result of a request counts."""

_EPILOG = "Exit code: 0 done, 1 it cannot be written, 2 usage, or a file that is no run's."


def add_parser(subparsers: "Subparsers") -> None:
    """Add the command `report` to a command line.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "report",
        help="tell what became of a run",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files",
        type=Path,
        nargs="*",
        metavar="FILE",
        help=f"a journal, or a file of results ({Workspace().journal})",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE.html", help="write it as one HTML file with pictures"
    )
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="write a row for each request, for a spreadsheet"
    )
    parser.add_argument(
        "--json",
        type=Path,
        nargs="?",
        const=_STDOUT,
        metavar="FILE",
        help="write the figures as JSON; without a file, to the output instead of the summary",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command.

    Args:
        arguments: as the parser of `add_parser` returns them.

    Returns:
        The exit code: 0 done, 1 it cannot be done, 2 usage.
    """
    files: list[Path] = arguments.files
    if not files and arguments.json is not None and is_of_a_run(arguments.json):
        # `--json JOURNAL`: what is meant to be read was taken for the file to write.
        files, arguments.json = [arguments.json], _STDOUT
    files = files or [Workspace().journal]
    outputs = {
        name: path
        for name in ("out", "csv", "json")
        if (path := getattr(arguments, name)) is not None and path != _STDOUT
    }
    try:
        check_outputs(list(outputs.values()), files)
        with _rows(outputs.get("csv")) as watch:
            report = read_report(files, watch=watch)
        _write(report, outputs)
    except ReportUsageError as error:
        return complain("report", error, USAGE)
    except (ReportError, OSError) as error:
        return complain("report", error, FAILED)
    if arguments.json == _STDOUT:
        print(json.dumps(as_dict(report)))
    else:
        _show(report)
    for path in outputs.values():
        print(f"written: {path} ({_size(path.stat().st_size)})", file=sys.stderr)
    return OK


def _show(report: Report) -> None:
    """Print the summary; where the output cannot show a character, something like it."""
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines(report):
        print(line.encode(encoding, "replace").decode(encoding))


@contextmanager
def _rows(path: Path | None) -> Iterator[Callable[[Ending], object]]:
    """Where each request's row goes while the run is read."""
    if path is None:
        yield lambda _: None
        return
    with replacing(path, ENCODING) as file:
        yield Rows(file).add


def _write(report: Report, outputs: dict[str, Path]) -> None:
    if (path := outputs.get("json")) is not None:
        with replacing(path) as file:
            json.dump(as_dict(report), file)
            file.write("\n")
    if (path := outputs.get("out")) is not None:
        with replacing(path) as file:
            file.write(document(report))


def _size(number: int) -> str:
    return f"{number / 1000:,.0f} KB" if number < 1e6 else f"{number / 1e6:,.2f} MB"
