"""The retry budget: its income, its bounds, and what it bounds."""

import threading
from typing import Any

import pytest

from holdfast import Backoff, Budget, FaultClass, Policy, StopReason
from holdfast.engine import Request, Response, RetryBudget

FAILED = FaultClass.SERVER_ERROR


def spend(budget: RetryBudget, now: float, fault: FaultClass = FAILED) -> int:
    """Withdraw until there is nothing left; how often that went."""
    number = 0
    while budget.withdraw(fault, now):
        number += 1
    return number


def test_a_new_budget_has_a_windows_worth_of_the_floor() -> None:
    assert spend(RetryBudget(Budget(per_second=10, window=10), 0.0), 0.0) == 100


def test_little_traffic_earns_by_time() -> None:
    budget = RetryBudget(Budget(), 0.0)
    spend(budget, 0.0)
    assert 9 <= spend(budget, 1.0) <= 10


def test_much_traffic_earns_by_calls() -> None:
    budget = RetryBudget(Budget(), 0.0)
    spend(budget, 0.0)
    for call in range(1000):
        budget.deposit(call / 1000)
    assert 180 <= spend(budget, 1.0) <= 200  # a fifth of the calls, not that and the floor


def test_a_burst_after_a_silence_does_not_earn_twice() -> None:
    budget = RetryBudget(Budget(), 0.0)
    spend(budget, 0.0)
    for _ in range(100):
        budget.deposit(1.0)
    assert 27 <= spend(budget, 1.0) <= 30  # ten for the second, a fifth for each call after it


def test_savings_end_at_a_windows_worth() -> None:
    budget = RetryBudget(Budget(), 0.0)
    for call in range(100_000):
        budget.deposit(call / 200)  # 200 calls a second for 500 s: an income of 40 a second
    assert 380 <= spend(budget, 500.0) <= 410


def test_contention_is_charged_less() -> None:
    for fault in (FaultClass.LOCKED, FaultClass.THROTTLED, FaultClass.KEY_IN_USE):
        assert spend(RetryBudget(Budget(), 0.0), 0.0, fault) in (279, 280)  # 100 / (5 / 14)


def test_time_that_goes_backwards_pays_nothing() -> None:
    budget = RetryBudget(Budget(), 100.0)
    spend(budget, 100.0)
    budget.deposit(50.0)
    assert spend(budget, 99.0) == 0


def test_nothing_is_allowed_where_nothing_is_earned() -> None:
    budget = RetryBudget(Budget(share=0, per_second=0), 0.0)
    budget.deposit(1.0)
    assert spend(budget, 2.0) == 0


def test_threads_do_not_overspend() -> None:
    budget = RetryBudget(Budget(per_second=100, window=10), 0.0)
    spent: list[int] = []
    threads = [threading.Thread(target=lambda: spent.append(spend(budget, 0.0))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(spent) == 1000


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"share": -0.1}, "share is -0.1: it must be from 0 to 10 retries a call"),
        ({"per_second": float("nan")}, "per_second is nan: it must be from 0 to 100000"),
        ({"window": 0.5}, "window is 0.5: it must be from 1 to 3600 s"),
    ],
)
def test_bad_values_are_named(options: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Budget(**options)


def test_a_call_without_budget_left_gives_up(story: Any) -> None:
    budget = RetryBudget(Budget(share=0, per_second=0.1, window=10), 1000.0)  # one retry
    policy = Policy(backoff=Backoff(0.001, 0.001))
    tale = story([Response(500, {}), Response(500, {})])
    tale.run(Request("GET", "/v1/balance"), policy, budget=budget)
    assert len(tale.sent) == 2
    assert tale.made.receipt.stop is StopReason.BUDGET


def test_a_retry_that_is_not_made_is_not_paid_for(story: Any) -> None:
    budget = RetryBudget(Budget(share=0, per_second=0.1, window=10), 1000.0)
    for policy in (Policy(max_retries=0), Policy(deadline=0.001)):
        tale = story([Response(500, {})])
        tale.run(Request("GET", "/v1/balance"), policy, budget=budget)
        assert tale.made.receipt.stop is not StopReason.BUDGET
    assert spend(budget, 1000.0) == 1


def test_the_first_call_pays_in_its_whole_share() -> None:
    budget = RetryBudget(Budget(share=1, per_second=1, window=1), 5.0)
    budget.deposit(5.0)
    assert spend(budget, 5.0) == 2


def test_all_that_time_has_paid_in_since_the_last_call_is_part_of_its_share() -> None:
    budget = RetryBudget(Budget(share=1.0, per_second=0.25, window=3600), 0.0)
    spend(budget, 0.0)
    for second in (1.0, 2.0):
        assert not budget.withdraw(FAILED, second)  # a look at the budget is no call
    budget.deposit(2.0)
    assert not budget.withdraw(FAILED, 2.0)  # a share of 1, faded a little
    budget.deposit(2.0)
    assert budget.withdraw(FAILED, 2.0)


def test_the_bounds_themselves_are_allowed() -> None:
    assert Budget(share=10, per_second=100_000, window=3600).share == 10
    assert Budget(share=0, per_second=0, window=1).window == 1
