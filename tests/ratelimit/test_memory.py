"""The limiter on a clock of the test's own: order, bounds, deadlines, priorities."""

import pytest
from limiting import World, most_in_any

from holdfast import LimiterFull
from holdfast.ratelimit import Limit, Priority, RateLimits, published_limits
from holdfast.ratelimit.reasons import Level

BACKGROUND = Priority.BACKGROUND


def account(rate: float | None = 10.0, burst: float | None = 1.0, **options: object) -> RateLimits:
    return RateLimits(account=Limit(rate, burst), **options)  # type: ignore[arg-type]


def test_untold_nobody_waits() -> None:
    world = World()
    assert all(world.call().admitted_at == world.now for _ in range(1000))
    assert world.limiter.waiting == 0


def test_what_is_in_flight_is_what_was_let_go_and_has_not_ended() -> None:
    world = World()
    first, second = world.call(), world.call()
    assert world.limiter.in_flight == 2
    first.end()
    first.end()
    assert world.limiter.in_flight == 1
    second.cancel()
    assert world.limiter.in_flight == 0


def test_each_scope_has_its_level() -> None:
    limits = RateLimits(
        account=Limit(100),
        endpoints={"POST /v1/payouts": Limit(10)},
        resources={"POST /v1/payment_intents/{id}/**": Limit(5)},
    )
    world = World(limits)
    world.call("/v1/payouts")
    world.call("/v1/payment_intents/pi_1/capture")
    levels = {state.rate: state.level for state in world.limiter.states().values()}
    assert levels == {100: Level.ACCOUNT, 10: Level.ENDPOINT, 5: Level.RESOURCE}


def test_told_calls_go_at_the_rate_in_order() -> None:
    world = World(account())
    callers = [world.call() for _ in range(5)]
    world.run(10)
    assert world.admitted == callers
    waits = [(caller.admitted_at or 0) - 1000.0 for caller in callers]
    assert waits == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4], abs=1e-4)


def test_at_a_steady_rate_everybody_sleeps_once() -> None:
    world = World(account())
    callers = [world.call() for _ in range(100)]
    world.run(20)
    assert [caller.sleeps for caller in callers] == [0] + [1] * 99


@pytest.mark.parametrize("burst", [1, 3, 25])
def test_a_burst_is_allowed_once_after_a_pause(burst: int) -> None:
    world = World(account(10.0, burst))
    for _ in range(100):
        world.call()
    assert len(world.admitted) == burst
    world.run(3.0)
    assert len(world.admitted) == pytest.approx(burst + 30, abs=1)


def test_late_wake_ups_lose_nothing() -> None:
    world = World(account(100.0, None))
    for _ in range(1000):
        world.call()
    world.run(5.0, late=0.004)
    assert len(world.admitted) == pytest.approx(510, abs=2)


def test_who_cannot_make_it_is_told_at_once() -> None:
    world = World(account())
    for _ in range(21):
        world.call()
    late, just = world.call(timeout=2.0), world.call(timeout=2.2)
    assert late.too_late_at == world.now
    assert late.sleeps == 0
    assert just.waits
    world.run(3.0)
    assert just.admitted_at == pytest.approx(1002.1)


def test_who_waits_for_another_endpoint_does_not_count() -> None:
    limits = account(10.0, endpoints={"POST /v1/slow": Limit(0.1, 1)})
    world = World(limits)
    for _ in range(50):
        world.call("/v1/slow")
    assert world.call("/v1/fast", timeout=0.5).too_late_at is None
    world.run(0.5)
    assert len([c for c in world.admitted if c.admission.path == "/v1/fast"]) == 1


def test_a_cut_tells_those_who_now_cannot_make_it_before_their_deadline() -> None:
    world = World(account(100.0))
    first = world.call()
    waiting = [world.call(timeout=1.0) for _ in range(50)]
    first.refused()
    world.run(0.6)
    gave_up = [c for c in waiting if c.too_late_at is not None]
    assert gave_up
    assert all((c.too_late_at or 0) < 1000.6 for c in gave_up)


