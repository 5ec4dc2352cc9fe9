"""The newest snapshot, for everyone who looks.

A snapshot is made only when somebody asks, and one at a time for all who do. Each stream sends the
newest there is when its reader has taken the one before, so a slow reader gets fewer, not later.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.types import Receive, Scope, Send

from holdfast.observe.page.verdict import verdicts

EVERY = 0.5
"""Seconds between two snapshots of a stream."""
MOST_STREAMS = 20
"""Streams at once; further pages ask for single snapshots."""
HEARTBEAT = 5.0
"""Seconds after which a stream without a new snapshot shows that it is still there."""
_RETRY = 1000
"""Milliseconds after which a browser opens a broken stream again."""

_log = logging.getLogger("holdfast.observe")


class Source(Protocol):
    """Where snapshots come from."""

    def snapshot(self) -> dict[str, object]:
        """What there is to see now, as plain values that `json.dumps` takes.

        Raises:
            OSError: there is nothing to see yet, or no more; its text says why.
        """


@dataclass(frozen=True, slots=True)
class Frame:
    """A snapshot as it is sent, or a sentence that says why there is none."""

    number: int
    kind: str
    body: bytes

    def as_event(self) -> bytes:
        """The frame as a server-sent event."""
        return b"event: %b\ndata: %b\n\n" % (self.kind.encode(), self.body)


class Feed:
    """Makes snapshots when they are asked for.

    Args:
        source: where they come from; asked in a thread of its own.
        every: seconds between two.
        most: streams at once.
        heartbeat: seconds after which a stream without news says that it is there.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        source: Source,
        *,
        every: float = EVERY,
        most: int = MOST_STREAMS,
        heartbeat: float = HEARTBEAT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.every = every
        self.heartbeat = heartbeat
        self._source = source
        self._most = most
        self._clock = clock
        self._frame = Frame(0, "trouble", b"{}")
        self._fresh_until = clock()
        self._taking: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()
        self.streams = 0

    @property
    def is_full(self) -> bool:
        """Whether no further stream is allowed."""
        return self.streams >= self._most

    @property
    def frame(self) -> Frame:
        """The newest one, however old."""
        return self._frame

    def take(self) -> set[asyncio.Task[None]]:
        """See to it that there is a new frame, if the newest is older than half of `every`.

        Returns:
            The task that makes it; nothing when it is there.
        """
        if self._taking is None and self._clock() >= self._fresh_until:
            self._taking = asyncio.create_task(self._take())
        return set() if self._taking is None else {self._taking}

    async def fresh(self) -> Frame:
        """The newest frame, made now if there was none."""
        if taking := self.take():
            await asyncio.wait(taking)
        return self._frame

    async def _take(self) -> None:
        number = self._frame.number + 1
        (made,) = await asyncio.gather(asyncio.to_thread(self._made), return_exceptions=True)
        if isinstance(made, bytes):
            self._frame = Frame(number, "snapshot", made)
        else:
            self._frame = Frame(number, "trouble", _json({"error": _sentence(made)}))
        self._fresh_until = self._clock() + self.every / 2
        self._taking = None

    def _made(self) -> bytes:
        snapshot = self._source.snapshot()
        return _json({"verdicts": [each.as_dict() for each in verdicts(snapshot)], **snapshot})

    def close(self) -> None:
        """End all streams. To be called in the feed's own event loop."""
        self._closed.set()

    async def until_closed(self) -> None:
        """Wait for the end."""
        await self._closed.wait()

    def pause(self) -> float:
        """Seconds until the next snapshot: the same moment for all streams, so that they share."""
        return self.every - self._clock() % self.every


class Stream:
    """The answer that never ends: an event for each new snapshot.

    Args:
        feed: what is sent.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send until the reader goes, or the feed is closed."""
        self._feed.streams += 1
        ends = {
            asyncio.create_task(_until_gone(receive)),
            asyncio.create_task(self._feed.until_closed()),
        }
        try:
            headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await _send_part(send, b"retry: %d\n\n" % _RETRY)
            await self._send_all(send, ends)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._feed.streams -= 1
            for each in ends:
                each.cancel()
            await asyncio.gather(*ends, return_exceptions=True)

    async def _send_all(self, send: Send, ends: set[asyncio.Task[None]]) -> None:
        feed, shown = self._feed, 0
        while not any(end.done() for end in ends):
            if taking := feed.take():
                await _first_of(taking | ends, feed.heartbeat)
            frame = feed.frame
            if frame.number == shown:
                await _send_part(send, b": still here\n\n")
                continue
            shown = frame.number
            await _send_part(send, frame.as_event())
            await _first_of(ends, feed.pause())


async def _first_of(tasks: set[asyncio.Task[None]], seconds: float) -> None:
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


async def _send_part(send: Send, body: bytes) -> None:
    # Waits while the reader takes nothing: whatever is made meanwhile is not kept for it.
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError):
        return str(error)
    # Any other is a mistake of ours; its text may quote what is not for the page.
    _log.error("the source of the live page failed", exc_info=error)
    return f"The figures cannot be had: {type(error).__name__}; the log says more."
