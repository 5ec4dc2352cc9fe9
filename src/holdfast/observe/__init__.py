"""People can see it: one stream of events, and what makes logs, metrics, traces and a page of it.

Each exporter is a module of its own and is imported, with its library, when it is first used.
"""

from typing import TYPE_CHECKING

from holdfast.lazily import lazily
from holdfast.stream import Subscription, Wanted, flush, subscribe

if TYPE_CHECKING:
    from holdfast.observe.board import Board
    from holdfast.observe.journal_source import JournalBoard
    from holdfast.observe.live import serve
    from holdfast.observe.logs import to_logging
    from holdfast.observe.opentelemetry import OpenTelemetryExporter, to_opentelemetry
    from holdfast.observe.prometheus import PrometheusExporter, to_prometheus
    from holdfast.observe.sentry import to_sentry
    from holdfast.observe.structlog import to_structlog

__all__ = [
    "Board",
    "JournalBoard",
    "OpenTelemetryExporter",
    "PrometheusExporter",
    "Subscription",
    "Wanted",
    "flush",
    "serve",
    "subscribe",
    "to_logging",
    "to_opentelemetry",
    "to_prometheus",
    "to_sentry",
    "to_structlog",
]

__getattr__ = lazily(
    __name__,
    {
        "holdfast.observe.board": ("Board",),
        "holdfast.observe.journal_source": ("JournalBoard",),
        "holdfast.observe.opentelemetry": ("OpenTelemetryExporter", "to_opentelemetry"),
        "holdfast.observe.live": ("serve",),
        "holdfast.observe.logs": ("to_logging",),
        "holdfast.observe.prometheus": ("PrometheusExporter", "to_prometheus"),
        "holdfast.observe.sentry": ("to_sentry",),
        "holdfast.observe.structlog": ("to_structlog",),
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
