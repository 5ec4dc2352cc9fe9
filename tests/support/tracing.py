"""The spans of a test, from the real SDK."""

from dataclasses import dataclass, field

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler
from opentelemetry.trace import SpanKind, Tracer


@dataclass
class Spans:
    """A provider that keeps the spans that ended."""

    sampler: Sampler = ALWAYS_ON
    kept: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def __post_init__(self) -> None:
        self.provider = TracerProvider(sampler=self.sampler, shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.kept))

    @property
    def tracer(self) -> Tracer:
        """For spans of the test's own."""
        return self.provider.get_tracer("test")

    @property
    def all(self) -> list[ReadableSpan]:
        """The spans in the order in which they ended."""
        return list(self.kept.get_finished_spans())

    @property
    def calls(self) -> list[ReadableSpan]:
        """Holdfast's spans of calls."""
        return [span for span in self._own if span.kind is SpanKind.INTERNAL]

    @property
    def attempts(self) -> list[ReadableSpan]:
        """Holdfast's spans of attempts."""
        return [span for span in self._own if span.kind is SpanKind.CLIENT]

    @property
    def _own(self) -> list[ReadableSpan]:
        return [
            span
            for span in self.all
            if span.instrumentation_scope is not None
            and span.instrumentation_scope.name == "holdfast"
        ]

    def children(self, parent: ReadableSpan | None) -> list[ReadableSpan]:
        """The spans right below one; of None, those that have no parent."""
        number = None if parent is None else span_id(parent)
        return [one for one in self.all if (one.parent and one.parent.span_id) == number]

    def named(self, name: str) -> ReadableSpan:
        """The one span of a name."""
        (found,) = (span for span in self.all if span.name == name)
        return found


def span_id(span: ReadableSpan) -> int:
    """A span's own number."""
    context = span.get_span_context()
    assert context is not None
    return context.span_id


def trace_id(span: ReadableSpan) -> int:
    """The number of the trace that a span is in."""
    context = span.get_span_context()
    assert context is not None
    return context.trace_id
