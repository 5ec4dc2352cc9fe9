"""The command line: one subcommand a file, each with its own options and its own work."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from holdfast._version import __version__
from holdfast.command_line import Parser

_COMMANDS = {
    "run": "holdfast.batch.command",
    "report": "holdfast.report.command",
    "watch": "holdfast.observe.command",
    "doctor": "holdfast.doctor.command",
    "sandbox": "holdfast.sandbox.command",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `holdfast`.

    Args:
        arguments: the words after the command's name; by default those of the process.

    Returns:
        The exit code: 0 done, 1 work that failed, 2 usage, 130 interrupted.
    """
    words = sys.argv[1:] if arguments is None else arguments
    parser = Parser(
        prog="holdfast",
        description="Makes Stripe requests hold fast: each lands once, in order, with a receipt.",
    )
    parser.add_argument("--version", action="version", version=f"holdfast {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands = _imported(words)
    for command in commands.values():
        command.add_parser(subparsers)
    chosen, unknown = parser.parse_known_args(words)
    if unknown:  # said by the command itself, whose options they were to be
        subparsers.choices[chosen.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        code: int = commands[chosen.command].run(chosen)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away: leave quietly, without a second complaint at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _imported(words: Sequence[str]) -> dict[str, ModuleType]:
    """The command that is meant, so that nobody waits for the others; all, if that is not plain."""
    names = [words[0]] if words and words[0] in _COMMANDS else list(_COMMANDS)
    return {name: import_module(_COMMANDS[name]) for name in names}
