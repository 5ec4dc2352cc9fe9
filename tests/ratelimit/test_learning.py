"""What refusals teach, and how it is forgotten again."""

import pytest
from limiting import World

from holdfast.ratelimit import Limit, RateLimits, published_limits

PI = "/v1/payment_intents/pi_1A"


def flood(world: World, number: int, seconds: float, path: str = PI) -> None:
    """Calls at a steady rate, each ended at once."""
    for _ in range(number):
        world.call(path).end()
        world.run(seconds / number)


@pytest.mark.parametrize(
    ("reason", "scope"),
    [
        ("global-rate", "account"),
        ("Global-Rate", "account"),
        ("endpoint-rate", "POST /v1/payment_intents/{id}"),
        ("resource-specific", "write pi_1A"),
        (None, "account"),
        ("something new", "account"),
    ],
)
def test_a_refusal_cuts_the_scope_that_it_is_about(reason: str | None, scope: str) -> None:
    world = World()
    flood(world, 40, 1.0)
    world.call(PI).refused(reason)
    states = world.limiter.states()
    assert {name for name, state in states.items() if state.is_cut} == {scope}
    # 0.7 of what was sent in the last second.
    assert states[scope].rate == pytest.approx(0.7 * 41, abs=1.5)


def test_a_resource_without_an_id_is_its_endpoint() -> None:
    world = World()
    world.call("/v1/invoices").refused("resource-specific")
    assert world.limiter.states()["POST /v1/invoices"].is_cut


def test_reads_and_writes_of_an_object_are_told_apart() -> None:
    world = World()
    world.call(PI, method="GET").refused("resource-specific")
    assert world.limiter.states()["GET pi_1A"].is_cut
    assert world.call(PI).admitted_at == world.now
    assert world.call(PI, method="GET").waits


def test_a_told_resource_keeps_its_name() -> None:
    world = World(published_limits(live=False))
    world.call(PI).refused("resource-specific")
    states = world.limiter.states()
    assert states["POST /v1/payment_intents/{id}/** pi_1A"].is_cut


def test_one_burst_of_refusals_is_one_cut() -> None:
    world = World()
    flood(world, 30, 1.0)
    sent = [world.call() for _ in range(10)]
    rates = []
    for caller in sent:
        world.run(0.001)
        caller.refused()
        rates.append(world.limiter.states()["account"].rate)
    assert len(set(rates)) == 1
    world.run(2.0)
    after = world.call()
    world.run(0.001)
    after.refused()
    assert world.limiter.states()["account"].rate < rates[0]


def test_the_next_token_after_a_cut_takes_an_interval() -> None:
    world = World()
    flood(world, 10, 1.0)
    world.call().refused()
    rate = world.limiter.states()["account"].rate
    caller = world.call()
    world.run(5.0)
    assert caller.admitted_at is not None
    assert caller.admitted_at - 1001.0 == pytest.approx(1 / rate, rel=0.05)


def test_a_pause_that_the_server_asks_for_is_kept() -> None:
    world = World()
    world.call().refused(None, pause=7.0)
    caller = world.call()
    world.run(6.9)
    assert caller.waits
    world.run(2.0)
    assert caller.admitted_at is not None


def test_the_rate_comes_back_and_goes_beyond() -> None:
    world = World()
    flood(world, 20, 1.0)
    caller = world.call()
    caller.refused()
    low = world.limiter.states()["account"].rate
    for _ in range(400):
        world.call()
    rates = []
    for _ in range(80):
        world.run(0.1)
        rates.append(world.limiter.states()["account"].rate)
    assert rates == sorted(rates)
    # It takes cbrt(0.3 * 21 / 0.4) = 2.5 s to be back where it was, and less to be near that.
    back = next(i for i, rate in enumerate(rates) if rate > 20.5) / 10
    assert 1.0 < back < 3.0
    assert low < 16 < 30 < rates[-1]


