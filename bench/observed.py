"""What a service switches on to see its calls: log lines, and the metrics of OpenTelemetry."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import NoOpTracerProvider

from holdfast import observe

LOGGER = "bench.observed"


@contextmanager
def observed() -> Iterator[None]:
    """Log each call's end, and measure with a real SDK, inside the block.

    When it is left, everything was told; it raises RuntimeError if something was lost on the way,
    for then the figures are those of less work.
    """
    with Path("/dev/null").open("w") as nowhere:
        handler = logging.StreamHandler(nowhere)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        logger = logging.getLogger(LOGGER)
        logger.propagate = False
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        provider = MeterProvider([InMemoryMetricReader()])
        lines = observe.to_logging(LOGGER)
        metrics = observe.to_opentelemetry(NoOpTracerProvider(), provider, propagate=False)
        try:
            yield
        finally:
            metrics.close()
            lines.close()
            whole = observe.flush(60)
            logger.removeHandler(handler)
            provider.shutdown()
        if not whole or lines.dropped or lines.failed:
            raise RuntimeError(f"{lines.dropped} events dropped, {lines.failed} failed")
