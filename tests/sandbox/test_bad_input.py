"""What no client should send: a clear 4xx, no crash, and memory that does not grow with it."""

import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.sandbox import Bounds, Sandbox
from holdfast.sandbox.http import BODY_LIMIT

Call = Callable[..., Any]
Raw = Callable[..., bytes]
Until = Callable[[Callable[[], bool]], None]
AUTH = b"Authorization: Bearer sk_test_1\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"


def post(body: bytes, headers: bytes = FORM, path: bytes = b"/v1/customers") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body)
    head = b"POST " + path + b" HTTP/1.1\r\n" + AUTH + length + headers
    return head + b"Connection: close\r\n\r\n" + body


def chunked(*parts: bytes) -> bytes:
    head = b"POST /v1/customers HTTP/1.1\r\n" + AUTH + b"Transfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(parts)


def multipart(body: bytes) -> bytes:
    return post(body, b"Content-Type: multipart/form-data; boundary=b\r\n")


def sentence(received: bytes) -> tuple[int, str]:
    """The status of the one answer, and its sentence."""
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 ")
    return int(head[9:12]), json.loads(body)["error"]["message"]


BROKEN = {
    "nonsense": (b"nonsense\r\n\r\n", 400, "METHOD TARGET"),
    "no_http": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400, "https"),
    "binary": (bytes(range(256)) * 10, 400, "no HTTP request"),
    "version": (b"GET / HTTP/2.0\r\n\r\n", 505, "1.1 and 1.0"),
    "target": (b"GET customers HTTP/1.1\r\n\r\n", 400, "no path"),
    "control": (b"GET / HTTP/1.1\r\nA: b\x00\r\n\r\n", 400, "control character"),
    "stray_return": (b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", 400, "control character"),
    "no_colon": (b"GET / HTTP/1.1\r\nnonsense\r\n\r\n", 400, "header line"),
    "blank_in_name": (b"GET / HTTP/1.1\r\nA b: c\r\n\r\n", 400, "header line"),
    "long_name": (b"GET / HTTP/1.1\r\n" + b"a" * 300 + b": b\r\n\r\n", 400, "header line"),
    "long_head": (b"GET / HTTP/1.1\r\nA: " + b"x" * 40_000, 431, "headers are longer"),
    "many_headers": (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10_000, 431, "headers are longer"),
    "long_target": (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n", 431, "headers are longer"),
    "negative": (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, "Content-Length"),
    "lengths": (
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400,
        "Content-Length",
    ),
    "both": (
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "both",
    ),
    "coding": (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "chunked"),
    "chunk_size": (chunked(b"xyz\r\n"), 400, "hexadecimal"),
    "chunk_end": (chunked(b"1\r\nabc\r\n"), 400, "longer than its size"),
    "chunk_line": (chunked(b"1;" + b"x" * 5000), 400, "longer than"),
    "huge_chunk": (chunked(b"fffffff0\r\n"), 413, "body is longer"),
    "trailers": (chunked(b"0\r\n" + b"A: b\r\n" * 10_000), 431, "trailers are longer"),
    "huge_body": (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413, "body is longer"),
    "cut_head": (b"GET /v1/customers HTT", 400, "in the middle"),
    "cut_body": (b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc", 400, "in the middle"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_http_is_answered_with_a_sentence(box: Sandbox, raw: Raw, name: str) -> None:
    data, status, says = BROKEN[name]
    told, message = sentence(raw(box, data))
    assert told == status
    assert says in message
    assert box.ledger() == []


FORMS = {
    "json": (
        post(b"{}", b"Content-Type: application/json\r\n"),
        "content type is application/json",
    ),
    "text": (post(b"x", b"Content-Type: text/plain\r\n"), "content type is text/plain"),
    "not_ascii": (post("name=é".encode()), "Byte 5 of the form"),
    "not_utf8": (post(b"name=%ff"), "not UTF-8"),
    "deep": (post(b"metadata" + b"[a]" * 50 + b"=x"), "nested too deeply"),
    "long_name": (post(b"a" * 5000 + b"=x"), "name of a parameter is longer"),
    "million": (post(b"expand[]=a&" * 700_000), "more than 20000 parameters"),
    "million_empty": (post(b"&" * 1_000_000), "more than 20000 parameters"),
    "mixed": (post(b"metadata=x&metadata[a]=b"), "both a value and a collection"),
    "no_boundary": (post(b"x", b"Content-Type: multipart/form-data\r\n"), "names no boundary"),
    "no_end": (multipart(b"--b\r\n\r\nx"), "does not end with its boundary"),
    "no_name": (multipart(b"--b\r\n\r\nx\r\n--b--"), "has no name"),
    "parts": (multipart(b"\r\n--b" * 30_000 + b"--"), "more than 20000 parts"),
    "key": (post(b"", b"Idempotency-Key: " + b"k" * 300 + b"\r\n"), "at most 255 characters"),
    "account": (post(b"", b"Stripe-Account: " + b"a" * 300 + b"\r\n"), "at most 255 characters"),
    "url": (post(b"", path=b"/v1/customers" + b"/" * 9000), "Unrecognized request URL"),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_bad_form_is_answered_with_a_sentence(box: Sandbox, raw: Raw, name: str) -> None:
    data, says = FORMS[name]
    status, message = sentence(raw(box, data, half_close=False))
    assert status == (404 if name == "url" else 400)
    assert says in message
    assert box.ledger() == []


def test_a_list_of_what_is_allowed_is_not_mistaken(box: Sandbox, raw: Raw) -> None:
    data = post(b"&".join(b"metadata[k%d]=v" % number for number in range(40)))
    assert raw(box, data, half_close=False).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("body", [b"[" * 100_000, b"{", b"\xff", b'{"a":' * 50_000])
def test_bad_json_for_the_administration_is_told(box: Sandbox, raw: Raw, body: bytes) -> None:
    data = post(body, b"", b"/_sandbox/faults")
    status, message = sentence(raw(box, data, half_close=False))
    assert (status, message.startswith("the body is no JSON")) == (400, True)


def test_an_answer_is_read_even_by_a_client_that_goes_on_sending(box: Sandbox) -> None:
    """A server that closed at once would reset the connection, and the answer would be lost."""
    head = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_LIMIT * 2)
    with socket.create_connection(("127.0.0.1", box.port), timeout=30) as connection:
        connection.sendall(head)
        for _ in range(64):
            connection.sendall(b"x" * 65536)
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_a_refused_client_that_never_ends_is_ended(box: Sandbox, until: Until) -> None:
    with socket.create_connection(("127.0.0.1", box.port), timeout=30) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        until(lambda: box.stats()["connections_open"] == 0)


def resident(pid: int) -> int:
    """Bytes of memory that a process occupies."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096


linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@linux
def test_half_sent_bodies_do_not_fill_the_memory(serve: Callable[..., Any], until: Until) -> None:
    there = serve()
    before = resident(there.pid)
    head = b"POST /v1/customers HTTP/1.1\r\n" + AUTH + b"Content-Length: %d\r\n\r\n" % BODY_LIMIT
    block = b"x" * (BODY_LIMIT - 1)
    connections = []
    refused = 0
    try:
        for _ in range(40):  # 320 MB are offered
            connection = socket.create_connection(("127.0.0.1", there.port), timeout=30)
            connections.append(connection)
            connection.sendall(head)
            connection.sendall(block)
        assert resident(there.pid) - before < 2 * Bounds().waiting_bytes
        for connection in connections:
            connection.settimeout(0.05)
            try:
                refused += connection.recv(100).startswith(b"HTTP/1.1 503")
            except TimeoutError:
                continue
        assert refused >= 30
    finally:
        for connection in connections:
            connection.close()


@linux
def test_names_that_never_repeat_do_not_fill_the_memory(
    serve: Callable[..., Any], raw: Raw
) -> None:
    there = serve()

    def send(begin: int) -> None:
        data = b"".join(
            b"GET /v1/customers?%s=x HTTP/1.1\r\n" % (b"%dn" % number).ljust(2000, b"a")
            + (b"%dH" % number).ljust(250, b"h") + b": x\r\n" + AUTH + b"\r\n"
            for number in range(begin, begin + 3000)
        )  # fmt: skip
        assert raw(there, data).count(b"parameter_unknown") == 3000

    send(0)
    send(3000)
    before = resident(there.pid)
    for begin in range(6000, 18000, 3000):
        send(begin)
    assert resident(there.pid) - before < 12 * 1024 * 1024  # 27 MB of names were sent
