"""What is there once, however many ask for it, until all of them have let it go."""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from holdfast.forks import in_each_child

K = TypeVar("K", bound=Hashable)


class Shared(Generic[K]):
    """Begins a thing for a key when it is first asked for, and ends it with the last release.

    Args:
        begin: begins it, and returns what ends it.
    """

    def __init__(self, begin: Callable[[K], Callable[[], object]]) -> None:
        self._begin = begin
        self._held: dict[K, tuple[int, Callable[[], object]]] = {}
        self._renew()
        in_each_child(self._renew)

    def _renew(self) -> None:
        self._mutex = threading.Lock()

    def hold(self, key: K) -> Callable[[], None]:
        """Ask for the thing of a key. Returns what releases it; a second time that does nothing."""
        with self._mutex:
            holders, end = self._held[key] if key in self._held else (0, self._begin(key))
            self._held[key] = (holders + 1, end)
        mine = [end]

        def release() -> None:
            with self._mutex:
                if not mine:
                    return
                mine.clear()
                holders, end = self._held.pop(key)
                if holders > 1:
                    self._held[key] = (holders - 1, end)
                else:
                    end()  # before anybody begins it again

        return release
