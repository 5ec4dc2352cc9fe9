"""Subscribers of events: in order, on threads of their own, and never in a call's way."""

import contextvars
import gc
import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from holdfast.stream import Inline, Queued, Stream, Wanted, flush
from holdfast.stream import subscription as module

NAME: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")


@dataclass
class Step:
    is_detail: ClassVar[bool] = True
    number: int


@dataclass
class End:
    is_detail: ClassVar[bool] = False
    number: int


class Stuck:
    """A subscriber that does not come back until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.let_go = threading.Event()
        self.seen: list[Any] = []

    def __call__(self, event: Any) -> None:
        self.entered.set()
        self.let_go.wait(30)
        self.seen.append(event)


def test_events_are_told_in_order_on_another_thread() -> None:
    seen: list[Any] = []
    threads: set[str] = set()

    def note(event: Any) -> None:
        seen.append(event)
        threads.add(threading.current_thread().name)

    subscription = Queued(note, Wanted.ALL)
    for number in range(1000):
        subscription.put(number)
    assert subscription.flush()
    assert seen == list(range(1000))
    assert threads == {f"holdfast-tell-{note.__qualname__}"}
    assert (subscription.delivered, subscription.dropped, subscription.failed) == (1000, 0, 0)


def test_a_stuck_subscriber_drops_and_counts() -> None:
    stuck = Stuck()
    subscription = Queued(stuck, Wanted.ALL, limit=10)
    subscription.put(0)
    assert stuck.entered.wait(10)
    for number in range(1, 20_001):
        subscription.put(number)
    assert subscription.waiting == 10
    assert subscription.dropped == 19_990
    assert not subscription.flush(0.01)
    stuck.let_go.set()
    assert subscription.flush()
    assert stuck.seen == list(range(11))
    assert subscription.delivered + subscription.dropped == 20_001


def test_many_threads_lose_no_count() -> None:
    stuck = Stuck()
    subscription = Queued(stuck, Wanted.ALL, limit=50)

    def publish() -> None:
        for number in range(2000):
            subscription.put(number)

    threads = [threading.Thread(target=publish) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stuck.let_go.set()
    assert subscription.flush()
    assert subscription.delivered + subscription.dropped == 32_000


def test_one_that_is_stuck_holds_up_no_other() -> None:
    stream, stuck, seen = Stream(), Stuck(), list[Any]()
    blocked, free = stream.subscribe(stuck), stream.subscribe(seen.append)
    stream.publish(End(1))
    assert stuck.entered.wait(10)
    stream.publish(End(2))
    assert free.flush()
    assert seen == [End(1), End(2)]
    stuck.let_go.set()
    assert blocked.flush()


def test_a_failing_subscriber_is_logged_once_a_kind(caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: Any) -> None:
        raise KeyError("a") if event % 2 else ValueError("b")

    subscription = Queued(fail, Wanted.ALL)
    with caplog.at_level(logging.ERROR, logger="holdfast.stream"):
        for number in range(10):
            subscription.put(number)
        assert subscription.flush()
    assert subscription.failed == 10
    assert subscription.delivered == 0
    assert [record.message.split(" on ")[0] for record in caplog.records] == [
        f"the subscriber {fail.__qualname__} failed"
    ] * 2


def test_an_inline_subscriber_is_told_here_and_now(caplog: pytest.LogCaptureFixture) -> None:
    threads: list[threading.Thread] = []

    def note(event: Any) -> None:
        threads.append(threading.current_thread())
        if event == "bad":
            raise ZeroDivisionError

    subscription = Inline(note, Wanted.ALL)
    subscription.put("good")
    subscription.put("bad")
    assert threads == [threading.current_thread()] * 2
    assert (subscription.delivered, subscription.failed) == (1, 1)
    assert subscription.flush()
    assert "failed on str" in caplog.text


def test_the_context_is_that_of_the_event() -> None:
    seen: list[str] = []
    subscription = Queued(lambda _: seen.append(NAME.get()), Wanted.ALL)
    for name in ("ada", "grace"):
        token = NAME.set(name)
        subscription.put(name)
        NAME.reset(token)
    subscription.put("")
    assert subscription.flush()
    assert seen == ["ada", "grace", "nobody"]


def test_the_thread_ends_when_there_is_nothing_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IDLE", 0.01)
    seen: list[Any] = []
    subscription = Queued(seen.append, Wanted.ALL)
    for number in range(5):
        subscription.put(number)
        ends = time.monotonic() + 10
        while subscription._thread is not None:
            assert time.monotonic() < ends, "the thread is still there"
            time.sleep(0.001)
    assert seen == list(range(5))


def test_a_put_while_the_thread_ends_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IDLE", 0.0001)
    monkeypatch.setattr(module, "_GATHER", 0.0)
    seen: list[Any] = []
    subscription = Queued(seen.append, Wanted.ALL)
    for number in range(3000):
        subscription.put(number)
        if number % 3 == 0:
            time.sleep(0.0001)
    assert subscription.flush()
    assert seen == list(range(3000))


def test_flush_by_the_subscriber_itself_does_not_wait_for_itself() -> None:
    flushed: list[bool] = []
    subscription = Queued(lambda _: flushed.append(subscription.flush()), Wanted.ALL)
    subscription.put(1)
    assert subscription.flush()
    assert flushed == [False]


def test_flush_with_nothing_told_needs_no_thread() -> None:
    subscription = Queued(print, Wanted.ALL)
    assert subscription.flush(0)
    assert subscription._thread is None


def test_flush_reaches_all_of_the_process_even_behind_a_stuck_one() -> None:
    stuck, seen = Stuck(), list[Any]()
    first, second = Queued(stuck, Wanted.ALL), Queued(seen.append, Wanted.ALL)
    first.put(1)
    second.put(2)
    assert not flush(0.2)
    assert seen == [2]
    stuck.let_go.set()
    assert flush()
    assert stuck.seen == [1]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match=f"limit is {limit}: it must be at least 1 event"):
        Stream().subscribe(print, limit=limit)


def test_what_nobody_keeps_goes_away() -> None:
    subscription = Queued(print, Wanted.ALL)
    before = len(module._queued)
    del subscription
    gc.collect()
    assert len(module._queued) < before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_tells_its_own_events_only() -> None:
    program = """
