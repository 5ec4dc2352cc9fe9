"""Lanes for blocks of code: a lane of one's own, and the objects of a read-modify-write.

Both go with the context: into the tasks that are made inside a block, not into threads, unless
they are run with `contextvars.copy_context()`.
"""

import time
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Self

from holdfast.drivers.ambient import Ambient, check_not_entered
from holdfast.drivers.deadline import current_deadline
from holdfast.errors import DeadlineExceeded
from holdfast.lanes import MemoryLanes, Ticket, process_lanes, public
from holdfast.lanes.memory import holding

_own: ContextVar[tuple[str, ...] | None] = ContextVar("holdfast_lanes", default=None)


def own_lanes() -> tuple[str, ...]:
    """The lanes that the blocks around this code add to each call."""
    return _own.get() or ()


class lane(Ambient[tuple[str, ...]]):  # noqa: N801 - used as a statement: `with holdfast.lane("customer-import"):`
    """Have every call inside the block enter a lane of its own choosing, too.

    `with holdfast.lane("customer-import"): ...` lets no two calls made inside such blocks run at
    once (with `lane_width=1`), whatever objects they touch. It holds for reads, and where a policy
    has lanes off. The lane is entered and left by each call; see `serialized` for a whole block.

    Args:
        *names: the lanes; the id of an object means that object's lane.

    Raises:
        ValueError: no name is given, or an empty one.
    """

    __slots__ = ("_names",)

    def __init__(self, *names: str) -> None:
        super().__init__(_own)
        self._names = _checked(names, "lane")

    def _inside(self, outer: tuple[str, ...] | None) -> tuple[str, ...]:
        return (*(outer or ()), *self._names)


class serialized:  # noqa: N801 - used as a statement: `with holdfast.serialized("cus_1"):`
    """Keep the lanes of some objects for a whole block, such as a read-modify-write.

    `with holdfast.serialized("cus_1"): ...`, or `async with`. No other block and no call that
    enters lanes gets at the objects in between; calls inside the block do not wait for it. That
    goes for this process (and the lanes in question): Stripe itself knows nothing of it.

    Name all objects of a block at once: two blocks that each want what the other one has wait for
    each other until their time is up.

    Args:
        *objects: the ids, or names of lanes of one's own.
        timeout: how long to wait for them at most, in seconds; a `holdfast.deadline` around it
            may end the wait earlier.
        max_waiting: how many may wait for an object; the next one is refused.
        lanes: which lanes; by default those of this process.

    Raises:
        ValueError: no object is given, or an empty one, or `timeout` is not above 0.
        DeadlineExceeded: the objects were not to be had in time (when the block is entered).
        LaneFull: too many wait for one of them already (likewise).
        RuntimeError: this very block was entered already (likewise).
    """

    __slots__ = ("_bound", "_lanes", "_objects", "_ticket", "_timeout", "_token")

    def __init__(
        self,
        *objects: str,
        timeout: float = 120.0,
        max_waiting: int | None = None,
        lanes: MemoryLanes | None = None,
    ) -> None:
        if not timeout > 0:
            raise ValueError(f"timeout is {timeout}: it must be above 0 s")
        self._objects = _checked(objects, "serialized")
        self._timeout = timeout
        self._bound = max_waiting
        self._lanes = process_lanes() if lanes is None else lanes
        self._ticket: Ticket | None = None
        self._token: Token[tuple[Ticket, ...]] | None = None

    def __enter__(self) -> Self:
        keys, seconds = self._prepared()
        self._begin(self._lanes.enter(keys, seconds, max_waiting=self._bound), seconds)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._ticket is None or self._token is None:
            return
        self._ticket.leave()
        holding.reset(self._token)
        self._ticket = self._token = None

    async def __aenter__(self) -> Self:
        keys, seconds = self._prepared()
        self._begin(await self._lanes.enter_async(keys, seconds, max_waiting=self._bound), seconds)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _prepared(self) -> tuple[tuple[str, ...], float]:
        """The lanes to enter, and how long that may take."""
        check_not_entered(self._ticket)
        ends = current_deadline()
        seconds = self._timeout if ends is None else min(self._timeout, ends - time.monotonic())
        return self._lanes.relations.with_parents(self._objects), max(0.0, seconds)

    def _begin(self, ticket: Ticket | None, seconds: float) -> None:
        if ticket is None:
            raise DeadlineExceeded(
                f"the block was not entered: {', '.join(self._objects)} could not be had within "
                f"{seconds:g} s"
            )
        self._ticket = ticket
        self._token = holding.set((*holding.get(), ticket))


def _checked(names: tuple[str, ...], where: str) -> tuple[str, ...]:
    if not names:
        raise ValueError(f"{where}() has no name: give at least one, such as 'cus_123'")
    given: tuple[object, ...] = names
    for name in given:
        if not isinstance(name, str) or not name:
            raise ValueError(
                f"{where}() is given {name!r}: a name must be a text that is not empty"
            )
    return tuple(map(public, names))
