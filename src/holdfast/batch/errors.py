"""What a run of a batch raises. Each message is a sentence that says where and what to do."""

from collections.abc import Sequence

from holdfast.errors import HoldfastError


class BatchError(HoldfastError):
    """Base of every error of a batch: the run did not start, or could not go on."""


class UsageError(BatchError):
    """What was asked for cannot be done as it stands; nothing was sent."""


class BadRequests(UsageError):
    """The file of requests has lines that cannot be sent; nothing was sent.

    Attributes:
        count: how many problems there are.
        first: the first of them, at most `KEPT`, as `FILE:LINE: sentence`.
    """

    KEPT = 100

    def __init__(self, source: str, count: int, first: Sequence[str]) -> None:
        noun = "problem" if count == 1 else "problems"
        super().__init__(f"{source} has {count} {noun}; nothing was sent")
        self.count = count
        self.first = tuple(first)


class JournalBusy(UsageError):
    """Another run is at work on the same journal or results."""


class JournalMismatch(UsageError):
    """The journal, or the results, belong to another file of requests or another target."""


class NoRequestsYet(UsageError):
    """The journal has no requests: its run still reads its file, or was interrupted before."""


class Stopped(BatchError):
    """The run was stopped while it still read its file; nothing was sent or kept."""


class TargetGone(BatchError):
    """The embedded sandbox did not start, or ended under the run."""