import os, threading
from holdfast.stream import subscribe, flush
from holdfast.lanes import LaneLocked
from holdfast.stream import publish
told, gate = [], threading.Event()
def note(event):
    gate.wait(10)
    told.append((event.at, os.getpid()))
subscription = subscribe(note)
publish(LaneLocked((), 1))
if os.fork() == 0:
    gate.set()
    publish(LaneLocked((), 2))
    assert flush(), "the child's thread"
    assert told == [(2, os.getpid())], told
    os._exit(0)
gate.set()
assert flush()
assert told == [(1, os.getpid())], told
assert os.wait()[1] == 0
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("stuck", "told"), [(False, "told\n"), (True, "")])
def test_the_end_of_the_process_waits_for_the_last_words(stuck: bool, told: str) -> None:
    program = f"""
import time
from holdfast.stream import Queued, Wanted
def slow(event):
    time.sleep({60 if stuck else 0.1})
    print("told")
kept = Queued(slow, Wanted.ALL)
kept.put(1)
time.sleep(0.05)
kept.put(2)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == told * 2


def test_who_counts_loses_nothing_however_stuck() -> None:
    stuck = Stuck()
    threads: list[str] = []

    def count(event: Any) -> None:
        threads.append(threading.current_thread().name)
        if threading.current_thread() is not threading.main_thread():
            stuck(event)

    subscription = Stream().subscribe(count, limit=5, exact=True)
    subscription.put(0)
    assert stuck.entered.wait(10)
    for number in range(1, 100):
        subscription.put(number)
    assert threads.count(threading.main_thread().name) == 94
    stuck.let_go.set()
    assert subscription.flush()
    assert (subscription.delivered, subscription.dropped) == (100, 0)
