"""OpenTelemetry: a span for each call and each attempt, and the metrics of all of them."""

try:
    from holdfast.observe.opentelemetry.exporter import OpenTelemetryExporter, to_opentelemetry
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "opentelemetry":
        raise
    raise ModuleNotFoundError(
        "holdfast.observe.to_opentelemetry needs the package 'opentelemetry-api': "
        "pip install 'holdfast[opentelemetry]'",
        name=error.name,
    ) from error

__all__ = ["OpenTelemetryExporter", "to_opentelemetry"]
