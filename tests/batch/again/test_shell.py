"""The command that retries, as a line for a shell, is what `holdfast run` takes."""

import argparse
import shlex
from pathlib import Path

import pytest

from holdfast.batch import EmbeddedSandbox, Remote, UsageError, command, retry_command

SANDBOX = EmbeddedSandbox(Path("holdfast-run/journal.sqlite.sandbox"))


def parsed(line: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="holdfast")
    command.add_parser(parser.add_subparsers())
    return parser.parse_args(shlex.split(line)[1:])


@pytest.mark.parametrize("ids", [(), ("r-1",), ("r 1", "-x", "--only", "it's", '"$(rm)"', "a\nb")])
def test_the_ids_come_through_whatever_they_are(ids: tuple[str, ...]) -> None:
    line = retry_command("a folder/journal.sqlite", ids, target=SANDBOX.fingerprint())
    options = parsed(line)
    assert options.file is None
    assert options.retry == Path("a folder/journal.sqlite")
    assert options.only == list(ids)
    assert options.sandbox


def test_it_leads_to_the_same_target() -> None:
    stripe = Remote("sk_live_secret1")
    line = retry_command("j", target=stripe.fingerprint())
    assert line == "holdfast run --retry j"
    other = Remote("sk_live_secret1", "http://127.0.0.1:4242/")
    line = retry_command("j", target=other.fingerprint())
    assert line == "holdfast run --retry j --api-base http://127.0.0.1:4242"


def test_without_a_target_the_journal_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        retry_command(tmp_path / "none")
