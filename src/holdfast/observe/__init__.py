"""People can see it: one stream of events, and what makes logs, metrics, traces and a page of it.

Each exporter is a module of its own and is imported, with its library, when it is first used.
"""

from importlib import import_module
from typing import Any

from holdfast.stream import Subscription, Wanted, flush, subscribe

__all__ = [
    "Subscription",
    "Wanted",
    "flush",
    "subscribe",
]

_PLACES: dict[str, tuple[str, ...]] = {}
_LAZY = {name: place for place, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'holdfast.observe' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LAZY[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
