"""Whatever may happen to a limiter, in whatever order its callers wake: the promises hold.

Callers do what threads and tasks do, on a clock of the test's own: they sleep as long as they are
told, wake late or never, are cancelled asleep or with a token in hand, and are refused.
"""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from limiting import Caller, World

from holdfast.ratelimit import Limit, Priority, RateLimits

PATHS = ("/v1/customers", "/v1/refunds", "/v1/customers/cus_1", "/v1/customers/cus_2")
ENDPOINTS = {
    "/v1/customers": "POST /v1/customers",
    "/v1/refunds": "POST /v1/refunds",
    "/v1/customers/cus_1": "POST /v1/customers/{id}",
    "/v1/customers/cus_2": "POST /v1/customers/{id}",
}
REASONS = (
    "global-rate",
    "endpoint-rate",
    "resource-specific",
    "global-concurrency",
    "endpoint-concurrency",
    None,
)
# A wake-up may be so late as the limiter thinks is no matter.
LATE = 0.001


class LimiterMachine(RuleBasedStateMachine):
    """A limiter, and everybody who ever asked it for a token."""

    def __init__(self) -> None:
        super().__init__()
        self.callers: list[Caller] = []
        # When tokens were taken for good, by scope.
        self.taken: dict[str, list[float]] = {}
        self.counted: set[tuple[int, float]] = set()

    @initialize(
        account=st.sampled_from([None, 2.0, 10.0]),
        endpoint=st.sampled_from([None, 1.0, 4.0]),
        burst=st.sampled_from([1, 2, 5]),
        concurrency=st.sampled_from([None, None, 1, 3]),
        share=st.sampled_from([0.8, 0.5]),
    )
    def begin(
        self,
        account: float | None,
        endpoint: float | None,
        burst: int,
        concurrency: int | None,
        share: float,
    ) -> None:
        self.rates = {"account": account, **dict.fromkeys(ENDPOINTS.values(), endpoint)}
        self.burst, self.concurrency = burst, concurrency
        limits = RateLimits(
            account=Limit(account, burst, concurrency),
            endpoint=Limit(endpoint, burst),
            interactive_share=share,
        )
        self.world = World(limits)

    def pick(self, data: Any, callers: list[Caller]) -> Caller:
        caller: Caller = data.draw(st.sampled_from(callers))
        return caller

    @property
    def waiting(self) -> list[Caller]:
        return [caller for caller in self.callers if caller.waits]

    @property
    def under_way(self) -> list[Caller]:
        return [c for c in self.callers if c.admission.is_sent and not c.waits]

    @rule(
        path=st.sampled_from(PATHS),
        priority=st.sampled_from(list(Priority)),
        timeout=st.sampled_from([0.5, 3.0, 1e6, 1e6]),
        number=st.integers(1, 4),
    )
    def calls_come(self, path: str, priority: Priority, timeout: float, number: int) -> None:
        for _ in range(number):
            self.callers.append(self.world.call(path, priority=priority, timeout=timeout))

    @rule(
        seconds=st.sampled_from([0.01, 0.1, 0.5, 2.0]),
        late=st.sampled_from([0.0, 0.0, 0.003, 0.2]),
    )
    def time_passes(self, seconds: float, late: float) -> None:
        self.world.run(seconds, late=late)

    @rule(seconds=st.sampled_from([30.0, 3600.0]))
    def the_clock_jumps(self, seconds: float) -> None:
        self.world.now += seconds
        self.world.run(0.0)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def one_is_cancelled(self, data: Any) -> None:
        self.pick(data, self.waiting).cancel()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def ones_loop_stands_still(self, data: Any) -> None:
        # Closed: nobody will ever wake it. Whatever it holds is given up by the limiter.
        self.pick(data, self.waiting).alive = False

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def one_ends(self, data: Any) -> None:
        self.pick(data, self.under_way).end()

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), reason=st.sampled_from(REASONS), again=st.booleans())
    def one_is_refused(self, data: Any, reason: str | None, again: bool) -> None:
        caller = self.pick(data, self.under_way)
        self.count()
        caller.refused(reason)
        if again:
            caller.ask_again()

    @invariant()
    def never_faster_than_told(self) -> None:
        if not hasattr(self, "world"):
            return
        self.count()
        for scope, times in self.taken.items():
            rate = self.rates[scope]
            if rate is None:
                continue
            # GCRA's promise, for every window that begins and ends with a request.
            full_at = -1e9
            for at in sorted(times):
                full_at = max(full_at, at) + 1 / rate
                assert full_at - at <= self.burst / rate + LATE, (scope, at, sorted(times))

    def count(self) -> None:
        for caller in self.world.admitted:
            at = caller.admission.at
            mark = (id(caller), at)
            # One that was sent before may have a token and not know it yet, or never.
            knows = caller.admitted_at is not None and caller.admission.is_sent
            if mark in self.counted or not knows:
                continue
            self.counted.add(mark)
            for scope in ("account", ENDPOINTS[caller.admission.path]):
                self.taken.setdefault(scope, []).append(at)

    @invariant()
    def never_more_under_way_than_told(self) -> None:
        if hasattr(self, "world") and self.concurrency is not None:
            assert sum(c.admission.is_sent for c in self.callers) <= self.concurrency

    @invariant()
    def everybody_who_waits_is_counted(self) -> None:
        if hasattr(self, "world"):
            # Some have their tokens, or are too late, and have not woken yet to learn of it.
            now = self.world.now
            unserved = [c for c in self.waiting if not c.admission.is_sent]
            asleep = [c for c in unserved if c.admission.deadline > now]
            assert self.world.limiter.waiting >= len(asleep)

    @invariant()
    def first_come_first_served(self) -> None:
        if not hasattr(self, "world"):
            return
        served: dict[tuple[str, Priority], float] = {}
        once = [c for c in self.world.admitted if not c.again and c.admission.number]
        for caller in sorted(once, key=lambda c: c.admission.number):
            line = (caller.admission.path, caller.admission.priority)
            assert served.get(line, 0.0) <= caller.admission.at
            served[line] = caller.admission.at

    def destroy_closed_loops(self) -> None:
        """Who has a closed loop is destroyed in the end, and gives back its place or its token."""
        for caller in self.callers:
            if not caller.alive:
                caller.cancel()

    def teardown(self) -> None:
        """In the end all are served who did not give up: no wake-up was lost, nobody starves."""
        if not hasattr(self, "world"):
            return
        patient = [caller for caller in self.waiting if caller.timeout > 1e5]
        self.destroy_closed_loops()
        for _ in range(3000):
            if not self.waiting:
                break
            for caller in self.under_way:
                caller.end()
            self.world.run(1.0)
        assert not self.waiting
        assert self.world.limiter.waiting == 0
        assert all(caller.too_late_at is None for caller in patient)
        for caller in self.under_way:
            caller.end()
        self.count()
        self.never_faster_than_told()
        states = self.world.limiter.states().values()
        assert all(state.under_way == 0 for state in states)


def test_the_limiter_keeps_its_promises() -> None:
    run_state_machine_as_test(
        LimiterMachine, settings=settings(max_examples=150, stateful_step_count=30, deadline=None)
    )


@pytest.mark.soak
def test_the_limiter_keeps_its_promises_for_long() -> None:
    run_state_machine_as_test(
        LimiterMachine, settings=settings(max_examples=5000, stateful_step_count=60, deadline=None)
    )
