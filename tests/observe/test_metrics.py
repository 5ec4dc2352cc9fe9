"""The table of metrics keeps to the rules that it names."""

import re

import pytest

from holdfast.observe.labels import LABELS
from holdfast.observe.metrics import COUNTED, METRICS, READ, Instrument, Metric


@pytest.fixture(params=METRICS, ids=lambda metric: metric.name)
def metric(request: pytest.FixtureRequest) -> Metric:
    """Each metric of the table."""
    found = request.param
    assert isinstance(found, Metric)
    return found


def test_no_name_stands_twice() -> None:
    for names in ([m.name for m in METRICS], [m.otel for m in METRICS]):
        assert len(set(names)) == len(names)
    assert not set(COUNTED) & set(READ)


def test_names_are_those_of_prometheus_and_of_opentelemetry(metric: Metric) -> None:
    assert re.fullmatch(r"holdfast_[a-z_]*[a-z]", metric.name)
    assert metric.name.endswith("_total") == (metric.instrument is Instrument.COUNTER)
    # Prometheus: the base unit is a suffix.
    assert metric.name.endswith("_seconds") == (metric.unit == "s")
    assert metric.otel.startswith("holdfast.") or metric.otel == "http.client.request.duration"


def test_labels_are_those_of_the_table_of_labels(metric: Metric) -> None:
    for label in metric.labels:
        assert label in LABELS
    for known in metric.known:
        assert len(known) == len(metric.labels)
        for label, value in zip(metric.labels, known, strict=True):
            assert value in LABELS[label].values


def test_buckets_are_in_order_and_only_of_histograms(metric: Metric) -> None:
    assert bool(metric.buckets) == (metric.instrument is Instrument.HISTOGRAM)
    assert list(metric.buckets) == sorted(set(metric.buckets))


def test_every_metric_says_what_it_is(metric: Metric) -> None:
    assert metric.about.endswith(".")
    assert len(metric.attributes) == len(metric.labels)
