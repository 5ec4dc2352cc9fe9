"""The drivers and the limiter: tokens are waited for, freed, and shared by an account."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import holdfast
import holdfast.testing
from holdfast import Limit, LimiterFull, Policy, RateLimits, StopReason
from holdfast.drivers import aio, sync
from holdfast.drivers.limiters import limiter_of
from holdfast.drivers.priority import current_priority
from holdfast.engine import Admitted, Call, Cause, Event, Outcome, Request, Response, Send, Waiting
from holdfast.integrations.calls import make_call
from holdfast.lanes import MemoryLanes
from holdfast.ratelimit import MemoryLimiter, Priority

OK = Response(200, {})
THROTTLED = Response(429, {"Stripe-Rate-Limited-Reason": "global-rate"})
POST = Request("POST", "/v1/customers", "key")

Runner = Callable[..., Outcome]


def _sync(call: Call, send: Callable[[Send], Outcome], **options: Any) -> Outcome:
    return sync.run(call, send, lanes=MemoryLanes(), **options)


def _async(call: Call, send: Callable[[Send], Outcome], **options: Any) -> Outcome:
    async def later(command: Send) -> Outcome:
        await asyncio.sleep(0)
        return send(command)

    return asyncio.run(aio.run(call, later, lanes=MemoryLanes(), **options))


@pytest.fixture(params=[_sync, _async], ids=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Runner:
    runner: Runner = request.param
    return runner


def make(limiter: MemoryLimiter, policy: Policy | None = None, **options: Any) -> Call:
    import time

    return Call(
        POST,
        policy or Policy(),
        clock=time.monotonic,
        random=lambda: 0.5,
        tokens=limiter.admission("POST", "/v1/customers"),
        **options,
    )


def test_a_token_is_waited_for_and_told(run: Runner) -> None:
    limiter = MemoryLimiter(RateLimits(account=Limit(20.0, 1)))
    seen: list[Event] = []
    limiter.admission("GET", "/v1/refunds").take()
    call = make(limiter, tell=seen.append)
    assert run(call, lambda _: OK) is OK
    waited = call.receipt.waits[Cause.LIMITER]
    assert waited >= 0.045
    assert any(isinstance(event, Waiting) and event.cause is Cause.LIMITER for event in seen)
    assert [event.waited for event in seen if isinstance(event, Admitted)] == [waited]


def test_a_refused_call_slows_down_and_goes_again(run: Runner) -> None:
    limiter = MemoryLimiter(RateLimits(account=Limit(100.0)))
    outcomes = iter([THROTTLED, OK])
    call = make(limiter)
    assert run(call, lambda _: next(outcomes)) is OK
    assert limiter.states()["account"].is_cut
    assert call.receipt.fault_classes == ["throttled", "ok"]
    assert call.receipt.waits[Cause.LIMITER] > 0.5


@pytest.mark.parametrize("error", [None, ZeroDivisionError, KeyboardInterrupt])
def test_nothing_is_under_way_after_a_call(run: Runner, error: type[BaseException] | None) -> None:
    limiter = MemoryLimiter(RateLimits(account=Limit(concurrency=2)))
    during: list[int] = []

    def send(_: Send) -> Outcome:
        during.append(limiter.states()["account"].under_way)
        if error is not None:
            raise error
        return OK

    if error is None:
        run(make(limiter), send)
    else:
        with pytest.raises(error):
            run(make(limiter), send)
    assert during == [1]
    assert limiter.states()["account"].under_way == 0


def test_too_late_is_told_without_a_wait(run: Runner) -> None:
    limiter = MemoryLimiter(RateLimits(account=Limit(0.001, 1)))
    limiter.admission("POST", "/v1/customers").take()
    call = make(limiter, Policy(deadline=60.0))
    with pytest.raises(holdfast.DeadlineExceeded):
        run(call, lambda _: OK)
    assert call.receipt.stop is StopReason.DEADLINE
    assert call.receipt.seconds < 30
    assert limiter.waiting == 0


def test_a_full_limiter_refuses_the_call(run: Runner) -> None:
    limiter = MemoryLimiter(RateLimits(account=Limit(0.001, 1)))
    limiter.admission("POST", "/v1/customers").take()

    class Gate:
        def close(self) -> None:
            pass

        def open(self) -> bool:
            return True

    limiter.join(limiter.admission("GET", "/v1/a"), Gate(), 1e9, 5, again=False)
    call = make(limiter, Policy(max_waiting=1))
    with pytest.raises(LimiterFull):
        run(call, lambda _: OK)
    assert call.receipt.stop is StopReason.LIMITER_FULL


def test_no_waiting_in_tests(run: Runner) -> None:
    limiter = MemoryLimiter(RateLimits(account=Limit(0.001, 1)))
    outcomes = iter([THROTTLED, OK])
    with holdfast.testing.no_waiting() as receipts:
        assert run(make(limiter), lambda _: next(outcomes)) is OK
    assert receipts[0].fault_classes == ["throttled", "ok"]
    assert receipts[0].waits == {}


def test_an_account_has_one_limiter_for_what_is_told() -> None:
    told = RateLimits(account=Limit(5))
    one = limiter_of("a", told)
    assert limiter_of("a", RateLimits(account=Limit(5))) is one
    assert limiter_of("a", RateLimits()) is not one
    assert limiter_of("b", told) is not one
    for number in range(5000):
        limiter_of(number, told)
    assert limiter_of("a", told) is not one


def test_the_priority_of_a_block_counts_and_ends_with_it() -> None:
    assert current_priority("background") is Priority.BACKGROUND
    with holdfast.priority("background"):
        assert current_priority("interactive") is Priority.BACKGROUND
        with holdfast.priority("interactive"):
            assert current_priority("background") is Priority.INTERACTIVE
        assert current_priority("interactive") is Priority.BACKGROUND
    assert current_priority("interactive") is Priority.INTERACTIVE


def test_a_priority_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="'urgent': it must be one of interactive, background"):
        holdfast.priority("urgent")  # type: ignore[arg-type]


def call_of(policy: Policy, key: str = "sk_test_1", path: str = "/v1/customers") -> Call:
    url = f"https://api.stripe.com{path}?limit=3"
    headers = {"Authorization": f"Bearer {key}"}
    return make_call("GET", url, headers, None, policy, lanes=MemoryLanes())


def test_a_request_is_told_to_its_accounts_limiter() -> None:
    with holdfast.priority("background"):
        tokens: Any = call_of(Policy(rate_limit="stripe")).tokens
    assert (tokens.method, tokens.path) == ("GET", "/v1/customers")
    assert tokens.priority is Priority.BACKGROUND
    assert tokens._limiter.states()["account"].rate == 25
    other: Any = call_of(Policy(rate_limit="stripe"), "sk_live_1").tokens
    assert other._limiter.states()["account"].rate == 100
    same: Any = call_of(Policy(rate_limit="stripe", priority="background"), path="/v1/a").tokens
    assert same._limiter is tokens._limiter
    assert same.priority is Priority.BACKGROUND


def test_without_a_limiter_there_are_no_tokens() -> None:
    assert call_of(Policy(throttled="raise")).tokens is None
    assert call_of(Policy.stripe_python()).tokens is None
