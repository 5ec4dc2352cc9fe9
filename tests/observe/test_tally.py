"""The numbers of the process are exact: nothing is lost, nothing is counted twice."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider

from holdfast.engine import Attempt, CallEnded, Cause, FaultClass, Receipt, StopReason
from holdfast.observe import exemplars, metrics, tally
from holdfast.observe.tally import Distribution, Number, Tally, attach, process_tally
from holdfast.ratelimit import LimitCut
from holdfast.stream import process_stream, publish

THREADS, CALLS = 64, 200
WHERE = ("POST", "/v1/customers/{id}")


def ended(seconds: float = 0.02, *, request: str | None = "req_1", path: str = "") -> CallEnded:
    attempts = [
        Attempt(1, FaultClass.LOCKED, 429, request, "lock_timeout", False, 0.0, seconds),
        Attempt(2, FaultClass.OK, 200, request, None, False, 0.0, seconds),
    ]
    path = path or "/v1/customers/cus_1"
    return CallEnded(Receipt("POST", path, attempts, {Cause.LANE: 0.25}, StopReason.OK, seconds))


@pytest.fixture
def counting() -> Iterator[Tally]:
    """The numbers of the process, from 0, while somebody wants them."""
    process_tally()._begin_anew()
    detach = attach()
    yield process_tally()
    detach()


def value(counted: Tally, metric: metrics.Metric, *labels: str) -> float:
    number = counted.read()[metric][labels]
    assert isinstance(number, Number)
    return number.value


@pytest.mark.parametrize("way", ["called", "published"])
def test_64_threads_lose_nothing(counting: Tally, way: str) -> None:
    # More than fit into the queue of the stream.
    counted, tell = (Tally(), None) if way == "called" else (counting, publish)
    start = threading.Barrier(THREADS + 1)

    def work(number: int) -> None:
        start.wait()
        for _ in range(CALLS):
            (tell or counted)(ended(path=f"/v1/customers/cus_{number}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    start.wait()
    while any(thread.is_alive() for thread in threads):
        numbers = counted.read()  # a scrape amid them all takes nothing away
        duration = numbers[metrics.CALL_DURATION].get(WHERE)
        calls = numbers[metrics.CALLS].get((*WHERE, "ok"))
        if isinstance(duration, Distribution) and isinstance(calls, Number):
            assert duration.count == calls.value
    for thread in threads:
        thread.join()
    total = THREADS * CALLS
    assert value(counted, metrics.CALLS, *WHERE, "ok") == total
    assert value(counted, metrics.ATTEMPTS, *WHERE, "locked", "429") == total
    assert value(counted, metrics.LOCK_TIMEOUTS) == total
    assert value(counted, metrics.MENDED_CALLS, "locked") == total
    waits = counted.read()[metrics.WAITS]["lane",]
    assert isinstance(waits, Distribution)
    assert (waits.count, waits.sum) == (total, total * 0.25)


def test_who_is_busy_leaves_nothing_behind() -> None:
    counted = Tally()
    with counted._mutex:
        for _ in range(10):
            counted(ended())  # must not wait
        assert len(counted._pending) == 10
    counted(ended())
    assert not counted._pending
    assert value(counted, metrics.CALLS, *WHERE, "ok") == 11
    with counted._mutex:
        counted(ended())
    assert value(counted, metrics.CALLS, *WHERE, "ok") == 12


def test_an_observation_is_in_the_first_bucket_that_holds_it() -> None:
    counted = Tally()
    bounds = metrics.CALL_BUCKETS
    for seconds in (0.0, bounds[0], bounds[0] * 1.01, bounds[-1], bounds[-1] + 1):
        counted(ended(seconds))
    found = counted.read()[metrics.CALL_DURATION][WHERE]
    assert isinstance(found, Distribution)
    assert found.counts[:2] == (2, 1)
    assert found.counts[-2:] == (1, 1)
    assert found.count == 5


def test_closed_sets_of_labels_begin_at_0() -> None:
    numbers = Tally().read()
    for metric in metrics.COUNTED:
        assert set(numbers[metric]) == set(metric.known)
    assert numbers[metrics.RETRIES]["locked",] == Number(0)


def test_cuts_of_limits_are_counted() -> None:
    counted = Tally()
    counted(LimitCut("acct", "account", "global-rate", 10.0, float("inf"), 0.0))
    assert value(counted, metrics.LIMIT_CUTS, "account", "global-rate") == 1


def test_it_counts_while_somebody_wants_it() -> None:
    process_tally()._begin_anew()
    before = process_stream().subscriptions
    first, second = attach(), attach()
    publish(ended())
    first()
    first()  # a second time does nothing
    publish(ended())
    second()
    publish(ended())
    assert value(process_tally(), metrics.CALLS, *WHERE, "ok") == 2
    assert process_stream().subscriptions == before


def test_exemplars_are_of_the_last_reading_and_lead_to_the_trace() -> None:
    counted = Tally(clock=lambda: 7.0)
    tracer = TracerProvider().get_tracer("tests")
    with tracer.start_as_current_span("a page") as span:
        counted(ended(request="req_first"))
        ids = span.get_span_context()
    counted(ended(request="req_second"))
    bucket = metrics.CALL_BUCKETS.index(0.025)
    found = counted.read()[metrics.CALL_DURATION][WHERE]
    assert isinstance(found, Distribution)
    assert found.exemplars[bucket] == exemplars.Exemplar(
        0.02, 7.0, "req_first", f"{ids.trace_id:032x}", f"{ids.span_id:016x}"
    )
    counted(ended(request="req_third"))
    found = counted.read()[metrics.CALL_DURATION][WHERE]
    assert isinstance(found, Distribution)
    assert found.exemplars[bucket] == exemplars.Exemplar(0.02, 7.0, "req_third")
    assert sum(example is not None for example in found.exemplars) == 1


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_forked_child_counts_its_own_calls(counting: Tally) -> None:
    publish(ended())
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        publish(ended())
        publish(ended())
        os.write(write, str(value(tally.process_tally(), metrics.CALLS, *WHERE, "ok")).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100) == b"2"
    os.close(read)
    os.close(write)
    assert value(counting, metrics.CALLS, *WHERE, "ok") == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_numbers_of_a_forked_child_begin_at_zero() -> None:
    program = """
import os
from holdfast.engine import CallEnded, Receipt, StopReason
from holdfast.observe.metrics import CALLS
from holdfast.observe.tally import attach, process_tally
from holdfast.stream import publish
def call():
    publish(CallEnded(Receipt("GET", "/v1/balance", stop=StopReason.OK)))
def calls():
    return sum(number.value for number in process_tally().read()[CALLS].values())
detach = attach()
call()
assert calls() == 1
if os.fork() == 0:
    assert calls() == 0, "the parent's calls are the parent's"
    call()
    assert calls() == 1
    os._exit(0)
assert os.wait()[1] == 0
assert calls() == 1
detach()
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
