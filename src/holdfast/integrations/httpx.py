"""Transports that make the requests of a `httpx` client hold fast.

`httpx.Client(transport=HoldfastTransport())`, or for asyncio
`httpx.AsyncClient(transport=AsyncHoldfastTransport())`.
"""

from collections.abc import Callable

import httpx

from holdfast.engine import Event
from holdfast.integrations.httpx_core import HttpxCore
from holdfast.lanes import MemoryLanes
from holdfast.policy import Policy


class HoldfastTransport(httpx.BaseTransport):
    """Sends the requests of a `httpx.Client` as the engine decides.

    An answer is read whole, and asked for again if it breaks off, unless it is a success that is
    neither JSON nor known to be at most 1 MiB long: such a one is handed on unread, as is any
    success with `extensions={"holdfast_stream": True}`. A body that can be read only once, such as
    a generator's, is never sent twice. The client's timeouts are cut to the attempt's time.

    Args:
        policy: the options of its calls; `Policy(idempotency_keys="unsafe")` gives each POST and
            PATCH a key.
        transport: makes the attempts; by default an `httpx.HTTPTransport`. (A client that is
            given a transport leaves TLS and proxies to it.)
        lanes: where calls wait their turn; by default the lanes of this process.
        on_event: is told of each event of each call.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
        lanes: MemoryLanes | None = None,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        self._transport = httpx.HTTPTransport() if transport is None else transport
        self._core = HttpxCore(httpx, policy, lanes, on_event)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, again where that is right, and give the last answer.

        Raises:
            httpx.TransportError: no answer came, or (`PoolTimeout`) the call was never sent; with
                the receipt as a note.
        """
        response: httpx.Response = self._core.handle(request, self._transport.handle_request)
        return response

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


class AsyncHoldfastTransport(httpx.AsyncBaseTransport):
    """Sends the requests of a `httpx.AsyncClient` as the engine decides, in asyncio tasks.

    Args:
        policy: as for `HoldfastTransport`, like the others.
        transport: makes the attempts; by default an `httpx.AsyncHTTPTransport`.
        lanes: where calls wait their turn; by default the lanes of this process.
        on_event: is told of each event of each call.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        lanes: MemoryLanes | None = None,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        self._transport = httpx.AsyncHTTPTransport() if transport is None else transport
        self._core = HttpxCore(httpx, policy, lanes, on_event)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, again where that is right, and give the last answer.

        Raises:
            httpx.TransportError: as for `HoldfastTransport.handle_request`.
        """
        send = self._transport.handle_async_request
        response: httpx.Response = await self._core.handle_async(request, send)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()
