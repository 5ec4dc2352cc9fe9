"""The queues of the lanes: who is in, who is next. Nobody waits here.

A call takes its place in all of its lanes in one step, under one mutex, so every lane has its calls
in the same overall order. It enters all of them in one step, too: when it is first in each of them
and each has room. Nobody holds one lane while waiting for another, so no cycle of waiting can
arise, whatever objects the calls name. The mutex is held for a few dictionary operations.
"""

import heapq
import threading
from bisect import insort
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable

from holdfast.errors import LaneFull
from holdfast.lanes.changes import tell_of_widths
from holdfast.lanes.states import Crowd, LaneState
from holdfast.lanes.width import Widths
from holdfast.mutex import owned

ADAPTIVE = 0
"""The width of a call that goes by what its lanes learned."""

# What a call of width 1 counts for: nobody fits in beside it.
_ALONE = 1 << 30

_WAITING, _INSIDE, _LEFT = range(3)


class Lane:
    """One object's lane: it exists only while somebody is in it or waits for it."""

    __slots__ = ("_crowd", "_elders", "_only", "inside")

    def __init__(self, inside: int) -> None:
        self.inside = inside
        # Most lanes that a call waits in are waited for by that one alone, because it waits for
        # another of its objects. A crowd needs more: a cancelled call must give up its place in
        # the middle of ten thousand others in constant time.
        self._only: Ticket | None = None
        self._crowd: OrderedDict[Ticket, None] | None = None
        # Calls of serialized blocks wait in the block's place, ahead of those that came after it.
        self._elders: list[Ticket] | None = None

    @property
    def is_waited_for(self) -> bool:
        """Whether anybody waits."""
        return self._only is not None or self._crowd is not None or self._elders is not None

    def first(self) -> "Ticket | None":
        """Who is to enter next."""
        first = self._only if self._crowd is None else next(iter(self._crowd))
        if self._elders is None or (first is not None and first.born < self._elders[0].born):
            return first
        return self._elders[0]

    def add(self, ticket: "Ticket", *, elder: bool) -> None:
        """Have a ticket wait."""
        if elder:
            self._elders = self._elders or []
            insort(self._elders, ticket, key=_born)
        elif self._crowd is not None:
            self._crowd[ticket] = None
        elif self._only is not None:
            self._crowd = OrderedDict(((self._only, None), (ticket, None)))
            self._only = None
        else:
            self._only = ticket

    def remove(self, ticket: "Ticket") -> None:
        """Have a ticket wait no longer."""
        if self._only is ticket:
            self._only = None
        elif self._crowd is not None and ticket in self._crowd:
            del self._crowd[ticket]
            self._crowd = self._crowd or None
        elif self._elders is not None:
            self._elders.remove(ticket)
            self._elders = self._elders or None

    def queue(self) -> int:
        """How many wait."""
        return (self._only is not None) + len(self._crowd or ()) + len(self._elders or ())


class Ticket:
    """One call's place in the lanes of its objects.

    Attributes:
        keys: the objects.
        width: how many calls may be in a lane for this one to enter: 1 is alone, 0 goes by what
            the lane learned.
        share: what it counts for in a lane that it is in.
        born: its place in the overall order of arrival.
    """

    __slots__ = ("_granted", "_lanes", "_state", "_table", "born", "keys", "share", "width")

    def __init__(self, lanes: "LaneTable", keys: Iterable[str], width: int) -> None:
        self.keys = tuple(dict.fromkeys(keys))
        self.width = width
        self.share = _ALONE if width == 1 else 1
        self.born = 0
        self._lanes = lanes
        self._table: dict[str, Lane] | None = None
        self._state = _WAITING
        self._granted: Callable[[], object] | None = None

    @property
    def entered(self) -> bool:
        """Whether the ticket is in all of its lanes and has not left them."""
        return self._state == _INSIDE

    def leave(self, *, clean: bool = False) -> bool:
        """Give up the lanes, or the places in them. Calling it again does nothing.

        Args:
            clean: whether the call ended well, for lanes that learn their width.

        Returns:
            Whether somebody who waited has entered now.
        """
        if self._state == _LEFT:
            return False  # as every call does once more in the end
        return self._lanes._leave(self, clean)


def _born(ticket: Ticket) -> int:
    return ticket.born


