"""Widths, blocks and order in the lanes: examples, and a machine that holds them to a model."""

import asyncio
import contextvars
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from holdfast.lanes import ADAPTIVE, LaneFull, MemoryLanes, Ticket
from holdfast.lanes.memory import holding


def nobody() -> None:
    """A waker for tickets that the test looks at itself."""


def queue(lanes: MemoryLanes, *keys: str, width: int = 1) -> Ticket:
    return lanes.enqueue(keys, nobody, width=width)


def entered(*tickets: Ticket) -> list[bool]:
    return [ticket.entered for ticket in tickets]


def test_a_lane_of_width_two_holds_two_calls() -> None:
    lanes = MemoryLanes()
    first, second, third = (queue(lanes, "a", width=2) for _ in range(3))
    assert entered(first, second, third) == [True, True, False]
    second.leave()
    assert entered(first, second, third) == [True, False, True]


def test_a_call_of_width_one_is_alone_whatever_the_others_allow() -> None:
    lanes = MemoryLanes()
    wide, alone, behind = (queue(lanes, "a", width=width) for width in (3, 1, 3))
    assert entered(wide, alone, behind) == [True, False, False]
    wide.leave()
    assert entered(alone, behind) == [True, False]
    alone.leave()
    assert behind.entered


def test_nobody_overtakes_even_where_there_is_room() -> None:
    lanes = MemoryLanes()
    busy = queue(lanes, "b")
    queue(lanes, "a", width=3)
    both = queue(lanes, "a", "b", width=3)  # has room in a, none in b
    late = queue(lanes, "a", width=3)
    assert entered(both, late) == [False, False]
    busy.leave()
    assert entered(both, late) == [True, True]


def test_a_lane_without_lock_timeouts_grows_and_one_with_them_shrinks() -> None:
    lanes = MemoryLanes()
    crowd = [queue(lanes, "a", width=ADAPTIVE) for _ in range(600)]
    assert lanes.width("a") == 1
    for ticket in crowd[:450]:
        assert ticket.entered
        ticket.leave(clean=True)
    assert lanes.width("a") == 4
    assert sum(entered(*crowd)) == 4
    lanes.seen_locked(["a"])
    assert lanes.width("a") == 2
    crowd[450].leave()
    crowd[451].leave()
    assert sum(entered(*crowd)) == 2


def test_a_lane_with_nobody_waiting_learns_nothing() -> None:
    lanes = MemoryLanes()
    for _ in range(1000):
        queue(lanes, "a", width=ADAPTIVE).leave(clean=True)
    assert lanes.width("a") == 1
    assert len(lanes._widths) == 0


def test_calls_that_did_not_end_well_widen_nothing() -> None:
    lanes = MemoryLanes()
    crowd = [queue(lanes, "a", width=ADAPTIVE) for _ in range(100)]
    for ticket in crowd[:90]:
        ticket.leave()
    assert lanes.width("a") == 1


def inside(
    block: Ticket, work: Coroutine[Any, Any, Ticket | None]
) -> "asyncio.Task[Ticket | None]":
    """A task whose context says that it is inside the block."""
    context = contextvars.copy_context()
    context.run(holding.set, (block,))
    return asyncio.get_running_loop().create_task(work, context=context)


def test_a_call_of_a_block_waits_in_the_place_of_the_block() -> None:
    async def main() -> None:
        lanes = MemoryLanes()
        older = queue(lanes, "b")
        block = queue(lanes, "a")
        # In the queue of b, and of a behind the block: waiting for b behind it would be for ever.
        queue(lanes, "a", "b")
        nested = inside(block, lanes.enter_async(["a", "b"], 20))
        sibling = inside(block, lanes.enter_async(["b"], 20))
        await asyncio.sleep(0)
        assert lanes.waiting("b") == 3
        older.leave()
        ticket = await nested
        assert ticket is not None
        assert ticket.keys == ("b",)
        assert not sibling.done()
        ticket.leave()
        assert await sibling is not None

    asyncio.run(main())


def test_a_block_does_not_overtake_those_that_came_before_it() -> None:
    async def main() -> None:
        lanes = MemoryLanes()
        queue(lanes, "b")
        before = queue(lanes, "b")
        block = queue(lanes, "a")
        nested = inside(block, lanes.enter_async(["b"], 0.01))
        assert await nested is None
        assert not before.entered
        assert lanes.waiting("b") == 1

    asyncio.run(main())


