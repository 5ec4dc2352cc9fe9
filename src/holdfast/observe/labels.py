"""The labels of the metrics, and all that they can be.

Labels are bounded: no id, no key, no account and no text of a server is ever one.
"""

from dataclasses import dataclass

from holdfast.engine.classify import FaultClass
from holdfast.engine.receipt import Cause, StopReason
from holdfast.ratelimit.reasons import REFUSALS, Level

OTHER = "other"
"""The value of a label for whatever has none of its own."""

NONE = "none"
"""The value of a label for what was not there: no answer, no attempt, no reason."""

METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", OTHER)
STATUSES = tuple(
    int(status)
    for status in (
        "200 201 202 204 301 302 304 400 401 402 403 404 405 409 410 413 415 422 424 429 "
        "500 501 502 503 504 520 522 524"
    ).split()
)
FAULTS = tuple(fault.value for fault in FaultClass)
FAILURES = tuple(fault.value for fault in FaultClass if fault is not FaultClass.OK)
CAUSES = tuple(cause.value for cause in Cause)
LEVELS = tuple(level.value for level in Level)
REASONS = (*REFUSALS, NONE, OTHER)
CUTS = tuple((refusal.level.value, reason) for reason, refusal in REFUSALS.items())
CUTS += ((Level.ACCOUNT.value, NONE), (Level.ACCOUNT.value, OTHER))
MOST_ENDPOINTS = 500
MOST_BLOCKS = 100


@dataclass(frozen=True, slots=True)
class Label:
    """One label.

    Attributes:
        name: in Prometheus.
        attribute: in OpenTelemetry.
        about: what it says.
        values: all that it can be; empty for what is bounded otherwise.
    """

    name: str
    attribute: str
    about: str
    values: tuple[str, ...] = ()


LABELS = {
    label.name: label
    for label in (
        Label("method", "http.request.method", "the HTTP method", METHODS),
        Label(
            "endpoint",
            "url.template",
            "the path with `{id}` in the place of each id; beyond "
            f"{MOST_ENDPOINTS} of them in a process, and for paths that are none, `{OTHER}`",
        ),
        Label(
            "stop",
            "holdfast.stop",
            "[why the call ended](stop-reasons.md)",
            tuple(reason.value for reason in StopReason),
        ),
        Label(
            "fault",
            "holdfast.fault",
            f"[what an attempt's outcome meant](classification.md); `{NONE}`: there was none",
            (*FAULTS, NONE),
        ),
        Label(
            "status",
            "http.response.status_code",
            "the HTTP status; a rare one as its class, such as `5xx`; `none` without an answer",
            (
                *map(str, STATUSES),
                *(f"{first}xx" for first in range(1, 6)),
                NONE,
                OTHER,
            ),
        ),
        Label(
            "block",
            "holdfast.block",
            "the name of the decorated function, or the `name=` of the loop; beyond "
            f"{MOST_BLOCKS} of them `{OTHER}`",
        ),
        Label("cause", "holdfast.wait.cause", "what a call waited for", CAUSES),
        Label("level", "holdfast.limit.level", "what a rate limit is about", LEVELS),
        Label(
            "reason",
            "holdfast.limit.reason",
            "the refusal's `Stripe-Rate-Limited-Reason`",
            REASONS,
        ),
        Label("subscriber", "holdfast.subscriber", "which subscriber of events"),
        Label("version", "holdfast.version", "the version of Holdfast"),
    )
}
