"""Another try for what did not end well: a run of its own, with a journal of its own."""

from collections.abc import Collection
from pathlib import Path

from holdfast.batch.again.family import Family, find_family, first_of
from holdfast.batch.again.loading import load_again
from holdfast.batch.errors import JournalMismatch, UsageError
from holdfast.batch.journal import Journal
from holdfast.batch.journal_format import About
from holdfast.batch.journal_view import open_journal
from holdfast.batch.runner import Options, perform
from holdfast.batch.sending import require_packages
from holdfast.batch.summary import Summary, nothing_done
from holdfast.batch.target import Target, is_same_place
from holdfast.batch.workspace import Workspace


def retry(
    journal: Path | str,
    target: Target,
    *,
    only: Collection[str] = (),
    results: Path | None = None,
    options: Options | None = None,
) -> Summary:
    """Send the requests again whose last end was failed or unsure, in the file's order.

    Each keeps its idempotency key, unless the server stored a rejection under it; then it has a
    new one. `holdfast.batch.again.keys` is the table. A request whose outcome is open is not sent
    once its key may be forgotten.

    The retry has a journal of its own beside the one of the run, which is not changed:
    `journal.sqlite` is followed by `retry-1.sqlite`, `retry-2.sqlite`. One that was interrupted
    goes on when it is called again. After that the next one begins, with what has not ended well
    up to then.

    Args:
        journal: the journal of a run, or of one of its retries; then it is about the requests of
            that.
        target: where the requests went.
        only: the ids of the requests to send again; none for all that did not end well.
        results: the file of results; beside the journal by default, as `retry-1.jsonl`.
        options: how it is carried out.

    Returns:
        The figures of this retry; of no request at all if there is nothing to retry.

    Raises:
        JournalMismatch: the file is no journal, or that of a run against another target.
        JournalBusy: the run, or a retry of it, is at work.
        UsageError: something else cannot be done as it was asked for; nothing was sent.
        Stopped, TargetGone, OSError, sqlite3.Error: as `holdfast.batch.run` does.
    """
    options = options or Options()
    if options.fresh:
        raise UsageError(
            "a retry cannot start anew: it would forget which requests were sent again, and with "
            "which keys"
        )
    require_packages()
    asked = open_journal(journal)
    before = asked.about.target
    now = target.fingerprint()
    if not is_same_place(before, now):
        raise JournalMismatch(
            f"the journal {asked.path} is of a run against {before}, not against {now}: a retry "
            "goes where the run went"
        )
    # Nobody may go on with the run, or retry it, meanwhile: they would not know of each other.
    with Workspace(first_of(asked)).locked():
        family = find_family(asked)
        unfinished = family.unfinished
        path = family.next if unfinished is None else unfinished.path
        workspace = Workspace(path, results or path.with_name(f"{path.stem}.jsonl"))
        workspace.check("the journal that is retried", asked.path)
        workspace.make_folders()
        with workspace.locked():
            return _go_on(family, workspace, target, only, options)


def sandbox_of(journal: Path) -> Path:
    """The state of the sandbox that a run with this journal had.

    Raises:
        UsageError: there is no such journal, or the state is gone.
    """
    store = Workspace(first_of(open_journal(journal))).store
    if not store.exists():
        raise UsageError(
            f"the sandbox's state {store} is gone: what is in {journal} cannot be retried there"
        )
    return store


def _go_on(
    family: Family, workspace: Workspace, target: Target, only: Collection[str], options: Options
) -> Summary:
    with Journal(workspace.journal) as journal:
        about = journal.about
        if about is not None:
            _check_going_on(about, journal.path, only)
        else:
            about = _load(family, journal, only, options)
            if about is None:
                return nothing_done(target.name, family.asked.path)
        return perform(about, journal, workspace, target, options)


def _check_going_on(about: About, path: Path, only: Collection[str]) -> None:
    if only and about.retry_of is not None and set(only) != set(about.retry_of.only):
        raise UsageError(
            f"the retry {path} was interrupted: go on with it first, by the same command without "
            "--only"
        )


def _load(
    family: Family, journal: Journal, only: Collection[str], options: Options
) -> About | None:
    stop = options.stop
    about = None
    try:
        about = load_again(
            family,
            journal,
            only,
            report=options.report,
            now=options.wall_clock(),
            stopped=lambda: stop is not None and stop.is_set(),
        )
    finally:
        if about is None:
            journal.discard()
    return about
