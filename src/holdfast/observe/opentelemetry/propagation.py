"""The context of the trace goes with each attempt, so that the server's spans can join in."""

from collections.abc import Callable

from opentelemetry import propagate

from holdfast.observe.shared import Shared
from holdfast.stream.outgoing import add_giver


def trace_headers() -> dict[str, str]:
    """The headers that the configured global propagator makes of the current context."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


def _begin(_: None) -> Callable[[], object]:
    return add_giver(trace_headers)


carried = Shared(_begin)
"""Whether attempts carry their context; there is one way for all."""