def test_a_turn_that_comes_after_the_deadline_is_not_used() -> None:
    world = World(account())
    world.call()
    stalled, next_ = world.call(timeout=0.15), world.call()
    stalled.alive = False  # its event loop stands still
    world.run(0.05)
    world.now += 10.0
    world.run(0.0)
    assert next_.admitted_at == world.now
    assert world.limiter.waiting == 0


def test_too_many_waiting_are_refused() -> None:
    world = World(account())
    for _ in range(3):
        world.call()
    caller = world.call()
    caller.cancel()
    with pytest.raises(LimiterFull, match=r"2 calls already wait .* \(max_waiting\)"):
        caller.begin(max_waiting=2)
    assert world.limiter.waiting == 2
    caller.again = True
    assert caller.begin(max_waiting=2).waits


def test_a_cancelled_waiter_frees_its_place() -> None:
    world = World(account())
    callers = [world.call() for _ in range(4)]
    callers[1].cancel()
    world.run(1.0)
    assert callers[2].admitted_at == pytest.approx(1000.1)
    assert callers[3].admitted_at == pytest.approx(1000.2)
    assert world.limiter.waiting == 0


def test_a_token_of_one_that_was_cancelled_goes_to_the_next() -> None:
    world = World(account())
    first, second, third = (world.call() for _ in range(3))
    world.now += 0.1
    world.limiter.look(third.admission)  # it hands the second one its token, who is still asleep
    second.cancel()
    world.run(0.0)
    assert first.admitted_at == 1000.0
    assert third.admitted_at == pytest.approx(1000.1)
    assert most_in_any(world.times(), 0.1) == 1


def test_a_waiter_whose_loop_is_gone_holds_nobody_up() -> None:
    world = World(account())
    callers = [world.call() for _ in range(4)]
    callers[1].alive = False
    world.run(1.0)
    assert [c.admitted_at for c in callers[2:]] == pytest.approx([1000.2, 1000.3], abs=0.11)
    assert world.limiter.waiting == 0


def test_the_next_is_woken_when_its_token_comes_earlier() -> None:
    world = World(account(None, endpoint=Limit(None, concurrency=1)))
    first, second = world.call(), world.call()
    world.run(5.0)
    assert second.waits
    first.end()
    world.run(0.0)
    assert second.admitted_at == 1005.0


@pytest.mark.parametrize("jump", [3600.0, 1e7])
def test_a_clock_that_jumps_ahead_releases_no_burst(jump: float) -> None:
    world = World(account(10.0, 2))
    for _ in range(500):
        world.call()
    world.run(1.0)
    before = len(world.admitted)
    world.now += jump  # a laptop that was asleep
    world.run(0.0)
    assert len(world.admitted) - before <= 2
    world.run(1.0)
    assert len(world.admitted) - before <= 12


def test_a_clock_that_jumps_back_stops_nobody() -> None:
    world = World(account(10.0, 1))
    for _ in range(100):
        world.call()
    world.run(1.0)
    before = len(world.admitted)
    world.now -= 500.0
    world.call()
    world._wakeups = [(at - 500.0, number, do) for at, number, do in world._wakeups]
    world.run(1.0)
    assert 9 <= len(world.admitted) - before <= 11


def test_interactive_calls_go_before_background_ones() -> None:
    world = World(account())
    background = [world.call(priority=BACKGROUND) for _ in range(20)]
    world.run(0.5)
    interactive = world.call()
    world.run(0.25)
    assert interactive.admitted_at == pytest.approx(1000.6, abs=0.11)
    assert sum(c.admitted_at is not None for c in background) < 8


@pytest.mark.parametrize("share", [0.8, 0.5, 0.2])
@pytest.mark.parametrize("flooding", list(Priority))
def test_a_flood_starves_nobody_beyond_its_share(share: float, flooding: Priority) -> None:
    world = World(account(100.0, interactive_share=share))
    for priority in (flooding, *Priority):
        for _ in range(1000):
            world.call(priority=priority)
    world.admitted.clear()
    world.run(10.0)
    interactive = sum(c.admission.priority is Priority.INTERACTIVE for c in world.admitted)
    assert interactive / len(world.admitted) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("alone", list(Priority))
