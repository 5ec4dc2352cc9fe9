"""`holdfast watch`: the live page of a run, read from its journal."""

import argparse
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from holdfast.batch.journal_format import is_journal
from holdfast.batch.workspace import Workspace
from holdfast.command_line import FAILED, SIGNALLED, USAGE, complain, parse_port, told

if TYPE_CHECKING:
    from holdfast.command_line import Subparsers
    from holdfast.observe.page import Page

TOKEN_VARIABLE = "HOLDFAST_WATCH_TOKEN"  # noqa: S105 -- the name of it
PORT = 4243

_LOOK = 1.0
"""Seconds between two looks at whether the page is still served."""

_DESCRIPTION = f"""\
Serve a live page of a run of `holdfast run`: how far it is, what waits, what was retried, why
requests ended, and which may have been executed without an answer. It only reads the journal, so
it may be started and ended at any time, and waits for a journal that is not there yet. Beyond this
machine (--host) it needs a token of at least 16 characters: --token-file or {TOKEN_VARIABLE}."""


def add_parser(subparsers: "Subparsers") -> None:
    """Add the command `watch` to a command line.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "watch",
        help="show a run on a live page",
        description=_DESCRIPTION,
        epilog="Exit code: 2 usage, 1 when it cannot listen, 130 after Ctrl-C.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    journal = Workspace().journal
    parser.add_argument(
        "journal",
        type=Path,
        nargs="?",
        default=journal,
        metavar="JOURNAL",
        help=f"the journal of the run ({journal})",
    )
    option = parser.add_argument
    option("--host", default="127.0.0.1", help="the address to listen at (127.0.0.1)")
    option(
        "--port",
        type=told(parse_port),
        default=PORT,
        help=f"where to listen; 0 takes a free port ({PORT})",
    )
    option(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="read the token from this file; whoever looks has to give it",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal.

    Args:
        arguments: as the parser of `add_parser` returns them.

    Returns:
        The exit code: 130 after Ctrl-C, 143 after SIGTERM, 2 for an option that is no good, 1 when
        it cannot listen.
    """
    try:
        _check(arguments.journal)
        with _stop_signals() as stops, _page(arguments) as page:
            _announce(arguments.journal, page)
            return _wait(page, stops)
    except (ValueError, ModuleNotFoundError) as error:
        return complain("watch", error, USAGE)
    except OSError as error:
        return complain("watch", f"{error.strerror or error}; --port gives another port", FAILED)


def _check(journal: Path) -> None:
    """Raise ValueError for what never becomes a journal; one may still come into being."""
    try:
        with journal.open("rb") as file:
            nothing_yet = not file.read(1)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        raise ValueError(f"{journal} is a folder: give the journal in it") from None
    except OSError as error:
        raise ValueError(f"{journal} cannot be read: {error.strerror}") from None
    if not (nothing_yet or is_journal(journal)):
        raise ValueError(f"{journal} is no journal: give the one that holdfast run wrote")


def _page(arguments: argparse.Namespace) -> "Page":
    from holdfast.observe.journal_source import JournalBoard
    from holdfast.observe.live import page_server

    serve = page_server("the live page")
    token = _token(arguments.token_file)
    return serve(JournalBoard(arguments.journal), arguments.host, arguments.port, token)


def _token(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ValueError(f"--token-file: {file} cannot be read: {why}") from None


def _announce(journal: Path, page: "Page") -> None:
    what = "" if journal.exists() else ", which is not there yet"
    print(f"The page of {journal}{what} is at {page.url}\nCtrl-C ends it.", flush=True)


class _Stops:
    """The signal that ended it, once one has come."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.number: int | None = None

    def note(self, number: int, _: FrameType | None) -> None:
        self.number = number
        self.event.set()


@contextmanager
def _stop_signals() -> Iterator[_Stops]:
    stops = _Stops()
    earlier = {one: signal.signal(one, stops.note) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stops
    finally:
        for one, handler in earlier.items():
            signal.signal(one, handler)


def _wait(page: "Page", stops: _Stops) -> int:
    while not stops.event.wait(_LOOK):
        if not page.running:
            return complain("watch", "the server ended by itself", FAILED)
    return SIGNALLED + (stops.number or 0)
