"""The objects that requests contend for, with a bound on how many are remembered."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from holdfast.engine import FaultClass
from holdfast.report.ending import Ending
from holdfast.report.histogram import Histogram

_REMEMBERED = 10_000


@dataclass(slots=True)
class HotObject:
    """An object that requests touched.

    Attributes:
        key: its id.
        requests: how many requests that ended touched it.
        waits: how long each of them waited in its lanes.
        locked: attempts that ended in a lock timeout.
        retries: attempts beyond the first ones.
    """

    key: str
    requests: int = 0
    locked: int = 0
    retries: int = 0
    waits: Histogram = field(default_factory=Histogram)

    @property
    def heat(self) -> tuple[float, int, int]:
        """What objects are ordered by: time waited, then lock timeouts, then requests."""
        return self.waits.total, self.locked, self.requests


@dataclass(slots=True)
class Heat:
    """Counts by object. Of more objects than it remembers it forgets the coldest.

    Attributes:
        forgot: whether it had to; figures of objects may then be too low.
        unknown: requests of which nobody knows what they touched.
    """

    remembered: int = _REMEMBERED
    forgot: bool = False
    unknown: int = 0
    _objects: dict[str, HotObject] = field(default_factory=dict)

    def add(self, ending: Ending) -> None:
        """Count a request for every object that it touched."""
        if ending.objects is None:
            self.unknown += 1
            return
        locked = ending.faults.count(FaultClass.LOCKED)
        waited = ending.waits.get("lane", 0.0)
        for key in dict.fromkeys(ending.objects):
            hot = self._objects.get(key)
            if hot is None:
                hot = self._objects[key] = HotObject(key)
            hot.requests += 1
            hot.locked += locked
            hot.retries += ending.retries
            hot.waits.add(waited)
        if len(self._objects) > 2 * self.remembered:
            self._forget()

    def hottest(self, most: int) -> list[HotObject]:
        """The objects on which requests waited longest together, the hottest first."""
        return _sorted(self._objects.values())[:most]

    def _forget(self) -> None:
        kept = _sorted(self._objects.values())[: self.remembered]
        self._objects = {hot.key: hot for hot in kept}
        self.forgot = True


def _sorted(objects: Iterable[HotObject]) -> list[HotObject]:
    return sorted(objects, key=lambda hot: hot.heat, reverse=True)
