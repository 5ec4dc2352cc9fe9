"""The server: a thread that ends, a port that is given back, and nothing else touched."""

import asyncio
import io
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from scripted_page import Scripted

from holdfast.observe.page import Page
from holdfast.observe.page.serving import MOST_CONNECTIONS

Start = Callable[..., Page]
Send = Callable[..., Any]

TOKEN = "a-token-of-enough-characters"
EVERYWHERE = ".".join("0000")


def port_of(page: Page) -> int:
    return int(page.url.rstrip("/").rpartition(":")[2])


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "holdfast-page"]


def test_close_ends_the_thread_and_gives_the_port_back(
    start: Start, listen: Callable[..., Any]
) -> None:
    page = start()
    reader = listen(page)
    next(reader.snapshots())
    assert threads() == ["holdfast-page"]
    page.close()
    page.close()
    assert not page.running
    assert threads() == []
    with pytest.raises(EOFError):
        reader.read_until(b"\x00")
    assert start(port=port_of(page)).url == page.url


def test_close_does_not_wait_for_a_reader_that_takes_nothing(
    script: Scripted, start: Start, listen: Callable[..., Any], until: Callable[..., None]
) -> None:
    script.shown["filler"] = "x" * 8_000_000
    page = start()
    listen(page)
    until(lambda: script.asked)
    time.sleep(0.5)
    page.close()
    assert threads() == []


def test_a_connection_that_says_nothing_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch, start: Start, listen: Callable[..., Any]
) -> None:
    monkeypatch.setattr("holdfast.observe.page.serving._FIRST_REQUEST", 0.3)
    page = start()
    with socket.create_connection(("127.0.0.1", port_of(page)), timeout=30) as silent:
        silent.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        snapshots = listen(page).snapshots()
        assert select.select([silent], [], [], 30)[0]
        assert silent.recv(1) == b""
    for _ in range(3):
        next(snapshots)


def test_beyond_this_machine_only_with_a_token(start: Start, send: Send) -> None:
    with pytest.raises(ValueError, match=r"0\.0\.0\.0 can be reached .*--token-file FILE"):
        start(host=EVERYWHERE)
    page = start(host=EVERYWHERE, token=TOKEN)
    answer = send(page, "/snapshot.json", Host="a.name", Authorization=f"Bearer {TOKEN}")
    assert answer.status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_every_name_of_this_machine_will_do(start: Start, send: Send, host: str) -> None:
    page = start(host=host)
    assert send(page, "/snapshot.json").status == 200


def test_a_taken_port_and_a_host_that_is_none_are_told(start: Start) -> None:
    page = start()
    with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port_of(page)}: "):
        start(port=port_of(page))
    with pytest.raises(ValueError, match="is no address of this machine"):
        start(host="no such host")
    with pytest.raises(ValueError, match="the token has 5 characters"):
        start(token="short")


def test_it_serves_beside_a_running_loop(start: Start, send: Send) -> None:
    async def main() -> int:
        page = start()
        status: int = (await asyncio.to_thread(send, page, "/snapshot.json")).status
        page.close()
        return status

    assert asyncio.run(main()) == 200


def test_the_application_keeps_its_logging_and_its_signals(start: Start, send: Send) -> None:
    loggers = [logging.getLogger(f"uvicorn{part}") for part in ("", ".error", ".access")]
    access = loggers[-1]
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    access.addHandler(handler)
    before = [(each.level, each.handlers[:], each.propagate) for each in loggers]
    handlers = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    try:
        access.setLevel(logging.INFO)
        page = start()
        send(page, "/snapshot.json")
        page.close()
        access.setLevel(before[-1][0])
        assert [(each.level, each.handlers[:], each.propagate) for each in loggers] == before
        assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == handlers
        assert written.getvalue() == ""
    finally:
        access.removeHandler(handler)


def test_a_forked_child_has_no_page_and_keeps_no_port(
    start: Start, listen: Callable[..., Any]
) -> None:
    page = start()
    reader = listen(page)
    next(reader.snapshots())
    told, telling = os.pipe()
    stay, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end)
        page.close()
        os.write(telling, b"0" if page.running else b"1")
        os.read(stay, 1)
        os._exit(0)
    try:
        assert os.read(told, 1) == b"1"
        assert page.running
        next(reader.snapshots())
        page.close()
        with pytest.raises(EOFError):
            reader.read_until(b"\x00")
        # The child, which is still there, has no copy of the port.
        assert start(port=port_of(page)).running
    finally:
        for each in (end, stay, told, telling):
            os.close(each)
        os.waitpid(child, 0)


def test_a_forked_child_may_serve_a_page_of_its_own(start: Start, send: Send) -> None:
    page = start()
    child = os.fork()
    if child == 0:
        own = start()
        os._exit(0 if own.running and send(own, "/snapshot.json").status == 200 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert send(page, "/snapshot.json").status == 200


def test_the_number_of_connections_is_bounded(start: Start, send: Send) -> None:
    page = start()
    with ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS):
            place = ("127.0.0.1", port_of(page))
            stack.enter_context(socket.create_connection(place, timeout=30))
        assert send(page, "/snapshot.json").status == 503


PROGRAM = """
import sys
sys.path.insert(0, "tests/support")
from scripted_page import Scripted, nothing
from holdfast.observe.page import serve_source
from urllib.request import urlopen
page = serve_source(Scripted(nothing()), "127.0.0.1", 0, None)
print(urlopen(page.url + "snapshot.json").status)
"""


def test_a_process_that_forgets_to_close_it_ends_all_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("200\n", "", 0)


def test_the_address_of_a_page_is_complete(start: Start, send: Send) -> None:
    page = start()
    assert page.url == f"http://127.0.0.1:{port_of(page)}/"
    assert send(page).headers["content-type"] == "text/html; charset=utf-8"
