"""The numbers of this process for Prometheus, through the package `prometheus-client`.

A collector reads them when somebody scrapes. Where several processes share one endpoint
(PROMETHEUS_MULTIPROC_DIR), `holdfast.observe.prometheus_multiprocess` does it instead.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Self

from holdfast.observe import exemplars, tally
from holdfast.observe.levels import read_levels
from holdfast.observe.metrics import METRICS, Instrument, Metric
from holdfast.observe.shared import Shared
from holdfast.observe.tally import Distribution, Number, Numbers

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter
    from prometheus_client.core import (
        CounterMetricFamily,
        Exemplar,
        GaugeMetricFamily,
        HistogramMetricFamily,
        Sample,
    )
    from prometheus_client.core import Metric as Family
    from prometheus_client.registry import Collector
except ModuleNotFoundError as error:
    if error.name != "prometheus_client":
        raise
    raise ModuleNotFoundError(
        "holdfast.observe.to_prometheus needs the package 'prometheus-client': "
        "pip install 'holdfast[prometheus]'",
        name=error.name,
    ) from error

UNITS = {"s": "seconds"}

# OpenMetrics, "Exemplars": all names and values of an exemplar's labels together.
_LONGEST_EXEMPLAR = 128


class PrometheusExporter:
    """The metrics of this process in a registry, until it is closed.

    Args:
        release: what closing it does.
    """

    def __init__(self, release: Callable[[], object]) -> None:
        self._release: Callable[[], object] | None = release

    def close(self) -> None:
        """Take the metrics out of the registry, unless others asked for them too.

        A second time does nothing.
        """
        release, self._release = self._release, None
        if release is not None:
            release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def to_prometheus(registry: CollectorRegistry | None = None) -> PrometheusExporter:
    """Show the metrics of this process to Prometheus; docs/reference/metrics.md lists them.

    Counting begins with this call. Asking for it twice is no error: the metrics are in the
    registry once, until everybody has closed it. When PROMETHEUS_MULTIPROC_DIR is set, all numbers
    are written to that folder instead, for the `MultiProcessCollector` of the process that is
    scraped.

    Args:
        registry: where they are shown; by default in prometheus_client's own registry. With
            PROMETHEUS_MULTIPROC_DIR it is of no account.

    Returns:
        The exporter; `close()` ends it, as does the end of a `with` block.

    Raises:
        ModuleNotFoundError: prometheus-client is not installed.
        ValueError: the registry has other metrics of these names.
    """
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        from holdfast.observe.prometheus_multiprocess import share

        return PrometheusExporter(share())
    return PrometheusExporter(_shown.hold(REGISTRY if registry is None else registry))


def _show(registry: CollectorRegistry) -> Callable[[], object]:
    collector = TallyCollector()
    registry.register(collector)
    detach = tally.attach()

    def end() -> None:
        registry.unregister(collector)
        detach()

    return end


_shown = Shared(_show)


class TallyCollector(Collector):
    """Gives the numbers of the process in prometheus_client's own terms."""

    def describe(self) -> Iterable[Family]:
        """The metrics without numbers, so that a registry knows the names."""
        return [_FAMILIES[metric.instrument](metric, {}, None) for metric in METRICS]

    def collect(self) -> Iterator[Family]:
        """The metrics as they stand."""
        counted = tally.process_tally()
        created = counted.began if _shows_created() else None
        numbers: Mapping[Metric, Numbers] = {**counted.read(), **read_levels()}
        for metric in METRICS:
            yield _FAMILIES[metric.instrument](metric, numbers[metric], created)


def _counter(metric: Metric, numbers: Numbers, created: float | None) -> Family:
    family = CounterMetricFamily(metric.name, metric.about, labels=metric.labels)
    for labels, number in numbers.items():
        if isinstance(number, Number):
            exemplar = _exemplar(number.exemplar)
            family.add_metric(labels, number.value, created=created, exemplar=exemplar)
    return family


def _gauge(metric: Metric, numbers: Numbers, _: float | None) -> Family:
    family = GaugeMetricFamily(metric.name, metric.about, labels=metric.labels)
    for labels, number in numbers.items():
        if isinstance(number, Number):
            family.add_metric(labels, number.value)
    return family


def _histogram(metric: Metric, numbers: Numbers, created: float | None) -> Family:
    family = HistogramMetricFamily(
        metric.name, metric.about, labels=metric.labels, unit=UNITS[metric.unit]
    )
    bounds = [*map(str, metric.buckets), "+Inf"]
    for labels, number in numbers.items():
        if not isinstance(number, Distribution):
            continue
        # Prometheus' buckets hold all that is below their bound.
        below = accumulate(number.counts)
        buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
        for bound, count, seen in zip(bounds, below, number.exemplars, strict=True):
            exemplar = _exemplar(seen)
            buckets.append((bound, count) if exemplar is None else (bound, count, exemplar))
        family.add_metric(labels, buckets, number.sum)
        if created is not None:
            named = dict(zip(metric.labels, labels, strict=True))
            family.samples.append(Sample(f"{metric.name}_created", named, created))
    return family


_FAMILIES: dict[Instrument, Callable[[Metric, Numbers, float | None], Family]] = {
    Instrument.COUNTER: _counter,
    Instrument.GAUGE: _gauge,
    Instrument.HISTOGRAM: _histogram,
}


def _exemplar(seen: exemplars.Exemplar | None) -> Exemplar | None:
    """An exemplar within the format's bounds: what is most useful first, as far as it goes."""
    if seen is None:
        return None
    labels: dict[str, str] = {}
    left = _LONGEST_EXEMPLAR
    for name in ("trace_id", "request_id", "span_id"):
        value = getattr(seen, name)
        length = len(name) + len(value)
        if value and length <= left:
            labels[name] = value
            left -= length
    return Exemplar(labels, seen.value, seen.at) if labels else None


def _shows_created() -> bool:
    """Whether the user wants `_created` samples; only a metric of the package's own tells."""
    own = Counter("holdfast_asked", "Asked for its samples.", registry=None)
    return any(
        sample.name.endswith("_created") for each in own.collect() for sample in each.samples
    )
