"""Files of requests: each is sent exactly once, those on one object in order, and none is lost."""

from holdfast.batch import command
from holdfast.batch.again import retry, retry_command
from holdfast.batch.conclusion import Status
from holdfast.batch.errors import (
    BadRequests,
    BatchError,
    JournalBusy,
    JournalMismatch,
    Stopped,
    TargetGone,
    UsageError,
)
from holdfast.batch.events import RunProgressed
from holdfast.batch.journal_view import JournalView, open_journal
from holdfast.batch.runner import Options, run
from holdfast.batch.summary import Snapshot, Summary
from holdfast.batch.target import EmbeddedSandbox, Remote, Target
from holdfast.batch.workspace import Workspace

__all__ = [
    "BadRequests",
    "BatchError",
    "EmbeddedSandbox",
    "JournalBusy",
    "JournalMismatch",
    "JournalView",
    "Options",
    "Remote",
    "RunProgressed",
    "Snapshot",
    "Status",
    "Stopped",
    "Summary",
    "Target",
    "TargetGone",
    "UsageError",
    "Workspace",
    "command",
    "open_journal",
    "retry",
    "retry_command",
    "run",
]
