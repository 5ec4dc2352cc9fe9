"""How things stand now: lanes, limiters and subscribers, read when somebody asks.

Nothing is counted for these as calls go by. A reading takes the mutex of a limiter for a moment,
and no lane's.
"""

import math
from collections.abc import Iterable

from holdfast._version import __version__
from holdfast.drivers.limiters import limiters
from holdfast.lanes import lanes_in_use
from holdfast.observe import metrics as table
from holdfast.observe.labels import LEVELS
from holdfast.observe.measuring import Bounded
from holdfast.observe.metrics import Metric
from holdfast.observe.tally import Number, Numbers
from holdfast.ratelimit import MemoryLimiter
from holdfast.stream import Subscription, process_stream, queued

_MOST_SUBSCRIBERS = 50


def read_levels() -> dict[Metric, Numbers]:
    """Where all metrics stand that are read, in the order of the table."""
    return {
        **_lanes(),
        **_limiters(limiters()),
        **_events({*process_stream().subscriptions, *queued()}),
        table.BUILD: {(__version__,): Number(1)},
    }


def _lanes() -> dict[Metric, Numbers]:
    crowds = [lanes.crowd() for lanes in lanes_in_use()]
    return {
        table.LANES: _single(sum(crowd.lanes for crowd in crowds)),
        table.LANE_WAITING: _single(sum(crowd.waiting for crowd in crowds)),
        table.LANE_LONGEST: _single(max((crowd.longest for crowd in crowds), default=0)),
    }


def _limiters(all_limiters: Iterable[MemoryLimiter]) -> dict[Metric, Numbers]:
    waiting = in_flight = 0
    rates, concurrencies = dict.fromkeys(LEVELS, math.inf), dict.fromkeys(LEVELS, math.inf)
    cuts = dict.fromkeys(LEVELS, 0)
    for limiter in all_limiters:
        waiting += limiter.waiting
        in_flight += limiter.in_flight
        for scope in limiter.states().values():
            level = scope.level.value
            rates[level] = min(rates[level], scope.rate)
            concurrencies[level] = min(concurrencies[level], scope.concurrency)
            cuts[level] += scope.is_cut
    return {
        table.LIMITER_WAITING: _single(waiting),
        table.LIMITER_RATE: _bounded(rates),
        table.LIMITER_CONCURRENCY: _bounded(concurrencies),
        table.LIMITER_CUT: {(level,): Number(count) for level, count in cuts.items()},
        table.IN_FLIGHT: _single(in_flight),
    }


def _events(all_subscriptions: Iterable[Subscription]) -> dict[Metric, Numbers]:
    dropped: dict[str, int] = {}
    failed: dict[str, int] = {}
    name_of = Bounded(_MOST_SUBSCRIBERS)
    for subscription in all_subscriptions:
        name = name_of(subscription.name)
        dropped[name] = dropped.get(name, 0) + subscription.dropped
        failed[name] = failed.get(name, 0) + subscription.failed
    return {
        table.DROPPED_EVENTS: {(name,): Number(count) for name, count in dropped.items()},
        table.FAILED_EVENTS: {(name,): Number(count) for name, count in failed.items()},
    }


def _single(value: float) -> Numbers:
    return {(): Number(value)}


def _bounded(values: dict[str, float]) -> Numbers:
    return {(level,): Number(value) for level, value in values.items() if value < math.inf}
