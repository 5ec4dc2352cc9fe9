"""The page of the metrics, from their table."""

from holdfast.observe.labels import LABELS
from holdfast.observe.metrics import METRICS
from reference.markdown import page, table


def metrics() -> str:
    """The table of metrics and that of their labels."""
    rows = [
        (
            f"`{metric.name}`",
            f"`{metric.otel}`",
            f"{metric.instrument}",
            f"`{metric.unit}`",
            ", ".join(f"`{label}`" for label in metric.labels),
            metric.about,
        )
        for metric in METRICS
    ]
    labels = [
        (
            f"`{label.name}`",
            f"`{label.attribute}`",
            label.about,
            ", ".join(f"`{value}`" for value in label.values),
        )
        for label in LABELS.values()
    ]
    histograms = [
        (f"`{metric.name}`", ", ".join(f"{bound:g}" for bound in metric.buckets))
        for metric in METRICS
        if metric.buckets
    ]
    return page(
        "Metrics",
        "What `holdfast.observe.to_prometheus()` and `to_opentelemetry()` export; "
        "[how to set them up](../how-to/metrics.md). Counters and histograms are exact, in this "
        "process and since the first of these was called: they are added up as calls end, not "
        "sampled, and nothing is dropped.",
        table(
            ("Prometheus", "OpenTelemetry", "instrument", "unit", "labels", "what it says"), rows
        ),
        "## Labels",
        "All of them are bounded, and none is ever an id, a key, an account or a text of a server.",
        table(("label", "attribute", "what it says", "values"), labels),
        "OpenTelemetry's `http.client.request.duration` has the attributes of its semantic "
        "conventions instead, `server.address`, `server.port` and `error.type` among them.",
        "## Buckets",
        "Upper bounds of the histograms, in seconds.",
        table(("histogram", "bounds"), histograms),
        "## Exemplars",
        "In the OpenMetrics format the buckets of both durations, and the counters of failed, "
        "unsure, mended, locked and replayed calls, carry an example: the `request_id` of a call "
        "that was counted since the scrape before, and the `trace_id` and `span_id` of the "
        "sampled OpenTelemetry span around it, as far as the format's 128 characters allow.",
    )
