"""One row a request, as CSV that a spreadsheet opens without harm.

RFC 4180 (commas, CRLF, doubled quotes). A cell that a spreadsheet would take for a formula gets an
apostrophe before it (owasp.org/www-community/attacks/CSV_Injection). The byte order mark at the
beginning lets Excel know that it is UTF-8.
"""

import csv
import datetime
from typing import TextIO

from holdfast.report.ending import Ending
from holdfast.report.texts import shown

ENCODING = "utf-8-sig"

FIELDS = (
    "id",
    "status",
    "http_status",
    "error_code",
    "error_type",
    "message",
    "reason",
    "stop_reason",
    "method",
    "path",
    "objects",
    "attempts",
    "fault_classes",
    "request_id",
    "began_at",
    "seconds",
    "wait_lane",
    "wait_limiter",
    "wait_backoff",
    "server_seconds",
)

_LONGEST = 2000
# With the full-width forms, which some spreadsheets take for the narrow ones.
_FORMULAS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


class Rows:
    """Writes rows.

    Args:
        file: where to, opened with newline="".
    """

    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
        self._writer.writerow(FIELDS)

    def add(self, ending: Ending) -> None:
        """Write a request's row. What is unknown is an empty cell."""
        texts: dict[str, str | None] = {
            "id": ending.id,
            "error_code": ending.error_code,
            "error_type": ending.error_type,
            "message": ending.message,
            "reason": ending.reason,
            "stop_reason": ending.stop,
            "method": ending.method,
            "path": ending.path,
            "objects": None if ending.objects is None else " ".join(ending.objects),
            "request_id": ending.request_id,
        }
        words = {
            "status": ending.status.value,
            "fault_classes": " ".join(ending.faults),
            "began_at": "" if ending.began_at is None else _iso(ending.began_at),
        }
        numbers: dict[str, float | None] = {
            "http_status": ending.http_status,
            "attempts": len(ending.faults),
            "seconds": ending.seconds,
            "wait_lane": ending.waits.get("lane", 0.0),
            "wait_limiter": ending.waits.get("limiter", 0.0),
            "wait_backoff": ending.waits.get("backoff", 0.0),
            "server_seconds": ending.server_seconds,
        }
        row: dict[str, str | float] = {
            name: safe(text) if text else "" for name, text in texts.items()
        }
        row |= words
        row |= {name: _number(value) for name, value in numbers.items()}
        self._writer.writerow([row[name] for name in FIELDS])


def safe(text: str) -> str:
    """A text as the content of a cell: without secrets, and never a formula."""
    text = shown(text, _LONGEST)
    return f"'{text}" if text.lstrip()[:1] in tuple(_FORMULAS) else text


def _number(value: float | None) -> float | str:
    if value is None:
        return ""
    return value if isinstance(value, int) else round(value, 6)


def _iso(at: float) -> str:
    when = datetime.datetime.fromtimestamp(at, datetime.UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03}Z"
