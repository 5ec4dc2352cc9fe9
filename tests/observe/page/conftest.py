"""Pages of scripted sources, plain HTTP to ask them with, and a headless Chromium."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from browsing import Watch, chromium
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as Tab
from scripted_page import Scripted, everything

from holdfast.observe.page import Page, serve_source


@dataclass(frozen=True)
class Answer:
    """An answer of the page."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """What it says."""
        return json.loads(self.body)


def ask(page: Page, path: str = "/", method: str = "GET", **headers: str) -> Answer:
    """Send a request; `_` in a header's name stands for `-`."""
    place = urlsplit(page.url)
    connection = HTTPConnection(str(place.hostname), place.port, timeout=30)
    try:
        connection.request(
            method, path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, told, answer.read())
    finally:
        connection.close()


class Listener:
    """A reader of the stream, which takes what it wants to take."""

    def __init__(self, page: Page, **headers: str) -> None:
        place = urlsplit(page.url)
        self.socket = socket.create_connection((place.hostname, place.port), timeout=30)
        lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
        head = f"GET /events HTTP/1.0\r\nHost: {place.netloc}\r\n{''.join(lines)}\r\n"
        self.socket.sendall(head.encode())
        self.text = b""

    def read_until(self, wanted: bytes) -> bytes:
        """Read on until there is a text; raises EOFError at the end of the stream."""
        while wanted not in self.text:
            some = self.socket.recv(65536)
            if not some:
                raise EOFError(self.text)
            self.text += some
        before, _, self.text = self.text.partition(wanted)
        return before + wanted

    def snapshots(self) -> Iterator[Any]:
        """The snapshots, as they come."""
        while True:
            self.read_until(b"event: snapshot\ndata: ")
            yield json.loads(self.read_until(b"\n\n"))

    def close(self) -> None:
        """Go."""
        self.socket.close()


@pytest.fixture
def script() -> Scripted:
    """A source that shows one of everything."""
    return Scripted(everything())


@pytest.fixture
def start(script: Scripted) -> Iterator[Callable[..., Page]]:
    """Serve a source: `start(source=..., host=..., port=..., token=...)`."""
    with ExitStack() as stack:

        def begin(
            source: Any = script,
            host: str = "127.0.0.1",
            port: int = 0,
            token: str | None = None,
        ) -> Page:
            return stack.enter_context(serve_source(source, host, port, token))

        yield begin


@pytest.fixture
def page(start: Callable[..., Page]) -> Page:
    """The page of `script`."""
    return start()


@pytest.fixture
def send() -> Callable[..., Answer]:
    """Ask a page something: `send(page, path, method, **headers)`."""
    return ask


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    """Open the stream of a page: `listen(page, **headers)`."""
    opened: list[Listener] = []

    def begin(page: Page, **headers: str) -> Listener:
        opened.append(Listener(page, **headers))
        return opened[-1]

    yield begin
    for each in opened:
        each.close()


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait until something holds; fails when it does not."""

    def wait(holds: Callable[[], object]) -> None:
        end = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < end, "it did not come to hold"
            time.sleep(0.01)

    return wait


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a module."""
    expect.set_options(timeout=30_000)
    with chromium() as running:
        yield running


@pytest.fixture
def look(browser: Browser) -> Iterator[Callable[..., Tab]]:
    """Look at a page: `look(page, **options of the browser's context)`.

    A complaint of the browser, and any request to another origin, fail the test.
    """
    watch = Watch()
    with ExitStack() as stack:

        def open_tab(page: Page, *, live: bool = True, at: str = "", **options: Any) -> Tab:
            context = browser.new_context(**options)
            stack.callback(context.close)
            context.set_default_timeout(30_000)
            tab = context.new_page()
            watch.over(tab, page.url)
            tab.goto(page.url + at)
            if live:
                tab.wait_for_selector("#connection[data-state=live]")
                tab.wait_for_selector("main:visible")
            return tab

        yield open_tab
    watch.found_nothing()