def test_who_sends_little_learns_little() -> None:
    world = World()
    flood(world, 20, 1.0)
    world.call().refused()
    cut = world.limiter.states()["account"].rate
    for _ in range(30):
        world.run(1.0)
        world.call().end()
    assert world.limiter.states()["account"].rate == pytest.approx(cut, rel=0.01)


def test_never_beyond_what_is_told() -> None:
    world = World(RateLimits(account=Limit(25.0)))
    world.call().refused()
    for _ in range(600):
        world.call()
    world.run(15.0)
    state = world.limiter.states()["account"]
    assert (state.rate, state.is_cut) == (25.0, False)


@pytest.mark.parametrize("reason", ["global-rate", "endpoint-rate", "resource-specific"])
def test_what_binds_nobody_is_forgotten_after_a_minute(reason: str) -> None:
    world = World()
    world.call(PI).refused(reason)
    world.run(61.0)
    world.call(PI).end()
    world.call(PI).end()
    states = world.limiter.states()
    assert list(states) == ["account"]
    assert states["account"].rate == float("inf")
    assert all(world.call(PI).admitted_at == world.now for _ in range(100))


@pytest.mark.parametrize(
    ("reason", "scope"),
    [("global-concurrency", "account"), ("endpoint-concurrency", "POST /v1/payment_intents/{id}")],
)
def test_a_concurrency_refusal_cuts_what_may_be_under_way(reason: str, scope: str) -> None:
    world = World()
    callers = [world.call(PI) for _ in range(10)]
    for caller in callers[:3]:
        caller.refused(reason)
    state = world.limiter.states()[scope]
    assert state.concurrency == 7.0
    assert state.rate == float("inf")
    assert state.under_way == 7
    waiting = world.call(PI)
    world.run(1.0)
    assert waiting.waits
    callers[3].end()
    world.run(0.0)
    assert waiting.admitted_at == 1001.0


def test_concurrency_comes_back_one_a_round() -> None:
    world = World()
    under_way = [world.call(PI) for _ in range(10)]
    under_way.pop().refused("global-concurrency")
    before = world.limiter.states()["account"].concurrency
    waiting = [world.call(PI) for _ in range(200)]
    for caller in [*under_way, *waiting[:21]]:
        caller.end()
        world.run(0.01)
    after = world.limiter.states()["account"].concurrency
    assert 2.5 < after - before < 5


def test_concurrency_that_nobody_needs_is_forgotten_after_a_minute() -> None:
    world = World(RateLimits(account=Limit(None, concurrency=30)))
    callers = [world.call(PI) for _ in range(10)]
    callers[0].refused("global-concurrency")
    for caller in callers[1:]:
        caller.end()
    world.run(61.0)
    world.call(PI).end()
    assert world.limiter.states()["account"].concurrency == 30


def test_waiting_calls_of_an_endpoint_obey_a_limit_that_comes_up() -> None:
    world = World(RateLimits(account=Limit(100.0, 1)))
    first = world.call("/v1/a")
    waiting = [world.call("/v1/a") for _ in range(20)]
    others = [world.call("/v1/b") for _ in range(20)]
    first.refused("endpoint-rate")
    world.run(1.0)
    assert all(c.admitted_at is not None for c in others)
    assert sum(c.admitted_at is not None for c in waiting) < 5
    world.run(60.0)
    assert [c for c in world.admitted if c in waiting] == waiting


def test_a_refusal_after_a_long_rest_does_not_forget_what_was_told() -> None:
    world = World(RateLimits(endpoints={"POST /v1/a": Limit(4.0, 1), "POST /v1/b": Limit(4.0, 1)}))
    caller = world.call("/v1/a")
    world.run(60.0)
    for _ in range(10):
        world.call("/v1/b").end()  # the idle scope of the other one goes
        world.run(60.0)
    caller.refused("endpoint-rate")
    world.run(600.0)
    world.call("/v1/a")
    assert world.call("/v1/a").waits
    assert world.limiter.states()["POST /v1/a"].rate <= 4.0
