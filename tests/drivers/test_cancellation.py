"""Cancelled or interrupted, wherever it hits: no lane, task or connection stays behind."""

import asyncio
import functools
import signal
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Iterator
from typing import Any

import pytest
import stripe
from scripted import ScriptedServer, answer, error, reset
from stories import FakeTime

import holdfast
from holdfast import Backoff, Policy, StopReason, last_receipt
from holdfast.drivers import aio, sync
from holdfast.engine import (
    Call,
    Event,
    Failure,
    Jitter,
    Outcome,
    Phase,
    Request,
    Response,
    RetryScheduled,
    Send,
)
from holdfast.lanes import MemoryLanes, Ticket

KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
LOCKED = Response(429, {}, "lock_timeout")
BROKEN = Failure(Phase.SENT, ConnectionResetError())
OK = Response(200, {})
OUTCOMES = (LOCKED, BROKEN, LOCKED, OK)
ON_CUSTOMER = Request("POST", "/v1/customers/cus_1", "key", ("cus_1", "sub_1"))
CUSTOMER = answer(200, {"id": "cus_1", "object": "customer"})
QUICK = Backoff(0.001, 0.002)
LONG = Backoff(30.0, 30.0, jitter=Jitter.NONE)


def make_call(tell: Callable[[Event], object] = lambda _: None) -> Call:
    return Call(ON_CUSTOMER, Policy(), clock=FakeTime(), random=lambda: 0.5, tell=tell)


def assert_free(lanes: MemoryLanes) -> None:
    """Nobody holds or waits for anything, and whoever comes next enters at once."""
    assert len(lanes) == 0
    ticket = lanes.enter(ON_CUSTOMER.lanes, 0.0)
    assert ticket is not None
    ticket.leave()


# --- in tasks


class CancelledAt:
    """Awaits a coroutine, and cancels the task at the coroutine's nth wait."""

    def __init__(self, inner: Coroutine[Any, Any, Any], nth: int) -> None:
        self._inner = inner
        self._nth = nth
        self.waits = 0

    def __await__(self) -> Generator[Any, None, Any]:
        raised: BaseException | None = None
        while True:
            try:
                inner = self._inner
                waiting = inner.send(None) if raised is None else inner.throw(raised)
            except StopIteration as end:
                return end.value
            self.waits += 1
            task = asyncio.current_task()
            if self.waits == self._nth and task is not None:
                task.cancel()
            raised = None
            try:
                yield waiting
            except BaseException as caught:  # noqa: BLE001 - it is the inner one's to handle
                raised = caught


async def tell_async(outcomes: Iterator[Outcome], command: Send) -> Outcome:
    for _ in range(command.attempt):
        await asyncio.sleep(0)
    return next(outcomes)


async def run_cancelled(nth: int) -> tuple[CancelledAt, Call, MemoryLanes]:
    """A call that first waits for its lane, cancelled at its nth wait."""
    lanes = MemoryLanes()
    holder = lanes.enter(["sub_1"])
    assert holder is not None
    asyncio.get_running_loop().call_soon(holder.leave)
    call = make_call()
    run = aio.run(
        call,
        functools.partial(tell_async, iter(OUTCOMES)),
        lanes=lanes,
        sleep=lambda _: asyncio.sleep(0),
    )
    cancelled = CancelledAt(run, nth)
    try:
        await cancelled
    finally:
        holder.leave()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert_free(lanes)
        assert last_receipt() is call.receipt
    return cancelled, call, lanes


def test_cancelled_at_every_wait_nothing_stays_behind() -> None:
    undisturbed, call, _ = asyncio.run(run_cancelled(0))
    assert call.receipt.stop is StopReason.OK
    # The lane, four attempts of one wait more each, and three sleeps.
    assert undisturbed.waits == 1 + (1 + 2 + 3 + 4) + 3
    for nth in range(1, undisturbed.waits + 1):
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(run_cancelled(nth))


