"""The application-level retry, around blocks, functions and coroutines."""

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import stripe
from scripted import ScriptedServer, answer, error

import holdfast
import holdfast.testing
from holdfast import Backoff, Policy, Receipt, StopReason, observe

if TYPE_CHECKING:
    from holdfast.engine import Event

LOCKED = error(429, "lock_timeout")
CUSTOMER = answer(200, {"id": "cus_1", "object": "customer"})


@pytest.fixture(autouse=True)
def receipts() -> Iterator[list[Receipt]]:
    """No test waits; every receipt is kept."""
    with holdfast.testing.no_waiting() as kept:
        yield kept


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedServer]]:
    started = []

    def start(*script: Any) -> ScriptedServer:
        started.append(ScriptedServer(list(script)))
        return started[-1]

    yield start
    for server in started:
        server.stop()


class Flaky:
    """Raises what it is given, in order, then returns its number of calls."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.calls

    async def later(self) -> int:
        await asyncio.sleep(0)
        return self()


def run(flaky: Flaky, mode: str, **options: Any) -> int:
    """The same through every way in."""
    on = options.pop("on", ValueError)
    if mode == "function":
        return holdfast.retrying(on, **options)(flaky.__call__)()
    if mode == "coroutine":
        return asyncio.run(holdfast.retrying(on, **options)(flaky.later)())
    if mode == "loop":
        return _loop(flaky, on, **options)
    return asyncio.run(_async_loop(flaky, on, **options))


def _loop(flaky: Flaky, on: Any, **options: Any) -> int:
    for attempt in holdfast.attempts(on, **options):
        with attempt:
            attempt.result = flaky()
    result: int = attempt.result
    return result


async def _async_loop(flaky: Flaky, on: Any, **options: Any) -> int:
    async for attempt in holdfast.attempts(on, **options):
        with attempt:
            attempt.result = await flaky.later()
    result: int = attempt.result
    return result


@pytest.fixture(params=["function", "coroutine", "loop", "async loop"])
def mode(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


def test_a_success_is_not_repeated(mode: str, receipts: list[Receipt]) -> None:
    assert run(Flaky(), mode) == 1
    assert [receipt.stop for receipt in receipts] == [StopReason.OK]
    assert holdfast.last_receipt() is receipts[0] or "async" in mode or mode == "coroutine"


def test_it_tries_until_it_succeeds(mode: str, receipts: list[Receipt]) -> None:
    assert run(Flaky(ValueError("1"), ValueError("2")), mode) == 3
    assert len(receipts[-1].attempts) == 3


def test_the_last_error_itself_is_raised_with_a_note(mode: str) -> None:
    errors = [ValueError("1"), ValueError("2"), ValueError("3"), ValueError("4")]
    with pytest.raises(ValueError) as caught:
        run(Flaky(*errors), mode, attempts=3)
    assert caught.value is errors[2]
    (note,) = caught.value.__notes__
    assert "attempts (" in note
    assert "3 attempts in" in note


def test_another_error_is_raised_at_once(mode: str) -> None:
    flaky = Flaky(KeyError("x"))
    with pytest.raises(KeyError) as caught:
        run(flaky, mode)
    assert flaky.calls == 1
    assert "not_retryable" in caught.value.__notes__[0]


@pytest.mark.parametrize("error_", [KeyboardInterrupt(), SystemExit(), asyncio.CancelledError()])
def test_what_is_no_exception_is_never_swallowed(
    mode: str, error_: BaseException, receipts: list[Receipt]
) -> None:
    flaky = Flaky(error_)
    with pytest.raises(type(error_)):
        run(flaky, mode)
    assert flaky.calls == 1
    assert receipts[-1].stop is StopReason.CANCELLED


@pytest.mark.parametrize(
    ("on", "retried"),
    [
        (ValueError, True),
        (LookupError, False),
        ((LookupError, ValueError), True),
        ((LookupError, lambda e: "mend" in str(e)), True),
        (lambda e: "mend" in str(e), True),
        (lambda e: "other" in str(e), False),
        ("lock_timeout", False),
    ],
)
def test_what_is_retried(on: Any, retried: bool) -> None:
    flaky = Flaky(ValueError("mend me"))
    if retried:
        assert run(flaky, "function", on=on) == 2
    else:
        with pytest.raises(ValueError):
            run(flaky, "function", on=on)


def test_results_can_be_asked_for_again(mode: str) -> None:
    assert run(Flaky(), mode, attempts=5, retry_result=lambda n: n < 3) == 3


def test_the_last_result_is_given_when_none_is_wanted(mode: str, receipts: list[Receipt]) -> None:
    assert run(Flaky(), mode, attempts=2, retry_result=lambda _: True) == 2
    assert receipts[-1].stop is StopReason.ATTEMPTS


def test_waits_grow_as_they_are_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    from holdfast.application import loop as module

    slept: list[float] = []
    monkeypatch.setattr(module, "pause", slept.append)
    with pytest.raises(ValueError):
        run(Flaky(*[ValueError()] * 4), "loop", attempts=4, wait=holdfast.progressive(0.5))
    assert slept == [0.5, 1.0, 1.5]


def test_leaving_a_loop_from_its_with_is_a_success(receipts: list[Receipt]) -> None:
    for attempt in holdfast.attempts(ValueError):
        with attempt:
            break
    assert receipts[-1].stop is StopReason.OK


def test_leaving_a_loop_before_its_with_is_no_attempt(receipts: list[Receipt]) -> None:
    for _ in holdfast.attempts(ValueError):
        break
    assert receipts[-1].stop is StopReason.CANCELLED
    assert receipts[-1].attempts == []


def test_a_loop_without_its_with_is_told() -> None:
    with pytest.raises(RuntimeError, match="write `with attempt:`"):
        for _ in holdfast.attempts(ValueError):
            pass


def test_one_loop_object_serves_many_at_once() -> None:
    shared = holdfast.attempts(ValueError, attempts=3)

    async def one() -> int:
        flaky = Flaky(ValueError(), ValueError())
        async for attempt in shared:
            with attempt:
                await flaky.later()
        return flaky.calls

    async def main() -> list[int]:
        return await asyncio.gather(*(one() for _ in range(20)))

    assert asyncio.run(main()) == [3] * 20


def test_events_are_told(mode: str) -> None:
    seen: list[Event] = []
    run(Flaky(ValueError()), mode, on_event=seen.append)
    assert observe.flush()
    assert [type(event).__name__ for event in seen] == [
        "CallStarted",
        "AttemptStarted",
        "AttemptEnded",
        "RetryScheduled",
        "AttemptStarted",
        "AttemptEnded",
        "CallEnded",
    ]


def test_a_wait_that_lasted_too_long_raises_the_last_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import time

    from holdfast.application import loop as module

    monkeypatch.setattr(module, "pause", lambda _: time.sleep(0.1))
    flaky = Flaky(ValueError("last"))
    with pytest.raises(ValueError, match="last") as caught:
        run(flaky, "loop", deadline=0.05, wait=Backoff(0.001, 0.001))
    assert flaky.calls == 1
    assert "deadline" in caught.value.__notes__[0]


def test_bad_options_are_told() -> None:
    with pytest.raises(ValueError, match="attempts is 0: it must be at least 1"):
        holdfast.attempts(ValueError, attempts=0)
    with pytest.raises(TypeError, match="on is 7: give an error code"):
        holdfast.attempts(7)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="on is KeyboardInterrupt: an exception type must be"):
        holdfast.attempts(KeyboardInterrupt)  # type: ignore[arg-type]


def test_generator_functions_are_refused() -> None:
    def generate() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="generate is a generator function"):
        holdfast.retrying(ValueError)(generate)


def client_of(server: ScriptedServer, **policy: Any) -> stripe.StripeClient:
    address: Any = {"api": server.url}
    options = {"backoff": Backoff(0.001, 0.001), "locked_backoff": Backoff(0.001, 0.001)}
    return holdfast.stripe_client(
        "sk_test_x", Policy(**{**options, **policy}), base_addresses=address
    )


def test_a_lock_timeout_of_the_sdk_is_known_by_its_code(serve: Callable[..., Any]) -> None:
    server = serve(LOCKED, LOCKED, CUSTOMER)
    address: Any = {"api": server.url}
    plain = stripe.StripeClient("sk_test_x", base_addresses=address)  # retries nothing itself

    @holdfast.retrying(on="lock_timeout", attempts=3, wait=holdfast.progressive(0.5))
    def robust_retrieve() -> stripe.Customer:
        return plain.v1.customers.retrieve("cus_1")

    assert robust_retrieve().id == "cus_1"
    receipt = holdfast.last_receipt()
    assert receipt is not None
    assert receipt.fault_classes == ["locked", "locked", "ok"]
    plain._requestor._get_http_client().close()


@pytest.mark.parametrize("library", ["httpx2", "httpx", "requests"])
def test_a_status_error_is_known_by_the_code_in_its_body(
    serve: Callable[..., Any], library: str
) -> None:
    http = pytest.importorskip(library)
    server = serve(LOCKED, CUSTOMER)
    get = (http.Session if library == "requests" else http.Client)()

    @holdfast.retrying(on="lock_timeout")
    def fetch() -> Any:
        response = get.get(f"{server.url}/v1/customers/cus_1")
        response.raise_for_status()
        return response.json()

    with get:
        assert fetch()["id"] == "cus_1"


def test_the_clients_retries_and_the_loops_do_not_multiply(serve: Callable[..., Any]) -> None:
    server = serve(LOCKED)
    client = client_of(server, max_retries=2)
    retried = holdfast.retrying("lock_timeout", attempts=3)(client.v1.customers.retrieve)
    with pytest.raises(stripe.RateLimitError):
        retried("cus_1")
    client._requestor._get_http_client().close()
    assert len(server.requests) == 3


def test_the_loops_deadline_bounds_the_client(serve: Callable[..., Any]) -> None:
    server = serve(LOCKED)
    client = client_of(server, locked_backoff=Backoff(30, 30))
    retried = holdfast.retrying(ValueError, deadline=0.5)(client.v1.customers.retrieve)
    with pytest.raises(stripe.RateLimitError) as caught:
        retried("cus_1")
    client._requestor._get_http_client().close()
    assert "deadline" in caught.value.__notes__[0]


def test_the_receipt_of_an_async_loop_is_the_tasks_last_one_however_it_was_left() -> None:
    def seen() -> tuple[str, StopReason | None]:
        receipt = holdfast.last_receipt()
        assert receipt is not None
        return receipt.path, receipt.stop

    async def leave(name: str, error: BaseException | None) -> None:
        async for attempt in holdfast.attempts(ValueError, name=name):
            with attempt:
                if error is None:
                    break
                raise error

    async def main() -> None:
        with pytest.raises(KeyError):
            await leave("raised", KeyError())
        assert seen() == ("raised", StopReason.NOT_RETRYABLE)
        await leave("broken off", None)
        assert seen() == ("broken off", StopReason.OK)
        with pytest.raises(asyncio.CancelledError):
            await leave("cancelled", asyncio.CancelledError())
        assert seen() == ("cancelled", StopReason.CANCELLED)

    asyncio.run(main())


def test_each_block_is_recorded_once(mode: str, receipts: list[Receipt]) -> None:
    run(Flaky(ValueError("1")), mode)
    with pytest.raises(KeyError):
        run(Flaky(KeyError("1")), mode)
    assert [receipt.stop for receipt in receipts] == [StopReason.OK, StopReason.NOT_RETRYABLE]
