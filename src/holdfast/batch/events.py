"""What subscribers of events are told of a run."""

import time
from dataclasses import dataclass
from typing import ClassVar

from holdfast.batch.snapshot import Snapshot
from holdfast.stream import process_stream

_stream = process_stream()


@dataclass(slots=True)
class RunProgressed:
    """A run, called by its journal, is so far now.

    That is told several times a second, and once more when it ends or is stopped: then `running` is
    False. `waiting` requests have been read and wait for their objects. `at` is when, in unix
    seconds.
    """

    is_detail: ClassVar[bool] = False
    name: str
    snapshot: Snapshot
    waiting: int
    running: bool
    at: float


def tell_of_progress(name: str, snapshot: Snapshot, *, waiting: int, running: bool) -> None:
    """Publish how far a run is, if anybody wants to know."""
    if _stream.wanted:
        _stream.publish(RunProgressed(name, snapshot, waiting, running, time.time()))
