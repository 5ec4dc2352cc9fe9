"""Spans of the test's own, and nothing left behind by it."""

import logging
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from tracing import Spans

from holdfast.observe import to_opentelemetry
from holdfast.stream import process_stream


@pytest.fixture
def spans() -> Iterator[Spans]:
    """The spans of all calls that the test makes."""
    made = Spans()
    with to_opentelemetry(made.provider):
        yield made


@pytest.fixture(autouse=True)
def nothing_left(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """After a test no span is current, nobody is subscribed, and no complaint was logged."""
    with caplog.at_level(logging.WARNING, "opentelemetry"):
        yield
    assert [one.getMessage() for one in caplog.records if one.name.startswith("opentel")] == []
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert process_stream().subscriptions == ()