def test_a_cancelled_call_says_so_in_its_receipt() -> None:
    lanes, call = MemoryLanes(), make_call()

    async def main() -> None:
        send = functools.partial(tell_async, iter(OUTCOMES))
        task = asyncio.create_task(aio.run(call, send, lanes=lanes))
        await asyncio.sleep(0)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task

    asyncio.run(main())
    assert call.receipt.stop is StopReason.CANCELLED
    assert_free(lanes)


# --- on threads


class Interruptions:
    """Lets a KeyboardInterrupt hit at the nth thing that the driver is asked to do."""

    def __init__(self, nth: int) -> None:
        self.nth = nth
        self.steps = 0

    def hit(self) -> None:
        self.steps += 1
        if self.steps == self.nth:
            raise KeyboardInterrupt


class InterruptedLanes(MemoryLanes):
    """Lanes at whose door it may hit."""

    def __init__(self, interruptions: Interruptions) -> None:
        super().__init__()
        self._interruptions = interruptions

    def enter(self, *args: Any, **options: Any) -> Ticket | None:
        if self._interruptions.steps < 100:  # the look afterwards is no part of the call
            self._interruptions.hit()
        return super().enter(*args, **options)


def run_interrupted(nth: int) -> tuple[Interruptions, Call]:
    interruptions = Interruptions(nth)
    lanes, outcomes = InterruptedLanes(interruptions), iter(OUTCOMES)

    def send(_: Send) -> Outcome:
        interruptions.hit()
        return next(outcomes)

    def hit(_: object) -> None:
        interruptions.hit()

    call = make_call(hit)
    try:
        sync.run(call, send, lanes=lanes, sleep=hit)
    except KeyboardInterrupt:
        # The end is told, too, unless it is the telling that was hit.
        assert call.receipt.stop in (StopReason.CANCELLED, StopReason.OK)
        raise
    finally:
        told = interruptions.steps
        interruptions.steps = 1000
        assert_free(lanes)
        interruptions.steps = told
        assert last_receipt() is call.receipt
    return interruptions, call


def test_interrupted_at_every_step_nothing_stays_behind() -> None:
    undisturbed, call = run_interrupted(0)
    assert call.receipt.stop is StopReason.OK
    # The beginning, one lane entered and told, four attempts of three steps, three told sleeps,
    # and the end.
    assert undisturbed.steps == 1 + 2 + 4 * 3 + 3 * 2 + 1
    for nth in range(1, undisturbed.steps + 1):
        with pytest.raises(KeyboardInterrupt):
            run_interrupted(nth)


# --- through the drop-in, with real connections


def client_of(
    server: ScriptedServer, lanes: MemoryLanes, policy: Policy, **options: Any
) -> stripe.StripeClient:
    address: Any = {"api": server.url}
    return holdfast.stripe_client(KEY, policy, base_addresses=address, lanes=lanes, **options)


def open_connections(server: ScriptedServer) -> int:
    """How many connections the client has not closed: each has its thread in the server."""
    return sum(thread.is_alive() for thread in server._threads[1:])


def assert_at_most_open(server: ScriptedServer, most: int) -> None:
    patience = time.monotonic() + 10
    while open_connections(server) > most and time.monotonic() < patience:
        time.sleep(0.005)
    assert open_connections(server) <= most


async def update_cancelled(server: ScriptedServer, nth: int) -> int:
    """Cancel an update at its nth wait; gives its number of waits, or 0 if it was cancelled."""
    lanes = MemoryLanes()
    client = client_of(server, lanes, Policy(backoff=QUICK, locked_backoff=QUICK))
    customers: Any = client.v1.customers
    run, waits = CancelledAt(customers.update_async("cus_1", {"name": "Ada"}), nth), 0
    try:
        await run
        waits = run.waits
    except asyncio.CancelledError:
        receipt = last_receipt()
        assert receipt is not None
        assert receipt.stop is StopReason.CANCELLED
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert_free(lanes)
    # What was broken off took its connection with it; one, idle, may be there for the next.
    await asyncio.to_thread(assert_at_most_open, server, 1)
    assert (await customers.update_async("cus_1", {"name": "Ada"})).id == "cus_1"
    await asyncio.to_thread(assert_at_most_open, server, 1)
    http: Any = client._requestor._get_http_client()
    await http.close_async()
    await asyncio.to_thread(assert_at_most_open, server, 0)
    return waits


