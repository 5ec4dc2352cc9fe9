"""Waits that are not rounded up to milliseconds."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from holdfast.sandbox.selector import precise_selector


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with closing(asyncio.SelectorEventLoop(precise_selector())) as made:
        yield made


@pytest.mark.skipif(sys.platform != "linux", reason="only epoll rounds its waits")
def test_a_short_wait_is_not_rounded_up(loop: asyncio.AbstractEventLoop) -> None:
    """The shortest of many waits of 0.2 ms; with the rounding none is under 1 ms."""

    async def wait() -> float:
        begin = time.monotonic()
        await asyncio.sleep(0.0002)
        return time.monotonic() - begin

    shortest = min(loop.run_until_complete(wait()) for _ in range(200))
    assert 0.0002 <= shortest < 0.001


def test_events_end_a_wait(loop: asyncio.AbstractEventLoop) -> None:
    async def talk() -> bytes:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readexactly(4))
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with asyncio.timeout(30), server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"ping")
            received = await reader.read()
            writer.close()
            await writer.wait_closed()
            return received

    assert loop.run_until_complete(talk()) == b"ping"
