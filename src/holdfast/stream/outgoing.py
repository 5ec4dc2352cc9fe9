"""Headers that observers add to each attempt on its way out, such as the context of a trace.

They come after everything that decides about a call: its lanes, its key and its account are those
of the request as it was made, and the next attempt begins with that request again.
"""

import logging
import threading
from collections.abc import Callable, Mapping

from holdfast.forks import in_each_child

logger = logging.getLogger("holdfast.stream")

Giver = Callable[[], Mapping[str, str]]

_mutex = threading.Lock()
_givers: tuple[Giver, ...] = ()
_complained: set[Giver] = set()


def add_giver(giver: Giver) -> Callable[[], None]:
    """Have a function asked for headers before each attempt, on the thread or task that sends it.

    What it raises is logged once, and the attempt goes without its headers.

    Args:
        giver: gives the headers; it must be quick, for its time is the call's.

    Returns:
        What ends that; a second time it does nothing.
    """
    global _givers
    with _mutex:
        _givers = (*_givers, giver)

    def remove() -> None:
        global _givers
        with _mutex:
            _givers = tuple(one for one in _givers if one is not giver)
            _complained.discard(giver)

    return remove


def headers_with_given(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers of an attempt: those of its request and those that are given for it.

    Args:
        headers: the request's; they are not changed.

    Returns:
        These very headers if nothing is given. What is given takes the place of a header of the
        same name, in whatever case that is written.
    """
    if not _givers:
        return headers
    given = given_headers()
    if not given:
        return headers
    names = {name.lower() for name in given}
    return {**{name: headers[name] for name in headers if name.lower() not in names}, **given}


def given_headers() -> Mapping[str, str]:
    """What is given for the attempt that begins now."""
    if not _givers:
        return _NOTHING
    given: dict[str, str] = {}
    for giver in _givers:
        try:
            given.update(giver())
        except Exception:
            if giver not in _complained:
                _complained.add(giver)
                logger.exception("an attempt goes without the headers of %r", giver)
    return given


_NOTHING: Mapping[str, str] = {}


def _after_fork() -> None:
    global _mutex
    _mutex = threading.Lock()


in_each_child(_after_fork)
