"""A sandbox in this process: it serves in a thread of its own, from `start` to `stop`."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from holdfast.sandbox import catalogue
from holdfast.sandbox.admin import check_hold
from holdfast.sandbox.background import Background, as_backgrounds
from holdfast.sandbox.controls import StateControls
from holdfast.sandbox.core import DEFAULT_ACCOUNT, Behaviour, Core
from holdfast.sandbox.faults import (
    UNSET,
    FaultFields,
    FaultKind,
    Unset,
    read_fault,
    read_scenario,
)
from holdfast.sandbox.holds import Hold, as_hold, check_seconds
from holdfast.sandbox.limits import read_limits
from holdfast.sandbox.listening import Listener, check_host, url_host
from holdfast.sandbox.lock_rules import LockRules, default_rules, read_rules
from holdfast.sandbox.seed import read_seed
from holdfast.sandbox.selector import precise_selector
from holdfast.sandbox.server import DEFAULT_BOUNDS, Bounds, Server
from holdfast.sandbox.serving import ServingThread
from holdfast.sandbox.state import JsonObject
from holdfast.sandbox.store import Store
from holdfast.sandbox.webhooks import DeliverySettings, Webhook
from holdfast.sandbox.webhooks.settings import as_webhooks

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class _Running:
    """What is there while the sandbox serves."""

    loop: asyncio.AbstractEventLoop
    core: Core
    thread: threading.Thread


class Sandbox(StateControls):
    """A local server that behaves like Stripe, in a thread of this process.

    Use it as a context manager, or call `start` and `stop`. Every method may be called from any
    thread.

    Args:
        lock_wait: the longest wait of a request for the lock of one object, in seconds, 0 to
            3600; 0 does not wait.
        hold: how long a write holds the locks of its objects: seconds, 0 to 3600, or `Fixed`,
            `LogNormal` or `Sampled`.
        store: an SQLite file to keep the state in; None keeps it in memory.
        seed: the objects to start with, a JSON file or its content; used when there are none yet.
        port: where to listen, 0 to 65535; 0 takes a free one.
        should_retry_header: whether lock timeouts carry `Stripe-Should-Retry: true`.
        random_seed: makes ids and holds repeatable.
        host: where to listen: 127.0.0.1, ::1 or localhost; with `allow_remote`, any.
        allow_remote: whether a host may be one that other machines reach. The sandbox answers
            whoever asks.
        bounds: how many connections there may be, how slow, and how much memory they may take up.
        scenario: faults of the whole run: a JSON file, or what such a file holds.
        limits: the rate limiters: `off`, `live` or `test` (Stripe's published numbers), a JSON file
            of your own numbers, or what such a file holds.
        clock: wall clock, unix seconds.
        linger: how much longer than its answer a write holds its locks, as `hold`.
        locks: which requests take which objects' locks, where that differs from the sandbox's own
            assumption: a JSON file or its content.
        reads_lock: whether a read waits for the locks of the objects in its path.
        background: processes that take locks whatever the requests do: a `Background`, text such
            as `2/s 50ms`, or several.
        lock_trace: whether every step of every lock is noted, for `lock_trace()`.
        lenient: whether any well-formed id names an object and any parameter is taken, as the test
            suites of the official packages expect.
        webhooks: receivers of events, as URLs or `Webhook`s.
        webhook_waits: how long to wait before each further try of a delivery, in seconds.
        webhook_timeout: how long a receiver may take to answer, in seconds.

    Raises:
        ValueError: an option is out of its range; the message names both.
        OSError: the file of the limits, of the locks or of the scenario cannot be read.
    """

    def __init__(
        self,
        lock_wait: float = 0.1,
        hold: float | Hold = 0.02,
        *,
        store: Path | str | None = None,
        seed: Path | str | Mapping[str, object] | None = None,
        port: int = 0,
        should_retry_header: bool = True,
        random_seed: int | None = None,
        host: str = "127.0.0.1",
        allow_remote: bool = False,
        bounds: Bounds = DEFAULT_BOUNDS,
        scenario: Path | str | Mapping[str, Any] | None = None,
        limits: str | Path | Mapping[str, Any] = "off",
        clock: Callable[[], float] = time.time,
        linger: float | Hold = 0,
        locks: Path | str | Mapping[str, object] | None = None,
        reads_lock: bool = False,
        background: str | Background | Sequence[str | Background] | None = None,
        lock_trace: bool = False,
        lenient: bool = False,
        webhooks: Sequence[str | Webhook] = (),
        webhook_waits: Sequence[float] = DeliverySettings().waits,
        webhook_timeout: float = DeliverySettings().timeout,
    ) -> None:
        if not _is_port(port):
            raise ValueError(f"port is {port!r}: give a number from 0 to 65535")
        self._behaviour = Behaviour(
            lock_wait=check_seconds("lock_wait", lock_wait),
            hold=as_hold(hold),
            linger=as_hold(linger, "linger"),
            background=as_backgrounds(background),
            lock_trace=lock_trace,
            locked_objects=_lock_rules(locks, reads_lock=reads_lock).locked_objects,
            should_retry_header=should_retry_header,
            limits=read_limits(limits),
            deliveries=DeliverySettings(tuple(webhook_waits), webhook_timeout),
            allow_remote=allow_remote,
            routes=catalogue.routes(lenient=lenient),
        )
        self._webhooks = as_webhooks(webhooks)
        self._store_path = None if store is None else Path(store)
        self._seed = seed
        self._wanted_port = port
        self._address = check_host(host, allow_remote=allow_remote)
        self._bounds = bounds
        self._scenario = None if scenario is None else read_scenario(scenario)
        self._random_seed = random_seed
        self._wall_clock = clock
        self._mutex = threading.Lock()
        self._running: _Running | None = None
        self._last: Core | None = None
        self._port = 0
        self._pending: set[Future[Any]] = set()

    def start(self) -> Self:
        """Start to serve. When it returns, the sandbox answers.

        Returns:
            The sandbox itself.

        Raises:
            RuntimeError: it runs already, the store is in use by another sandbox
                (`StoreInUse`), or the store's file is none.
            OSError: the port is taken, or a file cannot be opened.
            ValueError: there is something wrong with the seed.
        """
        with self._mutex:
            if self._running is not None:
                raise RuntimeError(f"the sandbox runs already, at {self.url}")
            self._running = self._launch()
            self._last = self._running.core
        return self

    def stop(self) -> None:
        """Stop to serve: close the port and every connection, end the thread, close the store.

        Requests that still wait for a lock or hold one are dropped whole. Calling it again does
        nothing.
        """
        with self._mutex:
            running, self._running = self._running, None
            if running is None:
                return
            with suppress(RuntimeError):  # the loop is closed: the thread ended by itself
                running.loop.call_soon_threadsafe(running.loop.stop)
        running.thread.join()
        for future in list(self._pending):
            future.cancel()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on, or listened on last."""
        if not self._port:
            raise RuntimeError("the sandbox was not started: call start(), or use it in a with")
        return self._port

    @property
    def url(self) -> str:
        """Where to point a client: `stripe.StripeClient(key, base_addresses={"api": url})`."""
        return f"http://{url_host(self._address)}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether it serves."""
        running = self._running
        return running is not None and running.thread.is_alive()

    def ledger(self) -> list[dict[str, Any]]:
        """Every effect so far, in order, as `GET /_sandbox/ledger` lists them."""
        return self._ask(lambda core: list(core.ledger.after()))

    def stats(self) -> dict[str, Any]:
        """The counters, as `GET /_sandbox/stats` answers them."""
        return self._ask(lambda core: core.stats_as_dict())

    def webhooks(self) -> dict[str, Any]:
        """The endpoints and the deliveries, as `GET /_sandbox/webhooks` shows them."""
        return self._ask(lambda core: core.webhooks.as_dict())

    def requests(self) -> list[dict[str, Any]]:
        """The last requests, the oldest first, as `GET /_sandbox/requests` lists them."""
        return self._ask(lambda core: core.recent.after())

    def objects(self, kind: str, account: str = DEFAULT_ACCOUNT) -> list[JsonObject]:
        """Copies of the objects of a kind, such as `customer`, in the order of their creation."""
        return deepcopy(self._ask(lambda core: core.state.objects(kind, account)))

    def fault(
        self,
        method: str,
        path: str,
        fault: str,
        count: int | Unset | None = UNSET,
        **fields: Unpack[FaultFields],
    ) -> None:
        """Script what the next requests are to suffer.

        Args:
            method: GET, POST or DELETE; `*` stands for any.
            path: of the requests; `*` and a name in braces stand for any one segment, `**` at the
                end for any number of them.
            fault: a `FaultKind`.
            count: how many requests; None sets no bound. By default one, but none where there is a
                `probability`, a `from` or an `until`.
            fields: the other fields of a fault, as docs/how-to/sandbox.md lists them, such as
                `seconds`, `should_retry`, `after_execution`, `probability`, `seed` and `after`.

        Raises:
            ValueError: an argument is out of its range; the message names it.
        """
        given: dict[str, object] = {"method": method, "path": path, "fault": fault, **fields}
        if not isinstance(count, Unset):
            given["count"] = count
        read = read_fault(given)
        self._ask(lambda core: core.faults.add(read))

    def refuse_connections(self, seconds: float) -> None:
        """Refuse connections for a while, and end those that are open.

        Requests that run are still answered. Nobody is given the port by chance.

        Args:
            seconds: how long, above 0 and at most 3600.

        Raises:
            ValueError: seconds is out of range.
            RuntimeError: the sandbox does not run.
        """
        outage = read_fault({"fault": FaultKind.REFUSED, "seconds": seconds})
        self._ask_running(lambda core: core.faults.add(outage))

    def hold_lock(self, object_id: str, seconds: float, account: str = DEFAULT_ACCOUNT) -> None:
        """Hold an object's lock from outside, as a process of Stripe's own would.

        It queues behind those who came before, and returns once the lock is held.

        Args:
            object_id: the object.
            seconds: how long, above 0 and at most 3600.
            account: whose object it is.

        Raises:
            ValueError: seconds is out of range.
            RuntimeError: the sandbox does not run, or was stopped before the lock was held.
        """
        check_hold(seconds)

        def begin(core: Core, held: Future[None]) -> None:
            core.hold_from_outside(account, object_id, seconds, lambda: _settle(held, None))

        self._wait_for(begin)

    def _ask(self, question: Callable[[Core], _Result]) -> _Result:
        """Ask on the loop's thread; after the end, here."""
        if self._running is None and self._last is not None:
            return question(self._last)
        return self._ask_running(question)

    def _ask_running(self, question: Callable[[Core], _Result]) -> _Result:
        def begin(core: Core, answer: Future[_Result]) -> None:
            try:
                _settle(answer, question(core))
            except (ValueError, sqlite3.Error) as error:
                answer.set_exception(error)

        return self._wait_for(begin)

    def _wait_for(self, begin: Callable[[Core, Future[_Result]], None]) -> _Result:
        future: Future[_Result] = Future()
        with self._mutex:
            running = self._running
            if running is None:
                raise RuntimeError("the sandbox does not run: call start(), or use it in a with")
            self._pending.add(future)
            running.loop.call_soon_threadsafe(begin, running.core, future)
        try:
            return future.result()
        except CancelledError:
            raise RuntimeError("the sandbox was stopped") from None
        finally:
            self._pending.discard(future)

    def _launch(self) -> _Running:
        seed = None if self._seed is None else read_seed(self._seed, self._wall_clock)
        with ExitStack() as undo:
            # The store first: a sandbox that is about to go gives up its port before its store.
            store = None
            if self._store_path is not None:
                store = Store(self._store_path)
                undo.callback(store.close)
            listener = Listener(self._address, self._wanted_port)
            undo.callback(listener.close)
            loop = asyncio.SelectorEventLoop(precise_selector())
            undo.callback(loop.close)
            core = Core(
                self._behaviour,
                loop,
                store=store,
                clock=self._wall_clock,
                random_seed=self._random_seed,
            )
            if seed is not None:
                core.plant(seed.account, seed.objects)
            if self._webhooks:
                core.listen(self._webhooks)
            undo.pop_all()
        self._port = listener.port
        thread = ServingThread(loop, listener, Server(core, self._bounds), store, self._scenario)
        thread.start()
        thread.ready.wait()
        return _Running(loop, core, thread)


def _lock_rules(source: Path | str | Mapping[str, object] | None, *, reads_lock: bool) -> LockRules:
    rules = default_rules() if source is None else read_rules(source, catalogue.routes().match)
    return replace(rules, reads=True) if reads_lock else rules


def _is_port(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 65535


def _settle(future: Future[_Result], result: _Result) -> None:
    """Answer whoever waits, unless they were told already that the sandbox stopped."""
    if future.set_running_or_notify_cancel():
        future.set_result(result)
