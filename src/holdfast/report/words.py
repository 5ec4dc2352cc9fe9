"""What fault classes, causes of waits and reasons mean, in a few words; one table each."""

from holdfast.batch.conclusion import KEY_EXPIRED
from holdfast.durations import format_duration
from holdfast.engine import FaultClass
from holdfast.engine.receipt import STOP_REASONS
from holdfast.report.ending import UNKNOWN_FAULT

FAULTS: dict[str, str] = {
    FaultClass.OK: "it succeeded",
    FaultClass.REJECTED: "the server refused the request itself",
    FaultClass.LOCKED: "another request held the object's lock (lock_timeout)",
    FaultClass.THROTTLED: "a rate limiter refused it",
    FaultClass.KEY_IN_USE: "an earlier attempt with the same idempotency key was still at work",
    FaultClass.CONFLICT: "the server answered 409, a conflict",
    FaultClass.SERVER_ERROR: "the server failed (5xx)",
    FaultClass.UNREACHABLE: "no connection was made",
    FaultClass.INTERRUPTED: "sent, but no whole answer came",
    UNKNOWN_FAULT: "a class that this version does not know",
}

PARTS = {
    "lane": ("lanes", "waiting for other requests on the same object"),
    "limiter": ("limiter", "waiting so as not to exceed the account's rate limit"),
    "backoff": ("backoff", "waiting between two attempts"),
    "server": ("server", "on the wire and at the server"),
    "other": ("other", "in Holdfast itself, and at the journal's disk"),
}

_STOPS: dict[str, str] = {stop.value: text for stop, text in STOP_REASONS.items()}
_STOPS[KEY_EXPIRED] = "its idempotency key is older than Stripe keeps it, so it was not sent again"


def why(stop: str) -> str:
    """A stop reason as a sentence's part; the reason itself if it is a newer one."""
    return _STOPS.get(stop, stop)


def short(seconds: float) -> str:
    """A duration for a table; also those under a millisecond."""
    if 0 < seconds < 0.9995e-3:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.00995:
        return f"{seconds * 1e3:.1f} ms" if seconds else "0 ms"
    return format_duration(seconds)


def share(part: float, whole: float) -> str:
    """A share in percent: `<0.1 %` is not nothing."""
    if whole <= 0 or part <= 0:
        return "0 %"
    percent = 100 * part / whole
    return "<0.1 %" if percent < 0.1 else f"{percent:.1f} %"


def rate(number: float, seconds: float) -> str:
    """How many a second."""
    a_second = number / seconds if seconds > 0 else 0.0
    return f"{a_second:,.0f}" if a_second >= 10 or a_second.is_integer() else f"{a_second:.3g}"
