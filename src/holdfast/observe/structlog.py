"""Events as lines of structlog."""

import logging
from typing import Any

from holdfast.observe.lines import line_of
from holdfast.observe.logs import read_level, wanted_at
from holdfast.stream import Subscription, subscribe

try:
    import structlog
except ModuleNotFoundError as error:
    if error.name != "structlog":
        raise
    raise ModuleNotFoundError(
        "holdfast.observe.to_structlog needs the package 'structlog': "
        "pip install 'holdfast[structlog]'",
        name=error.name,
    ) from error


def to_structlog(logger: Any = None, level: int | str | None = None) -> Subscription:
    """Log what happens to calls, lanes and limiters with structlog.

    The lines are those of `to_logging`; `at` is when the event happened. Values that the caller has
    bound (`structlog.contextvars.bind_contextvars`) appear in them.

    Args:
        logger: where to; by default `structlog.get_logger("holdfast")`.
        level: the lowest level that is logged, such as "INFO"; by default the one that the logger
            filters by, as it is now. The steps of calls are told at DEBUG alone: at any other
            level calls pay for their end only.

    Returns:
        The subscription; `close()` ends it, as does the end of a `with` block.

    Raises:
        ModuleNotFoundError: structlog is not installed.
        ValueError: there is no such level.
    """
    if logger is None:
        logger = structlog.get_logger("holdfast")
    lowest = _lowest(logger) if level is None else read_level(level)
    return subscribe(_Structlog(logger, lowest), only=wanted_at(lowest))


def _lowest(logger: Any) -> int:
    """The level that a logger filters by; DEBUG when it does not tell."""
    bound = logger.bind()
    for name in ("get_effective_level", "getEffectiveLevel"):
        tell = getattr(bound, name, None)
        if tell is not None:
            return int(tell())
    return logging.DEBUG


class _Structlog:
    def __init__(self, logger: Any, lowest: int) -> None:
        self._logger = logger
        self._lowest = lowest

    def __call__(self, event: Any) -> None:
        line = line_of(event)
        if line is None or line.level < self._lowest:
            return
        log = getattr(self._logger, logging.getLevelName(line.level).lower())
        log(line.event, at=line.time, **line.fields)
