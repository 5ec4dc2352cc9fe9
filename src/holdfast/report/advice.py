"""What to do about a request that is not ok: how to find out what happened, how to retry it."""

from collections.abc import Iterator

from holdfast.batch import Status, retry_command
from holdfast.batch.again.handles import showable
from holdfast.batch.reading import Request
from holdfast.batch.target import STRIPE
from holdfast.engine import FaultClass
from holdfast.observe.reconcile import how_to_settle
from holdfast.report.ending import UNKNOWN_FAULT, Ending
from holdfast.report.sources import About
from holdfast.report.texts import shown

_DO = {
    Status.UNSURE: "Each of these may have been executed. Look it up, or retry it: it is asked for "
    "again with its own idempotency key for as long as that is surely known.",
    Status.FAILED: "Nothing happened for these. Mend what the reason says, then retry them.",
}


def what_to_do(status: Status) -> str:
    """What a group of requests that failed, or that are unsure, needs."""
    return _DO[status]


def how_to_reconcile(ending: Ending, now: float) -> tuple[str, ...]:
    """How to find out what became of a request that is unsure, in sentences.

    Args:
        ending: how it ended.
        now: unix seconds.
    """
    return tuple(_steps(ending, now))


def retry(journal: About | None, *ids: str) -> str:
    """The command that sends requests again.

    Args:
        journal: the run's journal; None if it was not given, which leaves its place in the command.
        ids: the requests; none for every one of the run that did not end well. One whose id cannot
            be shown as it is, or is very long, is named by its hash.
    """
    ids = tuple(map(showable, ids))
    if journal is None:
        return retry_command("JOURNAL", ids, target=STRIPE)
    return retry_command(journal.path, ids, target=journal.target)


def _steps(ending: Ending, now: float) -> Iterator[str]:
    if ending.method is None or ending.path is None:
        yield "Its line does not tell what it was: look at its line of the file of requests."
    else:
        # Our own sentence around a path that anybody may have written.
        yield how_to_settle(
            shown(ending.method),
            shown(ending.path),
            keyed=Request(ending.id, ending.method, ending.path, {}).keyed,
            faults=[FaultClass(fault) for fault in ending.faults if fault != UNKNOWN_FAULT],
            began_at=ending.began_at,
            now=now,
            objects=[shown(key) for key in ending.objects or ()],
        )
    ids = dict.fromkeys(
        shown(exchange.request_id)
        for exchange in ending.exchanges or ()
        if exchange.request_id is not None
    )
    if ids:
        yield (
            f"The request logs of the Dashboard (dashboard.stripe.com/logs) have {', '.join(ids)}."
        )
