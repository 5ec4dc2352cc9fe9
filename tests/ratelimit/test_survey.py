"""A limiter looked at from outside."""

import math

from limiting import World

from holdfast.ratelimit import Limit, RateLimits


def test_a_limiter_without_limits_tells_what_it_sees() -> None:
    world = World()
    calls = [world.call() for _ in range(5)]
    calls[0].end()
    (account,) = world.limiter.survey(10)
    assert (account.name, account.rate, account.under_way) == ("account", 5.0, 4)
    assert (account.limit, account.concurrency) == (math.inf, math.inf)
    assert (account.waiting, account.is_cut) == (0, False)


def test_what_was_sent_more_than_a_second_ago_is_not_seen() -> None:
    world = World()
    world.call()
    world.now += 0.9
    world.call()
    assert world.limiter.survey(0)[0].rate == 2.0
    world.now += 0.2
    assert world.limiter.survey(0)[0].rate == 1.0


def test_a_rate_beyond_what_is_remembered_is_told_all_the_same() -> None:
    world = World()
    for _ in range(4000):
        world.call().end()
        world.now += 0.00025
    assert 3900 < world.limiter.survey(0)[0].rate < 4100


def test_the_ones_that_wait_are_counted_by_scope() -> None:
    world = World(RateLimits(account=Limit(100, burst=50), endpoint=Limit(10, burst=2)))
    for _ in range(5):
        world.call("/v1/customers")
    world.call("/v1/prices")
    readings = {one.name: one for one in world.limiter.survey(10)}
    assert list(readings) == ["account", "POST /v1/customers", "POST /v1/prices"]
    assert readings["account"].waiting == readings["POST /v1/customers"].waiting == 3
    assert readings["POST /v1/customers"].under_way == 2
    assert readings["POST /v1/customers"].limit == 10
    assert readings["POST /v1/prices"].rate == 1.0
    assert readings["account"].rate == 3.0


def test_a_scope_that_was_cut_comes_first_and_few_are_named() -> None:
    world = World(RateLimits(endpoint=Limit(50)))
    for number in range(30):
        world.call(f"/v1/things_{'x' * number}")
    refused = world.call("/v1/refused")
    refused.refused("endpoint-rate")
    names = [(one.name, one.is_cut) for one in world.limiter.survey(3)]
    assert names[:2] == [("account", False), ("POST /v1/refused", True)]
    assert len(names) == 4


def test_the_concurrency_is_told_as_whole_requests() -> None:
    world = World()
    calls = [world.call() for _ in range(9)]
    calls[0].refused("global-concurrency")
    (account,) = world.limiter.survey(0)
    assert account.concurrency == math.floor(9 * 0.7)
    assert account.is_cut


def test_an_endpoint_apart_does_not_count_for_the_account() -> None:
    apart = {"POST /v1/billing/meter_events": Limit(1000, apart=True)}
    world = World(RateLimits(account=Limit(100), endpoints=apart))
    world.call("/v1/billing/meter_events")
    readings = {one.name: one.rate for one in world.limiter.survey(5)}
    assert readings == {"account": 0.0, "POST /v1/billing/meter_events": 1.0}
