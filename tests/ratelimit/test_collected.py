"""Calls that the garbage collection ends while their limiter is in use on the same thread."""

import threading
from collections.abc import Callable

import pytest

from holdfast.ratelimit import Admission, Limit, MemoryLimiter, RateLimits
from holdfast.ratelimit.gates import ThreadGate


def admit(_: MemoryLimiter, who: Admission) -> None:
    who.admit(5.0, 10, again=False)
    who.end()


def end(_: MemoryLimiter, who: Admission) -> None:
    who.take()
    who.end()


def refused(_: MemoryLimiter, who: Admission) -> None:
    who.take()
    who.refused(None, 0.0)
    who.end()


def look(limiter: MemoryLimiter, _: Admission) -> None:
    limiter.states()
    limiter.survey(5)


class Clock:
    """A clock that has something happen whenever it is asked, as an allocation may."""

    def __init__(self) -> None:
        self.act: list[Callable[[], object]] = []

    def __call__(self) -> float:
        while self.act:
            self.act.pop()()
        return 1.0


@pytest.mark.parametrize("use", [admit, end, refused, look])
@pytest.mark.parametrize("waits", [False, True])
def test_a_call_that_ends_in_the_midst_of_it_gives_up_its_tokens(
    use: Callable[[MemoryLimiter, Admission], None], waits: bool
) -> None:
    clock = Clock()
    limiter = MemoryLimiter(RateLimits(account=Limit(1000.0, concurrency=2)), clock=clock)
    forgotten, first = (limiter.admission("POST", "/v1/customers") for _ in range(2))
    forgotten.take()
    used: list[bool] = []
    if waits:
        first.take()

    def run() -> None:
        clock.act.append(forgotten.end)
        use(limiter, limiter.admission("POST", "/v1/refunds"))
        used.append(True)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(10)
    assert used, "it waits for a mutex that it holds"
    assert not forgotten.is_sent
    assert limiter.in_flight == waits


def test_a_waiting_call_that_is_forgotten_in_the_midst_of_it_gives_up_its_place() -> None:
    clock = Clock()
    limiter = MemoryLimiter(RateLimits(account=Limit(1000.0, concurrency=1)), clock=clock)
    inside, waiting = (limiter.admission("POST", "/v1/customers") for _ in range(2))
    inside.take()

    limiter.join(waiting, ThreadGate(), 100.0, 10, again=False)
    assert limiter.waiting == 1
    clock.act.append(lambda: limiter.abandon(waiting))
    thread = threading.Thread(target=limiter.states, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive(), "it waits for a mutex that it holds"
    assert limiter.waiting == 0


def test_a_call_that_gives_up_ends_the_one_that_was_forgotten_meanwhile() -> None:
    clock = Clock()
    limiter = MemoryLimiter(RateLimits(account=Limit(1000.0, concurrency=2)), clock=clock)
    forgotten, other = (limiter.admission("POST", "/v1/customers") for _ in range(2))
    forgotten.take()
    other.take()
    clock.act.append(forgotten.end)
    thread = threading.Thread(target=limiter.abandon, args=(other,), daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive(), "it waits for a mutex that it holds"
    assert limiter.in_flight == 0
