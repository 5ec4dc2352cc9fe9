"""What a test does to a sandbox's state, besides sending requests: clock, snapshots, lock trace."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from holdfast.sandbox.clock import check_advance, check_instant
from holdfast.sandbox.core import Core
from holdfast.sandbox.snapshots import check_name

_Result = TypeVar("_Result")


class StateControls(ABC):
    """The methods of `Sandbox` that look at its state as a whole, or change it."""

    @abstractmethod
    def _ask(self, question: Callable[[Core], _Result]) -> _Result:
        """Ask on the thread that owns the core."""

    @property
    def clock(self) -> "ClockControl":
        """The sandbox's clock, to be moved."""
        return ClockControl(self._ask)

    def snapshot(self, name: str | None = None) -> str:
        """Keep the objects, the ledger, the idempotency keys and the clock as they are now.

        Args:
            name: of the snapshot, in place of an earlier one of that name; by default a free one.

        Returns:
            The name, for `restore`.

        Raises:
            ValueError: the name is none, or there are too many snapshots.
        """
        checked = None if name is None else check_name(name)
        return self._ask(lambda core: core.snapshot(checked))

    def restore(self, name: str) -> None:
        """Go back to a snapshot. Requests under way go on, on the state as it is then.

        Raises:
            ValueError: there is no snapshot of that name.
        """
        self._ask(lambda core: core.restore(name))

    def reset(self) -> None:
        """Go back to a fresh start: the seed's objects and nothing else, by the real clock.

        Scripted faults are dropped too; snapshots, counters and locks stay.
        """
        self._ask(lambda core: core.reset())

    def lock_trace(self, after: int = 0) -> list[dict[str, Any]]:
        """The steps of every lock, in order, as `GET /_sandbox/locks/trace` lists them.

        Args:
            after: the `seq` behind which to begin.

        Raises:
            ValueError: nothing is noted: start the sandbox with `lock_trace=True`.
        """
        return self._ask(lambda core: core.traced_locks(after))


class ClockControl:
    """The clock of a sandbox, which runs by itself and can be moved ahead.

    Idempotency keys age by it, and objects and rows of the ledger are dated by it.

    Args:
        ask: asks a question of the sandbox's core.
    """

    def __init__(self, ask: Callable[[Callable[[Core], float]], float]) -> None:
        self._ask = ask

    def now(self) -> float:
        """What it shows, in unix seconds."""
        return self._ask(lambda core: core.clock())

    def advance(self, seconds: float | str) -> float:
        """Move it ahead.

        Args:
            seconds: how far, from 0 to a hundred years, or text such as `25h`.

        Returns:
            What it shows then, in unix seconds.

        Raises:
            ValueError: out of range.
        """
        checked = check_advance(seconds)
        return self._ask(lambda core: core.move_clock(checked))

    def move_to(self, at: float) -> float:
        """Move it ahead to an instant.

        Args:
            at: unix seconds, not before what it shows.

        Returns:
            What it shows then, in unix seconds.

        Raises:
            ValueError: the instant is past, or more than a hundred years ahead.
        """

        def move(core: Core) -> float:
            now = core.clock()
            return core.move_clock(check_instant(at, now) - now)

        return self._ask(move)
