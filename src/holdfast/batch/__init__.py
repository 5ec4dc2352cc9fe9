"""Files of requests: each is sent exactly once, those on one object in order, and none is lost."""

from typing import TYPE_CHECKING

from holdfast.lazily import lazily

if TYPE_CHECKING:
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
    from holdfast.batch.snapshot import Snapshot
    from holdfast.batch.summary import Summary
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
    "open_journal",
    "retry",
    "retry_command",
    "run",
]

# What watches runs is to know their events without all that a run needs.
__getattr__ = lazily(
    __name__,
    {
        "holdfast.batch.again": ("retry", "retry_command"),
        "holdfast.batch.conclusion": ("Status",),
        "holdfast.batch.errors": (
            "BadRequests",
            "BatchError",
            "JournalBusy",
            "JournalMismatch",
            "Stopped",
            "TargetGone",
            "UsageError",
        ),
        "holdfast.batch.events": ("RunProgressed",),
        "holdfast.batch.journal_view": ("JournalView", "open_journal"),
        "holdfast.batch.runner": ("Options", "run"),
        "holdfast.batch.snapshot": ("Snapshot",),
        "holdfast.batch.summary": ("Summary",),
        "holdfast.batch.target": ("EmbeddedSandbox", "Remote", "Target"),
        "holdfast.batch.workspace": ("Workspace",),
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
