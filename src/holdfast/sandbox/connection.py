"""One connection: bytes in, requests to the app, answers out, in the order of the requests."""

import asyncio
import socket
import struct
from json import dumps
from typing import cast

from holdfast.sandbox import admin
from holdfast.sandbox.app import Exchange
from holdfast.sandbox.http import Answer, BadRequest, Ending, HttpRequest, RequestReader, write
from holdfast.sandbox.server import Server

_READ_AHEAD = 256 * 1024
"""How much of the next requests a connection takes in while one is being answered."""
_BLANK_LINE = b"\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_RESET = struct.pack("ii", 1, 0)  # struct linger: on, for 0 seconds, which makes close() a reset


_LINGER = 2.0
"""For so long, in seconds, a refused client may go on sending: closing at once would reset the
connection, and the client might lose the answer that says what was wrong."""
_SLOW_PIECES = 20
_CUT_OFF = BadRequest(400, "The connection ended in the middle of a request.")


class Connection(asyncio.Protocol):
    """One connection. It answers one request after the other, so pipelining keeps its order."""

    __slots__ = (
        "_begun",
        "_busy",
        "_core",
        "_ended",
        "_hanging",
        "_idle_since",
        "_loop",
        "_paused",
        "_pumping",
        "_reader",
        "_refused",
        "_request",
        "_retired",
        "_server",
        "_size",
        "_stuck_since",
        "_timer",
        "_transport",
        "_writable",
    )

    _transport: asyncio.Transport
    _request: HttpRequest

    def __init__(self, server: Server) -> None:
        self._server = server
        self._core = server.core
        self._loop = asyncio.get_running_loop()
        self._reader = RequestReader()
        self._busy = False  # a request is with the app, or its answer takes its time
        self._hanging = False
        self._pumping = False
        self._paused = False  # reading is
        self._writable = True
        self._ended = False  # the client sends no more
        self._refused = False  # what the client goes on sending is thrown away
        self._retired = False  # the connection ends with the next answer
        self._size = 0
        self._begun: float | None = None  # when the first byte of the present request came
        self._idle_since = self._loop.time()
        self._stuck_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        server, most = self._server, self._server.bounds.connections
        server.connections.add(self)
        self._core.stats.connections += 1
        self._core.stats.open_connections += 1
        if len(server.connections) > 2 * most:
            self._transport.abort()
        elif len(server.connections) > most:
            self._refuse(BadRequest(503, f"There are {most} connections already: close some."))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        self._server.connections.discard(self)
        self._server.waiting_bytes -= self._size
        self._size = 0
        self._core.stats.open_connections -= 1
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._reader.feed(data)
        self._pump()
        self._count()
        behind = self._busy or not self._writable
        if behind and not self._paused and len(self._reader) > _READ_AHEAD:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """A client may close its half and still read the answers to what it sent."""
        self._ended = True
        if self._hanging:
            return False
        if not self._busy and self._writable and self._reader.has_begun():
            self._refuse(_CUT_OFF)
        return self._busy or not self._writable

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._pump()

    def abort(self) -> None:
        """End the connection at once."""
        self._transport.abort()

    def retire(self) -> None:
        """End the connection, once it has answered the request that it is at."""
        self._retired = True
        if not self._busy:
            self._transport.close()

    def sweep(self, now: float) -> None:
        """End the connection if its client has kept it waiting for too long."""
        bounds = self._server.bounds
        if not self._writable or self._transport.is_closing():
            if self._stuck_since is None:
                self._stuck_since = now
            elif now - self._stuck_since > bounds.unread_seconds:
                self._transport.abort()
            return
        self._stuck_since = None
        if self._busy or self._refused:
            return
        if self._begun is None:
            if now - self._idle_since > bounds.idle_seconds:
                self._transport.close()
        elif now - self._begun > bounds.request_seconds:
            seconds = f"{bounds.request_seconds:g} seconds"
            self._refuse(BadRequest(408, f"The request did not come in whole within {seconds}."))

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
                self._begun = None
                self._request = request
                self._handle(request)
        except BadRequest as problem:
            self._refuse(problem)
        finally:
            self._pumping = False

    def _count(self) -> None:
        """Count what the connection has in memory, and refuse its request if all have too much."""
        server = self._server
        size = len(self._reader) + (len(self._request.body) if self._busy else 0)
        server.waiting_bytes += size - self._size
        self._size = size
        too_much = server.waiting_bytes > server.bounds.waiting_bytes and size > _READ_AHEAD
        if too_much and not self._busy and not self._refused:
            self._refuse(BadRequest(503, "There are too many large requests at once."))

    def _handle(self, request: HttpRequest) -> None:
        path = request.path
        if path.startswith(admin.ROOT) and path[len(admin.ROOT) :][:1] in {"", "/"}:
            self._server.admin.handle(request, self._answer)
        else:
            Exchange(self._core, request, self._answer).start()

    def _wait_for_more(self) -> None:
        if self._ended:
            if self._reader.has_begun():
                self._refuse(_CUT_OFF)
            else:
                self._transport.close()
            return
        if not self._reader.has_begun():
            self._idle_since = self._loop.time()
        elif self._begun is None:
            self._begun = self._loop.time()
        if self._reader.asks_to_continue():
            self._transport.write(_CONTINUE)
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _answer(self, answer: Answer) -> None:
        transport = self._transport
        if transport.is_closing():
            self._busy = False
            return
        match answer.ending:
            case Ending.RESET:
                _socket(transport).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                transport.abort()
            case Ending.CLOSED:
                transport.close()
            case Ending.HANGING:
                self._hang(answer.seconds)
            case Ending.SLOW:
                self._drip(self._written(answer), answer.seconds / _SLOW_PIECES)
            case Ending.TRUNCATED:
                transport.write(self._written(answer))
                transport.close()
            case Ending.SENT:
                transport.write(self._written(answer))
                self._sent()

    def _written(self, answer: Answer) -> bytes:
        request = self._request
        keep_alive = request.keep_alive and not self._retired
        return write(
            answer,
            date=self._core.date(),
            keep_alive=keep_alive,
            head_only=request.method == "HEAD",
        )

    def _sent(self) -> None:
        """The answer is on its way: go on with the next request, or end."""
        self._busy = False
        self._count()
        if self._request.keep_alive and not self._retired:
            self._pump()
        else:
            self._transport.close()

    def _hang(self, seconds: float) -> None:
        """Say nothing, until the client goes or the time is over."""
        self._hanging = True
        if self._ended:
            self._transport.close()
        elif seconds:
            self._timer = self._loop.call_later(seconds, self._transport.close)

    def _drip(self, left: bytes, pause: float) -> None:
        """Send the head, then the body piece by piece."""
        body = left.index(_BLANK_LINE) + len(_BLANK_LINE)
        size = max(1, -(-(len(left) - body) // _SLOW_PIECES))
        self._transport.write(left[:body])
        self._timer = self._loop.call_later(pause, self._drop, left[body:], size, pause)

    def _drop(self, left: bytes, size: int, pause: float) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(left[:size])
        if len(left) > size:
            self._timer = self._loop.call_later(pause, self._drop, left[size:], size, pause)
        else:
            self._timer = None
            self._sent()

    def _refuse(self, problem: BadRequest) -> None:
        error = {"type": "invalid_request_error", "message": problem.sentence}
        answer = Answer(problem.status, dumps({"error": error}).encode())
        self._core.stats.requests += 1
        self._core.stats.by_status[problem.status] += 1
        self._refused = True
        self._reader = RequestReader()
        self._server.waiting_bytes -= self._size
        self._size = 0
        date = self._core.date()
        self._transport.write(write(answer, date=date, keep_alive=False, head_only=False))
        if self._ended or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._transport.write_eof()
        self._timer = self._loop.call_later(_LINGER, self._transport.close)


def _socket(transport: asyncio.Transport) -> socket.socket:
    return cast("socket.socket", transport.get_extra_info("socket"))
