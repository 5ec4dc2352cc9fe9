"""Bounds: how many connections there are, and how long a client may keep one waiting."""

import select
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from holdfast.sandbox import Bounds, Sandbox

Until = Callable[[Callable[[], bool]], None]
STATS = b"GET /_sandbox/stats HTTP/1.1\r\n\r\n"


@pytest.fixture
def connect() -> Any:
    with ExitStack() as stack:

        def make(box: Sandbox) -> socket.socket:
            return stack.enter_context(
                socket.create_connection(("127.0.0.1", box.port), timeout=30)
            )

        yield make


def read_all(connection: socket.socket) -> bytes:
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


def test_a_connection_too_many_is_told(
    start: Callable[..., Sandbox], connect: Callable[[Sandbox], socket.socket], until: Until
) -> None:
    box = start(bounds=Bounds(connections=2))
    first, second = connect(box), connect(box)
    until(lambda: box.stats()["connections_open"] == 2)
    third = connect(box)
    third.sendall(STATS)
    refused = read_all(third)
    assert refused.startswith(b"HTTP/1.1 503")
    assert b"There are 2 connections already" in refused
    first.sendall(STATS)
    assert first.recv(20).startswith(b"HTTP/1.1 200")
    third.close()
    second.close()
    until(lambda: box.stats()["connections_open"] == 1)
    fourth = connect(box)
    fourth.sendall(STATS)
    assert fourth.recv(20).startswith(b"HTTP/1.1 200")


def test_clients_that_are_refused_and_stay_are_bounded_too(
    start: Callable[..., Sandbox], connect: Callable[[Sandbox], socket.socket]
) -> None:
    box = start(bounds=Bounds(connections=2))
    for _ in range(30):
        connect(box)
    assert box.stats()["connections_open"] <= 4


@pytest.mark.parametrize(
    "begin", [b"GET /v1/cust", b"POST /v1/a HTTP/1.1\r\nContent-Length: 9\r\n\r\n"]
)
def test_a_request_that_does_not_come_in_is_told(
    start: Callable[..., Sandbox], connect: Callable[[Sandbox], socket.socket], begin: bytes
) -> None:
    box = start(bounds=Bounds(request_seconds=0.2))
    connection = connect(box)
    connection.sendall(begin)
    refused = read_all(connection)
    assert refused.startswith(b"HTTP/1.1 408")
    assert b"within 0.2 seconds" in refused


def test_byte_by_byte_buys_no_time(
    start: Callable[..., Sandbox], connect: Callable[[Sandbox], socket.socket]
) -> None:
    box = start(bounds=Bounds(request_seconds=0.2))
    connection = connect(box)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(0.02)
    received, give_up = b"", time.monotonic() + 30
    connection.sendall(b"GET /")
    while not received:
        assert time.monotonic() < give_up
        connection.sendall(b"a")
        try:
            received = connection.recv(100)
        except TimeoutError:
            continue
    assert received.startswith(b"HTTP/1.1 408")


def test_a_connection_without_requests_ends_silently(
    start: Callable[..., Sandbox], connect: Callable[[Sandbox], socket.socket]
) -> None:
    box = start(bounds=Bounds(idle_seconds=0.2))
    fresh, used = connect(box), connect(box)
    used.sendall(STATS)
    answered = read_all(used)
    assert answered.startswith(b"HTTP/1.1 200")
    assert answered.endswith(b"}")
    assert read_all(fresh) == b""


def test_a_request_that_waits_for_a_lock_is_not_idle(
    start: Callable[..., Sandbox],
    connect: Callable[[Sandbox], socket.socket],
    customer: Callable[[Sandbox], str],
) -> None:
    box = start(30, 0, bounds=Bounds(idle_seconds=0.1, request_seconds=0.1))
    name = customer(box).encode()
    box.hold_lock(name.decode(), 0.8)
    connection = connect(box)
    auth = b"Authorization: Bearer sk_test_1\r\n"
    connection.sendall(b"POST /v1/customers/" + name + b" HTTP/1.1\r\n" + auth + b"\r\n")
    assert connection.recv(20).startswith(b"HTTP/1.1 ")


def test_a_client_that_does_not_read_is_cut_off(
    start: Callable[..., Sandbox], connect: Callable[[Sandbox], socket.socket], until: Until
) -> None:
    box = start(bounds=Bounds(unread_seconds=0.3))
    connection = connect(box)
    connection.settimeout(1)
    with pytest.raises(OSError):  # its answers fill up, and its requests with them
        connection.sendall(STATS * 1_000_000)
    until(lambda: box.stats()["connections_open"] == 0)


def test_memory_is_counted_and_given_back(
    start: Callable[..., Sandbox], connect: Callable[[Sandbox], socket.socket], until: Until
) -> None:
    """Large bodies one after the other pass, although together they are more than the bound."""
    box = start(0, 0, bounds=Bounds(waiting_bytes=1_000_000))
    body = b"x" * 700_000
    auth = b"Authorization: Bearer sk_test_1\r\n"
    whole = b"POST /v1/a HTTP/1.1\r\n" + auth + b"Content-Length: %d\r\n\r\n" % len(body) + body
    for _ in range(5):
        connection = connect(box)
        connection.sendall(whole)
        assert connection.recv(20).startswith(b"HTTP/1.1 404")
    both = [connect(box), connect(box)]
    for connection in both:
        connection.sendall(whole[:-1])
    readable, _, _ = select.select(both, [], [], 20)
    assert len(readable) == 1  # the one of which a part came when there was no room
    assert readable[0].recv(20).startswith(b"HTTP/1.1 503")
    other = both[1 - both.index(readable[0])]
    other.sendall(b"x")
    assert other.recv(20).startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        ({"connections": 0}, "connections is 0: give a number above 0"),
        ({"idle_seconds": -1}, "idle_seconds is -1"),
        ({"request_seconds": True}, "request_seconds is True"),
        ({"waiting_bytes": "1"}, "waiting_bytes is '1'"),
        ({"unread_seconds": float("nan")}, "unread_seconds is nan"),
    ],
)
def test_bounds_are_above_0(bounds: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Bounds(**bounds)
