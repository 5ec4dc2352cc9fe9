"""What did not end well in the journals of a run and its retries -> the journal of another try."""

import uuid
from collections.abc import Callable, Collection

from holdfast.batch.again.family import Family
from holdfast.batch.again.handles import ids_by_handle
from holdfast.batch.again.keys import is_replayed, next_try
from holdfast.batch.conclusion import Status
from holdfast.batch.errors import Stopped, UsageError
from holdfast.batch.journal import Journal
from holdfast.batch.journal_format import About, RetryOf
from holdfast.batch.journal_view import JournalView
from holdfast.batch.loading import Heat, objects_of
from holdfast.showing import shown

_NAMED = 5


def load_again(
    family: Family,
    journal: Journal,
    only: Collection[str],
    *,
    report: Callable[[str], object],
    now: float,
    stopped: Callable[[], bool] = lambda: False,
) -> About | None:
    """Write the requests whose last end was not ok into an empty journal, in the file's order.

    Args:
        family: the journals; none of them is at work.
        journal: where to.
        only: the ids of the requests that are wanted; none for all.
        report: is told of what one should know.
        now: unix seconds.
        stopped: whether to give up.

    Returns:
        What the journal now is of, all being on disk by then; None if all ended well, and nothing
        was written.

    Raises:
        UsageError: an id is not that of a request that did not end well.
        Stopped: it was asked to give up.
    """
    everything = not only and family.asked is family.first
    lines = {} if everything else _wanted(family.asked, only)
    total = 0
    heat = Heat()
    replayed: dict[int, str] = {}
    with journal.loading() as loading:
        for view in (family.first, *family.retries):
            for entry, result in view.ended(only_not_ok=view is family.first):
                if stopped():
                    raise Stopped(f"stopped while reading {view.path}; nothing was sent")
                if not everything and entry.line not in lines:
                    continue
                replayed.pop(entry.line, None)
                if result["status"] == Status.OK.value:
                    loading.drop(entry.line)
                    continue
                loading.put(next_try(entry, result))
                if is_replayed(entry, result, now):
                    replayed[entry.line] = entry.request.id
        for entry in journal.pending():
            total += 1
            heat.count(objects_of(entry.request))
            lines.pop(entry.line, None)
        if only and lines:
            raise UsageError(_not_needed(family, *lines.popitem()))
        if not total:
            return None
        before = family.first.about
        about = About(
            f"retry of {before.file}",
            before.target,
            total,
            heat.hottest(),
            uuid.uuid4().hex,
            RetryOf(family.first.path.name, before.run, tuple(sorted(only))),
        )
        loading.finish(about)
    journal.loaded(about)
    if replayed:
        report(_about_replays(list(replayed.values())))
    return about


def _wanted(asked: JournalView, only: Collection[str]) -> dict[int, str]:
    """The lines of the requests that may be retried, and for those asked for, their ids."""
    if not only:
        return dict.fromkeys(asked.lines(), "")
    found = {}
    handles = ids_by_handle(only, asked.ids())
    for id_ in only:
        entry = asked.entry(id_) or asked.entry(handles.get(id_, id_))
        if entry is None:
            raise UsageError(f'there is no request "{shown(id_)}" in the journal {asked.path}')
        found[entry.line] = id_
    return found


def _not_needed(family: Family, line: int, id_: str) -> str:
    """Why a request that was asked for is not retried."""
    for view in (*reversed(family.retries), family.first):
        if view.is_ok(line):
            return f'the request "{shown(id_)}" needs no retry: it is ok in the journal {view.path}'
    return (
        f'the request "{shown(id_)}" has no result yet: give the command of its run again, which '
        "goes on with it"
    )


def _about_replays(ids: list[str]) -> str:
    named = ", ".join(map(shown, ids[:_NAMED])) + (", ..." if len(ids) > _NAMED else "")
    noun, keep, their = (
        ("request", "keeps", "its") if len(ids) == 1 else ("requests", "keep", "their")
    )
    return (
        f"{len(ids):,} rejected {noun} ({named}) {keep} the idempotency key that the file gives, "
        f"and Stripe may replay {their} rejection for 24 hours: to have it executed, send it in "
        "another file with another key"
    )
