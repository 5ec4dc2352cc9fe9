"""A selector that waits to the microsecond."""

import select
import selectors
import sys
import time

_SELECT_LIMIT = 1024
"""`select()` knows no descriptor from here on (FD_SETSIZE)."""

_SPIN = 0.0003
"""So long before the end of a wait, in seconds, it turns into watching the clock: a sleeping
processor needs about as long to wake up and get going, and every hold would be longer by it."""

if sys.platform == "linux":

    class _PreciseSelector(selectors.EpollSelector):
        """The epoll selector without its rounding.

        The standard one rounds a wait up to whole milliseconds, which would lengthen every hold of
        a lock by half a millisecond on average. An epoll descriptor can itself be waited for with
        `select()`, whose timeout is in microseconds.
        """

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """Wait for events, at most `timeout` seconds (None for ever)."""
            if timeout is None or timeout <= 0 or self.fileno() >= _SELECT_LIMIT:
                return super().select(timeout)
            ends = time.monotonic() + timeout
            if timeout > _SPIN:
                select.select([self.fileno()], [], [], timeout - _SPIN)
            while not (events := super().select(0)) and time.monotonic() < ends:
                pass
            return events

    def precise_selector() -> selectors.BaseSelector:
        """A selector whose waits are not rounded up."""
        return _PreciseSelector()

else:

    def precise_selector() -> selectors.BaseSelector:
        """The platform's best selector; only epoll rounds its waits."""
        return selectors.DefaultSelector()
