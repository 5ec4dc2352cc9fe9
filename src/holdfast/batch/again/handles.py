"""What a request can be called where its id cannot be shown or typed.

An id is the user's own text: it may be an e-mail address, which nobody's terminal or report is to
show, or hold what no shell takes. Its hash names it all the same.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping

from holdfast.showing import shown

_PREFIX = "sha256:"
_DIGITS = 32
_LONGEST = 200


def handle_of(id_: str) -> str:
    """The name of the request with an id: the beginning of the id's SHA-256."""
    digest = hashlib.sha256(id_.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_PREFIX}{digest[:_DIGITS]}"


def showable(id_: str) -> str:
    """What a command that others see calls a request: its id, or its handle if that is safer.

    An id with something to redact or to escape in it, or a very long one, has its handle.
    """
    return id_ if shown(id_, _LONGEST) == id_ else handle_of(id_)


def ids_by_handle(wanted: Collection[str], ids: Iterable[str]) -> Mapping[str, str]:
    """The ids that are meant by those names that may be handles.

    Args:
        wanted: ids and handles.
        ids: all ids there are; they are not looked at if none of the names may be a handle.
    """
    if not any(name.startswith(_PREFIX) for name in wanted):
        return {}
    return {handle_of(id_): id_ for id_ in ids}
