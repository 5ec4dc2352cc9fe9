"""Changes of state of lanes, which subscribers of events are told of."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from holdfast.stream import process_stream

_stream = process_stream()


@dataclass(slots=True)
class LaneLocked:
    """A request on these objects was refused because one of them was locked.

    `at` is when, in unix seconds.
    """

    is_detail: ClassVar[bool] = False
    keys: tuple[str, ...]
    at: float


@dataclass(slots=True)
class LaneWidthChanged:
    """So many calls may be in the lane of `key` at once from now on.

    `at` is when, in unix seconds.
    """

    is_detail: ClassVar[bool] = False
    key: str
    width: int
    at: float


def tell_of_lock(keys: tuple[str, ...]) -> None:
    """Publish that objects were locked, if anybody wants to know."""
    if _stream.wanted:
        _stream.publish(LaneLocked(keys, time.time()))


def tell_of_widths(changed: Iterable[tuple[str, int]]) -> None:
    """Publish new widths of lanes, likewise."""
    if _stream.wanted:
        for key, width in changed:
            _stream.publish(LaneWidthChanged(key, width, time.time()))
