"""A HTTP client of the SDK's own kind as a transport: the user's choice of library and options."""

import asyncio
import http.client
from typing import Any, cast

import stripe

from holdfast.engine import Outcome, Response
from holdfast.transports.exchange import Exchange
from holdfast.transports.phases import failure_of

# Libraries that the SDK's clients are made of. Not each of their errors comes wrapped: aiohttp's
# and urllib's, of a body that breaks off, do not.
_LIBRARIES = frozenset({"aiohttp", "httpcore", "httpx", "pycurl", "requests", "urllib3"})


class SdkTransport:
    """Sends attempts on threads through a `stripe.HTTPClient`, with that client's own options.

    Args:
        client: its single-attempt methods are used; its retries are not.
    """

    def __init__(self, client: stripe.HTTPClient) -> None:
        self._client = client

    def send(self, exchange: Exchange, timeout: float, /) -> Outcome:  # noqa: ARG002 - see below
        """Send one attempt. How long it may take is the client's own option: it takes no other."""
        send = self._client.request_stream if exchange.streaming else self._client.request
        try:
            body, status, headers = send(
                exchange.method.lower(), exchange.url, exchange.headers, exchange.body
            )
            if exchange.streaming and not 200 <= status < 300:
                body = _read(body)
        except Exception as error:
            if not _is_the_networks(error):
                raise
            return failure_of(error, wrong=_is_wrong(error))
        return Response.read(status, headers, body, (body, status, headers))

    def close(self) -> None:
        """Close the client."""
        self._client.close()


class AsyncSdkTransport:
    """The same in asyncio tasks.

    Args:
        client: as for `SdkTransport`; one without async methods uses its fallback, as ever.
    """

    def __init__(self, client: stripe.HTTPClient) -> None:
        self._client = client

    async def send(self, exchange: Exchange, timeout: float, /) -> Outcome:  # noqa: ASYNC109
        """Send one attempt within `timeout` seconds."""
        client = self._client
        body: Any
        send = client.request_stream_async if exchange.streaming else client.request_async
        try:
            async with asyncio.timeout(timeout):
                body, status, headers = await send(
                    exchange.method.lower(), exchange.url, exchange.headers, exchange.body
                )
                if exchange.streaming and not 200 <= status < 300:
                    body = await _read_async(body)
        except Exception as error:
            if not _is_the_networks(error):
                raise
            return failure_of(error, wrong=_is_wrong(error))
        return Response.read(status, headers, body, (body, status, headers))

    async def close(self) -> None:
        """Close the client's connections of this event loop."""
        await self._client.close_async()


def _read(body: Any) -> bytes:
    """The body of a streamed error, which the clients leave unread, each in its own form."""
    if hasattr(body, "stream"):  # urllib3's
        return b"".join(body.stream(decode_content=True))
    if hasattr(body, "read"):
        return cast("bytes", body.read())
    return body if isinstance(body, bytes) else b"".join(body)


async def _read_async(body: Any) -> bytes:
    if hasattr(body, "read"):  # aiohttp's
        return cast("bytes", await body.read())
    return b"".join([chunk async for chunk in body])


def _is_the_networks(error: Exception) -> bool:
    if isinstance(error, stripe.APIConnectionError | OSError | http.client.HTTPException):
        return True
    return any(kind.__module__.partition(".")[0] in _LIBRARIES for kind in type(error).__mro__)


def _is_wrong(error: Exception) -> bool:
    """Whether the request itself could not be made, as with `requests.exceptions.InvalidSchema`."""
    cause = error.__cause__ if isinstance(error, stripe.APIConnectionError) else error
    return isinstance(cause, ValueError | TypeError)
