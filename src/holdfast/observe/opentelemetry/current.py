"""A span that is the current one for a while."""

from contextvars import ContextVar
from typing import TYPE_CHECKING

from opentelemetry import context
from opentelemetry.trace import Span, set_span_in_context

if TYPE_CHECKING:
    from contextvars import Token

_innermost: ContextVar["Current | None"] = ContextVar("holdfast_current_span", default=None)


class Current:
    """Makes a span the current one, in the context where it is made, until `end`.

    Args:
        span: what the spans that begin meanwhile are children of.
    """

    __slots__ = ("_otel", "_own")

    def __init__(self, span: Span) -> None:
        self._own: Token[Current | None] = _innermost.set(self)
        self._otel = context.attach(set_span_in_context(span))

    def end(self) -> None:
        """Make the one before the current one again.

        In another context, such as that of a task in which a forgotten generator is closed, there
        is nothing to be done: the variable of our own says so, since OpenTelemetry would log it.
        """
        try:
            _innermost.reset(self._own)
        except ValueError:
            return
        context.detach(self._otel)
