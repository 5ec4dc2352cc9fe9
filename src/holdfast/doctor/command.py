"""`holdfast doctor`: what to change in code, in a running configuration, at a server."""

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from holdfast.command_line import FAILED, OK, USAGE, complain, read_key
from holdfast.doctor.catalogue import CHECKS
from holdfast.doctor.finding import Finding, in_order
from holdfast.doctor.report import as_json, lines, summary, table
from holdfast.doctor.secrets import KEY_VARIABLE
from holdfast.durations import parse_duration
from holdfast.redaction import redact_text

if TYPE_CHECKING:
    from holdfast.command_line import Subparsers
    from holdfast.doctor.surveying import Survey

DEADLINE = 10.0

_DESCRIPTION = """\
Read code, a running configuration and the environment, and say what to change.
A TARGET is a file or folder of Python code, which is parsed and never run (this folder if none is
given), or MODULE:ATTRIBUTE, which is imported: a Policy, a StripeClient, an HTTP client, a Celery
app, a function with retries around it.
A comment `# holdfast: ignore[CHECK]` silences a line."""

_EPILOG = "Exit code: 0 nothing above advice, 1 warnings or errors, 2 usage."


class _UsageError(Exception):
    """The command was given wrongly; the message says what to give instead."""


def add_parser(subparsers: "Subparsers") -> None:
    """Add the command `doctor` to a command line.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "doctor",
        help="say what to change in code, a configuration, a server",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = parser.add_argument
    option("targets", nargs="*", metavar="TARGET", help="PATH, or MODULE:ATTRIBUTE")
    option("--api-base", metavar="URL", help="probe a server's health, with one GET /v1/balance")
    option(
        "--key-file",
        type=Path,
        metavar="FILE",
        help=f"with --api-base: read the API key from this file (or from {KEY_VARIABLE})",
    )
    option(
        "--deadline",
        default=f"{DEADLINE:g}",
        metavar="DURATION",
        help=f"with --api-base: how long it may take ({DEADLINE:g}s)",
    )
    option("--only", action="append", default=[], metavar="CHECK", help="only this check")
    option("--skip", action="append", default=[], metavar="CHECK", help="not this check")
    option("--json", action="store_true", help="print one JSON object")
    option("--list", action="store_true", help="print the table of checks")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command.

    Args:
        arguments: as the parser of `add_parser` returns them.

    Returns:
        The exit code: 0 nothing above advice, 1 warnings or errors, 2 usage.
    """
    if arguments.list:
        for line in table():
            print(line)
        return OK
    try:
        wanted = _wanted(arguments)
        findings, looked_at = _look(arguments)
    except _UsageError as error:
        return complain("doctor", error, USAGE)
    findings = in_order([found for found in findings if found.check in wanted])
    if arguments.json:
        print(as_json(findings, looked_at))
    else:
        for line in lines(findings):
            print(line)
        for sentence in looked_at["left_out"]:
            print(f"note: {sentence}")
        print(summary(findings, _read(looked_at)))
    return FAILED if any(found.severity.counts for found in findings) else OK


def _wanted(arguments: argparse.Namespace) -> set[str]:
    only, skip = _names(arguments.only), _names(arguments.skip)
    for name in (*only, *skip):
        if name not in CHECKS:
            raise _UsageError(f"there is no check {name!r}: --list prints them all")
    return set(only or CHECKS) - set(skip)


def _names(given: list[str]) -> list[str]:
    return [name for text in given for name in text.split(",") if name]


def _look(arguments: argparse.Namespace) -> tuple[list[Finding], dict[str, Any]]:
    """All findings, and what was looked at."""
    objects = [target for target in arguments.targets if _is_object(target)]
    paths = [Path(target) for target in arguments.targets if not _is_object(target)]
    looked_at: dict[str, Any] = {"files": 0, "concerned": 0, "objects": objects, "left_out": []}
    findings: list[Finding] = []
    if arguments.api_base is not None:
        findings += _probe(arguments)
        looked_at["server"] = urlsplit(arguments.api_base).hostname
    if paths or (not objects and arguments.api_base is None):
        found = _survey(paths or [Path()])
        findings += [*found.findings, *_environment()]
        looked_at |= {
            "files": found.files,
            "concerned": found.concerned,
            "left_out": found.left_out,
        }
    for target in objects:
        findings += _examine(target)
    return findings, looked_at


def _is_object(target: str) -> bool:
    """Whether a target is MODULE:ATTRIBUTE, and no file that happens to have a colon."""
    module, colon, attribute = target.partition(":")
    names = [*module.split("."), *attribute.split(".")]
    return bool(colon) and all(map(str.isidentifier, names)) and not Path(target).exists()


# What a look needs is imported for it: whoever runs another command does not wait for it.


def _survey(paths: list[Path]) -> "Survey":
    from holdfast.doctor.surveying import survey

    try:
        return survey(paths)
    except FileNotFoundError as error:
        raise _UsageError(
            f"{error}: give a file, a folder, or MODULE:ATTRIBUTE of something to import"
        ) from None


def _environment() -> list[Finding]:
    from holdfast.doctor.environment import inspect_environment

    return inspect_environment()


def _probe(arguments: argparse.Namespace) -> list[Finding]:
    from holdfast.doctor.probing import probe

    key = os.environ.get(KEY_VARIABLE, "").strip() or None
    if arguments.key_file is not None:
        try:
            key = read_key(arguments.key_file)
        except ValueError as error:
            raise _UsageError(str(error)) from None
    try:
        seconds = parse_duration(arguments.deadline)
        return probe(arguments.api_base, key, deadline=seconds)
    except ValueError as error:
        raise _UsageError(str(error)) from None


def _examine(target: str) -> list[Finding]:
    from holdfast.doctor.examining import examine, examine_sdk

    found = _imported(target)
    try:
        findings = examine(found, target)
    except TypeError as error:
        raise _UsageError(f"{target}: {error}") from None
    if _uses_sdk(target):
        findings += examine_sdk()
    if not findings:
        kind = type(found).__name__
        findings.append(CHECKS["configuration"].is_ok(target, f"{kind}: nothing to change."))
    return findings


def _imported(target: str) -> object:
    """The object that MODULE:ATTRIBUTE names. The user asks for the import, as with `python -m`."""
    module, _, attribute = target.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: object = importlib.import_module(module)
    except Exception as error:
        # A module of the user's may raise anything.
        kind = type(error).__name__
        raise _UsageError(
            f"{module} cannot be imported: {kind}: {redact_text(str(error))}"
        ) from error
    for name in attribute.split("."):
        if not hasattr(found, name):
            raise _UsageError(f"{module} has no attribute {attribute!r}")
        found = getattr(found, name)
    return found


def _uses_sdk(target: str) -> bool:
    """Whether the module of a target has `stripe` among its names: it may use the style."""
    module = sys.modules[target.partition(":")[0]]
    return any(value is sys.modules.get("stripe") for value in vars(module).values())


def _read(looked_at: dict[str, Any]) -> str:
    parts = []
    if looked_at["files"]:
        files, concerned = looked_at["files"], looked_at["concerned"]
        noun = "file" if files == 1 else "files"
        parts.append(f"{files:,} {noun} read, {concerned:,} of them with Stripe or Holdfast")
    if looked_at["objects"]:
        parts.append(f"examined {', '.join(looked_at['objects'])}")
    if "server" in looked_at:
        parts.append("one request sent to the server")
    return "; ".join(parts) or "no Python files there"
