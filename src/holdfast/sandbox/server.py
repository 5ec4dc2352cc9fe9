"""The connections of a sandbox: how many there are, and which have to go."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from holdfast.sandbox.admin import Admin
from holdfast.sandbox.core import Core

_SWEEP_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What clients may take up.

    Attributes:
        connections: how many may be open at once.
        request_seconds: how long a request may take to come in whole.
        idle_seconds: how long a connection may be without a request.
        unread_seconds: how long a client may leave its answers unread.
        waiting_bytes: how much of requests may be in memory at once, over all connections.

    Raises:
        ValueError: one of them is not above 0.
    """

    connections: int = 512
    request_seconds: float = 30.0
    idle_seconds: float = 300.0
    unread_seconds: float = 60.0
    waiting_bytes: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise ValueError(f"{name} is {value!r}: give a number above 0")


DEFAULT_BOUNDS = Bounds()


class Open(Protocol):
    """A connection, as far as the server is concerned with it."""

    def sweep(self, now: float) -> None: ...

    def retire(self) -> None: ...

    def abort(self) -> None: ...


class Server:
    """The open connections of a sandbox.

    Args:
        core: the sandbox's parts.
        bounds: what clients may take up.

    Attributes:
        waiting_bytes: how much of requests is in memory.
    """

    def __init__(self, core: Core, bounds: Bounds) -> None:
        self.core = core
        self.bounds = bounds
        self.admin = Admin(core)
        self.connections: set[Open] = set()
        self.waiting_bytes = 0
        self._sweep: asyncio.TimerHandle | None = None

    def start_sweeping(self) -> None:
        """Look at the connections again and again. The loop must be running."""
        loop = asyncio.get_running_loop()
        bounds = self.bounds
        shortest = min(bounds.request_seconds, bounds.idle_seconds, bounds.unread_seconds)
        self._sweep = loop.call_later(min(_SWEEP_EVERY, shortest / 4), self._swept)

    def retire_connections(self) -> None:
        """End every connection as soon as it has answered what it was asked."""
        for connection in list(self.connections):
            connection.retire()

    def close_connections(self) -> None:
        """End every connection at once, idle or not, and look at none any more."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self.connections):
            connection.abort()

    def _swept(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in list(self.connections):
            connection.sweep(now)
        self.start_sweeping()
