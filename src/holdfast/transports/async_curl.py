"""One attempt in an asyncio task, through libcurl."""

import asyncio

import pycurl

from holdfast.engine import Failure, Outcome, Phase
from holdfast.transports.curl import Handle
from holdfast.transports.exchange import Exchange, Network


class AsyncCurlTransport:
    """Sends attempts through kept-alive connections, a set for each event loop.

    Args:
        network: how it gets to a server.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._idle: dict[asyncio.AbstractEventLoop, list[_Line]] = {}

    async def send(self, exchange: Exchange, timeout: float) -> Outcome:  # noqa: ASYNC109
        """Send one attempt; see `CurlTransport.send`."""
        home = self._home()
        line = await _take(home) or _Line(self._network)
        try:
            outcome = await line.send(exchange, timeout)
        except BaseException:
            await line.close()  # half used, so of no use to another attempt
            raise
        if isinstance(outcome, Failure) or len(home) >= self._network.connections:
            await line.close()
        else:
            home.append(line)
            if home is not self._idle.get(asyncio.get_running_loop()):
                await _close_all(home)  # the transport was closed in the meantime
        return outcome

    async def close(self) -> None:
        """Close this loop's connections. A later attempt opens new ones."""
        await _close_all(self._idle.pop(asyncio.get_running_loop(), []))

    def _home(self) -> "list[_Line]":
        loop = asyncio.get_running_loop()
        home = self._idle.get(loop)
        if home is None:
            # Connections belong to the loop that opened them, and go when it is over.
            for other in [other for other in self._idle if other.is_closed()]:
                del self._idle[other]
            home = self._idle[loop] = []
        return home


async def _take(lines: "list[_Line]") -> "_Line | None":
    """The line used last, for it is the most likely to be still alive."""
    while lines:
        line = lines.pop()
        if line.is_alive():
            return line
        await line.close()
    return None


async def _close_all(lines: "list[_Line]") -> None:
    while lines:
        await lines.pop().close()


class _Line:
    """A handle with its connection, and what the event loop watches it by."""

    __slots__ = ("_handle", "_multi", "is_alive")

    def __init__(self, network: Network) -> None:
        self._handle = Handle(network)
        self._multi = pycurl.AsyncCurlMulti()
        self.is_alive = self._handle.is_alive

    async def send(self, exchange: Exchange, timeout: float) -> Outcome:  # noqa: ASYNC109
        handle = self._handle
        try:
            handle.prepare(exchange, timeout)
            await self._multi.perform(handle.curl)
        except pycurl.error as error:
            return handle.outcome(*error.args)
        except ValueError as error:
            return Failure(Phase.CONNECT, error, retryable=False)
        return handle.outcome(pycurl.E_OK, "")

    async def close(self) -> None:
        await self._multi.aclose()
        self._handle.close()
