"""Values of options, as the tables show them."""

from holdfast.engine.backoff import Backoff, Growth
from holdfast.engine.budget import Budget
from holdfast.engine.rules import Rules


def shown(value: object) -> str:
    """A value in a cell of a table."""
    if isinstance(value, Backoff):
        growth = f"factor {value.factor:g}"
        if value.growth is Growth.QUADRATIC:
            growth = "quadratic growth"
        floor = f", floor {value.floor:g} s" if value.floor else ""
        shape = f"base {value.base:g} s, cap {value.cap:g} s, {growth}"
        return f"`Backoff`: {shape}, {value.jitter} jitter{floor}"
    if isinstance(value, Budget):
        shape = f"share {value.share:g}, {value.per_second:g} a second, window {value.window:g} s"
        return f"`Budget`: {shape}"
    if isinstance(value, Rules):
        return "`Rules()`"
    if isinstance(value, tuple):
        return "; ".join(map(str, value))
    if value is None or isinstance(value, bool | str):
        return f"`{value!r}`"
    return f"{value:g}"
