"""A number of retries for everything inside a block, whichever layer makes them.

A loop around a client that retries by itself multiplies: three times three is nine. Inside an
allowance every retry of every layer is paid from the same few, so three and three stay three.
"""

import threading
from collections import OrderedDict
from contextvars import ContextVar

from holdfast.drivers.ambient import Ambient
from holdfast.engine import FaultClass, Purse
from holdfast.forks import in_each_child

# Allowances that are found again by their key; the oldest go when there are more.
_LIMIT = 4096

ambient_allowance: "ContextVar[Retries | None]" = ContextVar("holdfast_allowance", default=None)
_mutex = threading.Lock()
_by_key: "OrderedDict[str, Retries]" = OrderedDict()


class Retries:
    """So many retries, to be paid out one by one. Any thread may use it."""

    __slots__ = ("_left", "_mutex")

    def __init__(self, number: int) -> None:
        self._left = number
        self._mutex = threading.Lock()

    @property
    def left(self) -> int:
        """How many are left."""
        return self._left

    def take(self, purse: Purse | None, fault: FaultClass, now: float) -> bool:
        """Take one, and have the purse pay as well; neither if either cannot."""
        with self._mutex:
            if self._left < 1 or (purse is not None and not purse.withdraw(fault, now)):
                return False
            self._left -= 1
            return True


class _Allowed:
    """A purse that also asks the allowance."""

    __slots__ = ("_purse", "_retries")

    def __init__(self, retries: Retries, purse: Purse | None) -> None:
        self._retries = retries
        self._purse = purse

    def deposit(self, now: float) -> None:
        if self._purse is not None:
            self._purse.deposit(now)

    def withdraw(self, fault: FaultClass, now: float) -> bool:
        return self._retries.take(self._purse, fault, now)


def allowed(purse: Purse | None, retries: Retries | None = None) -> Purse | None:
    """The purse of a call: its account's, and the allowance's of its context or the given one."""
    retries = retries or ambient_allowance.get()
    return purse if retries is None else _Allowed(retries, purse)


def current_allowance() -> Retries | None:
    """The allowance of the innermost block, if there is one."""
    return ambient_allowance.get()


class allowance(Ambient[Retries]):  # noqa: N801 - used as a statement
    """Bound the retries of everything inside the block: `with holdfast.allowance(2): ...`.

    For a loop that is not Holdfast's, such as tenacity's or a job queue's own retry. A block
    inside another one shares the outer one's retries. It goes with the context, like
    `holdfast.deadline`.

    Args:
        retries: how many retries there are, for all layers together.
        key: finds the same allowance again in a later block of this process, such as the id of a
            task that its queue runs again.

    Raises:
        ValueError: `retries` is negative.
    """

    __slots__ = ("_retries",)

    def __init__(self, retries: int, *, key: str | None = None) -> None:
        if retries < 0:
            raise ValueError(f"retries is {retries}: it must be 0 or more")
        super().__init__(ambient_allowance)
        self._retries = Retries(retries) if key is None else _found(key, retries)

    @property
    def left(self) -> int:
        """How many retries are left."""
        return self._retries.left

    def _inside(self, outer: Retries | None) -> Retries:
        self._retries = outer or self._retries
        return self._retries


def _found(key: str, number: int) -> Retries:
    with _mutex:
        retries = _by_key.get(key)
        if retries is None:
            retries = _by_key[key] = Retries(number)
            if len(_by_key) > _LIMIT:
                _by_key.popitem(last=False)
        return retries


def _after_fork() -> None:
    global _mutex
    _mutex = threading.Lock()
    for retries in (*_by_key.values(), ambient_allowance.get()):
        if retries is not None:
            retries._mutex = threading.Lock()


in_each_child(_after_fork)
