"""What a run has under way, and which requests queue for which objects."""

from collections import Counter
from dataclasses import dataclass, field

from holdfast.batch.scheduling import WINDOW
from holdfast.lanes import LaneState, keys_for
from holdfast.observe.journal.following import Following


@dataclass(frozen=True, slots=True)
class Queues:
    """How the queues of a run stand.

    Attributes:
        sent: how many writes are sent, or will be in a moment.
        waiting: how many requests wait for an object that another one has.
        lanes: how the lane of each object stands that somebody waits for.
    """

    sent: int = 0
    waiting: int = 0
    lanes: dict[str, LaneState] = field(default_factory=dict)


class Window:
    """The requests that a run has read ahead: each queues for its objects in the file's order.

    That is the run's own rule, so the queues are known without asking it.
    """

    def __init__(self) -> None:
        self._first = 0
        self._objects: dict[int, tuple[str, ...]] = {}

    def look(self, journal: Following) -> Queues:
        """Read what changed, and tell how the queues stand."""
        left = journal.left(self._first, WINDOW)
        if not left:
            self._objects.clear()
            return Queues()
        self._first = left[0][0]
        self._learn(journal, left[-1][0])
        known = {line: self._objects[line] for line, _ in left if line in self._objects}
        self._objects = known
        return _queues([(known[line], begun) for line, begun in left if line in known])

    def _learn(self, journal: Following, last: int) -> None:
        """Read the objects of the requests that came into the window."""
        newest = max(self._objects, default=self._first - 1)
        if newest >= last:
            return
        for line, path, params in journal.requests_left(newest, WINDOW):
            self._objects[line] = keys_for(path, params)


def _queues(requests: list[tuple[tuple[str, ...], bool]]) -> Queues:
    queued: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    sent = waiting = 0
    for objects, begun in requests:
        waiting += any(key in queued for key in objects)
        sent += begun
        queued.update(objects)
        if begun:
            inside.update(objects)
    lanes = {
        key: LaneState(key, min(inside[key], 1), number - 1)
        for key, number in queued.items()
        if number > 1
    }
    return Queues(sent, waiting, lanes)
