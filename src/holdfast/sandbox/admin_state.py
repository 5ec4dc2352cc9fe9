"""The administration's requests that concern the state as a whole: clock, snapshots, lock trace."""

from collections.abc import Callable, Mapping
from typing import Any

from holdfast.sandbox.clock import read_move
from holdfast.sandbox.core import Core
from holdfast.sandbox.snapshots import check_name

Fields = Mapping[str, object]
_Handler = Callable[["StateAdmin", str, Fields], Any]


class StateAdmin:
    """Answers them.

    Args:
        core: the sandbox's parts.
        root: what the paths begin with.
    """

    def __init__(self, core: Core, root: str) -> None:
        self._core = core
        self._root = root

    @property
    def paths(self) -> list[str]:
        """The paths that it answers."""
        return list(dict.fromkeys(f"{self._root}/{path}" for _, path in _HANDLERS))

    def methods(self, path: str) -> list[str]:
        """The methods that a path has; none when it is not one of its paths."""
        template, _ = self._split(path)
        return [method for method, known in _HANDLERS if known == template]

    def handle(self, method: str, path: str, fields: Fields) -> Any:
        """Answer a request whose path and method there are.

        Args:
            method: of the request.
            path: of the request.
            fields: of its query, or of its JSON body.

        Raises:
            ValueError: a field is missing, unknown or out of range.
        """
        template, name = self._split(path)
        return _HANDLERS[method, template](self, name, fields)

    def _split(self, path: str) -> tuple[str, str]:
        """The template that a path follows, and the snapshot's name in it."""
        steps = path.removeprefix(f"{self._root}/").split("/")
        if len(steps) < 2 or steps[0] != "snapshots":
            return "/".join(steps), ""
        return "/".join([steps[0], "NAME", *steps[2:]]), steps[1]

    def _clock(self, _name: str, fields: Fields) -> Any:
        _check(fields)
        clock = self._core.clock
        return {"now": clock(), "ahead": clock.offset}

    def _move_clock(self, name: str, fields: Fields) -> Any:
        self._core.move_clock(read_move(fields, self._core.clock()))
        return self._clock(name, {})

    def _snapshots(self, _name: str, fields: Fields) -> Any:
        _check(fields)
        return self._core.snapshots.as_list()

    def _snapshot(self, _name: str, fields: Fields) -> Any:
        _check(fields, "name")
        name = check_name(fields["name"]) if "name" in fields else None
        name = self._core.snapshot(name)
        return self._core.snapshots.get(name).summary(name)

    def _restore(self, name: str, fields: Fields) -> Any:
        _check(fields)
        self._core.restore(name)
        return self._core.snapshots.get(name).summary(name)

    def _drop(self, name: str, fields: Fields) -> Any:
        _check(fields)
        self._core.snapshots.drop(name)
        return self._core.snapshots.as_list()

    def _reset(self, name: str, fields: Fields) -> Any:
        _check(fields)
        self._core.reset()
        return self._clock(name, {})

    def _trace(self, _name: str, fields: Fields) -> Any:
        _check(fields, "after")
        after = str(fields.get("after", "0"))
        if not after.isascii() or not after.isdigit():
            raise ValueError(f"after is {after!r}: give the seq of an event")
        return self._core.traced_locks(int(after))


def _check(fields: Fields, *known: str) -> None:
    for name in fields:
        if name not in known:
            there = f"the fields are {', '.join(known)}" if known else "there are none"
            raise ValueError(f"{name} is no field here: {there}")


_HANDLERS: Mapping[tuple[str, str], _Handler] = {
    ("GET", "clock"): StateAdmin._clock,
    ("POST", "clock"): StateAdmin._move_clock,
    ("GET", "snapshots"): StateAdmin._snapshots,
    ("POST", "snapshots"): StateAdmin._snapshot,
    ("DELETE", "snapshots/NAME"): StateAdmin._drop,
    ("POST", "snapshots/NAME/restore"): StateAdmin._restore,
    ("POST", "reset"): StateAdmin._reset,
    ("GET", "locks/trace"): StateAdmin._trace,
}
