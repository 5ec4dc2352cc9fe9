"""One server for all cases: the last part of a request's path names its client and its case."""

import asyncio
import json
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Iterable

from sidebyside.cases import HTML, Case, Fault, Step


class CaseServer:
    """Answers `/v1/customers/CLIENT-CASE` by the script of the case; each client has its own turn.

    It listens at one port, resets at a second one whoever begins to send, and refuses at a third.
    """

    def __init__(self, cases: Iterable[Case]) -> None:
        self.scripts = {case.name: case.steps for case in cases}
        self.keys: defaultdict[str, list[str | None]] = defaultdict(list)
        self.connections: set[asyncio.BaseTransport] = set()
        self._loop = asyncio.new_event_loop()
        # Bound and not listening: nobody else gets the port, and every connection is refused.
        self._refusing = socket.socket()
        self._refusing.bind(("127.0.0.1", 0))
        self.ports: dict[Fault | None, int] = {Fault.REFUSED: self._refusing.getsockname()[1]}
        self._thread = threading.Thread(target=self._serve)
        started = self._start()
        self._servers = self._loop.run_until_complete(started)
        self._thread.start()

    def stop(self) -> None:
        """End every connection and the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        for server in self._servers:
            server.close()
        for transport in list(self.connections):
            assert isinstance(transport, asyncio.Transport)
            transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()
        self._refusing.close()

    async def _start(self) -> list[asyncio.Server]:
        loop = asyncio.get_running_loop()
        scripted = await loop.create_server(lambda: _Scripted(self), "127.0.0.1", 0, backlog=512)
        resetting = await loop.create_server(_Resetting, "127.0.0.1", 0, backlog=512)
        self.ports[None] = scripted.sockets[0].getsockname()[1]
        self.ports[Fault.RESET_BEFORE] = resetting.sockets[0].getsockname()[1]
        return [scripted, resetting]

    def _serve(self) -> None:
        self._loop.run_forever()

    def step(self, name: str, key: str | None) -> Step:
        """Note an attempt, and tell what becomes of it."""
        script = self.scripts[name.partition("-")[2]]
        seen = self.keys[name]
        seen.append(key)
        return script[min(len(seen), len(script)) - 1]


class _Resetting(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, _: bytes) -> None:
        # Not before something came: a reset while connecting is told apart by some clients only.
        _reset(self._transport)


class _Scripted(asyncio.Protocol):
    def __init__(self, server: CaseServer) -> None:
        self._server = server
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections.add(transport)

    def connection_lost(self, _: Exception | None) -> None:
        self._server.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, rest = self._read.partition(b"\r\n\r\n")
        if not end:
            return
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        if len(rest) < int(headers.get("content-length", 0)):
            return
        self._read = b""
        name = first.split(" ")[1].rpartition("/")[2]
        self._act(self._server.step(name, headers.get("idempotency-key")))

    def _act(self, step: Step) -> None:
        match step.fault:
            case None:
                self._transport.write(_answer(step))
            case Fault.TRUNCATED:
                self._transport.write(_answer(step)[:-7])
                self._transport.close()
            case Fault.STALLED:
                self._transport.write(_answer(step)[:-7])
            case Fault.CLOSED:
                self._transport.close()
            case Fault.RESET:
                _reset(self._transport)
            case Fault.SILENT:
                pass
            case _:
                raise AssertionError(f"{step.fault} happens at a port of its own")


def _reset(transport: asyncio.BaseTransport) -> None:
    assert isinstance(transport, asyncio.Transport)
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _answer(step: Step) -> bytes:
    body = _body(step)
    word = "" if step.word is None else f"{step.header}: {step.word}\r\n"
    head = (
        f"HTTP/1.1 {step.status} Scripted\r\nContent-Type: application/json\r\n"
        f"Request-Id: req_scripted\r\n{word}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _body(step: Step) -> bytes:
    if step.code == HTML:
        return b"<html><body>Scripted</body></html>"
    if 200 <= step.status < 300:
        return b'{"id": "cus_scripted", "object": "customer"}'
    error = {"type": "invalid_request_error", "message": "scripted"}
    if step.code is not None:
        error["code"] = step.code
    return json.dumps({"error": error}).encode()
