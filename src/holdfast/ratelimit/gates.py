"""What a waiting call sleeps at and is woken by: a thread has a lock, a task a future."""

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio


class Gate(Protocol):
    """What the limiter needs of the place where a call sleeps. It holds the mutex meanwhile."""

    def close(self) -> None:
        """The next sleep lasts, whatever woke the last one."""

    def open(self) -> bool:
        """End the sleep; called at most once after each `close`. False: nobody is there."""


class ThreadGate:
    """Where a thread sleeps."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def close(self) -> None:
        """The next `sleep` lasts, whatever woke the last one."""
        self._lock.acquire(blocking=False)

    def open(self) -> bool:
        """End the sleep; a thread is always there."""
        self._lock.release()
        return True

    def sleep(self, seconds: float) -> None:
        """Sleep so long at most."""
        self._lock.acquire(timeout=min(seconds, threading.TIMEOUT_MAX))


class TaskGate:
    """Where a task sleeps."""

    __slots__ = ("_future", "_loop")

    def __init__(self) -> None:
        from asyncio import get_running_loop

        self._loop = get_running_loop()
        self.close()

    def close(self) -> None:
        """The next `sleep` lasts, whatever woke the last one."""
        self._future: asyncio.Future[None] = self._loop.create_future()

    def open(self) -> bool:
        """End the sleep, from any thread. False: the loop is closed, so nobody is there."""
        try:
            self._loop.call_soon_threadsafe(_finish, self._future)
        except RuntimeError:
            return False
        return True

    async def sleep(self, seconds: float) -> None:
        """Sleep so long at most."""
        timer = self._loop.call_later(min(seconds, 86_400.0), _finish, self._future)
        try:
            await self._future
        finally:
            timer.cancel()


def _finish(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