def test_who_waits_alone_has_it_all(alone: Priority) -> None:
    world = World(account(100.0))
    for _ in range(200):
        world.call(priority=alone)
    world.run(1.0)
    assert len(world.admitted) == pytest.approx(101, abs=1)


@pytest.mark.parametrize(
    ("share", "first"), [(1.0, Priority.INTERACTIVE), (0.0, Priority.BACKGROUND)]
)
def test_all_of_it_may_be_reserved(share: float, first: Priority) -> None:
    world = World(account(100.0, interactive_share=share))
    world.call()
    for _ in range(10):
        for priority in Priority:
            world.call(priority=priority)
    world.admitted.clear()
    world.run(1.0)
    assert {c.admission.priority for c in world.admitted[:10]} == {first}
    assert len(world.admitted) == 20


def test_who_was_refused_goes_before_who_was_never_sent() -> None:
    world = World(account(10.0, 2))
    first, second = world.call(), world.call()
    waiting = [world.call() for _ in range(3)]
    second.end()
    first.refused()
    second.ask_again()
    first.ask_again()
    world.admitted.clear()
    world.run(10.0)
    assert world.admitted == [second, first, *waiting]


def test_a_millionth_object_leaves_no_more_than_the_first() -> None:
    world = World(published_limits(live=True))
    for number in range(3000):
        caller = world.call(f"/v1/payment_intents/pi_{number}A", method="POST")
        world.run(0.04)
        caller.end()
    # 7.2 s is how long an object's bucket takes to be full again; then it goes, sooner or later.
    assert len(world.limiter.states()) < 2 * 7.2 / 0.04
    world.run(60.0)
    for number in range(200):
        world.call("/v1/charges/ch_1A", method="GET").end()
        world.call(f"/v1/payment_intents/pi_{number}B").end()
        world.run(8.0)
    assert len(world.limiter.states()) < 20


def test_without_limits_no_object_leaves_anything() -> None:
    world = World()
    for number in range(3000):
        world.call(f"/v1/payment_intents/pi_{number}A").end()
    assert set(world.limiter.states()) == {"account"}


def test_apart_counts_for_itself_alone() -> None:
    world = World(account(10.0, endpoints={"POST /v1/meter": Limit(100.0, 1, apart=True)}))
    world.call("/v1/meter")
    assert world.call("/v1/other").admitted_at == 1000.0
    world.run(0.01)
    assert world.call("/v1/meter").admitted_at == pytest.approx(1000.01)


def test_an_endpoint_and_its_account_both_count() -> None:
    world = World(account(10.0, endpoint=Limit(4.0, 1)))
    for _ in range(100):
        world.call("/v1/a")
        world.call("/v1/b")
        world.call("/v1/c")
    world.run(10.0)
    assert len(world.admitted) == pytest.approx(101, abs=1)
    for path in ("/v1/a", "/v1/b", "/v1/c"):
        times = [c.admitted_at or 0 for c in world.admitted if c.admission.path == path]
        assert most_in_any(times, 1.0) <= 5
        assert len(times) > 25


def test_an_object_has_a_limit_of_its_own() -> None:
    world = World(RateLimits(resources={"POST /v1/payment_intents/{id}/**": Limit(1.0, 1)}))
    for _ in range(5):
        world.call("/v1/payment_intents/pi_1A/confirm")
    for number in range(5):
        world.call(f"/v1/payment_intents/pi_{number + 2}A")
    assert len(world.admitted) == 6
    world.run(2.0)
    assert len(world.admitted) == 8


def test_taking_a_token_without_waiting_makes_debts() -> None:
    world = World(account())
    for _ in range(10):
        world.limiter.admission("POST", "/v1/customers").take()
    late = world.call()
    world.run(0.95)
    assert late.waits
    world.run(0.1)
    assert late.admitted_at == pytest.approx(1001.0)


def test_ending_twice_does_nothing() -> None:
    world = World(account(None, endpoint=Limit(None, concurrency=2)))
    caller = world.call()
    caller.end()
    caller.end()
    assert world.limiter.states()["POST /v1/customers"].under_way == 0
