"""The port of a sandbox: which hosts it may have, and how it refuses connections for a while."""

import asyncio
import logging
import socket
from collections.abc import Callable

HOSTS = {"127.0.0.1": "127.0.0.1", "::1": "::1", "localhost": "127.0.0.1"}
"""The hosts that no other machine reaches, and their addresses."""

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- names them, binds to none
_BACKLOG = 1024
_AT_ONCE = 128
"""How many connections are accepted before the others are heard again."""
_REST = 1.0
"""Seconds until connections are accepted again, when that has failed."""
_logger = logging.getLogger("holdfast.sandbox")
Factory = Callable[[], asyncio.BaseProtocol]


def check_host(host: object, *, allow_remote: bool) -> str:
    """Check the option `host`.

    Args:
        host: a name or an address.
        allow_remote: whether other machines may reach it.

    Returns:
        The host; of those that no other machine reaches, the address.

    Raises:
        ValueError: no text, or other machines may reach it although that is not allowed.
    """
    if not isinstance(host, str) or not host:
        raise ValueError(f"host is {host!r}: give a name or an address, such as 127.0.0.1")
    if host not in HOSTS and not allow_remote:
        raise ValueError(
            f"host is {host!r}, which other machines could reach, and a sandbox answers whoever "
            f"asks: give one of {', '.join(HOSTS)}, or allow it with allow_remote=True "
            "(--allow-remote)"
        )
    return HOSTS.get(host, host)


def url_host(address: str) -> str:
    """The host of a URL that leads to an address, from this machine."""
    host = _EVERYWHERE.get(address, address)
    return f"[{host}]" if ":" in host else host


class Listener:
    """The port, from the moment at which it is taken.

    Args:
        address: where to listen.
        port: 0 takes a free one.

    Attributes:
        port: the port that was taken.

    Raises:
        OSError: the port cannot be taken; the message says which.
    """

    def __init__(self, address: str, port: int) -> None:
        self._address = address
        self._socket = _bound(address, port)
        self.port: int = self._socket.getsockname()[1]
        try:
            self._socket.listen(_BACKLOG)
        except OSError as error:
            self._socket.close()
            raise _taken(address, port, error) from None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._welcoming: set[asyncio.Task[None]] = set()

    def open(self, loop: asyncio.AbstractEventLoop, factory: Factory) -> None:
        """Accept connections.

        Args:
            loop: where they are served.
            factory: makes the protocol of each.
        """
        self._loop = loop
        self._factory = factory
        loop.add_reader(self._socket, self._accept, loop)

    @property
    def welcoming(self) -> int:
        """How many connections are accepted and not yet with their protocol."""
        return len(self._welcoming)

    def refuse(self, seconds: float) -> None:
        """Refuse connections for so long. Nobody is given the port by chance in the meantime."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        if self._timer is not None:
            end = max(end, self._timer.when())
            self._timer.cancel()
        else:
            self._stop(loop)
            # A socket that is bound and does not listen refuses, and keeps the port.
            self._socket = _bound(self._address, self.port)
        self._timer = loop.call_at(end, self._open_again, loop)

    def close(self) -> None:
        """Give the port up."""
        if self._timer is not None:
            self._timer.cancel()
        if self._loop is not None and self._socket.fileno() >= 0:
            self._stop(self._loop)
        self._socket.close()

    def _stop(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._rest is not None:
            self._rest.cancel()
        loop.remove_reader(self._socket)
        self._socket.close()

    def _open_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        try:
            self._socket.listen(_BACKLOG)
        except OSError as error:
            _logger.warning("%s", _taken(self._address, self.port, error))
        else:
            self.open(loop, self._factory)

    def _accept(self, loop: asyncio.AbstractEventLoop) -> None:
        # asyncio's own server leaves a connection open that it accepted just before its close.
        for _ in range(_AT_ONCE):
            try:
                connection, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # too many open files, say
                _logger.warning("a connection cannot be accepted: %s", error.strerror)
                loop.remove_reader(self._socket)
                self._rest = loop.call_later(_REST, self.open, loop, self._factory)
                return
            connection.setblocking(False)
            task = loop.create_task(self._welcome(loop, connection))
            self._welcoming.add(task)
            task.add_done_callback(self._welcoming.discard)

    async def _welcome(self, loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
        try:
            await loop.connect_accepted_socket(self._factory, connection)
        except OSError:  # the client is gone already
            connection.close()


def _bound(address: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
        family, kind, _, _, where = found[0]
        # asyncio sets TCP_NODELAY on the connections of a socket only when it knows the protocol.
        bound = socket.socket(family, kind, socket.IPPROTO_TCP)
    except OSError as error:
        raise _taken(address, port, error) from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(where)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        raise _taken(address, port, error) from None
    return bound


def _taken(address: str, port: int, error: OSError) -> OSError:
    return OSError(
        error.errno,
        f"the sandbox cannot listen on {address} port {port}: {error.strerror}; give another port",
    )
