"""An OTLP receiver in a process of its own: what real exporters send it can be asked for.

`python otlp_receiver.py` prints the URL that it listens on, and ends with its standard input.
"""

import gzip
import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

_KINDS: dict[str, tuple[Any, Any]] = {
    "/v1/traces": (ExportTraceServiceRequest, ExportTraceServiceResponse),
    "/v1/metrics": (ExportMetricsServiceRequest, ExportMetricsServiceResponse),
}
_PATIENCE = 20.0


@dataclass
class OtlpReceiver:
    """A receiver that runs.

    Attributes:
        url: its base; exporters post to `{url}/v1/traces` and `{url}/v1/metrics`.
    """

    url: str

    def spans(self) -> list[dict[str, Any]]:
        """The spans that came, as the JSON form of OTLP has them, with plain attributes."""
        return [
            {**span, "attributes": _plain(span.get("attributes", ()))}
            for message in self._got("/v1/traces")
            for resource in message["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def metrics(self) -> dict[str, list[dict[str, Any]]]:
        """The data points of the last message that had them, by the metric's name."""
        found: dict[str, list[dict[str, Any]]] = {}
        for message in self._got("/v1/metrics"):
            for resource in message["resourceMetrics"]:
                for scope in resource["scopeMetrics"]:
                    for metric in scope["metrics"]:
                        found[metric["name"]] = _points(metric)
        return found

    def _got(self, path: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/got{path}", timeout=_PATIENCE) as answer:  # noqa: S310
            got: list[dict[str, Any]] = json.load(answer)
            return got


@contextmanager
def receiving_otlp(*, behaviour: str = "take") -> Iterator[OtlpReceiver]:
    """A receiver on a free port of this machine.

    Args:
        behaviour: `take` what comes, `refuse` it with 503, or `hang` without an answer.
    """
    words = [sys.executable, __file__, behaviour]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as it:
        assert it.stdin is not None
        assert it.stdout is not None
        try:
            yield OtlpReceiver(it.stdout.readline().strip())
        finally:
            it.stdin.close()
            it.wait(_PATIENCE)


def _plain(attributes: Any) -> dict[str, Any]:
    return {each["key"]: _value(each["value"]) for each in attributes}


def _value(value: dict[str, Any]) -> Any:
    ((kind, held),) = value.items()
    if kind == "intValue":
        return int(held)
    if kind == "arrayValue":
        return [_value(each) for each in held.get("values", ())]
    return held


def _points(metric: dict[str, Any]) -> list[dict[str, Any]]:
    (data,) = (metric[kind] for kind in ("sum", "gauge", "histogram") if kind in metric)
    return [
        {**point, "attributes": _plain(point.get("attributes", ()))} for point in data["dataPoints"]
    ]


def _serve(behaviour: str) -> None:
    got: dict[str, list[dict[str, Any]]] = {path: [] for path in _KINDS}
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if behaviour == "hang":
                ended.wait()
                return
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            request, response = _KINDS[self.path]
            got[self.path].append(MessageToDict(request.FromString(body)))
            status = 200 if behaviour == "take" else 503
            self._answer(status, response().SerializeToString(), "application/x-protobuf")

        def do_GET(self) -> None:
            held = got[self.path.removeprefix("/got")]
            self._answer(200, json.dumps(held).encode(), "application/json")

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """An exporter may give up before it is answered; what else fails is no secret."""
            if not isinstance(sys.exc_info()[1], ConnectionError):
                super().handle_error(request, client_address)

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()
    ended.set()
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    _serve(sys.argv[1])
