"""Locks: first come, first served, a wait for each lock, and nothing left behind."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from holdfast.sandbox.lock_trace import LockTrace
from holdfast.sandbox.locks import Claim, LockTable

A, B, C = ("acct", "cus_a"), ("acct", "cus_b"), ("acct", "cus_c")


class Scene:
    """A lock table with holders that write down what happened and when."""

    def __init__(self, loop: Any, hold: float) -> None:
        self.loop = loop
        self.hold = hold
        self.trace = LockTrace()
        self.table = LockTable(loop, self.trace)
        self.seen: list[tuple[str, str, float]] = []

    def claim(self, name: str, *keys: tuple[str, str], wait: float | None = 1.0) -> None:
        self.table.claim(
            keys, wait, partial(self._granted, name), partial(self._timed_out, name), name
        )

    def _granted(self, name: str, claim: Claim, at: float) -> None:
        self.seen.append((name, "granted", round(at, 6)))
        self.loop.call_at(at + self.hold, self.table.release, claim, at + self.hold)

    def _timed_out(self, name: str, object_id: str) -> None:
        self.seen.append((name, object_id, round(self.loop.time(), 6)))


@pytest.fixture
def scene(loop: Any) -> Callable[[float], Scene]:
    return partial(Scene, loop)


def test_a_free_lock_is_granted_at_once_and_leaves_no_entry(
    loop: Any, scene: Callable[[float], Scene]
) -> None:
    it = scene(0.25)
    it.claim("one", A)
    assert it.seen == [("one", "granted", 0.0)]
    assert len(it.table) == 1
    loop.run_until(1.0)
    assert len(it.table) == 0
    assert it.table.waits == 0


def test_a_lock_passes_on_in_the_order_of_the_claims(
    loop: Any, scene: Callable[[float], Scene]
) -> None:
    it = scene(0.25)
    for name in ("one", "two", "three", "four"):
        it.claim(name, A)
    loop.run_until(2.0)
    assert it.seen == [
        ("one", "granted", 0.0),
        ("two", "granted", 0.25),
        ("three", "granted", 0.5),
        ("four", "granted", 0.75),
    ]
    assert it.table.waits == 3


def test_holds_back_to_back_do_not_drift_when_the_timers_are_late(
    loop: Any, scene: Callable[[float], Scene]
) -> None:
    it = scene(0.25)
    loop.lag = 0.003
    for name in range(4):
        it.claim(str(name), A)
    loop.run_until(2.0)
    assert [at for _, _, at in it.seen] == [0.0, 0.25, 0.5, 0.75]


def test_nobody_is_granted_a_lock_before_he_asked_for_it(
    loop: Any, scene: Callable[[float], Scene]
) -> None:
    it = scene(0.25)
    loop.lag = 0.1
    it.claim("one", A)
    loop.run_until(0.3)  # the release was due at 0.25 and comes at 0.35
    it.claim("late", A)
    loop.run_until(2.0)
    assert it.seen == [("one", "granted", 0.0), ("late", "granted", 0.3)]


def test_a_wait_ends_after_its_time_and_the_claim_leaves_the_queue(
    loop: Any, scene: Callable[[float], Scene]
) -> None:
    it = scene(0.5)
    it.claim("one", A)
    it.claim("two", A, wait=0.25)
    it.claim("three", A)
    loop.run_until(0.3)
    assert it.seen == [("one", "granted", 0.0), ("two", "cus_a", 0.25)]
    assert [claim.owner for _, claim in it.table.waiting()] == ["three"]
    loop.run_until(0.6)
    assert it.seen[-1] == ("three", "granted", 0.5)
    assert it.table.timeouts == 1


def test_without_a_wait_a_held_lock_is_refused_at_once(scene: Callable[[float], Scene]) -> None:
    it = scene(0.5)
    it.claim("one", A)
    it.claim("two", A, wait=0)
    assert it.seen == [("one", "granted", 0.0), ("two", "cus_a", 0.0)]
    assert it.table.waits == 0


def test_the_wait_counts_for_each_lock(loop: Any, scene: Callable[[float], Scene]) -> None:
    """Two locks that come free one after the other: each within the wait, both together not."""
    holders = scene(0.25)
    holders.claim("a", A)
    holders.hold = 0.5
    holders.claim("b", B)
    holders.claim("both", A, B, wait=0.3)
    loop.run_until(2.0)
    assert holders.seen[-1] == ("both", "granted", 0.5)


def test_a_failure_gives_back_every_lock_that_was_taken(
    loop: Any, scene: Callable[[float], Scene]
) -> None:
    it = scene(2.0)
    it.claim("holder", B)
    it.claim("both", A, B, wait=0.25)
    it.claim("behind", A, wait=0.5)
    loop.run_until(0.3)
    assert it.seen[1:] == [("behind", "granted", 0.25), ("both", "cus_b", 0.25)]
    loop.run_until(9.0)
    assert len(it.table) == 0


def test_sorted_claims_on_many_objects_never_wait_in_a_circle(
    loop: Any, scene: Callable[[float], Scene]
) -> None:
    it = scene(0.01)
    pairs = [(A, B), (B, C), (A, C), (A, B, C)] * 5
    for place, keys in enumerate(pairs):
        it.claim(str(place), *keys, wait=None)
    loop.run_until(5.0)
    assert sorted(int(name) for name, what, _ in it.seen if what == "granted") == list(range(20))
    assert len(it.table) == 0


def test_the_table_shows_who_holds_and_who_waits(
    loop: Any, scene: Callable[[float], Scene]
) -> None:
    it = scene(1.0)
    it.claim("one", A)
    loop.run_until(0.25)
    it.claim("two", A)
    assert [(key, claim.owner, since) for key, claim, since in it.table.held()] == [(A, "one", 0.0)]
    assert [(key, claim.owner, claim.waiting_since) for key, claim in it.table.waiting()] == [
        (A, "two", 0.25)
    ]


def test_a_lock_that_a_refused_claim_gives_back_passes_on_at_the_end_of_its_wait(
    loop: Any, scene: Callable[[float], Scene]
) -> None:
    """However late the timer is: who inherits it has not waited longer than it may."""
    it = scene(2.0)
    it.claim("holder", B)
    it.claim("both", A, B, wait=0.25)
    it.claim("behind", A, wait=0.3)
    loop.lag = 0.04
    loop.run_until(0.32)
    assert it.seen[1:] == [("behind", "granted", 0.25), ("both", "cus_b", 0.29)]


def test_a_holder_from_outside_queues_and_tells_when_it_holds_and_when_it_left(
    loop: Any, scene: Callable[[float], Scene]
) -> None:
    it = scene(0.25)
    it.claim("one", A)
    told: list[tuple[str, float]] = []
    it.table.hold(
        A, 0.5, "outside", lambda: told.append(("held", loop.now)),
        lambda: told.append(("left", loop.now)),
    )  # fmt: skip
    it.claim("two", A, wait=1.0)
    loop.run_until(2.0)
    assert told == [("held", 0.25), ("left", 0.75)]
    assert it.seen[-1] == ("two", "granted", 0.75)


def test_every_step_is_traced_with_its_instant(loop: Any, scene: Callable[[float], Scene]) -> None:
    it = scene(0.5)
    it.claim("one", A, B)
    it.claim("two", A, wait=0.25)
    it.claim("three", B, wait=1.0)
    loop.run_until(2.0)
    steps = [
        (step["at"], step["event"], step["claim"], step["object"]) for step in it.trace.after()
    ]
    assert steps == [
        (0.0, "claimed", 1, "cus_a"),
        (0.0, "claimed", 1, "cus_b"),
        (0.0, "granted", 1, "cus_a"),
        (0.0, "granted", 1, "cus_b"),
        (0.0, "claimed", 2, "cus_a"),
        (0.0, "waits", 2, "cus_a"),
        (0.0, "claimed", 3, "cus_b"),
        (0.0, "waits", 3, "cus_b"),
        (0.25, "timed_out", 2, "cus_a"),
        (0.5, "released", 1, "cus_a"),
        (0.5, "released", 1, "cus_b"),
        (0.5, "granted", 3, "cus_b"),
        (1.0, "released", 3, "cus_b"),
    ]
