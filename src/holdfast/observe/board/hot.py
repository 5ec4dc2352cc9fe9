"""Which objects calls wait for, and which were found locked."""

import heapq
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from holdfast.lanes import LaneState, MemoryLanes
from holdfast.observe.board.quantiles import Durations

SHOWN = 20
"""How many objects a snapshot names."""
MINUTE = 60.0
"""How far back waits, calls and lock timeouts count, in seconds; to within 5 s."""
AT_ONCE = 0.001
"""Who was in its lanes after less than this, in seconds, did not have to wait: to enter free ones
takes time, too."""
REMEMBERED = 5000
"""How many objects are remembered; the one that was touched longest ago goes first."""

_SLOT = 5.0


@dataclass(slots=True)
class Contention:
    """What calls met at an object.

    Attributes:
        waits: how long each call waited for it.
        locked: how many attempts found it locked.
    """

    waits: Durations = field(default_factory=Durations)
    locked: int = 0

    def __bool__(self) -> bool:
        """Whether anybody waited for it, or found it locked."""
        return self.locked > 0 or self.waits.total > 0.0


class HotObjects:
    """What calls of the last minute met, by object. Whoever calls it keeps others away.

    An object is remembered from the first call on that had to wait for it or found it locked, until
    a minute passes without any call on it.
    """

    __slots__ = ("_slots",)

    def __init__(self) -> None:
        # By object, in the order in which they were touched last; then by the time of its end.
        self._slots: OrderedDict[str, dict[int, Contention]] = OrderedDict()

    def __len__(self) -> int:
        """How many objects are remembered."""
        return len(self._slots)

    def waited(self, objects: Iterable[str], seconds: float, at: float) -> None:
        """A call on some objects ended, and had to wait so long for them together."""
        for key in objects:
            self._slot(key, at).waits.add(seconds)

    def passed(self, objects: Iterable[str], at: float) -> None:
        """A call on some objects ended without having to wait: it counts where others did."""
        for key in objects:
            if key in self._slots:
                self._slot(key, at).waits.add(0.0)

    def locked(self, objects: Iterable[str], at: float) -> None:
        """An attempt found one of some objects locked; which one, nobody can say."""
        for key in objects:
            self._slot(key, at).locked += 1

    def minute(self, key: str, now: float) -> Contention:
        """What the last minute held for an object."""
        minute, oldest = Contention(), _oldest(now)
        for number, slot in self._slots.get(key, {}).items():
            if number >= oldest:
                minute.waits.merge(slot.waits)
                minute.locked += slot.locked
        return minute

    def contended(self, now: float) -> list[str]:
        """The objects that were most contended in the last minute; what is older is forgotten."""
        self._forget(now)
        oldest = _oldest(now)
        ranked = ((_rank(slots, oldest), key) for key, slots in self._slots.items())
        return [key for rank, key in heapq.nlargest(SHOWN, ranked) if any(rank)]

    def _slot(self, key: str, at: float) -> Contention:
        number = int(at // _SLOT)
        slots = self._slots.get(key)
        if slots is None:
            slots = self._slots[key] = {}
            if len(self._slots) > REMEMBERED:
                self._slots.popitem(last=False)
        else:
            self._slots.move_to_end(key)
        slot = slots.get(number)
        if slot is None:
            for old in [old for old in slots if old < _oldest(at)]:
                del slots[old]
            slot = slots[number] = Contention()
        return slot

    def _forget(self, now: float) -> None:
        oldest = _oldest(now)
        while self._slots:
            key = next(iter(self._slots))
            if max(self._slots[key]) >= oldest:
                return
            del self._slots[key]


def _rank(slots: Mapping[int, Contention], oldest: int) -> tuple[int, float]:
    """How contended an object is: first by lock timeouts, then by waits."""
    lately = [slot for number, slot in slots.items() if number >= oldest]
    return sum(slot.locked for slot in lately), sum(slot.waits.total for slot in lately)


def _oldest(now: float) -> int:
    """The number of the first slot that the last minute touches."""
    return int((now - MINUTE) // _SLOT)


def crowds(tables: Iterable[MemoryLanes], also: Iterable[str]) -> dict[str, LaneState]:
    """How the lanes stand that most calls wait for now, and those of some other objects.

    Args:
        tables: all lanes in use; an object may have a lane in several.
        also: objects of interest, whoever waits for them.
    """
    tables, keys = tuple(tables), set(also)
    for table in tables:
        keys.update(state.key for state in table.busiest(SHOWN))
    found: dict[str, LaneState] = {}
    for state in (state for table in tables for state in table.states(keys)):
        other = found.get(state.key, LaneState(state.key, 0, 0))
        inside, waiting = state.inside + other.inside, state.waiting + other.waiting
        found[state.key] = LaneState(state.key, inside, waiting)
    return found


def hottest(
    past: HotObjects,
    lanes: Mapping[str, LaneState],
    still_waiting: Mapping[str, Iterable[float]],
    now: float,
    locked: Iterable[str] = (),
) -> list[dict[str, object]]:
    """The hottest objects: by how many calls wait now, then by lock timeouts, then by waits.

    Args:
        past: what happened lately.
        lanes: how the lanes stand, at least of all objects that could be among them.
        still_waiting: for how long calls have waited that still do, by object, in seconds.
        now: unix seconds.
        locked: the objects of attempts that found one locked, and count this once: their calls go
            on.
    """
    also_locked = Counter(locked)
    rows: list[tuple[tuple[int, int, float, str], dict[str, object]]] = []
    crowded = heapq.nlargest(SHOWN, lanes, key=lambda key: lanes[key].waiting)
    for key in {*crowded, *past.contended(now), *also_locked}:
        minute, lane = past.minute(key, now), lanes.get(key) or LaneState(key, 0, 0)
        minute.locked += also_locked[key]
        calls = minute.waits.number
        for seconds in still_waiting.get(key, ()):
            minute.waits.add(seconds)
        if not (lane.waiting or minute):
            continue
        row: dict[str, object] = {
            "object": key,
            "inside": lane.inside,
            "waiting": lane.waiting,
            "wait_p50": minute.waits.median(),
            "wait_max": minute.waits.longest,
            "calls": calls,
            "locked": minute.locked,
        }
        rows.append(((lane.waiting, minute.locked, minute.waits.total, key), row))
    return [row for _, row in heapq.nlargest(SHOWN, rows, key=lambda one: one[0])]
