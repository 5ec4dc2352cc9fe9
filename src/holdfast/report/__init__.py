"""What became of a run: a page of its own, a table for a spreadsheet, JSON, and plain text."""

from holdfast.report.document import document
from holdfast.report.errors import ReportError, ReportUsageError
from holdfast.report.plain import as_dict
from holdfast.report.reading import Report, read_report
from holdfast.report.terminal import lines

__all__ = [
    "Report",
    "ReportError",
    "ReportUsageError",
    "as_dict",
    "document",
    "lines",
    "read_report",
]
