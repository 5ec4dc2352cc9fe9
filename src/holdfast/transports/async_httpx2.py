"""One attempt in an asyncio task, through httpx2."""

import asyncio
import ssl
import weakref
from collections.abc import AsyncIterator

import httpx2

from holdfast.engine import Failure, Outcome, Phase, Response
from holdfast.transports.exchange import Exchange, Network
from holdfast.transports.phases import failure_of
from holdfast.transports.proxies import LOOPBACK


class Httpx2Transport:
    """Sends attempts through one connection pool for each event loop.

    Args:
        network: how it gets to a server.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        # Connections belong to the loop that opened them; a client goes when its loop does.
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = (
            weakref.WeakKeyDictionary()
        )

    async def send(self, exchange: Exchange, timeout: float) -> Outcome:  # noqa: ASYNC109
        """Send one attempt; see `Urllib3Transport.send`. A stream's body is an async iterator."""
        answer: httpx2.Response | None = None
        try:
            async with asyncio.timeout(timeout):
                client = self._client()
                request = client.build_request(
                    exchange.method,
                    exchange.url,
                    content=exchange.body,
                    headers=exchange.headers_to_send(),
                    # A connection that hangs must be seen as such, before the attempt's own end.
                    timeout=httpx2.Timeout(timeout, connect=timeout * 0.9, pool=timeout * 0.9),
                )
                answer = await client.send(request, stream=True)
                if exchange.streaming and answer.is_success:
                    return _response(answer, None, _Body(answer))
                body = await answer.aread()
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, TimeoutError) as error:
            if answer is None:
                return failure_of(error)
            await answer.aclose()
            return Failure(Phase.BODY, error, head=Response(answer.status_code, answer.headers))
        except BaseException:
            if answer is not None:
                await answer.aclose()
            raise
        return _response(answer, body, body)

    async def close(self) -> None:
        """Close this loop's connections. A later attempt opens new ones."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _client(self) -> httpx2.AsyncClient:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = self._make_client()
        return client

    def _make_client(self) -> httpx2.AsyncClient:
        verify = (
            ssl.create_default_context(cafile=self._network.ca_bundle)
            if self._network.verify
            else False
        )
        # The bound on calls at once is the caller's business, not the pool's.
        limits = httpx2.Limits(
            max_connections=None, max_keepalive_connections=self._network.connections
        )
        mounts: dict[str, httpx2.AsyncHTTPTransport | None]
        if self._network.proxies is None:
            mounts = dict.fromkeys(f"all://{_bracketed(host)}" for host in LOOPBACK)
        else:
            mounts = {
                f"{scheme}://": httpx2.AsyncHTTPTransport(proxy=url, verify=verify, limits=limits)
                for scheme, url in self._network.proxies.items()
                if url
            }
        return httpx2.AsyncClient(
            verify=verify, limits=limits, mounts=mounts, trust_env=self._network.proxies is None
        )


class _Body:
    """The unread body of a streamed answer; its connection is freed at the end or by `aclose`."""

    def __init__(self, answer: httpx2.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.aiter_bytes():
                yield chunk
        finally:
            await self._answer.aclose()

    async def aclose(self) -> None:
        await self._answer.aclose()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _response(answer: httpx2.Response, body: bytes | None, handed_on: object) -> Response:
    status, headers = answer.status_code, answer.headers
    return Response.read(status, headers, body, (handed_on, status, headers))
