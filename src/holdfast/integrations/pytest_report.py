"""What a failed test shows of its sandbox: the last requests, and the receipts of the calls."""

from typing import Any

from holdfast.durations import format_duration
from holdfast.integrations.stripe_sandbox import StripeSandbox

Section = tuple[str, str]


def sections(sandbox: StripeSandbox, most: int) -> list[Section]:
    """The sections of the report of a failed test: titles and texts.

    Args:
        sandbox: the test's sandbox; it may have been stopped.
        most: how many requests and receipts are shown, the latest; 0 for none.
    """
    if not most:
        return []
    shown = [_of_requests(sandbox, most)]
    receipts = sandbox.receipts
    if receipts:
        lines = [receipt.sentence() for receipt in receipts[-most:]]
        shown.append((f"Holdfast receipts{_of(len(lines), len(receipts))}", "\n".join(lines)))
    return shown


def _of_requests(sandbox: StripeSandbox, most: int) -> Section:
    title = "Stripe sandbox"
    try:
        requests = sandbox.requests()
    except RuntimeError as error:
        return title, f"{error}."
    if not requests:
        return title, f"No request reached {sandbox.url}."
    lines = [_line(request) for request in requests[-most:]]
    return f"{title}: last requests{_of(len(lines), requests[-1]['seq'])}", "\n".join(lines)


def _of(shown: int, there: int) -> str:
    return "" if shown == there else f" ({shown} of {there})"


def _line(request: dict[str, Any]) -> str:
    """A request in a line: method, path, status, how long it took, and what was the matter."""
    status, seconds = request["status"], request["seconds"]
    parts = [
        f"{request['method']} {request['path']}",
        "no answer yet" if status is None else str(status or "no answer"),
    ]
    if seconds is not None:
        parts.append(format_duration(seconds))
    if request["lock_wait"]:
        parts.append(f"waited {format_duration(request['lock_wait'])} for locks")
    if request["error"]:
        parts.append(request["error"])
    if request["fault"]:
        parts.append(f"fault {request['fault']}")
    if request["replayed"]:
        parts.append("replayed")
    if request["request_id"]:
        parts.append(request["request_id"])
    return "  ".join(parts)
