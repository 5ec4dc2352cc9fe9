"""`holdfast sandbox`: the sandbox in a process of its own."""

import argparse
import json
import os
import selectors
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from holdfast.command_line import FAILED, USAGE, complain, parse_port, told
from holdfast.durations import parse_duration
from holdfast.sandbox.background import parse_background
from holdfast.sandbox.embedded import Sandbox
from holdfast.sandbox.holds import Fixed, parse_hold
from holdfast.sandbox.listening import HOSTS
from holdfast.sandbox.server import DEFAULT_BOUNDS, Bounds
from holdfast.sandbox.webhooks import DeliverySettings, Webhook, parse_webhook

if TYPE_CHECKING:
    from holdfast.command_line import Subparsers

_CHECK_EVERY = 1.0
"""Seconds between two looks at whether the server still runs."""


def add_parser(subparsers: "Subparsers") -> None:
    """Add the command `sandbox` to a command line.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "sandbox",
        help="serve a local, Stripe-shaped API that locks objects and can be made to fail",
        description="Serve a local, Stripe-shaped API that keeps state, locks objects as Stripe "
        "does, and can be made to fail. Durations are 100ms, 2s, 5m or plain seconds.",
    )
    option = parser.add_argument
    option(
        "--port",
        type=told(parse_port),
        default=4242,
        help="where to listen; 0 takes a free port (4242)",
    )
    option("--host", default="127.0.0.1", help=f"one of {', '.join(HOSTS)} (127.0.0.1)")
    option(
        "--allow-remote",
        action="store_true",
        help="allow any --host, also one that other machines reach: it answers whoever asks",
    )
    option(
        "--max-connections",
        type=told(_connections),
        default=DEFAULT_BOUNDS,
        metavar="NUMBER",
        dest="bounds",
        help=f"how many connections may be open at once ({DEFAULT_BOUNDS.connections})",
    )
    option(
        "--lock-wait",
        type=told(parse_duration),
        default=0.1,
        metavar="DURATION",
        help="how long a request waits for one object's lock before it is refused; 0 does not "
        "wait (100ms)",
    )
    option(
        "--hold",
        type=told(parse_hold),
        default=Fixed(0.02),
        metavar="HOLD",
        help="how long a write holds its locks: 20ms, lognormal:MEDIAN,SIGMA, 10ms,20ms for one "
        "of these, or list:FILE (20ms)",
    )
    option(
        "--linger",
        type=told(parse_hold),
        default=Fixed(0),
        metavar="HOLD",
        help="how much longer than its answer a write holds its locks, as --hold (0)",
    )
    option("--locks", type=Path, metavar="FILE", help="a JSON file that says what locks what")
    option(
        "--reads-lock", action="store_true", help="reads wait for the lock of the object they name"
    )
    option(
        "--background",
        type=told(parse_background),
        action="append",
        metavar="PROCESS",
        help='a process that takes locks: "2/s 50ms", "5%% 50ms customer" or "1/s 2s id=cus_1"; '
        "may be given again",
    )
    option("--lock-trace", action="store_true", help="note every step of every lock")
    option("--store", type=Path, metavar="FILE", help="keep the state in this SQLite file")
    option("--seed", type=Path, metavar="FILE", help="a JSON file of objects to start with")
    option(
        "--no-should-retry-header",
        action="store_true",
        help="send lock timeouts without the header Stripe-Should-Retry",
    )
    option(
        "--limits",
        default="off",
        metavar="LIMITS",
        help="rate limiters: off, live, test (Stripe's published numbers), or a JSON file (off)",
    )
    option(
        "--lenient",
        action="store_true",
        help="let any well-formed id name an object, and take any parameter",
    )
    option(
        "--webhook",
        type=told(parse_webhook),
        action="append",
        default=[],
        metavar="URL[,EVENT...]",
        help="deliver events there, all or those named; may be given several times",
    )
    option(
        "--webhook-waits",
        type=told(_durations),
        default=DeliverySettings().waits,
        metavar="DURATION,...",
        help="how long to wait before each further try of a delivery (1s,5s,25s)",
    )
    option("--scenario", type=Path, metavar="FILE", help="a JSON file of faults to play")
    option("--random-seed", type=int, metavar="NUMBER", help="make ids and holds repeatable")
    option(
        "--exit-with-parent",
        action="store_true",
        help="stop when standard input reaches its end",
    )
    option(
        "--ready-json",
        action="store_true",
        help='print {"url": ..., "pid": ...} on one line when it listens',
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal, or the end of standard input.

    Args:
        arguments: as the parser of `add_parser` returns them.

    Returns:
        The exit code: 0 after SIGINT, SIGTERM or the end of standard input; 2 for an option or a
        file of one that is no good; 1 when it cannot start for another reason, or ended by itself.
    """
    with _stop_signals() as stops:
        try:
            sandbox = _sandbox(arguments).start()
        except ValueError as error:
            return complain("sandbox", error, USAGE)
        except (OSError, RuntimeError) as error:
            unread = _unread_input(error, arguments)
            return complain(
                "sandbox", unread or _without_number(error), USAGE if unread else FAILED
            )
        try:
            _announce(sandbox, arguments.webhook, as_json=arguments.ready_json)
            ended = _wait(sandbox, stops, with_parent=arguments.exit_with_parent)
        finally:
            sandbox.stop()
    return 0 if ended else complain("sandbox", RuntimeError("the server ended by itself"), FAILED)


