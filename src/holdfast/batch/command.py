"""`holdfast run FILE`: a file of requests, each sent exactly once."""

import argparse
import json
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from holdfast.batch.again import report_command, retry, retry_command, sandbox_of
from holdfast.batch.errors import BatchError, Stopped, UsageError
from holdfast.batch.journal_view import open_journal
from holdfast.batch.progress import progress
from holdfast.batch.runner import CONCURRENCY, Options
from holdfast.batch.runner import run as run_batch
from holdfast.batch.summary import Summary
from holdfast.batch.target import SANDBOX_KEY, EmbeddedSandbox, Remote, Target
from holdfast.batch.watching import live_page
from holdfast.batch.workspace import Workspace
from holdfast.command_line import FAILED, OK, SIGNALLED, USAGE, complain, parse_port, read_key, told
from holdfast.durations import parse_duration
from holdfast.policy import Policy
from holdfast.redaction import Redactor
from holdfast.sandbox.holds import parse_hold

if TYPE_CHECKING:
    from holdfast.command_line import Subparsers

KEY_VARIABLE = "STRIPE_API_KEY"

_NOT_FOR_RETRY = {
    "journal": "its journal is beside the one that it retries, so that the next retry finds it",
    "fresh": "it would forget which requests were sent again, and with which keys",
    "seed": "the sandbox goes on with its state",
}

_DESCRIPTION = f"""\
Send every request of FILE exactly once, those on the same object in the file's order.
FILE has a JSON object a line:
  {{"id": "r-1", "method": "POST", "path": "/v1/customers/cus_1", "params": {{...}}}}
and optionally "idempotency_key" and "account". A run that was interrupted goes on when the same
command is given again. With --retry JOURNAL in place of FILE those that did not end well are sent
again. The API key is read from {KEY_VARIABLE} or --key-file."""

_EPILOG = "Exit code: 0 all ok, 1 some failed or unsure, 2 usage, 130 after Ctrl-C."


def add_parser(subparsers: "Subparsers") -> None:
    """Add the command `run` to a command line.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "run",
        help="send a file of requests, each exactly once",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="the requests, as lines of JSON"
    )
    parser.add_argument(
        "--retry",
        type=Path,
        metavar="JOURNAL",
        help="instead of FILE: send again what ended failed or unsure in the run of this journal",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        action="extend",
        default=[],
        metavar="ID",
        help="with --retry: only these requests",
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument(
        "--sandbox", action="store_true", help="send to a sandbox of its own, not to Stripe"
    )
    target.add_argument("--api-base", metavar="URL", help="send to this server, not to Stripe")
    option = parser.add_argument
    option("--key-file", type=Path, metavar="FILE", help="read the API key from this file")
    option(
        "--concurrency",
        type=int,
        default=CONCURRENCY,
        metavar="N",
        help=f"requests on the wire at once ({CONCURRENCY})",
    )
    option(
        "--deadline",
        type=told(parse_duration),
        metavar="DURATION",
        help=f"how long a request may take, with its retries ({Policy().deadline:g}s)",
    )
    option(
        "--max-retries",
        type=int,
        metavar="N",
        help=f"how often a request is sent again at most ({Policy().max_retries})",
    )
    defaults = Workspace()
    option(
        "--journal",
        type=Path,
        metavar="FILE",
        help=f"where the run keeps its state ({defaults.journal})",
    )
    option(
        "--results",
        type=Path,
        metavar="FILE",
        help=f"where each request's result goes, as lines of JSON ({defaults.results})",
    )
    option(
        "--watch",
        type=told(_port),
        nargs="?",
        const=0,
        metavar="PORT",
        help="serve a live page of the run while it lasts; its address goes to standard error",
    )
    option("--json", action="store_true", help="end with the summary as a line of JSON")
    option(
        "--keep-personal-data",
        action="store_true",
        help="leave names, addresses and the like in the answers of the results; secrets go anyway",
    )
    option(
        "--fresh",
        action="store_true",
        help="start anew: delete the journal, the results and the sandbox's state",
    )
    option(
        "--seed",
        type=Path,
        metavar="FILE",
        help="with --sandbox: a JSON file of objects that it begins with",
    )
    option(
        "--lock-wait",
        type=told(_as_given(parse_duration)),
        metavar="DURATION",
        help="with --sandbox: how long a request waits for one object's lock (100ms)",
    )
    option(
        "--hold",
        type=told(_as_given(parse_hold)),
        metavar="HOLD",
        help="with --sandbox: how long a write holds its locks: 20ms, lognormal:20ms,0.5 (20ms)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command.

    Args:
        arguments: as the parser of `add_parser` returns them.

    Returns:
        The exit code: 0 all ok, 1 some failed or unsure or the run broke off, 2 usage, 130 after
        Ctrl-C.
    """
    stopping = _Stopping()
    try:
        _check(arguments)
        with _signals_to(stopping), live_page(arguments.watch, _say), progress() as watch:
            options = replace(_options(arguments), report=_say, watch=watch, stop=stopping.event)
            summary = _carry_out(arguments, options)
    except UsageError as error:
        return complain("run", error, USAGE)
    except Stopped as error:
        return complain("run", error, _stopped_by(stopping))
    except BatchError as error:
        return complain("run", error, FAILED)
    except (OSError, sqlite3.Error) as error:
        return complain(
            "run",
            f"the run broke off: {error}; mend that and give the same command again"
            + _without_fresh(arguments),
            FAILED,
        )
    _show(summary, arguments)
    if summary.interrupted:
        _say(
            f"stopped: {summary.left:,} requests are left; to go on give the same command again"
            + _without_fresh(arguments)
        )
        return _stopped_by(stopping)
    return OK if summary.all_ok else FAILED


