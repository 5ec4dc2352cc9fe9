"""Events as lines of the standard library's `logging`."""

import logging
from typing import Any

from holdfast.observe.lines import DETAIL, Line, line_of
from holdfast.observe.records import Records
from holdfast.stream import Subscription, Wanted, subscribe

FORMS = ("text", "json")


def to_logging(
    logger: str | logging.Logger = "holdfast",
    form: str = "text",
    level: int | str | None = None,
) -> Subscription:
    """Log what happens to calls, lanes and limiters; docs/reference/log-lines.md has every line.

    A record's time is that of its event, and its fields are attributes of the record, too, so that
    formatters which know of `extra` show them. It is made within a copy of the context
    (`contextvars`) of the call, on a thread of its own.

    Args:
        logger: where to, or its name.
        form: `text` for messages of `key=value`, `json` for messages that are objects of JSON.
        level: the lowest level that is logged, such as `logging.INFO` or "INFO"; by default the
            logger's, whatever it is at the time. The steps of calls are told at DEBUG alone: where
            this level, or the logger's as it is now, is another, calls pay for their end only.

    Returns:
        The subscription; `close()` ends it, as does the end of a `with` block.

    Raises:
        ValueError: there is no such form or level.
    """
    if form not in FORMS:
        raise ValueError(f"form is {form!r}: it must be 'text' or 'json'")
    if isinstance(logger, str):
        logger = logging.getLogger(logger)
    lowest = logging.NOTSET if level is None else read_level(level)
    wanted = wanted_at(lowest or logger.getEffectiveLevel())
    return subscribe(_Logging(logger, form, lowest), only=wanted)


def read_level(level: int | str) -> int:
    """A level of `logging` by its name or number.

    Raises:
        ValueError: there is none of this name.
    """
    if isinstance(level, int):
        return level
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"level is {level!r}: it must be DEBUG, INFO, WARNING, ERROR, or a number")
    return number


def wanted_at(lowest: int) -> Wanted:
    """Which events are to be subscribed to for lines of a level and above."""
    return Wanted.ALL if lowest <= DETAIL else Wanted.ENDS


class _Logging:
    def __init__(self, logger: logging.Logger, form: str, lowest: int) -> None:
        self._logger = logger
        self._lowest = lowest
        self._shown = Line.as_json if form == "json" else Line.as_text
        self._records = Records(logger)

    def __call__(self, event: Any) -> None:
        line = line_of(event)
        if line is None or line.level < self._lowest or not self._logger.isEnabledFor(line.level):
            return
        self._logger.handle(self._records.make(line, self._shown(line)))
