"""One POST to a receiver of webhooks, over a connection of its own."""

import asyncio
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

_LONGEST_LINE = 16 * 1024
_MOST_HEADERS = 200
_MOST_READ = 64 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
_PORTS = {"http": 80, "https": 443}


class PostFailed(Exception):
    """There was no answer; the message says why."""


async def post(url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> int:
    """Send a body and return the status of the answer.

    Args:
        url: an absolute one, http or https.
        headers: besides those of the connection.
        body: what to send.
        seconds: how long it may take until the status is there.

    Raises:
        PostFailed: the receiver was not reached, did not answer in time, or not in HTTP.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _exchange(url, headers, body)
    except TimeoutError:
        raise PostFailed(f"no answer within {seconds:g} s") from None
    except (OSError, EOFError, ValueError) as error:
        raise PostFailed(str(error) or type(error).__name__) from None


async def _exchange(url: str, headers: Mapping[str, str], body: bytes) -> int:
    parts = urlsplit(url)
    context = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or _PORTS[parts.scheme]
    reader, writer = await asyncio.open_connection(
        parts.hostname, port, ssl=context, limit=_LONGEST_LINE
    )
    try:
        writer.write(_head(url, headers, len(body)) + body)
        await writer.drain()
        status = await _status(reader)
        # What it says besides does not matter, but a receiver may still be writing it.
        with suppress(OSError, EOFError, ValueError):
            await _finish(reader)
    except BaseException:
        writer.transport.abort()  # a polite end could take as long as the receiver likes
        raise
    else:
        return status
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _head(url: str, headers: Mapping[str, str], length: int) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"POST {target} HTTP/1.1",
        f"Host: {parts.netloc}",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {length}",
        "Connection: close",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


async def _status(reader: asyncio.StreamReader) -> int:
    """Read the status of the final answer; interim ones are passed over."""
    for _ in range(_MOST_HEADERS):
        line = await reader.readline()
        if not line:
            raise EOFError("the receiver closed the connection without an answer")
        match = _STATUS.fullmatch(line)
        if match is None:
            raise ValueError("the receiver's answer is no HTTP")
        status = int(match[1])
        if status >= 200:
            return status
        await _headers(reader)
    raise ValueError("the receiver's answer does not come to an end")


async def _headers(reader: asyncio.StreamReader) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for _ in range(_MOST_HEADERS):
        line = await reader.readline()
        if not line.strip():
            return found
        name, _, value = line.partition(b":")
        found[name.strip().lower()] = value.strip()
    raise ValueError("the receiver's answer has too many headers")


async def _finish(reader: asyncio.StreamReader) -> None:
    """Read the rest of an answer, up to a bound."""
    length = (await _headers(reader)).get(b"content-length", b"")
    left = min(int(length), _MOST_READ) if length.isdigit() else _MOST_READ
    while left > 0:
        chunk = await reader.read(left)
        if not chunk:
            return
        left -= len(chunk)
