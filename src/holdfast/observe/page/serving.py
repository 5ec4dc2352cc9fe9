"""The server of the page, on a thread and an event loop of its own, beside whatever else runs."""

import asyncio
import atexit
import contextlib
import socket
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from holdfast.forks import in_each_child
from holdfast.observe.page.app import application
from holdfast.observe.page.door import Door
from holdfast.observe.page.feed import Feed, Source
from holdfast.observe.page.security import is_loopback

MOST_CONNECTIONS = 100
"""Connections at once, and waiting to be taken."""
_FIRST_REQUEST = 10.0
"""Seconds that a new connection has for the head of its first request."""
_UNREAD = 30
"""Seconds after which a reader that takes nothing loses its connection."""
_SEND_BUFFER = 128 * 1024
"""Bytes that the system keeps for a slow reader."""
_END = 5.0
"""Seconds that closing waits for the thread."""

_open: "weakref.WeakSet[Page]" = weakref.WeakSet()


class Page:
    """A live page that is being served. Also a context manager.

    Attributes:
        url: where it is.
    """

    def __init__(
        self,
        source: Source,
        listener: socket.socket,
        door: Door,
        on_close: Callable[[], object],
    ) -> None:
        host, port = listener.getsockname()[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
        self._listener = listener
        self._feed = Feed(source)
        guarded = application(self._feed, door, loopback_only=not door.asks)
        self._server = _Server(guarded)
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._serve, name="holdfast-page", daemon=True)
        self._is_ours = True
        self._on_close = on_close
        _open.add(self)
        self._thread.start()
        self._server.begun.wait()

    @property
    def running(self) -> bool:
        """Whether it is served."""
        return self._is_ours and self._thread.is_alive()

    def close(self) -> None:
        """End the thread and give the port back. A second time does nothing."""
        if self.running:
            self._loop.call_soon_threadsafe(self._end)
            self._thread.join(_END)
        if self in _open:
            _open.discard(self)
            self._on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _serve(self) -> None:
        try:
            # Not the kind of loop that the application may have chosen for itself.
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._server.serve(sockets=[self._listener]))
        finally:
            self._server.begun.set()
            self._listener.close()

    def _end(self) -> None:
        self._feed.close()
        self._server.end()

    def leave_to_parent(self) -> None:
        """In a forked child: nobody serves here, and the port is the parent's alone."""
        self._is_ours = False
        self._listener.close()


def serve_source(
    source: Source,
    host: str,
    port: int,
    token: str | None,
    *,
    on_close: Callable[[], object] = lambda: None,
) -> Page:
    """Serve the page of a source.

    Args:
        source: what it shows.
        host: the address to listen at; one beyond this machine needs a token.
        port: 0 takes a free one.
        token: what whoever looks has to give; at least 16 characters.
        on_close: called once, when the page is closed.

    Raises:
        ValueError: the token is no good, or is missing where it is needed.
        OSError: the address cannot be listened at.
    """
    door = Door(token)
    family, address = _resolved(host, port)
    if not door.asks and not is_loopback(address[0]):
        raise ValueError(
            f"{host} can be reached from other machines: give a token (--token-file FILE or "
            "HOLDFAST_WATCH_TOKEN, token= in Python), or listen on 127.0.0.1"
        )
    return Page(source, _listener(family, address), door, on_close)


def _resolved(host: str, port: int) -> tuple[int, tuple[Any, ...]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise ValueError(f"{host!r} is no address of this machine: {error.strerror}") from None
    family, _, _, _, address = found[0]
    return family, address


def _listener(family: int, address: tuple[Any, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit these: a reader that takes nothing holds little, and not for long.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD * 1000)
        listener.bind(address)
        listener.listen(MOST_CONNECTIONS)
    except OSError as error:
        listener.close()
        place = f"{address[0]}:{address[1]}"
        raise OSError(error.errno, f"cannot listen on {place}: {error.strerror}") from None
    return listener


class _Connection(H11Protocol):
    """A connection that has to say something soon, and that is really over when it is closed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # The application may serve with uvicorn, too: its access log is not for our requests.
        self.access_log = False
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._patience = self.loop.call_later(_FIRST_REQUEST, transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._wait_no_more()
        # A forked child may have a copy of it, which would keep the other side waiting.
        with contextlib.suppress(OSError):  # it is gone already
            self.transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()


class _Server(uvicorn.Server):
    """uvicorn, told to leave the process's logging and signals alone."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=MOST_CONNECTIONS,
                backlog=MOST_CONNECTIONS,
                timeout_graceful_shutdown=2,
            )
        )
        self.begun = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.begun.set()

    def end(self) -> None:
        """Begin to end; a connection whose reader takes nothing is not waited for."""
        self.should_exit = True
        for connection in list(self.server_state.connections):
            if connection.transport.get_write_buffer_size():
                connection.transport.abort()


def _leave_all_to_parent() -> None:
    for page in list(_open):
        page.leave_to_parent()
    _open.clear()


def _close_all() -> None:
    for page in list(_open):
        page.close()


in_each_child(_leave_all_to_parent)
atexit.register(_close_all)