class LaneTable:
    """The lanes that somebody is in or waits for.

    Args:
        max_waiting: how many calls may wait in one lane; the next one is refused with `LaneFull`.

    Raises:
        ValueError: `max_waiting` is not above 0.
    """

    def __init__(self, max_waiting: int) -> None:
        if max_waiting < 1:
            raise ValueError(f"max_waiting is {max_waiting}: it must be at least 1 call")
        self.max_waiting = max_waiting
        self._reset()

    def _reset(self) -> None:
        self._mutex = threading.RLock()
        self._is_mine = owned(self._mutex)
        # Tickets that the garbage collection gives up while this thread is at the lanes.
        self._late: deque[Ticket] = deque()
        self._lanes: dict[str, Lane] = {}
        self._arrivals = 0
        self._waiting = 0
        self._widths = Widths()

    def __len__(self) -> int:
        """How many lanes exist now: those that somebody is in or waits for."""
        return len(self._lanes)

    def crowd(self) -> Crowd:
        """How full the lanes are now. Nobody is held up by the question: no mutex is taken."""
        queues = [lane.queue() for lane in list(self._lanes.values())]
        return Crowd(len(queues), self._waiting, max(queues, default=0))

    def waiting(self, key: str) -> int:
        """How many calls wait in the lane of `key`."""
        with self._mutex:
            lane = self._lanes.get(key)
            return 0 if lane is None else lane.queue()

    def states(self, keys: Iterable[str]) -> tuple[LaneState, ...]:
        """How the lanes of some objects stand, at one moment; those that nobody is in are left out.

        Args:
            keys: the objects.
        """
        with self._mutex:
            found = [(key, self._lanes.get(key)) for key in keys]
            states = tuple(_state(key, lane) for key, lane in found if lane is not None)
        self._leave_late()
        return states

    def busiest(self, limit: int) -> tuple[LaneState, ...]:
        """The lanes that most calls wait for, at one moment; those nobody waits for are left out.

        It costs calls nothing: of however many lanes there are, only a copy of the table is made
        under the mutex.

        Args:
            limit: how many lanes to name at the most.
        """
        with self._mutex:
            lanes = self._lanes.copy()
        # Read while calls go on: that chooses the lanes, and their numbers are read once more.
        crowded = ((lane.queue(), key) for key, lane in lanes.items() if lane.is_waited_for)
        chosen = [key for _, key in heapq.nlargest(limit, crowded)]
        states = (state for state in self.states(chosen) if state.waiting)
        return tuple(sorted(states, key=lambda state: -state.waiting))

    def width(self, key: str) -> int:
        """The width that the lane of `key` has learned, in calls."""
        return self._widths.of(key)

    def occupied(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Those of some objects whose lanes somebody is in."""
        with self._mutex:
            occupied = tuple(key for key in keys if key in self._lanes)
        self._leave_late()
        return occupied

    def enqueue(
        self,
        keys: Iterable[str],
        granted: Callable[[], object],
        *,
        max_waiting: int | None = None,
        width: int = 1,
    ) -> Ticket:
        """Take a place in the lanes of `keys`, without waiting for them.

        Args:
            keys: the objects; doubles count once. None at all is granted at once.
            granted: called exactly once, when all of the lanes are entered: before `enqueue`
                returns, or later from whatever thread frees the last of them. It must not block.
                If it returns `False`, nobody is there any more and the lanes pass on.
            max_waiting: bound for this call, instead of the one of the lanes.
            width: how many calls may be in a lane for this one to be in it: 1 is alone, and
                `ADAPTIVE` goes by what the lane learned.

        Returns:
            The ticket; its `leave()` frees the lanes, or the places in the queues.

        Raises:
            LaneFull: a lane has `max_waiting` calls waiting; no place was taken in any.
        """
        ticket = Ticket(self, keys, width)
        self._enqueue(ticket, granted, max_waiting)
        if ticket.entered and granted() is False:
            ticket.leave()
        return ticket

    def _enqueue(
        self,
        ticket: Ticket,
        granted: Callable[[], object],
        max_waiting: int | None,
        elder: int | None = None,
    ) -> None:
        self._take_place(ticket, granted, max_waiting, elder)
        if self._late:
            self._leave_late()

    def _enter_free(self, ticket: Ticket, elder: int | None) -> bool:
        """Enter the lanes if nobody at all is in any of them: the usual case, and the quick one."""
        lanes = self._lanes
        with self._mutex:
            for key in ticket.keys:
                if key in lanes:
                    return False
            self._arrivals += 1
            ticket.born = self._arrivals if elder is None else elder
            ticket._table = lanes
            ticket._state = _INSIDE
            for key in ticket.keys:
                lanes[key] = Lane(ticket.share)
            return True

    def _take_place(
        self,
        ticket: Ticket,
        granted: Callable[[], object],
        max_waiting: int | None,
        elder: int | None,
    ) -> None:
        bound = self.max_waiting if max_waiting is None else max_waiting
        lanes = self._lanes
        with self._mutex:
            self._arrivals += 1
            ticket.born = self._arrivals if elder is None else elder
            enters = True
            for key in ticket.keys:
                lane = lanes.get(key)
                if lane is None:
                    continue
                first = lane.first()
                if first is not None and lane.queue() >= bound:
                    raise LaneFull(key, bound)
                if (first is not None and first.born <= ticket.born) or not self._fits(
                    ticket, key, lane
                ):
                    enters = False
            ticket._table = lanes
            if enters:
                self._admit(ticket)
                return
            ticket._granted = granted
            self._waiting += 1
            for key in ticket.keys:
                lane = lanes.get(key)
                if lane is None:
                    lane = lanes[key] = Lane(0)
                lane.add(ticket, elder=elder is not None)

    def _fits(self, ticket: Ticket, key: str, lane: Lane) -> bool:
        return lane.inside < (ticket.width or self._widths.of(key))

    def _admit(self, ticket: Ticket) -> None:
        ticket._state = _INSIDE
        for key in ticket.keys:
            lane = self._lanes.get(key)
            if lane is None:
                self._lanes[key] = Lane(ticket.share)
            else:
                lane.inside += ticket.share

    def _leave(self, ticket: Ticket, clean: bool) -> bool:
        if self._is_mine():
            self._late.append(ticket)
            return False
        passed_on = False
        leaving = [ticket]
        widened: list[tuple[str, int]] = []
        while leaving:
            for heir in self._release(leaving.pop(), clean, widened):
                granted, heir._granted = heir._granted, None
                if granted is not None and granted() is False:
                    leaving.append(heir)
                else:
                    passed_on = True
            clean = False  # of the call that left, not of those who were gone
        if widened:
            # Without the mutex and after the heirs, whatever a subscriber does or raises.
            tell_of_widths(widened)
        if self._late:
            self._leave_late()
        return passed_on

    def _leave_late(self) -> None:
        while self._late:
            try:
                ticket = self._late.popleft()
            except IndexError:
                return  # another thread has it
            self._leave(ticket, clean=False)

    def _release(self, ticket: Ticket, clean: bool, widened: list[tuple[str, int]]) -> list[Ticket]:
        """Take a ticket out of its lanes; return the tickets that thereby have all of theirs.

        Lanes that it makes wider are added to `widened`.
        """
        with self._mutex:
            state, ticket._state = ticket._state, _LEFT
            if state == _LEFT or ticket._table is not self._lanes:
                return []  # it was refused before it queued, or forked away
            lanes, changed = self._lanes, False
            self._waiting -= state == _WAITING
            for key in ticket.keys:
                lane = lanes[key]
                if lane.inside == ticket.share and not lane.is_waited_for:
                    self._close(key)
                    continue
                changed = True
                if state == _WAITING:
                    lane.remove(ticket)
                    continue
                lane.inside -= ticket.share
                if (
                    clean
                    and ticket.width == ADAPTIVE
                    and lane.is_waited_for
                    and self._widths.clean(key)
                ):
                    widened.append((key, self._widths.of(key)))
            return self._heirs(ticket.keys) if changed else []

    def _close(self, key: str) -> None:
        del self._lanes[key]
        if self._widths:
            self._widths.idle(key)

    def _heirs(self, keys: tuple[str, ...]) -> list[Ticket]:
        """Let in whoever may enter now that something has changed in these lanes."""
        heirs: list[Ticket] = []
        lanes, changed = self._lanes, list(keys)
        while changed:
            key = changed.pop()
            lane = lanes.get(key)
            if lane is None:
                continue
            heir = lane.first()
            if heir is None:
                if not lane.inside:
                    self._close(key)
                continue
            if not self._may_enter(heir):
                continue
            for entered in heir.keys:
                lanes[entered].remove(heir)
            self._admit(heir)
            self._waiting -= 1
            heirs.append(heir)
            changed.extend(heir.keys)  # there may be room for the next one, too
        return heirs

    def _may_enter(self, ticket: Ticket) -> bool:
        for key in ticket.keys:
            lane = self._lanes[key]
            if lane.first() is not ticket or not self._fits(ticket, key, lane):
                return False
        return True


def _state(key: str, lane: Lane) -> LaneState:
    alone, together = divmod(lane.inside, _ALONE)
    return LaneState(key, alone + together, lane.queue())