def test_cancelled_at_every_wait_no_connection_stays_behind(
    serve: Callable[..., ScriptedServer],
) -> None:
    nth, waits = 0, 0
    while not waits:
        nth += 1
        server = serve(error(429, "lock_timeout"), reset, CUSTOMER)
        waits = asyncio.run(update_cancelled(server, nth))
    # An answer, a reset, an answer, and two sleeps; on loopback connecting needs no wait.
    assert waits >= 5


@pytest.fixture
def interrupt() -> Iterator[Callable[[], None]]:
    """Press Ctrl-C, from any thread."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    main = threading.main_thread().ident
    assert main is not None
    yield functools.partial(signal.pthread_kill, main, signal.SIGINT)
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    ],
    ids=["unanswered", "head", "body", "chunks"],
)
def test_interrupted_in_an_answer_no_connection_stays_behind(
    serve: Callable[..., ScriptedServer], interrupt: Callable[[], None], part: bytes
) -> None:
    def stall(connection: socket.socket) -> None:
        connection.sendall(part)
        time.sleep(0.05)
        interrupt()
        connection.recv(1)  # until the client hangs up

    server, lanes = serve(stall, CUSTOMER), MemoryLanes()
    client = client_of(server, lanes, Policy())
    with pytest.raises(KeyboardInterrupt):
        client.v1.customers.update("cus_1", {"name": "Ada"})
    assert_stopped(server, lanes, client)


def test_interrupted_in_a_sleep_nothing_stays_behind(
    serve: Callable[..., ScriptedServer], interrupt: Callable[[], None]
) -> None:
    timers: list[threading.Timer] = []

    def on_event(event: Event) -> None:
        if isinstance(event, RetryScheduled):
            timers.append(threading.Timer(0.05, interrupt))
            timers[-1].start()

    server, lanes = serve(error(429, "lock_timeout"), CUSTOMER), MemoryLanes()
    client = client_of(server, lanes, Policy(locked_backoff=LONG), on_event=on_event)
    with pytest.raises(KeyboardInterrupt):
        client.v1.customers.update("cus_1", {"name": "Ada"})
    timers[0].join()
    assert_stopped(server, lanes, client)


def test_interrupted_in_the_queue_of_a_lane_the_place_is_given_up(
    serve: Callable[..., ScriptedServer], interrupt: Callable[[], None]
) -> None:
    server, lanes = serve(CUSTOMER), MemoryLanes()
    holder = lanes.enter(["cus_1"])
    assert holder is not None
    timer = threading.Timer(0.05, interrupt)
    timer.start()
    client = client_of(server, lanes, Policy())
    with pytest.raises(KeyboardInterrupt):
        client.v1.customers.update("cus_1", {"name": "Ada"})
    timer.join()
    assert lanes.waiting("cus_1") == 0
    assert server.requests == []
    holder.leave()
    assert_stopped(server, lanes, client)


def assert_stopped(server: ScriptedServer, lanes: MemoryLanes, client: stripe.StripeClient) -> None:
    """All is free, the next call works, and with the client its last connection goes."""
    receipt = last_receipt()
    assert receipt is not None
    assert receipt.stop is StopReason.CANCELLED
    assert_free(lanes)
    assert client.v1.customers.update("cus_1", {"name": "Ada"}).id == "cus_1"
    assert_at_most_open(server, 1)
    http: Any = client._requestor._get_http_client()
    http.close()
    assert_at_most_open(server, 0)
