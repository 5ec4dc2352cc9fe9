"""The programs of Prometheus, which scripts/setup-prometheus sees to, and what they answer."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent.parent


def program(name: str) -> str:
    """Where `promtool` or `prometheus` is."""
    places = [ROOT / ".venv" / "bin", Path(sys.executable).parent, os.environ.get("PATH", "")]
    found = shutil.which(name, path=os.pathsep.join(map(str, places)))
    assert found is not None, f"no {name}: run scripts/setup-prometheus"
    return found


def promtool(*arguments: str | Path, given: bytes = b"") -> None:
    """Run promtool; what it has to complain about fails the test."""
    done = subprocess.run(
        [program("promtool"), *map(str, arguments)], input=given, capture_output=True, timeout=60
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


class Server:
    """A running Prometheus.

    Args:
        url: where it answers.

    Attributes:
        at: the moment that queries are about, in unix seconds; None for now.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.at: float | None = None

    def ask(self, path: str, **query: str) -> Any:
        """What an endpoint of its HTTP API answers."""
        answer = requests.get(f"{self.url}/api/v1/{path}", query, timeout=30)
        assert answer.ok, f"{path} {query}: {answer.text}"
        return answer.json()["data"]

    def values(self, expression: str) -> list[float]:
        """What an expression gives: the value of each series."""
        moment = {} if self.at is None else {"time": str(self.at)}
        found = self.ask("query", query=expression, **moment)["result"]
        return [float(series["value"][1]) for series in found]

    def wait_for(self, expression: str) -> None:
        """Wait until an expression gives something; later queries are about that moment."""
        self.at = None
        ends = time.monotonic() + 60
        while not self.values(expression):
            assert time.monotonic() < ends, f"{expression} gives nothing"
            time.sleep(0.1)
        self.at = time.time()


@contextmanager
def running(folder: Path, target: str, rules: Path) -> Iterator[Server]:
    """Prometheus on a free port, which scrapes one target five times a second.

    Args:
        folder: for its files.
        target: host and port of what it scrapes.
        rules: a file of rules that it evaluates.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "prometheus.yml"
    config.write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "200ms", "evaluation_interval": "500ms"},
                "rule_files": [str(rules)],
                "scrape_configs": [{"job_name": "shop", "static_configs": [{"targets": [target]}]}],
            }
        )
    )
    log = folder / "prometheus.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--enable-feature=exemplar-storage",
            ],
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        server = Server(f"http://127.0.0.1:{port}")
        ends = time.monotonic() + 60
        while not _is_ready(server):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < ends, log.read_text()
            time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_ready(server: Server) -> bool:
    try:
        return requests.get(f"{server.url}/-/ready", timeout=5).ok
    except requests.ConnectionError:
        return False
