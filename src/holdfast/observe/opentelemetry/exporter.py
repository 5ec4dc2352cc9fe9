"""Sets it all up, and ends it."""

from collections.abc import Callable
from typing import Self

from opentelemetry.metrics import MeterProvider, NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider, TracerProvider

from holdfast.observe.opentelemetry.metrics import measured
from holdfast.observe.opentelemetry.propagation import carried
from holdfast.observe.opentelemetry.traces import traced


class OpenTelemetryExporter:
    """Spans and metrics of the calls of this process, until it is closed.

    Args:
        *ends: what closing it does.
    """

    def __init__(self, *ends: Callable[[], object]) -> None:
        self._ends = ends

    def close(self) -> None:
        """Make no more of them, unless others asked for them too. A second time does nothing.

        Calls that are under way keep their spans. What the providers still have to export is
        theirs: `force_flush` or `shutdown` has them do it.
        """
        ends, self._ends = self._ends, ()
        for end in ends:
            end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def to_opentelemetry(
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    propagate: bool = True,
) -> OpenTelemetryExporter:
    """Make spans and metrics of the calls of this process; docs/how-to/traces.md shows them.

    Each call is a span, a child of the one that is current where it is made, and each attempt is a
    client span below that. It is the current one while the attempt is under way, for what traces
    the HTTP library below. A block of `holdfast.retrying` is a span around its calls. Asking for
    it twice with the same providers is no error: there is one span of each kind, and one value.

    Args:
        tracer_provider: where spans go; by default to the global provider, also if that is set
            only later. `opentelemetry.trace.NoOpTracerProvider()` makes none.
        meter_provider: where metrics go, likewise.
        propagate: whether each attempt carries its trace's context in its headers, as the global
            propagator (OTEL_PROPAGATORS) writes it: `traceparent`, and what your code put into
            `baggage`.

    Returns:
        The exporter; `close()` ends it, as does the end of a `with` block.

    Raises:
        ModuleNotFoundError: opentelemetry-api is not installed.
    """
    ends = []
    if not isinstance(meter_provider, NoOpMeterProvider):
        ends.append(measured.hold(meter_provider))
    if not isinstance(tracer_provider, NoOpTracerProvider):
        ends.append(traced.hold(tracer_provider))
    if propagate:
        ends.append(carried.hold(None))
    return OpenTelemetryExporter(*ends)
