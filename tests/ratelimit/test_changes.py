"""What limiters tell the subscribers of events."""

from typing import Any

from limiting import World

from holdfast.ratelimit import Limit, LimitCut, LimitRecovered, RateLimits
from holdfast.stream import Wanted, subscribe


def test_a_cut_is_told_once_a_burst_and_so_is_the_recovery() -> None:
    seen: list[Any] = []
    world = World(RateLimits(account=Limit(25.0)))
    with subscribe(seen.append, only=Wanted.ENDS, inline=True):
        callers = [world.call() for _ in range(2)]
        for caller in callers:
            caller.refused()
        for _ in range(600):
            world.call()
        world.run(15.0)
    cut, recovered = seen
    assert isinstance(cut, LimitCut)
    assert (cut.account, cut.scope, cut.reason) == ("account", "account", "global-rate")
    assert cut.rate < 25.0
    assert cut.concurrency == float("inf")
    assert isinstance(recovered, LimitRecovered)
    assert recovered.scope == "account"


def test_a_cut_concurrency_recovers_too() -> None:
    seen: list[Any] = []
    world = World(RateLimits(account=Limit(1000.0, concurrency=4)))
    with subscribe(seen.append, only=Wanted.ENDS, inline=True):
        callers = [world.call() for _ in range(4)]
        callers[0].refused("global-concurrency")
        for caller in callers[1:]:
            caller.end()
        for _ in range(40):
            world.run(0.1)
            together = [world.call() for _ in range(4)]
            for caller in together:
                caller.end()
    assert [type(event) for event in seen] == [LimitCut, LimitRecovered]
    assert seen[0].concurrency < 4


def test_subscribers_are_told_of_a_recovery_without_the_mutex() -> None:
    seen: list[Any] = []
    world = World(RateLimits(account=Limit(1000.0, concurrency=4)))

    def look(event: object) -> None:
        seen.append((type(event), world.limiter.states()["account"].is_cut))

    with subscribe(look, only=Wanted.ENDS, inline=True):
        callers = [world.call() for _ in range(4)]
        callers[0].refused("global-concurrency")
        for caller in callers[1:]:
            caller.end()
        for _ in range(40):
            world.run(0.1)
            together = [world.call() for _ in range(4)]
            for caller in together:
                caller.end()
    assert seen == [(LimitCut, True), (LimitRecovered, False)]
