"""The markers of the plugin of pytest: checked at collection, carried out in the test."""

import inspect
from collections.abc import Iterable
from typing import Any

import pytest

from holdfast.sandbox import Sandbox

_LOCK_OPTIONS = ("lock_wait", "hold", "linger", "locks", "reads_lock", "background")
_FAULT = inspect.signature(Sandbox.fault)


def complaints(items: Iterable[pytest.Item]) -> dict[pytest.Item, str]:
    """Check the markers of tests.

    Args:
        items: the tests.

    Returns:
        For each test that has a bad marker a sentence that names the test, says what is wrong with
        the first such marker, and what may be given.
    """
    checked: dict[int, str | None] = {}
    found: dict[pytest.Item, str] = {}
    for item in items:
        for mark in item.iter_markers():
            if id(mark) not in checked:  # the tests of a class or module share theirs
                checked[id(mark)] = _complaint(mark)
            complaint = checked[id(mark)]
            if complaint is not None:
                found.setdefault(item, f"{item.nodeid}: {mark.name}: {complaint}")
    return found


def lock_options(item: pytest.Item) -> dict[str, Any]:
    """The options of `Sandbox` that a test's markers give; the marker nearest to it wins."""
    options: dict[str, Any] = {}
    for mark in item.iter_markers("stripe_locks"):
        options = {**mark.kwargs, **options}
    return options


def script_faults(item: pytest.Item, sandbox: Sandbox) -> None:
    """Script the faults that a test's markers name, in the order in which they are read."""
    for mark in reversed(list(item.iter_markers("stripe_faults"))):
        sandbox.fault(*mark.args, **mark.kwargs)


def _complaint(mark: pytest.Mark) -> str | None:
    """What is wrong with a marker; None when nothing is."""
    try:
        match mark.name:
            case "stripe_faults":
                _check_fault(mark)
            case "stripe_locks":
                _check_locks(mark)
    except (OSError, ValueError) as error:
        return str(error)
    return None


def _check_fault(mark: pytest.Mark) -> None:
    try:
        _FAULT.bind(None, *mark.args, **mark.kwargs)
    except TypeError as error:
        known = ", ".join(list(_FAULT.parameters)[1:])
        raise ValueError(f"{error}: its arguments are {known}") from None
    with Sandbox() as probe:  # the sandbox itself says what it takes
        probe.fault(*mark.args, **mark.kwargs)


def _check_locks(mark: pytest.Mark) -> None:
    known = ", ".join(f"{name}=..." for name in _LOCK_OPTIONS)
    if mark.args or not mark.kwargs:
        raise ValueError(f"its arguments must be named: give {known}, or some of them")
    for name in mark.kwargs:
        if name not in _LOCK_OPTIONS:
            raise ValueError(f"{name} is no argument: give {known}, or some of them")
    Sandbox(**mark.kwargs)
