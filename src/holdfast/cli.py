"""The command line: one subcommand a file, each with its own options and its own work."""

import argparse
import os
import sys
from collections.abc import Sequence

from holdfast._version import __version__
from holdfast.batch import command as run_command
from holdfast.doctor import command as doctor_command
from holdfast.observe import watch_command
from holdfast.report import command as report_command
from holdfast.sandbox import command as sandbox_command

_COMMANDS = {
    "run": run_command,
    "report": report_command,
    "watch": watch_command,
    "doctor": doctor_command,
    "sandbox": sandbox_command,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `holdfast`.

    Args:
        arguments: the words after the command's name; by default those of the process.

    Returns:
        The exit code: 0 done, 1 work that failed, 2 usage, 130 interrupted.
    """
    parser = argparse.ArgumentParser(
        prog="holdfast",
        description="Makes Stripe requests hold fast: each lands once, in order, with a receipt.",
    )
    parser.add_argument("--version", action="version", version=f"holdfast {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS.values():
        command.add_parser(commands)
    chosen = parser.parse_args(arguments)
    try:
        code: int = _COMMANDS[chosen.command].run(chosen)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away: leave quietly, without a second complaint at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code
