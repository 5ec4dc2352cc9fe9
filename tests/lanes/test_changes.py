"""What lanes tell the subscribers of events."""

from typing import Any

from holdfast.lanes import ADAPTIVE, LaneLocked, LaneWidthChanged, MemoryLanes
from holdfast.stream import Wanted, subscribe


def test_a_lock_and_the_widths_it_changes_are_told() -> None:
    lanes, seen = MemoryLanes(), list[Any]()
    with subscribe(seen.append, only=Wanted.ENDS, inline=True):
        tickets = [lanes.enqueue(["cus_1"], lambda: None, width=ADAPTIVE) for _ in range(8)]
        for ticket in tickets[:5]:
            ticket.leave(clean=True)
        lanes.seen_locked(["cus_1", "sub_1"])
    grown, locked, cut = seen
    assert (grown.key, grown.width) == ("cus_1", 2)
    assert isinstance(locked, LaneLocked)
    assert locked.keys == ("cus_1", "sub_1")
    assert isinstance(cut, LaneWidthChanged)
    assert (cut.key, cut.width) == ("cus_1", 1)
    assert cut.at >= locked.at > 1_600_000_000


def test_subscribers_are_told_without_the_mutex_and_after_the_heirs() -> None:
    lanes, seen, granted = MemoryLanes(), list[Any](), list[int]()

    def look(event: object) -> None:
        seen.append((type(event), lanes.waiting("cus_1"), len(granted)))

    with subscribe(look, only=Wanted.ENDS, inline=True):
        tickets = [
            lanes.enqueue(["cus_1"], lambda: granted.append(1), width=ADAPTIVE) for _ in range(8)
        ]
        while not seen:
            tickets.pop(0).leave(clean=True)
    ((kind, waiting, heirs),) = seen
    assert kind is LaneWidthChanged
    # Nobody counts as waiting who is let in by then.
    assert waiting == len(tickets) - 2
    assert heirs == 8 - waiting
