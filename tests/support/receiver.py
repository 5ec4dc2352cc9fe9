"""A receiver of webhooks: it keeps what it gets, and answers as it is told."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE = 30.0


@dataclass
class Delivered:
    """One POST as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def event(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """What a receiver got.

    Attributes:
        url: where it listens.
        answer: given a delivery and how many came before it, returns the status to answer; None
            closes the connection without an answer.
    """

    url: str = ""
    answer: Callable[[Delivered, int], int | None] = lambda _delivered, _before: 200
    got: list[Delivered] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, delivered: Delivered) -> int | None:
        with self._changed:
            before = len(self.got)
            self.got.append(delivered)
            self._changed.notify_all()
        return self.answer(delivered, before)

    def wait_for(self, count: int) -> list[Delivered]:
        """Wait until so many deliveries came, and return them all."""
        return self.wait_until(lambda got: len(got) >= count)

    def wait_until(self, enough: Callable[[list[Delivered]], bool]) -> list[Delivered]:
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self.got), PATIENCE), self.types()
            return list(self.got)

    def types(self) -> list[str]:
        return [each.event["type"] for each in self.got]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens on a free port of this machine."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take(
                Delivered(self.path, dict(self.headers.items()), body, time.monotonic())
            )
            self.close_connection = True
            if status is not None:
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A sender may go away before it is answered; what else fails is no secret."""
            if not isinstance(sys.exc_info()[1], ConnectionError):
                super().handle_error(request, client_address)

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hooks"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
