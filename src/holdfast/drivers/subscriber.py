"""Tells a subscriber of an event, without letting it harm the call."""

import logging
from collections.abc import Callable

from holdfast.engine import Event

logger = logging.getLogger("holdfast")


def deliver(on_event: Callable[[Event], object] | None, event: Event) -> None:
    """Call the subscriber; what it raises is logged, never passed on to the call."""
    if on_event is None:
        return
    try:
        on_event(event)
    except Exception:
        logger.exception("the subscriber of events failed on %s", type(event).__name__)
