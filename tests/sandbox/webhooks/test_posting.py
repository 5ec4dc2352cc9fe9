"""One POST to a receiver that answers in its own way."""

import asyncio
import socket

import pytest

from holdfast.sandbox.webhooks.posting import PostFailed, post


def sent_to(answer: bytes, *, seconds: float = 30, path: str = "") -> tuple[int, bytes]:
    """Post to a receiver that answers so, and return the status and the request as it came."""
    got = bytearray()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        got.extend(head + await reader.readexactly(4))
        writer.write(answer)
        if answer:
            await writer.drain()
            writer.close()
        else:
            await reader.read()
            writer.close()

    async def run() -> int:
        server = await asyncio.start_server(receive, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            url = f"http://127.0.0.1:{port}{path}"
            return await post(url, {"X-Name": "value"}, b"body", seconds)

    return asyncio.run(run()), bytes(got)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200),
        (b"HTTP/1.0 204\r\n\r\n", 204),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n", 202),
        (b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n\r\n", 301),
        (b"HTTP/1.1 429 Too Many\nRetry-After: 5\n\n", 429),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300, 200),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000, 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 100_000, 200),
    ],
)
def test_the_status_is_what_counts(answer: bytes, status: int) -> None:
    assert sent_to(answer)[0] == status


def test_what_is_sent() -> None:
    _, got = sent_to(b"HTTP/1.1 200 OK\r\n\r\n", path="/hooks?a=b%20c")
    head, _, body = got.partition(b"\r\n\r\n")
    first, *headers = head.decode().split("\r\n")
    assert first == "POST /hooks?a=b%20c HTTP/1.1"
    assert {"X-Name: value", "Content-Length: 4", "Connection: close"} <= set(headers)
    assert headers[0].startswith("Host: 127.0.0.1:")
    assert body == b"body"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"hello\r\n", "no HTTP"),
        (b"HTTP/1.1 700 What\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 " + b"2" * 20_000, "limit"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 300, "does not come to an end"),
        (b"\x00", "no HTTP"),
    ],
)
def test_what_is_no_answer(answer: bytes, says: str) -> None:
    with pytest.raises(PostFailed, match=says):
        sent_to(answer)


def unused() -> int:
    """A port of this machine where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_no_answer_at_all() -> None:
    with pytest.raises(PostFailed, match=r"no answer within 0\.05 s"):
        sent_to(b"", seconds=0.05)
    for url in (f"http://127.0.0.1:{unused()}/", f"https://127.0.0.1:{unused()}/"):
        with pytest.raises(PostFailed):
            asyncio.run(post(url, {}, b"", 5))


def test_a_receiver_that_speaks_no_tls() -> None:
    with pytest.raises(PostFailed):
        asyncio.run(_against_plain_http())


async def _against_plain_http() -> None:
    async def receive(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await post(f"https://127.0.0.1:{port}/", {}, b"", 5)
