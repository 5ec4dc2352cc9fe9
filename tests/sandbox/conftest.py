"""A running sandbox, and requests to it that no client library dresses up."""

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from holdfast.sandbox import Sandbox

KEY = "sk_test_planted4eC39Hq"
TIMEOUT = 30.0


@dataclass(frozen=True)
class Reply:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["error"]


@pytest.fixture
def start() -> Iterator[Callable[..., Sandbox]]:
    """Start sandboxes, with the options of `Sandbox`; they are stopped when the test ends."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(Sandbox(*args, **options))


@pytest.fixture
def box(start: Callable[..., Sandbox]) -> Sandbox:
    """A sandbox that waits for no lock and holds none for longer than it must."""
    return start(lock_wait=0, hold=0)


@pytest.fixture
def call() -> Callable[..., Reply]:
    """Send one request on a connection of its own."""

    def send(
        box: Sandbox,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        content: object = None,
    ) -> Reply:
        sent = {"Authorization": f"Bearer {KEY}", **(headers or {})}
        body = None
        if key is not None:
            sent["Idempotency-Key"] = key
        if content is not None:
            body = json.dumps(content)
        elif params is not None:
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
            body = urlencode(params)
        connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=TIMEOUT)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    return send


SERVE = (
    "import argparse, sys; from holdfast.sandbox import command;"
    "parser = argparse.ArgumentParser(); command.add_parser(parser.add_subparsers());"
    "sys.exit(command.run(parser.parse_args()))"
)


@pytest.fixture
def serving() -> Callable[..., Any]:
    """Serve from a process of its own, with the options of `holdfast sandbox`, for a block.

    It gives where the server is, in the form that `call` takes, and the process.
    """

    @contextmanager
    def serve(*options: str) -> Iterator[tuple[Any, "subprocess.Popen[str]"]]:
        command = [sys.executable, "-c", SERVE, "sandbox", "--port", "0", "--ready-json", *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                url = json.loads(process.stdout.readline())["url"]
                yield SimpleNamespace(port=urlsplit(url).port, url=url), process
            finally:
                process.kill()

    return serve


@pytest.fixture
def raw() -> Callable[..., bytes]:
    """Send bytes on a connection of their own and return all that comes until it is closed."""

    def send(box: Sandbox, data: bytes, *, half_close: bool = True) -> bytes:
        with socket.create_connection(("127.0.0.1", box.port), timeout=TIMEOUT) as connection:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
            return received

    return send


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait for something that is sure to happen."""

    def wait(condition: Callable[[], bool]) -> None:
        give_up = time.monotonic() + TIMEOUT
        while not condition():
            assert time.monotonic() < give_up
            time.sleep(0.002)

    return wait


@pytest.fixture
def customer(call: Callable[..., Reply]) -> Callable[[Sandbox], str]:
    """Make a customer and return its id."""

    def make(box: Sandbox) -> str:
        made: str = call(box, "POST", "/v1/customers", {}).json["id"]
        return made

    return make


@dataclass(frozen=True)
class Timer:
    """What `call_at` of the fake event loop returns."""

    when: float
    callback: Callable[..., object]
    args: tuple[object, ...]
    cancelled: list[bool]

    def cancel(self) -> None:
        self.cancelled.append(True)


class FakeLoop:
    """Timers by hand: time moves only by `run_until`, and `lag` makes every timer fire late."""

    def __init__(self) -> None:
        self.now = 0.0
        self.lag = 0.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., object], *args: object) -> Any:
        timer = Timer(when, callback, args, [])
        self.timers.append(timer)
        return timer

    def run_until(self, end: float) -> None:
        while due := [timer for timer in self.timers if timer.when + self.lag <= end]:
            timer = min(due, key=lambda one: one.when)
            self.timers.remove(timer)
            self.now = max(self.now, timer.when + self.lag)
            if not timer.cancelled:
                timer.callback(*timer.args)
        self.now = max(self.now, end)


@pytest.fixture
def loop() -> FakeLoop:
    """An event loop whose time the test moves."""
    return FakeLoop()


@dataclass(frozen=True)
class Served:
    """A sandbox in a process of its own."""

    pid: int
    port: int


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Start `holdfast sandbox` with options; it is killed when the test ends."""
    with ExitStack() as stack:

        def start(*options: str) -> Served:
            command = [sys.executable, "-m", "holdfast", "sandbox", "--port", "0", "--ready-json"]
            process = stack.enter_context(
                subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
            )
            stack.callback(process.kill)
            assert process.stdout is not None
            line = json.loads(process.stdout.readline())
            return Served(line["pid"], urlsplit(line["url"]).port or 0)

        yield start
