"""Calls that the garbage collection ends while the lanes are in use on the same thread."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from holdfast import LaneFull
from holdfast.lanes import MemoryLanes, Ticket

USES: dict[str, Callable[[MemoryLanes, str], object]] = {
    "enter": lambda lanes, key: lanes.enter([key], 1.0),
    "wait": lambda lanes, key: lanes.enter(["hot", key], 1.0),
    "enqueue": lambda lanes, key: lanes.enqueue([key], lambda: None),
    "leave": lambda lanes, key: lanes.enqueue(["other", key], lambda: None).leave(),
    "states": lambda lanes, key: lanes.states([key]),
    "occupied": lambda lanes, key: lanes.occupied([key]),
}


class Key(str):
    """Has something happen wherever it is looked up, as an allocation may."""

    __slots__ = ("act",)
    act: Callable[[], object]

    def __hash__(self) -> int:
        self.act()
        return super().__hash__()


def in_time(act: Callable[[], object]) -> Any:
    """What it gives; on a thread of its own, for it may never come back."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(act()), daemon=True)
    thread.start()
    thread.join(10)
    assert found, "it waits for a mutex that it holds"
    return found[0]


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_call_that_ends_in_the_midst_of_it_gives_up_its_lanes(
    use: Callable[[MemoryLanes, str], object],
) -> None:
    lanes, granted = MemoryLanes(), list[str]()
    forgotten = lanes.enqueue(["hot"], lambda: None)
    heir = lanes.enqueue(["hot"], lambda: granted.append("heir"))
    key = Key("cus_1")
    act: list[Ticket] = []
    key.act = lambda: act.pop().leave() if act and lanes._is_mine() else None

    def run() -> object:
        if use is USES["wait"]:
            heir.leave()
        act.append(forgotten)
        use(lanes, key)
        return True

    in_time(run)
    assert not act
    assert not forgotten.entered
    assert granted == ([] if use is USES["wait"] else ["heir"])
    assert lanes.crowd().waiting == 0


def test_a_refused_call_leaves_nobody_behind_either() -> None:
    lanes = MemoryLanes(max_waiting=1)
    forgotten = lanes.enqueue(["hot"], lambda: None)
    heir = lanes.enqueue(["hot"], lambda: None)
    key = Key("cus_1")
    act = [forgotten]
    key.act = lambda: act.pop().leave() if act and lanes._is_mine() else None

    def run() -> object:
        with pytest.raises(LaneFull):
            lanes.enter([key, "hot"], 1.0)
        return True

    in_time(run)
    assert heir.entered


def test_a_task_that_enters_free_lanes_does_what_was_left_to_it() -> None:
    lanes = MemoryLanes()
    forgotten = lanes.enqueue(["hot"], lambda: None)
    heir = lanes.enqueue(["hot"], lambda: None)
    key = Key("cus_1")
    act = [forgotten]
    key.act = lambda: act.pop().leave() if act and lanes._is_mine() else None
    ticket = in_time(lambda: asyncio.run(lanes.enter_async([key], 1.0)))
    assert ticket.entered
    assert heir.entered
