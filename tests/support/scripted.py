"""A server that answers from a script, byte for byte, for what no well-behaved server does."""

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO

Answer = bytes | Callable[[socket.socket], None]


def answer(status: int, body: object, headers: str = "", *, claim: int = 0) -> bytes:
    """An HTTP answer; `claim` announces a longer body than there is."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status} Some Reason\r\nContent-Type: application/json\r\n"
        f"Request-Id: req_{status}\r\n{headers}Content-Length: {claim or len(raw)}\r\n\r\n"
    )
    return head.encode() + raw


def error(status: int, code: str | None = None, headers: str = "") -> bytes:
    """An error as Stripe words it."""
    inner = {"type": "invalid_request_error", "message": "no"}
    return answer(status, {"error": {**inner, **({"code": code} if code else {})}}, headers)


def reset(connection: socket.socket) -> None:
    """Break the connection off with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def truncated(connection: socket.socket) -> None:
    """Answer with less body than announced."""
    connection.sendall(answer(200, {"id": "cus_1"}, claim=1000))
    connection.close()


@dataclass
class ScriptedServer:
    """Answers its script in order, the last answer for ever."""

    script: list[Answer]
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    connections: int = 0
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        self.asked = threading.Event()
        self._listener = socket.create_server((self.host, 0))
        self._mutex = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def keys(self) -> list[str | None]:
        """The idempotency key of each request."""
        return [headers.get("idempotency-key") for _, headers, _ in self.requests]

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._mutex:
            for connection in self._open:
                with contextlib.suppress(OSError):  # it ended by itself
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._mutex:
                self._open.add(connection)
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as lines:
                while self._one(connection, lines):
                    pass
        except OSError:
            connection.close()  # the client hung up, or the test is over

    def _one(self, connection: socket.socket, lines: IO[bytes]) -> bool:
        first = lines.readline().decode()
        if not first:
            return False
        headers = {}
        while line := lines.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = lines.read(int(headers.get("content-length", 0)))
        with self._mutex:
            self.requests.append((first.strip(), headers, body))
            self.asked.set()
            next_answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(next_answer, bytes):
            connection.sendall(next_answer)
            return True
        next_answer(connection)
        return False
