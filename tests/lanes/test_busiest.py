"""The lanes that most calls wait for, looked at from outside."""

import gc
import threading

from holdfast.lanes import ADAPTIVE, LaneState, MemoryLanes, Ticket, lanes_in_use


def nobody() -> None:
    """A waker for tickets that the test looks at itself."""


def queue(lanes: MemoryLanes, *keys: str, width: int = 1) -> Ticket:
    return lanes.enqueue(keys, nobody, width=width)


def test_the_busiest_lane_comes_first() -> None:
    lanes = MemoryLanes()
    for key, calls in (("a", 2), ("hot", 6), ("idle", 1), ("b", 4)):
        for _ in range(calls):
            queue(lanes, key)
    assert lanes.busiest(2) == (LaneState("hot", 1, 5), LaneState("b", 1, 3))
    assert [state.key for state in lanes.busiest(10)] == ["hot", "b", "a"]
    assert MemoryLanes().busiest(10) == ()


def test_calls_that_share_a_lane_are_counted_each() -> None:
    lanes = MemoryLanes()
    for _ in range(3):
        queue(lanes, "a", width=3)
    queue(lanes, "a")
    assert lanes.busiest(1) == (LaneState("a", 3, 1),)


def test_a_call_that_waits_for_another_object_is_in_no_lane() -> None:
    lanes = MemoryLanes()
    queue(lanes, "a")
    queue(lanes, "a", "b", width=ADAPTIVE)
    assert lanes.states(["a", "b", "c"]) == (LaneState("a", 1, 1), LaneState("b", 0, 1))


def test_who_left_is_not_counted() -> None:
    lanes = MemoryLanes()
    first, second, third = (queue(lanes, "a") for _ in range(3))
    second.leave()
    assert lanes.busiest(5) == (LaneState("a", 1, 1),)
    first.leave()
    assert lanes.busiest(5) == ()
    assert lanes.states("a") == (LaneState("a", 1, 0),)
    third.leave()
    assert lanes.states("a") == ()


def test_looking_disturbs_nobody() -> None:
    lanes = MemoryLanes()
    done = threading.Event()
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(2000):
                ticket = lanes.enter(("hot", f"{number}-{turn}"), 30)
                assert ticket is not None
                ticket.leave()
        except BaseException as error:  # noqa: BLE001 - the main thread shows it
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]

    def look() -> None:
        while not done.is_set():
            for state in lanes.busiest(3):
                assert state.inside <= 1
                assert 1 <= state.waiting <= 4

    watcher = threading.Thread(target=look)
    for thread in (watcher, *threads):
        thread.start()
    for thread in threads:
        thread.join(60)
    done.set()
    watcher.join(60)
    assert failures == []
    assert len(lanes) == 0


def test_all_lanes_in_use_are_listed() -> None:
    lanes = MemoryLanes()
    assert lanes in lanes_in_use()
    del lanes
    gc.collect()
    before = len(lanes_in_use())
    kept = MemoryLanes()
    assert len(lanes_in_use()) == before + 1
    assert kept in lanes_in_use()
