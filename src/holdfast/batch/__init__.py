"""Files of requests: each is sent exactly once, those on one object in order, and none is lost."""

from holdfast.batch import command
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
    "Options",
    "Remote",
    "Snapshot",
    "Status",
    "Stopped",
    "Summary",
    "Target",
    "TargetGone",
    "UsageError",
    "Workspace",
    "command",
    "run",
]
