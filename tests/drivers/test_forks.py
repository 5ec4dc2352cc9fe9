"""A forked child goes on although other threads held mutexes at the moment of the fork."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from holdfast.drivers import allowance, budgets, limiters
from holdfast.engine import Budget, FaultClass
from holdfast.ratelimit import RateLimits

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def exit_code_of_child(work: Callable[[], object], *held: Any) -> int:
    """Fork while somebody holds these mutexes; a child that hangs is ended by its alarm."""
    with ExitStack() as stack:
        for mutex in held:
            stack.enter_context(mutex)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                signal.alarm(20)
                work()
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def test_budgets() -> None:
    shared = budgets.budget_of("forked", Budget(), time.monotonic())
    assert shared is not None

    def work() -> None:
        found = budgets.budget_of("forked", Budget(), time.monotonic())
        assert found is not None
        found.deposit(time.monotonic())

    assert exit_code_of_child(work, budgets._mutex, shared._mutex) == 0


def test_limiters() -> None:
    def work() -> None:
        limiters.limiter_of("forked", RateLimits())

    assert exit_code_of_child(work, limiters._mutex) == 0


def test_allowances() -> None:
    allowance.allowance(3, key="forked")
    kept = allowance._by_key["forked"]
    kept.take(None, FaultClass.LOCKED, 0.0)

    def work() -> None:
        with allowance.allowance(3, key="forked") as block:
            kept.take(None, FaultClass.LOCKED, 0.0)
            assert block.left == 1

    assert exit_code_of_child(work, allowance._mutex, kept._mutex) == 0
