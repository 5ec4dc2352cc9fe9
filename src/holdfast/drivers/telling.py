"""Who is told of a call: the subscriber of its client, and those of the process."""

from collections.abc import Callable

from holdfast.engine import Event
from holdfast.stream import Queued, Wanted, process_stream

Tell = Callable[[Event], object]

_stream = process_stream()


def own_teller(on_event: Tell | None) -> Tell | None:
    """What a client has its calls tell: its own subscriber, then those of the process.

    Args:
        on_event: the subscriber; like every other it is told on a thread of its own.

    Returns:
        None if there is none.
    """
    if on_event is None:
        return None
    put = Queued(on_event, Wanted.ALL).put

    def tell(event: Event) -> None:
        try:
            put(event)
        finally:  # Ctrl-C may come in between
            _stream.publish(event)

    return tell


def telling(own: Tell | None) -> tuple[Tell | None, bool]:
    """What a call tells now, and whether each step of it.

    Args:
        own: what `own_teller` made for its client.
    """
    if own is not None:
        return own, True
    wanted = _stream.wanted
    return (_stream.publish if wanted else None), wanted is Wanted.ALL
