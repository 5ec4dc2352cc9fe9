"""HTTP over real sockets: order, endings, limits."""

import http.client
import re
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from holdfast.sandbox import Sandbox
from holdfast.sandbox.http import BODY_LIMIT

Until = Callable[[Callable[[], bool]], None]
AUTH = b"Authorization: Bearer sk_test_1\r\n"


def request(method: bytes, path: bytes, body: bytes = b"", extra: bytes = b"") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body)
    return method + b" " + path + b" HTTP/1.1\r\n" + AUTH + length + extra + b"\r\n" + body


def statuses(received: bytes) -> list[int]:
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def test_pipelined_requests_are_answered_in_order(
    start: Callable[..., Sandbox], raw: Callable[..., bytes], customer: Callable[[Sandbox], str]
) -> None:
    """The first waits for its hold, the others would be done at once."""
    box = start(lock_wait=0.1, hold=0.05)
    name = customer(box).encode()
    received = raw(
        box,
        request(b"POST", b"/v1/customers/" + name, b"name=slow")
        + request(b"GET", b"/v1/customers/none")
        + request(b"GET", b"/v1/customers/" + name)
        + request(b"HEAD", b"/v1/customers/" + name, extra=b"Connection: close\r\n")
        + request(b"GET", b"/v1/customers/never-read"),
    )
    assert statuses(received) == [200, 404, 200, 200]
    assert received.count(b'"name":"slow"') == 2


def test_a_write_behind_another_on_one_connection_finds_the_lock_free(
    start: Callable[..., Sandbox], raw: Callable[..., bytes], customer: Callable[[Sandbox], str]
) -> None:
    box = start(lock_wait=0, hold=0.01)
    update = request(b"POST", b"/v1/customers/" + customer(box).encode(), b"name=x")
    assert statuses(raw(box, update * 5)) == [200] * 5


def test_a_connection_serves_many_requests_and_close_ends_it(box: Sandbox) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=30)
    try:
        for _ in range(3):
            connection.request("GET", "/_sandbox/stats")
            assert connection.getresponse().read()
        connection.request("GET", "/_sandbox/stats", headers={"Connection": "close"})
        response = connection.getresponse()
        assert response.getheader("Connection") == "close"
        assert b'"connections":1' in response.read()
    finally:
        connection.close()


def test_a_body_sent_in_chunks_is_read(box: Sandbox, raw: Callable[..., bytes]) -> None:
    head = b"POST /v1/customers HTTP/1.1\r\n" + AUTH + b"Transfer-Encoding: chunked\r\n\r\n"
    received = raw(box, head + b"6\r\nname=c\r\n6\r\nhunked\r\n0\r\n\r\n")
    assert statuses(received) == [200]
    assert b'"name":"chunked"' in received


def test_a_client_that_expects_it_is_told_to_continue(box: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", box.port), timeout=30) as connection:
        whole = request(b"POST", b"/v1/customers", b"name=x", b"Expect: 100-continue\r\n")
        connection.sendall(whole[:-6])
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(whole[-6:])
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")


def test_what_is_no_request_is_refused_and_the_connection_closed(
    box: Sandbox, raw: Callable[..., bytes]
) -> None:
    received = raw(box, b"nonsense\r\n\r\n" + request(b"GET", b"/_sandbox/stats"), half_close=False)
    assert statuses(received) == [400]
    assert b"Connection: close" in received


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 40_000, 431),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_LIMIT + 1), 413),
    ],
)
def test_sizes_are_bounded(
    box: Sandbox, raw: Callable[..., bytes], data: bytes, status: int
) -> None:
    assert statuses(raw(box, data, half_close=False)) == [status]


def test_a_client_that_leaves_while_its_request_waits_has_it_executed_all_the_same(
    start: Callable[..., Sandbox], customer: Callable[[Sandbox], str], until: Until
) -> None:
    box = start(lock_wait=5, hold=0.05)
    name = customer(box)
    box.hold_lock(name, 1)
    with socket.create_connection(("127.0.0.1", box.port), timeout=30) as connection:
        connection.sendall(request(b"POST", b"/v1/customers/" + name.encode(), b"name=left"))
        until(lambda: box.stats()["locks_waiting"] == 1)
    until(lambda: len(box.ledger()) == 2)
    assert box.objects("customer")[0]["name"] == "left"
    assert box.stats()["locks_held"] == 0


def test_a_client_that_reads_nothing_does_not_fill_the_memory(
    box: Sandbox, call: Callable[..., Any]
) -> None:
    """Answers that nobody reads stop the reading of further requests, and so the client."""
    many = request(b"GET", b"/_sandbox/stats") * 1_000_000
    with socket.create_connection(("127.0.0.1", box.port), timeout=1) as connection:
        with pytest.raises(TimeoutError):
            connection.sendall(many)
        assert call(box, "GET", "/_sandbox/stats").status == 200


def test_a_client_that_reads_late_gets_every_answer_in_order(box: Sandbox) -> None:
    count = 30_000
    long = b"Padding: " + b"x" * 1000 + b"\r\n"
    many = b"".join(
        request(b"GET", b"/v1/customers/n%d" % number, extra=long) for number in range(count)
    )
    many += request(b"GET", b"/v1/customers/last", extra=b"Connection: close\r\n")
    with socket.socket() as connection:
        connection.settimeout(30)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.connect(("127.0.0.1", box.port))
        sender = threading.Thread(target=connection.sendall, args=(many,))
        sender.start()
        sender.join(0.5)
        assert sender.is_alive()  # the server reads no further while nobody reads its answers
        received = bytearray()
        while chunk := connection.recv(1 << 20):
            received += chunk
        sender.join()
    asked = re.findall(rb"No such customer: 'n(\d+)'", received)
    assert [int(number) for number in asked] == list(range(count))
    assert b"'last'" in received


def test_nagle_is_off(box: Sandbox, monkeypatch: pytest.MonkeyPatch, until: Until) -> None:
    from holdfast.sandbox.connection import Connection

    seen: list[int] = []
    made = Connection.connection_made

    def spy(self: Connection, transport: Any) -> None:
        made(self, transport)
        accepted = transport.get_extra_info("socket")
        seen.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(Connection, "connection_made", spy)
    with socket.create_connection(("127.0.0.1", box.port), timeout=30):
        until(lambda: bool(seen))
    assert all(seen)
