"""A request of a batch as a snapshot shows it: in the form of a call's receipt."""

from typing import Any

from holdfast.batch.conclusion import KEY_EXPIRED
from holdfast.engine import FaultClass
from holdfast.engine.doubt import key_lifetime
from holdfast.observe.journal.following import Result
from holdfast.observe.reconcile import how_to_settle
from holdfast.paths import template
from holdfast.showing import shown


def result_row(result: Result) -> dict[str, Any]:
    """A request with its attempts; what a journal of an earlier version lacks is empty."""
    return {
        "id": shown(result["id"]),
        "method": result.get("method", ""),
        "path": result.get("path", ""),
        "endpoint": template(result.get("path", "")),
        "server": "",
        "lanes": result.get("objects", []),
        "began_at": result.get("began_at"),
        "stop": result["stop_reason"],
        "seconds": result.get("seconds", 0.0),
        "in_doubt": result["status"] == "unsure",
        "key_fingerprint": None,
        "waits": result["waits"],
        "attempts": [
            {"number": number, **exchange}
            for number, exchange in enumerate(result.get("exchanges", []), 1)
        ],
    }


def unsure_row(result: Result, retry: str, now: float) -> dict[str, Any]:
    """A request in doubt, with why it is and what to do about it now.

    Args:
        result: how it ended, with `begun_at`.
        retry: the command that sends it again.
        now: unix seconds.
    """
    method, path = result.get("method", ""), result.get("path", "")
    # A key that Stripe may have forgotten makes nothing safe to repeat.
    keyed = key_lifetime(method, path) is not None and result["stop_reason"] != KEY_EXPIRED
    how = how_to_settle(
        method,
        path,
        keyed=keyed,
        faults=[FaultClass(fault) for fault in result["fault_classes"]],
        began_at=result["begun_at"] or result.get("began_at"),
        now=now,
        objects=result.get("objects", ()),
    )
    return {
        **result_row(result),
        "why": _sentence(result.get("reason") or ""),
        "how": how,
        "retry": retry,
    }


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."
