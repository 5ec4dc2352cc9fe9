"""The stream of this process: everything that is published, to everybody who wants it."""

import threading
from collections.abc import Callable
from typing import Any, Protocol

from holdfast.forks import in_each_child
from holdfast.stream.subscription import (
    LIMIT,
    Inline,
    Queued,
    Subscription,
    Wanted,
    flush_all,
)


class _Event(Protocol):
    @property
    def is_detail(self) -> bool:
        """Whether only those who want all events are told."""


class Stream:
    """Subscribers and what is published to them.

    Attributes:
        wanted: the most that any subscriber wants. With nothing wanted nothing need be published.
    """

    __slots__ = ("_detailed", "_everybody", "_members", "_mutex", "_subscriptions", "wanted")

    def __init__(self) -> None:
        self._mutex = threading.RLock()
        self._members: dict[Subscription, None] = {}
        self._subscriptions: tuple[Subscription, ...] = ()
        self._everybody: tuple[Callable[[object], None], ...] = ()
        self._detailed: tuple[Callable[[object], None], ...] = ()
        self.wanted = Wanted.NOTHING

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """Who is told."""
        return self._subscriptions

    def subscribe(
        self,
        subscriber: Callable[[Any], object],
        *,
        only: Wanted = Wanted.ALL,
        inline: bool = False,
        limit: int = LIMIT,
        exact: bool = False,
    ) -> Subscription:
        """Have a function told of what happens; see `holdfast.observe.subscribe`."""
        made: Subscription
        if inline:
            made = Inline(subscriber, only, self._forget)
        else:
            made = Queued(subscriber, only, limit, self._forget, exact=exact)
        self._members[made] = None
        self._refresh()
        return made

    def publish(self, event: _Event) -> None:
        """Tell everybody who wants to know; waits for inline subscribers only.

        It raises nothing but what stops the program: KeyboardInterrupt and SystemExit.
        """
        puts = iter(self._detailed if event.is_detail else self._everybody)
        try:
            for put in puts:
                put(event)
        except BaseException:
            # Ctrl-C came in between: the others shall not wait for the end of a call for ever.
            for put in puts:
                put(event)
            raise

    def _forget(self, subscription: Subscription) -> None:
        self._members.pop(subscription, None)
        self._refresh()

    def _refresh(self) -> None:
        # The garbage collection may end a call in the midst of this, and that a subscription, on
        # the same thread: it comes here again, and what it did is not to be undone.
        with self._mutex:
            while self._subscriptions != (members := tuple(self._members.copy())):
                self._set(members)

    def _set(self, subscriptions: tuple[Subscription, ...]) -> None:
        # What an inline one makes current for a whole call, such as a span, is in the context of
        # everything that the others are told of it: it begins before them and ends after them.
        whole = [one for one in subscriptions if isinstance(one, Inline) and one.wants_all]
        others = [one for one in subscriptions if one not in whole]
        self._everybody = tuple(one.put for one in (*others, *reversed(whole)))
        self._detailed = tuple(one.put for one in (*whole, *others) if one.wants_all)
        self.wanted = max((one.wanted for one in subscriptions), default=Wanted.NOTHING)
        self._subscriptions = subscriptions  # at last: it says what all the others are


_stream = Stream()


def process_stream() -> Stream:
    """The stream that all calls, lanes and limiters of this process publish to."""
    return _stream


publish = _stream.publish


def subscribe(
    subscriber: Callable[[Any], object],
    *,
    only: Wanted = Wanted.ALL,
    inline: bool = False,
    limit: int = LIMIT,
    exact: bool = False,
) -> Subscription:
    """Have a function told of what happens to the calls, lanes and limiters of this process.

    It is called on a thread of its own, with one event at a time, in order, and within a copy of
    the context (`contextvars`) of the call. However slow it is, and whatever it raises, no call is
    held up or harmed: when `limit` events wait for it, further ones are dropped and counted. A
    forked child goes on telling it of its own calls.

    Args:
        subscriber: is given each event.
        only: `Wanted.ENDS` for the ends of calls (with their receipts) and changes of state alone,
            which costs calls far less.
        inline: call it on the thread or in the task of the call instead, for what has to happen
            there. Then its time is the call's time, and it must not make calls itself; what it
            raises still harms nobody.
        limit: how many events may wait for it.
        exact: for a subscriber that counts: drop nothing, but tell it of what is too much on the
            thread of the call. It must be quick, and mind neither the order nor two threads.

    Returns:
        The subscription, which counts what was delivered, dropped and failed. `close()` ends it,
        as does the end of a `with` block.

    Raises:
        ValueError: `limit` is below 1.
    """
    return _stream.subscribe(subscriber, only=only, inline=inline, limit=limit, exact=exact)


def flush(timeout: float = 5.0) -> bool:
    """Wait until all subscribers were told of everything that has been published so far.

    Those of single clients (`on_event=`) are among them.

    Args:
        timeout: how long to wait for each of them at most, in seconds.

    Returns:
        Whether all were.
    """
    return flush_all(timeout)


def _after_fork() -> None:
    _stream._mutex = threading.RLock()


in_each_child(_after_fork)
