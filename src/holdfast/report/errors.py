"""What a report raises. Each message is a sentence that says where and what to do."""

from holdfast.errors import HoldfastError


class ReportError(HoldfastError):
    """The report cannot be made: a file cannot be read or written."""


class ReportUsageError(ReportError):
    """What was asked for cannot be done as it stands; nothing was written."""