def _sandbox(arguments: argparse.Namespace) -> Sandbox:
    return Sandbox(
        arguments.lock_wait,
        arguments.hold,
        store=arguments.store,
        seed=arguments.seed,
        port=arguments.port,
        should_retry_header=not arguments.no_should_retry_header,
        random_seed=arguments.random_seed,
        host=arguments.host,
        limits=arguments.limits,
        linger=arguments.linger,
        locks=arguments.locks,
        reads_lock=arguments.reads_lock,
        background=arguments.background,
        lock_trace=arguments.lock_trace,
        lenient=arguments.lenient,
        webhooks=arguments.webhook,
        webhook_waits=arguments.webhook_waits,
        allow_remote=arguments.allow_remote,
        bounds=arguments.bounds,
        scenario=arguments.scenario,
    )


def _unread_input(error: Exception, arguments: argparse.Namespace) -> str | None:
    """Say which file of the options could not be read, if that is what the error is about."""
    if not isinstance(error, OSError) or error.filename is None:
        return None
    for option in ("seed", "locks", "limits", "scenario"):
        given = getattr(arguments, option)
        if given is not None and str(error.filename) == str(given):
            return f"--{option}: {given} cannot be read: {error.strerror}"
    return None


def _durations(text: str) -> tuple[float, ...]:
    return tuple(parse_duration(each) for each in text.split(",") if each)


def _announce(sandbox: Sandbox, webhooks: Sequence[Webhook], *, as_json: bool) -> None:
    if as_json:
        hooks = [{"url": each.url, "secret": each.secret} for each in webhooks]
        more = {"webhooks": hooks} if hooks else {}
        line = json.dumps({"url": sandbox.url, "pid": os.getpid(), **more})
    else:
        signed = "".join(
            f"Events go to {each.url}, signed with {each.secret}\n" for each in webhooks
        )
        line = signed + (
            f"The sandbox listens on {sandbox.url}. Point a client at it:\n"
            f'    stripe.StripeClient("sk_test_...", base_addresses={{"api": "{sandbox.url}"}})\n'
            "Ctrl-C stops it."
        )
    print(line, flush=True)


@contextmanager
def _stop_signals() -> Iterator[socket.socket]:
    """A socket that becomes readable when the process is told to stop."""
    reading, writing = socket.socketpair()
    reading.setblocking(False)
    writing.setblocking(False)
    earlier_descriptor = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    earlier = {one: signal.signal(one, _noted) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield reading
    finally:
        for one, handler in earlier.items():
            signal.signal(one, handler)
        signal.set_wakeup_fd(earlier_descriptor)
        reading.close()
        writing.close()


def _noted(number: int, frame: FrameType | None) -> None:
    """The wake-up descriptor has the signal already."""


def _wait(sandbox: Sandbox, stops: socket.socket, *, with_parent: bool) -> bool:
    """Wait until told to stop. Returns False when the server ended without being told."""
    with selectors.PollSelector() as selector:
        selector.register(stops, selectors.EVENT_READ)
        if with_parent:
            selector.register(0, selectors.EVENT_READ)
        while sandbox.running:
            for key, _ in selector.select(_CHECK_EVERY):
                if key.fileobj is stops or not os.read(0, 65536):
                    return True
    return False


def _without_number(error: Exception) -> object:
    """What an error says, without the number of the operating system's."""
    if isinstance(error, OSError) and error.strerror and error.filename is None:
        return error.strerror
    return error


def _connections(text: str) -> Bounds:
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{text!r} is no number of connections: give one above 0")
    return Bounds(connections=int(text))
