"""Subscribers that raise what nobody expects, and interruptions at the worst of moments."""

import asyncio
import gc
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from queue import SimpleQueue
from typing import Any, ClassVar

import pytest

from holdfast.drivers.telling import own_teller
from holdfast.engine import CallEnded, Receipt
from holdfast.stream import Inline, Queued, Stream, Subscription, Wanted, subscribe
from holdfast.stream import subscription as module


class End:
    is_detail: ClassVar[bool] = False


class Raiser:
    """Raises once, and then notes what it is told."""

    def __init__(self, error: type[BaseException]) -> None:
        self.seen: list[Any] = []
        self._error: type[BaseException] | None = error

    def __call__(self, event: Any) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error
        self.seen.append(event)


@pytest.mark.parametrize(
    "error", [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError]
)
def test_no_exception_ends_the_thread_of_a_subscriber(
    error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    raiser = Raiser(error)
    subscription = Queued(raiser, Wanted.ALL)
    with caplog.at_level(logging.ERROR, logger="holdfast.stream"):
        for number in range(3):
            subscription.put(number)
        assert subscription.flush()
    assert raiser.seen == [1, 2]
    assert (subscription.delivered, subscription.failed) == (2, 1)
    (record,) = caplog.records
    assert "Raiser failed on int" in record.getMessage()


@pytest.mark.parametrize("error", [GeneratorExit, asyncio.CancelledError])
def test_what_an_inline_subscriber_raises_reaches_no_call(error: type[BaseException]) -> None:
    subscription = Inline(Raiser(error), Wanted.ALL)
    subscription.put(1)
    subscription.put(2)
    assert (subscription.delivered, subscription.failed) == (1, 1)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_an_interruption_in_a_subscriber_reaches_the_program_and_the_others_are_told(
    error: type[BaseException],
) -> None:
    stream, seen = Stream(), list[Any]()
    stream.subscribe(seen.append, inline=True)
    raiser = stream.subscribe(Raiser(error), inline=True)
    stream.subscribe(seen.append, inline=True)
    event = End()
    with pytest.raises(error):
        stream.publish(event)
    assert seen == [event, event]
    assert raiser.failed == 1


def test_an_interruption_on_the_way_to_a_clients_subscriber_keeps_it_from_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Queued, "put", interrupted)
    tell, seen = own_teller(print), list[Any]()
    assert tell is not None
    event = CallEnded(Receipt("GET", "/v1/balance"))
    with subscribe(seen.append, inline=True), pytest.raises(KeyboardInterrupt):
        tell(event)
    assert seen == [event]


def test_a_process_that_can_start_no_thread_makes_its_calls_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    seen: list[Any] = []
    subscription = Queued(seen.append, Wanted.ALL, limit=3)
    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING, "holdfast.stream"):
        patched.setattr(threading.Thread, "start", refuse)
        for number in range(5):
            subscription.put(number)
        assert not subscription.flush(0.01)
    assert (subscription.waiting, subscription.dropped) == (4, 2)  # the mark of `flush` among them
    (record,) = caplog.records
    assert record.getMessage().endswith("is told of nothing now: can't start new thread")
    assert subscription.flush()
    assert seen == [0, 1, 2]


def test_flushing_a_stuck_subscriber_again_and_again_takes_no_memory() -> None:
    let_go, entered = threading.Event(), threading.Event()

    def wait(_: object) -> None:
        entered.set()
        let_go.wait(30)

    subscription = Queued(wait, Wanted.ALL)
    subscription.put(1)
    assert entered.wait(10)
    assert not any(subscription.flush(0.0) for _ in range(1000))
    assert subscription.waiting == 1
    let_go.set()
    assert subscription.flush()


class _Cycle:
    """Does something when the garbage collection finds it, as a forgotten coroutine does."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._own = self

    def __del__(self) -> None:
        self._act()


def test_a_call_that_the_garbage_collection_ends_while_the_thread_is_started_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Any] = []
    subscription = Queued(seen.append, Wanted.ALL)
    start = threading.Thread.start

    def start_and_collect(thread: threading.Thread) -> None:
        _Cycle(lambda: subscription.put("collected"))
        gc.collect()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_and_collect)
    subscription.put("first")
    monkeypatch.undo()
    assert subscription.flush()
    assert seen == ["first", "collected"]


def test_a_full_queue_is_emptied_once_the_thread_can_be_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = threading.Event()
    subscription = Queued(lambda _: told.set(), Wanted.ALL, limit=1)
    with monkeypatch.context() as patched:
        patched.setattr(Queued, "_start", lambda _: None)
        subscription.put(1)
    subscription.put(2)
    assert told.wait(10)
    assert subscription.dropped == 1


def test_a_subscription_that_the_garbage_collection_closes_stays_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream, seen = Stream(), list[Any]()
    closed = stream.subscribe(seen.append, inline=True)
    wants_all = Subscription.wants_all

    def close_first(self: Subscription) -> bool:
        closed.close()
        return bool(wants_all.fget(self))  # type: ignore[attr-defined] # a property has one

    monkeypatch.setattr(Subscription, "wants_all", property(close_first))
    kept = stream.subscribe(seen.append, inline=True)
    monkeypatch.undo()
    assert stream.subscriptions == (kept,)
    stream.publish(End())
    assert len(seen) == 1


@pytest.mark.parametrize("events", [1, 3])
def test_a_program_that_ends_at_once_has_told_everything(events: int) -> None:
    program = f"""
from holdfast.lanes import LaneLocked
from holdfast.stream import Wanted, publish, subscribe
import time
subscribe(lambda event: print(event.at), only=Wanted.ENDS)
for number in range({events}):
    publish(LaneLocked((), number))
time.sleep(0.02)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(number) for number in range(events)]


class _LateQueue(SimpleQueue[Any]):
    """Something is put just when the thread has found that there is nothing to tell."""

    late: Callable[[], object] | None = None

    def qsize(self) -> int:
        found = super().qsize()
        late, self.late = self.late, None
        if late is not None:
            late()
        return found


def test_what_is_put_as_the_thread_ends_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IDLE", 0.0)
    told = threading.Event()
    subscription = Queued(lambda _: told.set(), Wanted.ALL)
    subscription._queue = queue = _LateQueue()
    queue.late = lambda: subscription.put("late")
    subscription._start()
    assert told.wait(10)


def test_a_call_that_ends_while_its_thread_waits_to_gather_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Any] = []
    subscription = Queued(seen.append, Wanted.ALL)
    monkeypatch.setattr(module, "_PLENTY", 1)
    wait = threading.Condition.wait

    def collect(condition: threading.Condition, timeout: float | None = None) -> bool:
        if threading.current_thread() is not threading.main_thread():
            subscription.put("collected")
        return wait(condition, timeout)

    monkeypatch.setattr(threading.Condition, "wait", collect)
    for number in range(3):
        subscription.put(number)
    assert subscription.flush()
    assert seen[:3] == [0, 1, 2]


def test_what_is_current_for_a_whole_call_is_in_the_context_of_all_that_is_told() -> None:
    current: ContextVar[str] = ContextVar("current", default="nothing")
    seen: list[tuple[str, str]] = []

    class Step:
        is_detail: ClassVar[bool] = True

    def note(event: object) -> None:
        seen.append((type(event).__name__, current.get()))

    def make_current(event: object) -> None:
        current.set("the call" if isinstance(event, Step) else "nothing")

    stream = Stream()
    queued = stream.subscribe(note)
    stream.subscribe(make_current, inline=True)
    stream.publish(Step())
    stream.publish(End())
    assert queued.flush()
    assert seen == [("Step", "the call"), ("End", "the call")]
