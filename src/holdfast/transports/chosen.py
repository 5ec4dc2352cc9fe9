"""Which transport sends what: libcurl where it can, for it is by far the cheapest.

A streamed answer is handed on unread, so it comes from a library that has an object for that:
urllib3 on threads, httpx2 in tasks. They also stand in where pycurl is not installed or too old.
"""

from typing import Protocol

from holdfast.engine import Outcome
from holdfast.transports.exchange import Exchange, Network


class Transport(Protocol):
    """Sends attempts on threads."""

    def send(self, exchange: Exchange, timeout: float, /) -> Outcome:
        """Send one attempt within `timeout` seconds."""
        ...

    def close(self) -> None:
        """Close the idle connections."""
        ...


class AsyncTransport(Protocol):
    """Sends attempts in asyncio tasks."""

    async def send(self, exchange: Exchange, timeout: float, /) -> Outcome:  # noqa: ASYNC109
        """Send one attempt within `timeout` seconds."""
        ...

    async def close(self) -> None:
        """Close this event loop's connections."""
        ...


class ChosenTransport:
    """Sends attempts on threads, each through the transport that suits it.

    Args:
        network: how it gets to a server.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._streams: Transport | None = None
        self._plain: Transport = self._make_plain()

    def send(self, exchange: Exchange, timeout: float, /) -> Outcome:
        """Send one attempt; see `Urllib3Transport.send`."""
        if exchange.streaming:
            return self._for_streams().send(exchange, timeout)
        return self._plain.send(exchange, timeout)

    def close(self) -> None:
        """Close the idle connections. A later attempt opens new ones."""
        self._plain.close()
        if self._streams is not None:
            self._streams.close()

    def _make_plain(self) -> Transport:
        try:
            from holdfast.transports.sync_curl import CurlTransport
        except ImportError:
            return self._for_streams()
        return CurlTransport(self._network)

    def _for_streams(self) -> Transport:
        if self._streams is None:
            from holdfast.transports.sync_urllib3 import Urllib3Transport

            self._streams = Urllib3Transport(self._network)
        return self._streams


class ChosenAsyncTransport:
    """Sends attempts in asyncio tasks, each through the transport that suits it.

    Args:
        network: how it gets to a server.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._streams: AsyncTransport | None = None
        self._plain: AsyncTransport = self._make_plain()

    async def send(self, exchange: Exchange, timeout: float, /) -> Outcome:  # noqa: ASYNC109
        """Send one attempt; see `Urllib3Transport.send`. A stream's body is an async iterator."""
        if exchange.streaming:
            return await self._for_streams().send(exchange, timeout)
        return await self._plain.send(exchange, timeout)

    async def close(self) -> None:
        """Close this event loop's connections. A later attempt opens new ones."""
        await self._plain.close()
        if self._streams is not None:
            await self._streams.close()

    def _make_plain(self) -> AsyncTransport:
        try:
            from holdfast.transports.async_curl import AsyncCurlTransport
        except ImportError:
            return self._for_streams()
        return AsyncCurlTransport(self._network)

    def _for_streams(self) -> AsyncTransport:
        if self._streams is None:
            from holdfast.transports.async_httpx2 import Httpx2Transport

            self._streams = Httpx2Transport(self._network)
        return self._streams