def test_a_block_that_has_been_left_is_no_block() -> None:
    lanes = MemoryLanes()
    block = queue(lanes, "a")
    other = MemoryLanes()

    def enter(which: MemoryLanes) -> Ticket | None:
        holding.set((block,))
        return which.enter(["a"], timeout=0)

    foreign = contextvars.copy_context().run(enter, other)
    assert foreign is not None
    assert foreign.keys == ("a",)  # the block is one of other lanes
    block.leave()
    queue(lanes, "a")
    assert contextvars.copy_context().run(enter, lanes) is None


def test_calls_of_blocks_count_towards_the_bound() -> None:
    lanes = MemoryLanes()
    block = queue(lanes, "a")
    queue(lanes, "b")
    queue(lanes, "b")

    def enter() -> Ticket | None:
        holding.set((block,))
        return lanes.enter(["b"], timeout=0, max_waiting=1)

    with pytest.raises(LaneFull):
        contextvars.copy_context().run(enter)


class Loop(asyncio.SelectorEventLoop):
    """An event loop on a clock of the test's own."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def settle(self) -> None:
        """Run until nothing is left to do at this instant."""
        for _ in range(6):
            self.call_soon(self.stop)
            self.run_forever()


@dataclass(eq=False)
class Place:
    """What the model knows of one call."""

    keys: frozenset[str]
    width: int
    order: tuple[int, int]
    ticket: Ticket | None = None
    task: "asyncio.Task[Ticket | None] | None" = None
    ends: float = float("inf")
    inside: bool = False
    cancelled: bool = False


KEYS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=3)
WIDTHS = st.sampled_from([1, 1, 2, 3, ADAPTIVE, ADAPTIVE])


class LanesMachine(RuleBasedStateMachine):
    """Threads and tasks that come, go, give up and are cancelled, against one plain list.

    A thread's wait is a ticket with a waker, as `enter` has it; a task's is `enter_async` itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = Loop()
        self.lanes = MemoryLanes(max_waiting=6)
        self.places: list[Place] = []
        self.arrivals = 0
        self.woken: list[Place] = []

    def teardown(self) -> None:
        for place in self.places:
            if place.task is not None:
                place.task.cancel()
            if place.ticket is not None:
                place.ticket.leave()
        self.loop.settle()
        for place in self.places:
            if place.task is not None and not place.task.cancelled():
                ticket = place.task.result()
                if ticket is not None:
                    ticket.leave()
        assert len(self.lanes) == 0
        self.loop.close()

    # The model: the plain list, and who is in.

    def waiting(self) -> list[Place]:
        return sorted((p for p in self.places if not p.inside), key=lambda p: p.order)

    def may_enter(self, place: Place) -> bool:
        for key in place.keys:
            others = [p for p in self.places if p.inside and key in p.keys]
            if any(p.width == 1 for p in others):
                return False
            if len(others) >= (place.width or self.lanes.width(key)):
                return False
            if any(key in p.keys and p.order < place.order for p in self.waiting()):
                return False
        return True

    def let_in(self) -> None:
        changed = True
        while changed:
            changed = False
            for place in self.waiting():
                if self.may_enter(place):
                    place.inside = changed = True

    def is_full(self, keys: frozenset[str]) -> bool:
        return any(sum(key in p.keys for p in self.waiting()) >= 6 for key in keys)

    def next_order(self) -> tuple[int, int]:
        self.arrivals += 1
        return (self.arrivals, self.arrivals)

    # What may happen.

    @rule(keys=KEYS, width=WIDTHS)
    def a_thread_comes(self, keys: list[str], width: int) -> None:
        place = Place(frozenset(keys), width, self.next_order())
        if self.is_full(place.keys):
            with pytest.raises(LaneFull):
                self.lanes.enqueue(keys, nobody, width=width)
            return
        place.ticket = self.lanes.enqueue(keys, lambda: self.woken.append(place), width=width)
        self.places.append(place)
        self.let_in()

    @rule(keys=KEYS, width=WIDTHS, seconds=st.sampled_from([1.0, 2.0, 5.0]))
    def a_task_comes(self, keys: list[str], width: int, seconds: float) -> None:
        self.loop_runs()
        place = Place(frozenset(keys), width, self.next_order(), ends=self.loop.now + seconds)
        if self.is_full(place.keys):
            return
        place.task = self.loop.create_task(self.lanes.enter_async(keys, seconds, width=width))
        self.places.append(place)
        self.loop_runs()

    blocks = precondition(lambda self: self.blocks_now())

    def blocks_now(self) -> list[Place]:
        return [p for p in self.places if p.inside and p.width == 1 and p.ticket is not None]

    @blocks
    @rule(keys=KEYS, width=WIDTHS, number=st.integers(0, 9))
    def a_call_of_a_block_comes(self, keys: list[str], width: int, number: int) -> None:
        self.loop_runs()
        choice = self.blocks_now()
        block = choice[number % len(choice)]
        assert block.ticket is not None
        left = frozenset(keys) - block.keys
        self.arrivals += 1
        place = Place(left, width, (block.order[0], self.arrivals), ends=self.loop.now + 5.0)
        if self.is_full(left):
            return
        context = contextvars.copy_context()
        context.run(holding.set, (block.ticket,))
        work = self.lanes.enter_async(keys, 5.0, width=width)
        place.task = self.loop.create_task(work, context=context)
        self.places.append(place)
        self.loop_runs()

    @rule()
    def loop_runs(self) -> None:
        self.loop.settle()
        for place in list(self.places):
            if place.task is None or not place.task.done():
                assert not place.cancelled
                continue
            gone = place.task.cancelled()
            assert gone is place.cancelled
            if gone or place.task.result() is None:
                assert gone or self.loop.now >= place.ends
                self.places.remove(place)
            else:
                place.ticket, place.task = place.task.result(), None
                place.ends = float("inf")
        self.let_in()

    @rule(seconds=st.sampled_from([0.5, 1.0, 4.0]))
    def time_passes(self, seconds: float) -> None:
        self.loop_runs()
        self.loop.now += seconds
        self.loop_runs()
        late = [p for p in self.places if p.task is not None and self.loop.now >= p.ends]
        assert late == []

    @precondition(lambda self: self.places)
    @rule(number=st.integers(0, 99), clean=st.booleans())
    def one_leaves_or_gives_up(self, number: int, clean: bool) -> None:
        place = self.places[number % len(self.places)]
        if place.ticket is None:
            assert place.task is not None
            # It may have its lanes already, and not know yet.
            place.cancelled = place.task.cancel() or place.cancelled
            return
        place.ticket.leave(clean=clean and place.inside)
        self.places.remove(place)
        self.let_in()

    @rule(keys=KEYS)
    def a_lock_times_out(self, keys: list[str]) -> None:
        self.lanes.seen_locked(keys)

    # What must hold.

    @invariant()
    def whoever_may_be_in_is_in(self) -> None:
        for place in self.places:
            if place.ticket is not None:
                assert place.ticket.entered is place.inside
            elif place.task is not None and place.task.done() and not place.cancelled:
                assert place.inside

    @invariant()
    def the_queues_are_the_models(self) -> None:
        for key in "abcd":
            assert self.lanes.waiting(key) == sum(key in p.keys for p in self.waiting())
        assert set(self.lanes._lanes) == {key for place in self.places for key in place.keys}

    @invariant()
    def the_crowd_is_the_models(self) -> None:
        crowd = self.lanes.crowd()
        assert crowd.waiting == len(self.waiting())
        assert crowd.lanes == len({key for place in self.places for key in place.keys})
        assert crowd.longest == max(self.lanes.waiting(key) for key in "abcd")

    @invariant()
    def every_thread_inside_was_woken_once(self) -> None:
        assert len(self.woken) == len(set(map(id, self.woken)))
        for place in self.places:
            if place.ticket is not None and place in self.woken:
                assert place.inside

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        if self.waiting():
            assert any(place.inside for place in self.places)


def test_the_lanes_do_what_the_model_says() -> None:
    run_state_machine_as_test(
        LanesMachine, settings=settings(max_examples=150, stateful_step_count=30, deadline=None)
    )


@pytest.mark.soak
def test_the_lanes_do_what_the_model_says_for_long() -> None:
    run_state_machine_as_test(
        LanesMachine, settings=settings(max_examples=10_000, stateful_step_count=60, deadline=None)
    )
