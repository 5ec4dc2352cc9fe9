"""Connections: bytes in, requests to the app, answers out, in the order of the requests."""

import asyncio
import socket
import struct
from json import dumps
from typing import cast

from holdfast.sandbox import admin
from holdfast.sandbox.admin import Admin
from holdfast.sandbox.app import Exchange
from holdfast.sandbox.core import Core
from holdfast.sandbox.http import Answer, BadRequest, Ending, HttpRequest, RequestReader, write

_READ_AHEAD = 256 * 1024
"""How much of the next requests a connection takes in while one is being answered."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_RESET = struct.pack("ii", 1, 0)  # struct linger: on, for 0 seconds, which makes close() a reset


class Server:
    """The open connections of a sandbox.

    Args:
        core: the sandbox's parts.
    """

    def __init__(self, core: Core) -> None:
        self.core = core
        self.admin = Admin(core)
        self.connections: set[Connection] = set()

    def connection(self) -> "Connection":
        """Make the protocol for an accepted connection."""
        return Connection(self)

    def close_connections(self) -> None:
        """End every connection at once, idle or not."""
        for connection in list(self.connections):
            connection.abort()


class Connection(asyncio.Protocol):
    """One connection. It answers one request after the other, so pipelining keeps its order."""

    __slots__ = (
        "_busy",
        "_core",
        "_ended",
        "_paused",
        "_pumping",
        "_reader",
        "_request",
        "_server",
        "_transport",
        "_writable",
    )

    _transport: asyncio.Transport
    _request: HttpRequest

    def __init__(self, server: Server) -> None:
        self._server = server
        self._core = server.core
        self._reader = RequestReader()
        self._busy = False  # a request is with the app
        self._pumping = False
        self._paused = False  # reading is
        self._writable = True
        self._ended = False  # the client sends no more

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(self)
        self._core.stats.connections += 1
        self._core.stats.open_connections += 1

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        self._server.connections.discard(self)
        self._core.stats.open_connections -= 1

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        self._pump()
        behind = self._busy or not self._writable
        if behind and not self._paused and len(self._reader) > _READ_AHEAD:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """A client may close its half and still read the answers to what it sent."""
        self._ended = True
        return self._busy or not self._writable

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._pump()

    def abort(self) -> None:
        """End the connection at once."""
        self._transport.abort()

    def _pump(self) -> None:
        """Hand the app the requests that are there, until it keeps one waiting."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while not self._busy and self._writable and not self._transport.is_closing():
                request = self._reader.next()
                if request is None:
                    self._wait_for_more()
                    return
                self._busy = True
                self._request = request
                self._handle(request)
        except BadRequest as problem:
            self._refuse(problem)
        finally:
            self._pumping = False

    def _handle(self, request: HttpRequest) -> None:
        path = request.path
        if path.startswith(admin.ROOT) and path[len(admin.ROOT) :][:1] in {"", "/"}:
            self._server.admin.handle(request, self._answer)
        else:
            Exchange(self._core, request, self._answer).start()

    def _wait_for_more(self) -> None:
        if self._ended:
            self._transport.close()
            return
        if self._reader.asks_to_continue():
            self._transport.write(_CONTINUE)
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _answer(self, answer: Answer) -> None:
        self._busy = False
        transport = self._transport
        if transport.is_closing():
            return
        if answer.ending is Ending.RESET:
            _socket(transport).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()
            return
        if answer.ending is Ending.CLOSED:
            transport.close()
            return
        keep_alive = self._request.keep_alive
        transport.write(
            write(answer, keep_alive=keep_alive, head_only=self._request.method == "HEAD")
        )
        if not keep_alive or answer.ending is Ending.TRUNCATED:
            transport.close()
            return
        self._pump()

    def _refuse(self, problem: BadRequest) -> None:
        error = {"type": "invalid_request_error", "message": problem.sentence}
        answer = Answer(problem.status, dumps({"error": error}).encode())
        self._core.stats.requests += 1
        self._core.stats.by_status[problem.status] += 1
        self._transport.write(write(answer, keep_alive=False, head_only=False))
        self._transport.close()


def _socket(transport: asyncio.Transport) -> socket.socket:
    return cast("socket.socket", transport.get_extra_info("socket"))
