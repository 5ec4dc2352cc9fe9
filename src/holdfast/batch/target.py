"""Where the requests of a run go: Stripe, a server that speaks like it, or a sandbox of our own."""

import hashlib
import json
import os
import re
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urlsplit

from holdfast.batch.errors import TargetGone, UsageError
from holdfast.batch.reading import fingerprint

STRIPE = "https://api.stripe.com"
SANDBOX_KEY = "sk_test_holdfast_sandbox"

_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 10.0
_USAGE = 2  # as `holdfast sandbox` ends for options and files that are no good
# What a fingerprint is made of.
_KEYED = " with the key "
_SANDBOX = "the sandbox "
_SEED = " with the seed "
_KEY = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A target that is ready for requests.

    Attributes:
        url: its base, without a slash at the end.
        api_key: the key to show it.
        process: the process that serves it, if it is ours.
    """

    url: str
    api_key: str = field(repr=False)
    process: "subprocess.Popen[bytes] | None" = None

    def check(self) -> None:
        """Raise TargetGone if the process that serves it has ended."""
        if self.process is not None and self.process.poll() is not None:
            raise TargetGone(
                f"the embedded sandbox ended by itself (exit code {self.process.returncode}); "
                "run the same command again to go on"
            )


class Target(Protocol):
    """What a run needs of a target."""

    @property
    def name(self) -> str:
        """What it is, for a person."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be written down."""

    def fingerprint(self) -> str:
        """What tells it from other targets; the journal keeps it. Nothing secret."""

    def open(self) -> AbstractContextManager[Endpoint]:
        """Make it ready; leaving the context ends it again."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Stripe itself, or a server at another base.

    Args:
        api_key: the account's secret key.
        api_base: such as `http://127.0.0.1:4242`.

    Raises:
        UsageError: one of them cannot be right; the message does not show the key.
    """

    api_key: str = field(repr=False)
    api_base: str = STRIPE

    def __post_init__(self) -> None:
        check_key(self.api_key)
        parts = urlsplit(self.api_base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(
                f"the API base {self.api_base} is no URL: write it as http://127.0.0.1:4242"
            )
        if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
            raise UsageError(
                "the API base may have nothing but a scheme, a host and a port, as in "
                "http://127.0.0.1:4242"
            )

    @property
    def name(self) -> str:
        """What it is, for a person."""
        return self._base

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be written down."""
        return (self.api_key,)

    def fingerprint(self) -> str:
        """The base, and a digest of the key: another key may be another account's."""
        digest = hashlib.sha256(self.api_key.encode()).hexdigest()[:16]
        return f"{self._base}{_KEYED}{digest}"

    @contextmanager
    def open(self) -> Iterator[Endpoint]:
        """It is ready as it is."""
        yield Endpoint(self._base, self.api_key)

    @property
    def _base(self) -> str:
        return self.api_base.rstrip("/")


@dataclass(frozen=True, slots=True)
class EmbeddedSandbox:
    """A sandbox in a process of its own, which ends when we end, however that happens.

    Args:
        store: its SQLite file; it keeps the state from one run to the next.
        seed: the objects that it begins with.
        lock_wait: how long a request waits for a lock, as `holdfast sandbox` takes it.
        hold: how long a lock is held, likewise.
        api_key: any test key.
    """

    store: Path
    seed: Path | None = None
    lock_wait: str | None = None
    hold: str | None = None
    api_key: str = field(default=SANDBOX_KEY, repr=False)

    def __post_init__(self) -> None:
        check_key(self.api_key)

    @property
    def name(self) -> str:
        """What it is, for a person."""
        return f"a sandbox of its own (state in {self.store})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be written down."""
        return (self.api_key,)

    def fingerprint(self) -> str:
        """Which sandbox, and what it began with."""
        if self.seed is None:
            return f"{_SANDBOX}{self.store.name}"
        try:
            with self.seed.open("rb") as file:
                digest = fingerprint(file)[:16]
        except OSError as error:
            raise UsageError(f"the seed {self.seed} cannot be read: {error.strerror}") from error
        return f"{_SANDBOX}{self.store.name}{_SEED}{digest}"

    @contextmanager
    def open(self) -> Iterator[Endpoint]:
        """Start it, and stop it at the end."""
        # A session of its own: a Ctrl-C in the terminal is for us, and the requests on the wire
        # shall still be answered. It hears of our end by the end of its standard input.
        process = subprocess.Popen(  # noqa: S603 - the words are our own
            self._command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if name != "STRIPE_API_KEY"},
            start_new_session=True,
        )
        with process:
            try:
                yield Endpoint(_url(process), self.api_key, process)
            finally:
                _stop(process)

    def _command(self) -> list[str]:
        # -P: nothing in the current folder may stand in for a module.
        words = [sys.executable, "-P", "-m", "holdfast", "sandbox", "--port", "0"]
        words += ["--store", str(self.store), "--exit-with-parent", "--ready-json"]
        for option, value in (
            ("--seed", self.seed),
            ("--lock-wait", self.lock_wait),
            ("--hold", self.hold),
        ):
            if value is not None:
                words += [option, str(value)]
        return words


def is_same_place(before: str, now: str) -> bool:
    """Whether a target is the one that another run had, by their fingerprints.

    A sandbox goes on with its state, so what it began with need not be given again.
    """
    return now in (before, before.partition(_SEED)[0])


def options_for(fingerprint: str) -> tuple[str, ...]:
    """The options of `holdfast run` that lead to the target of a fingerprint again."""
    if fingerprint.startswith(_SANDBOX):
        return ("--sandbox",)
    base = fingerprint.partition(_KEYED)[0]
    return () if base == STRIPE else ("--api-base", base)


def check_key(api_key: str) -> None:
    """Raise UsageError, without showing it, for what cannot be an API key."""
    if not _KEY.fullmatch(api_key):
        raise UsageError("the API key is empty, or has spaces, line breaks or letters beyond ASCII")


def _url(process: "subprocess.Popen[bytes]") -> str:
    line = _first_line(_pipe(process.stdout))
    try:
        return str(json.loads(line)["url"])
    except (ValueError, KeyError, TypeError):
        refused = UsageError if _ended_with(process) == _USAGE else TargetGone
        raise refused(
            "the embedded sandbox did not start; what it says about that stands above"
        ) from None


def _ended_with(process: "subprocess.Popen[bytes]") -> int | None:
    try:
        return process.wait(_STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        return None


def _first_line(pipe: IO[bytes]) -> bytes:
    ready, _, _ = select.select([pipe], [], [], _START_TIMEOUT)
    return pipe.readline() if ready else b""


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End it: first by the end of its standard input, then with more force."""
    ends: tuple[Callable[[], object], ...] = (
        _pipe(process.stdin).close,
        process.terminate,
        process.kill,
    )
    for end in ends:
        end()
        try:
            process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            continue
        return


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("the process was started with pipes")
    return pipe