def _check(arguments: argparse.Namespace) -> None:
    """Raise UsageError for options that do not go together."""
    if (arguments.file is None) == (arguments.retry is None):
        raise UsageError("give either a FILE of requests, or --retry JOURNAL")
    if arguments.retry is None:
        if arguments.only:
            raise UsageError("--only is for a retry: give --retry JOURNAL too, or leave it out")
        return
    for name, why in _NOT_FOR_RETRY.items():
        if getattr(arguments, name):
            raise UsageError(f"--{name} is not for --retry: {why}")


def _carry_out(arguments: argparse.Namespace, options: Options) -> Summary:
    if arguments.retry is not None:
        open_journal(arguments.retry)  # what is wrong with it is told before a missing key is
        store = sandbox_of(arguments.retry) if arguments.sandbox else None
        target = _target(arguments, store)
        return retry(
            arguments.retry,
            target,
            only=arguments.only,
            results=arguments.results,
            options=options,
        )
    defaults = Workspace()
    workspace = Workspace(
        arguments.journal or defaults.journal, arguments.results or defaults.results
    )
    return run_batch(arguments.file, _target(arguments, workspace.store), workspace, options)


def _target(arguments: argparse.Namespace, store: Path | None) -> Target:
    key = os.environ.get(KEY_VARIABLE) or None
    if arguments.key_file is not None:
        try:
            key = read_key(arguments.key_file)
        except ValueError as error:
            raise UsageError(str(error)) from None
    if store is not None and arguments.sandbox:
        return EmbeddedSandbox(
            store,
            arguments.seed,
            arguments.lock_wait,
            arguments.hold,
            key or SANDBOX_KEY,
        )
    for name in ("seed", "lock_wait", "hold"):
        if getattr(arguments, name) is not None:
            option = name.replace("_", "-")
            raise UsageError(f"--{option} is for the sandbox: give --sandbox too, or leave it out")
    if key is None:
        raise UsageError(
            f"no API key: set {KEY_VARIABLE}, or give --key-file FILE (or --sandbox, which needs "
            "none)"
        )
    return Remote(key) if arguments.api_base is None else Remote(key, arguments.api_base)


def _options(arguments: argparse.Namespace) -> Options:
    changed = {
        name: getattr(arguments, name)
        for name in ("deadline", "max_retries")
        if getattr(arguments, name) is not None
    }
    try:
        policy = replace(Options().policy, **changed)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return Options(
        policy=policy,
        concurrency=arguments.concurrency,
        fresh=arguments.fresh,
        redactor=Redactor(personal=()) if arguments.keep_personal_data else None,
    )


class _Stopping:
    """What the signals asked for."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.signal: int | None = None

    def handle(self, number: int, _: FrameType | None) -> None:
        """The first signal stops the run gently, the next one at once."""
        if self.event.is_set():
            raise KeyboardInterrupt
        self.signal = number
        self.event.set()


def _stopped_by(stopping: _Stopping) -> int:
    return SIGNALLED + (stopping.signal or signal.SIGINT)


@contextmanager
def _signals_to(stopping: _Stopping) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    kept = {
        number: signal.signal(number, stopping.handle) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _show(summary: Summary, arguments: argparse.Namespace) -> None:
    if arguments.retry is not None and not summary.figures.total:
        print(f"nothing is to be retried: no request in {arguments.retry} failed or is unsure")
    else:
        if summary.nothing_was_left:
            print(f"nothing is left to do for {arguments.file}: --fresh would start anew")
        for line in summary.lines():
            print(line)
        print(f"report    {report_command(summary.journal)}")
        if not (summary.all_ok or summary.interrupted):
            print(f"to retry  {retry_command(arguments.retry or summary.journal)}")
    if arguments.json:
        print(json.dumps(summary.as_dict()))
    sys.stdout.flush()


def _without_fresh(arguments: argparse.Namespace) -> str:
    return ", without --fresh" if arguments.fresh else ""


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _port(text: str) -> int:
    try:
        return parse_port(text)
    except ValueError as error:
        raise ValueError(f"{error}, or FILE before --watch") from None


def _as_given(read: Callable[[str], object]) -> Callable[[str], str]:
    """Check a text that is handed on as it is."""

    def checked(text: str) -> str:
        read(text)
        return text

    return checked
