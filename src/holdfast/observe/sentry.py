"""Events as breadcrumbs of Sentry, and errors of calls with their receipt."""

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from holdfast.drivers import last_receipt
from holdfast.engine import CallEnded, Receipt, RetryScheduled
from holdfast.engine.causes import causes
from holdfast.observe.lines import Line, line_of
from holdfast.ratelimit import LimitCut
from holdfast.redaction import current_redactor
from holdfast.stream import Subscription, Wanted, process_stream, subscribe

try:
    import sentry_sdk
except ModuleNotFoundError as error:
    if error.name != "sentry_sdk":
        raise
    raise ModuleNotFoundError(
        "holdfast.observe.to_sentry needs the package 'sentry-sdk': pip install 'holdfast[sentry]'",
        name=error.name,
    ) from error

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

CATEGORY = "holdfast"

# Sentry keeps the last hundred or so: the steps of a call would drive out everybody else's.
_TOLD = (RetryScheduled, CallEnded, LimitCut)


def to_sentry() -> Subscription:
    """Leave breadcrumbs for Sentry, and add what is known of a failed call to its error.

    Every retry, end of a call and cut of a limit is a breadcrumb, there before the error of the
    call can be captured. An error of a call gets the tags `holdfast.stop`, `holdfast.endpoint` and
    `holdfast.in_doubt`, the receipt as its context "holdfast", and loses the secrets and personal
    data that its text and the local variables of its stack have.

    Returns:
        The subscription; `close()` ends it, as does the end of a `with` block.

    Raises:
        ModuleNotFoundError: sentry-sdk is not installed.
    """
    subscription = subscribe(_leave, only=Wanted.ALL, inline=True)
    sentry_sdk.get_global_scope().add_event_processor(_Processor(subscription))
    return subscription


def _leave(event: Any) -> None:
    line = line_of(event) if isinstance(event, _TOLD) else None
    if line is None:
        return
    sentry_sdk.add_breadcrumb(
        category=CATEGORY,
        type="default",
        level=_LEVELS[line.level],
        message=_message(event, line),
        data=line.fields,
        timestamp=datetime.fromtimestamp(line.at, UTC),
    )


_LEVELS = {
    logging.DEBUG: "info",
    logging.INFO: "info",
    logging.WARNING: "warning",
    logging.ERROR: "error",
}


def _message(event: Any, line: Line) -> str:
    return event.receipt.sentence() if isinstance(event, CallEnded) else line.event


class _Processor:
    """Adds the receipt to the error of a call, and takes secrets out of it.

    Args:
        subscription: once it is closed, nothing is done any more: Sentry has no way to take a
            processor back.
    """

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    def __call__(self, event: "Event", hint: "Hint") -> "Event":
        """An event as it is sent."""
        error = hint.get("exc_info", (None, None, None))[1]
        notes = _notes(error) if error is not None else []
        if not notes or self._subscription not in process_stream().subscriptions:
            return event
        _redact(event.get("exception", {}).get("values", []))
        receipt = last_receipt()
        # That of another call, if the error came here from another task or thread.
        if receipt is not None and f"Holdfast: {receipt.sentence()}" in notes:
            _describe(event, receipt)
        return event


def _notes(error: BaseException) -> list[str]:
    """What Holdfast has noted on an error and those that it came from."""
    return [
        note
        for one in causes(error)
        for note in getattr(one, "__notes__", ())
        if isinstance(note, str) and note.startswith("Holdfast: ")
    ]


def _redact(exceptions: Any) -> None:
    """Take secrets out of the texts of exceptions and the local variables of their stacks.

    What is hidden in a variable is taken out of the texts, too: servers quote what they were sent.
    """
    redactor = current_redactor()
    frames = [
        frame
        for exception in exceptions
        for frame in (exception.get("stacktrace") or {}).get("frames", [])
        if "vars" in frame
    ]
    sent = {_unquoted(text) for frame in frames for text in redactor.hidden(frame["vars"])}
    sent |= {quote_plus(text) for text in sent}
    for frame in frames:
        frame["vars"] = redactor.value(frame["vars"], also=sent)
    for exception in exceptions:
        if isinstance(exception.get("value"), str):
            exception["value"] = redactor.value(exception["value"], also=sent)


def _unquoted(text: str) -> str:
    """A text without the quotes that `repr` puts around it."""
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def _describe(event: "Event", receipt: Receipt) -> None:
    tags = event.setdefault("tags", {})
    contexts = event.setdefault("contexts", {})
    if isinstance(tags, dict):
        tags["holdfast.stop"] = str(receipt.stop)
        tags["holdfast.endpoint"] = f"{receipt.method} {receipt.endpoint}"
        tags["holdfast.in_doubt"] = "yes" if receipt.in_doubt else "no"
    if isinstance(contexts, dict):
        contexts[CATEGORY] = {**receipt.as_dict(), "timeline": receipt.timeline()}
