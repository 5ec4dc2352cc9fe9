"""Log records of lines, made from a pattern where nobody makes them otherwise.

`logging` finds out anew for each record which thread and process it is from, and splits the path of
its file: a quarter of what a whole line costs. What is the same in all of them is copied instead.
"""

import logging
import os
import threading
import time
from typing import Any

from holdfast.observe.lines import Line


class Records:
    """Makes the records of a logger.

    Args:
        logger: whose they are.
    """

    __slots__ = ("_from", "_logger", "_pattern", "_started")

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._from: tuple[int, int] | None = None
        self._pattern: dict[str, Any] = {}
        self._started = 0.0

    def make(self, line: Line, message: str) -> logging.LogRecord:
        """The record of a line, at the time of its event, with its fields as attributes.

        Args:
            line: what it says.
            message: how it says so.
        """
        # What somebody else makes may be another one each time, such as one with a request's id.
        if (
            logging.getLogRecordFactory() is not logging.LogRecord
            or type(self._logger).makeRecord is not logging.Logger.makeRecord
        ):
            record = self._full(line.level, message, {"event": line.event, **line.fields})
            if line.at:
                record.relativeCreated += (line.at - record.created) * 1000
                _set_time(record.__dict__, line.at)
            return record
        now_from = threading.get_ident(), os.getpid()
        if now_from != self._from:
            self._learn()
            self._from = now_from
        record = logging.LogRecord.__new__(logging.LogRecord)
        values = record.__dict__
        values.update(self._pattern)
        values["levelno"] = line.level
        values["levelname"] = logging.getLevelName(line.level)
        values["msg"] = message
        values["event"] = line.event
        values.update(line.fields)
        at = line.at or time.time()
        _set_time(values, at)
        values["relativeCreated"] = (at - self._started) * 1000
        return record

    def _learn(self) -> None:
        record = self._full(logging.INFO, "", None)
        self._pattern = dict(record.__dict__)
        self._started = record.created - record.relativeCreated / 1000

    def _full(
        self, level: int, message: str, fields: dict[str, object] | None
    ) -> logging.LogRecord:
        # Its parts are one message: a "%" in them is none of a format.
        return self._logger.makeRecord(
            self._logger.name, level, __file__, 0, message, (), None, extra=fields
        )


def _set_time(values: dict[str, Any], at: float) -> None:
    values["created"] = at
    values["msecs"] = float(int((at % 1) * 1000))
