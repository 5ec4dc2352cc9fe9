"""The stream of events: who wants to be told is told, and nobody is held up by that.

Calls, lanes and limiters publish; exporters, the live page and the user's own functions subscribe.
The package knows nothing of what the events are.
"""

from holdfast.stream.process import Stream, flush, process_stream, publish, subscribe
from holdfast.stream.subscription import Inline, Queued, Subscription, Wanted, queued

__all__ = [
    "Inline",
    "Queued",
    "Stream",
    "Subscription",
    "Wanted",
    "flush",
    "process_stream",
    "publish",
    "queued",
    "subscribe",
]
