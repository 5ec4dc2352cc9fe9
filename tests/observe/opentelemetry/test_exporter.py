"""Setting it up and ending it."""

import gc
import subprocess
import sys
import weakref

import httpx
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from tracing import Spans

from holdfast import observe
from holdfast.integrations.httpx import HoldfastTransport
from holdfast.observe import OpenTelemetryExporter, to_opentelemetry
from holdfast.stream.outgoing import given_headers

WITHOUT = """
import sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Nothing())
from holdfast import observe
try:
    observe.to_opentelemetry
except ModuleNotFoundError as error:
    print(error)
"""


def ask() -> None:
    inner = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    with httpx.Client(transport=HoldfastTransport(transport=inner)) as client:
        client.get("http://example.test/")


def test_without_the_package_it_says_what_to_install() -> None:
    words = [sys.executable, "-c", WITHOUT]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == (
        "holdfast.observe.to_opentelemetry needs the package 'opentelemetry-api': "
        "pip install 'holdfast[opentelemetry]'"
    )


def test_who_asks_twice_gets_one_span_of_each_kind() -> None:
    spans = Spans()
    first, second = to_opentelemetry(spans.provider), to_opentelemetry(spans.provider)
    ask()
    assert (len(spans.calls), len(spans.attempts)) == (1, 1)
    first.close()
    first.close()
    ask()
    assert len(spans.calls) == 2
    second.close()
    ask()
    assert len(spans.calls) == 2
    assert given_headers() == {}
    with to_opentelemetry(spans.provider) as third:
        assert isinstance(third, OpenTelemetryExporter)
        ask()
    assert len(spans.calls) == 3


def test_providers_are_let_go_with_their_exporter() -> None:
    traces, metrics = TracerProvider(shutdown_on_exit=False), MeterProvider(shutdown_on_exit=False)
    gone = weakref.ref(traces), weakref.ref(metrics)
    with to_opentelemetry(traces, metrics):
        ask()
        assert observe.flush()
    del traces, metrics
    gc.collect()
    assert [one() for one in gone] == [None, None]
