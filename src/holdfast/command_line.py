"""What the commands of the command line have in common: words in, complaints and exit codes out."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias, TypeVar

if TYPE_CHECKING:
    Subparsers: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

OK, FAILED, USAGE = 0, 1, 2
SIGNALLED = 128
"""Plus the signal's number, as a shell has it: 130 after Ctrl-C."""

_Read = TypeVar("_Read")


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the words that it is given, and where the right ones are.

    The list of all options, which it would print first, buries that.
    """

    def error(self, message: str) -> NoReturn:
        """Complain, and exit with 2."""
        self.exit(USAGE, f"{self.prog}: {message} (all options: {self.prog} --help)\n")


def told(read: Callable[[str], _Read]) -> Callable[[str], _Read]:
    """Let argparse tell the sentence of a ValueError instead of one of its own."""

    def reading(text: str) -> _Read:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return reading


def parse_port(text: str) -> int:
    """Read a port's number; 0 takes a free one.

    Raises:
        ValueError: it is none.
    """
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise ValueError(f"{text!r} is no port: give a number from 0 to 65535")
    return int(text)


def read_key(file: Path) -> str:
    """The API key that a file holds.

    Raises:
        ValueError: the file cannot be read, or holds none.
    """
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ValueError(f"the key file {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ValueError(f"the key file {file} holds no API key: it is not ASCII text") from None


def complain(command: str, problem: object, code: int) -> int:
    """Say on standard error what was wrong with a command. Returns its exit code."""
    print(f"holdfast {command}: {problem}", file=sys.stderr, flush=True)
    return code
