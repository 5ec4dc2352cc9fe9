"""One call as an example of a number: from the number to its request, and to its trace."""

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A call that was counted.

    Attributes:
        value: what was observed of it.
        at: when, in unix seconds.
        request_id: the server's `Request-Id`, or "".
        trace_id: 32 hex digits of the trace around the call, or "" without one.
        span_id: 16 hex digits of the span around it, likewise.
    """

    value: float
    at: float
    request_id: str
    trace_id: str = ""
    span_id: str = ""


def current_span() -> tuple[str, str]:
    """The ids of the OpenTelemetry trace and span that this code runs in; "" without one.

    Never imports OpenTelemetry: nobody can be in a span of it before somebody has.
    """
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return "", ""
    span = trace.get_current_span().get_span_context()
    # An unsampled trace is kept nowhere, so it leads nowhere.
    if not span.is_valid or not span.trace_flags.sampled:
        return "", ""
    return f"{span.trace_id:032x}", f"{span.span_id:016x}"
