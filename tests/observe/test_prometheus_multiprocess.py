"""Several processes, one endpoint: PROMETHEUS_MULTIPROC_DIR, as under gunicorn."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from holdfast.engine import CallEnded, Receipt, StopReason
from holdfast.observe import prometheus_multiprocess as module
from holdfast.observe.metrics import CALLS
from holdfast.sandbox import Sandbox

WORKERS, UPDATES = 3, 10

# A master that loads the application and forks its workers, each of which makes calls; then what
# the handler of /metrics does, in the master. One worker is killed as soon as it has called.
APPLICATION = f"""
import json, os, signal, sys, time
import holdfast
from holdfast import Backoff, Policy
from holdfast.observe import to_prometheus
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

exporter = to_prometheus()
assert to_prometheus() is not exporter
policy = Policy(lanes="off", max_retries=100, locked_backoff=Backoff(0.001, 0.02), rate_limit=900)
client = holdfast.stripe_client("sk_test_1", policy, base_addresses={{"api": sys.argv[1]}})
customer = client.v1.customers.create().id

def levels_are_written(pid):
    folder = os.environ["PROMETHEUS_MULTIPROC_DIR"]
    name = f"gauge_livemin_{{pid}}.db"
    return name in os.listdir(folder)

def scrape():
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry).decode()

workers = []
for number in range({WORKERS}):
    pid = os.fork()
    if pid == 0:
        for _ in range({UPDATES}):
            client.v1.customers.update(customer, {{"metadata": {{"a": "1"}}}})
        if number == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        ends = time.monotonic() + 30
        while not levels_are_written(os.getpid()) and time.monotonic() < ends:
            time.sleep(0.01)
        os._exit(0)
    workers.append(pid)
codes = [os.waitpid(pid, 0)[1] for pid in workers]
before = scrape()
for pid in workers:
    mark_process_dead(pid)
exporter.close()
print(json.dumps({{"codes": codes, "before": before, "after": scrape()}}))
"""


def run(folder: Path, url: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", APPLICATION, url],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def total(text: str, name: str, *labels: str) -> float:
    """The sum of the samples of a name that have these labels."""
    return sum(
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.partition("{")[0].partition(" ")[0] == name
        and all(label in line for label in labels)
    )


def test_forked_workers_add_up_and_a_killed_one_loses_nothing(tmp_path: Path) -> None:
    with Sandbox(lock_wait=0.002, hold=0.01) as box:
        found = run(tmp_path, box.url)
        stats, requests = box.stats(), box.requests()
    text = found["before"]
    assert found["codes"][0] == 9
    calls = 1 + WORKERS * UPDATES
    assert len(requests) == stats["requests"]
    assert total(text, "holdfast_calls_total") == calls
    assert total(text, "holdfast_calls_total", 'stop="ok"') == calls
    assert total(text, "holdfast_call_duration_seconds_count") == calls
    assert total(text, "holdfast_attempts_total") == stats["requests"]
    assert total(text, "holdfast_lock_timeouts_total") == stats["lock_timeouts"] > 0
    assert total(text, "holdfast_retries_total", 'fault="locked"') == stats["lock_timeouts"]
    updates = total(text, "holdfast_call_duration_seconds_bucket", 'le="+Inf"', "{id}")
    assert updates == WORKERS * UPDATES


def test_levels_are_those_of_the_living(tmp_path: Path) -> None:
    with Sandbox(lock_wait=0.002, hold=0.01) as box:
        found = run(tmp_path, box.url)
    assert total(found["before"], "holdfast_limiter_rate", 'level="account"') == 900
    assert "holdfast_lanes 0.0" in found["before"]
    assert total(found["before"], "holdfast_build_info") == 1
    # The workers have gone, and their levels with them; what they counted has not.
    assert total(found["after"], "holdfast_calls_total") == 1 + WORKERS * UPDATES
    assert total(found["after"], "holdfast_limiter_rate", 'level="account"') == 900  # the master's


def test_a_call_that_ends_while_the_same_thread_writes_is_counted_afterwards() -> None:
    mirror = module.Mirror()
    ended = CallEnded(Receipt("GET", "/v1/balance", stop=StopReason.OK))

    def end_in_the_midst() -> None:
        with module._writing:  # the garbage collection may end a forgotten call anywhere
            mirror(ended)
        mirror(ended)

    thread = threading.Thread(target=end_in_the_midst, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive(), "it waits for what it holds itself"
    mirror.close()
    labels = {"method": "GET", "endpoint": "/v1/balance", "stop": "ok"}
    (calls,) = mirror._metrics[CALLS].collect()
    assert [sample.value for sample in calls.samples if sample.labels == labels][:1] == [2.0]
