"""A span for each call, and under it one for each of its attempts, while they happen.

It is subscribed inline, for a span has to be the current one while the attempt is under way: what
instruments the HTTP library below makes its spans children of it, and log lines carry its id.
"""

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import (
    ProxyTracerProvider,
    Span,
    SpanKind,
    Status,
    StatusCode,
    TracerProvider,
    get_tracer,
    get_tracer_provider,
    set_span_in_context,
)

from holdfast._version import __version__
from holdfast.engine import (
    Admitted,
    AttemptEnded,
    AttemptStarted,
    CallEnded,
    CallStarted,
    LanesEntered,
    Receipt,
    RetryScheduled,
    StopReason,
    Waiting,
)
from holdfast.engine.receipt import STOP_REASONS
from holdfast.observe.labels import OTHER
from holdfast.observe.measuring import Measurer
from holdfast.observe.opentelemetry import spans
from holdfast.observe.opentelemetry.current import Current
from holdfast.observe.shared import Shared
from holdfast.stream import subscribe

if TYPE_CHECKING:
    from collections.abc import Callable


class Traces:
    """The subscriber that makes the spans, from when it is made until it is closed.

    Args:
        provider: where they go; None for the global provider, also if that is set only later.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._tracer = get_tracer("holdfast", __version__, provider, spans.SCHEMA)
        self._is_global = provider is None
        self._measurer = Measurer()
        # Calls that run, so that each span that is current is taken back where it was made so.
        self._open: set[int] = set()
        self._closed = False
        self._steps: dict[type, Callable[[Any], None]] = {
            CallStarted: self._start,
            Waiting: self._wait,
            LanesEntered: self._enter,
            Admitted: self._admit,
            AttemptStarted: self._start_attempt,
            AttemptEnded: self._end_attempt,
            RetryScheduled: self._retry,
            CallEnded: self._end,
        }
        self._subscription = subscribe(self, inline=True)

    def __call__(self, event: object) -> None:
        """Begin a span, end it or add to it."""
        step = self._steps.get(type(event))
        if step is not None:
            step(event)

    def close(self) -> None:
        """Begin no further spans. The calls that are under way keep theirs to their end."""
        self._closed = True
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._closed and not self._open:
            self._subscription.close()

    def _start(self, event: CallStarted) -> None:
        if self._is_global and isinstance(get_tracer_provider(), ProxyTracerProvider):
            return  # nobody has set up OpenTelemetry, or not yet
        receipt = event.receipt
        self._open.add(id(receipt))
        if self._closed:
            self._forget(receipt)
            return
        try:
            place = self._place(receipt)
            span = self._tracer.start_span(place.call, attributes=place.attributes)
            if span.get_span_context().is_valid:
                receipt.marks[self] = _Traced(span, place)
        finally:
            if self not in receipt.marks:
                self._forget(receipt)  # there is no span, or its provider fails

    def _start_attempt(self, event: AttemptStarted) -> None:
        traced = self._of(event.receipt)
        if traced is None:
            return
        if traced.is_block:
            traced.inside = Current(traced.span)
            return
        traced.attempt = self._tracer.start_span(
            traced.place.attempt,
            set_span_in_context(traced.span),
            SpanKind.CLIENT,
            spans.first_attributes(traced.place, event.receipt, event.number),
        )
        traced.inside = Current(traced.attempt)

    def _end_attempt(self, event: AttemptEnded) -> None:
        traced = self._of(event.receipt)
        if traced is None:
            return
        attempt = event.attempt
        span = traced.leave_attempt()
        if span is None:
            return
        if span.is_recording():
            span.set_attributes(spans.attempt_attributes(attempt))
            if spans.attempt_error(attempt) is not None:
                span.set_status(StatusCode.ERROR)
        span.end()

    def _end(self, event: CallEnded) -> None:
        receipt = event.receipt
        traced = self._of(receipt)
        if traced is None:
            return
        del receipt.marks[self]
        try:
            attempt = traced.leave_attempt()
            traced.leave()
            if attempt is not None:
                # Broken off while it was under way: by the caller, or by an error of the program.
                attempt.set_attribute(spans.ERROR_TYPE, str(receipt.stop))
                attempt.set_status(StatusCode.ERROR)
                attempt.end()
            if traced.span.is_recording():
                traced.span.set_attributes(spans.call_attributes(receipt))
                if receipt.stop is not None and receipt.stop is not StopReason.OK:
                    traced.span.set_status(Status(StatusCode.ERROR, STOP_REASONS[receipt.stop]))
            traced.span.end()
        finally:
            self._forget(receipt)

    def _wait(self, event: Waiting) -> None:
        traced = self._of(event.receipt)
        if traced is not None:
            traced.waits = True
            traced.note("holdfast.waiting", {spans.WAIT_CAUSE: event.cause.value})

    def _enter(self, event: LanesEntered) -> None:
        traced = self._of(event.receipt)
        if traced is not None and traced.waits:
            traced.note("holdfast.lanes_entered", {spans.WAITED: event.waited})

    def _admit(self, event: Admitted) -> None:
        traced = self._of(event.receipt)
        if traced is not None:
            traced.note("holdfast.admitted", {spans.WAITED: event.waited})

    def _retry(self, event: RetryScheduled) -> None:
        traced = self._of(event.receipt)
        if traced is not None:
            told = {spans.FAULT: event.fault.value, spans.RETRY_DELAY: event.delay}
            traced.note("holdfast.retry_scheduled", told)

    def _place(self, receipt: Receipt) -> spans.Place:
        """Its place, by a bounded number of names."""
        method, server = receipt.method, receipt.server
        if not server:
            return spans.place_of(method, receipt.path, server)
        endpoint = self._measurer.place(method, receipt.endpoint)[1]
        return spans.place_of(method, "" if endpoint == OTHER else endpoint, server)

    def _of(self, receipt: Receipt) -> "_Traced | None":
        """The spans of a call; None if it began before the subscription, or is not traced."""
        traced = receipt.marks.get(self)
        return traced if isinstance(traced, _Traced) else None

    def _forget(self, receipt: Receipt) -> None:
        self._open.discard(id(receipt))
        self._close_if_done()


class _Traced:
    """The spans of a call that runs.

    A call's own span is the current one from its start to its end. That of a block is only during
    its attempts: between them the program is its caller's again, who may never come back.
    """

    __slots__ = ("_around", "attempt", "inside", "is_block", "place", "span", "waits")

    def __init__(self, span: Span, place: spans.Place) -> None:
        self.span = span
        self.place = place
        self.is_block = not place.base
        self.attempt: Span | None = None
        self.inside: Current | None = None
        self._around = None if self.is_block else Current(span)
        self.waits = False

    def note(self, name: str, told: dict[str, str | float]) -> None:
        """Add an event to the call's span."""
        if self.span.is_recording():
            self.span.add_event(name, told)

    def leave_attempt(self) -> Span | None:
        """Make the call's own span the current one again; gives the attempt's, if one is open."""
        if self.inside is not None:
            self.inside.end()
        span, self.attempt, self.inside = self.attempt, None, None
        return span

    def leave(self) -> None:
        """Make the caller's span the current one again."""
        if self._around is not None:
            self._around.end()


def _begin(provider: TracerProvider | None) -> "Callable[[], object]":
    return Traces(provider).close


traced = Shared(_begin)
"""The traces that are made, by provider."""
