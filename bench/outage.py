"""A total outage: how many requests does each retry policy send for each call that is offered?

Simulated, with the real engine: calls are offered at a steady rate for `--seconds`, and every
request of theirs is answered with a 503, until the last call has given up. Nothing sleeps: a heap
of wake-ups moves the clock, so a minute of outage takes a second or two. A policy that sends 4
for 1 multiplies the load of the server just when it has to recover.

The `stripe-…` rows are the presets that retry as the official SDKs do.
"""

import argparse
import heapq
import itertools
import random
import sys
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import report
from holdfast import Policy
from holdfast.durations import parse_duration
from holdfast.engine import Call, Request, Response, RetryBudget, Send, Sleep

DOWN = Response(503, {"request-id": "req_1"})
PRESETS = ("stripe_node", "stripe_python", "stripe_ruby", "stripe_go")


@dataclass(frozen=True, slots=True)
class Settings:
    """The size of the outage.

    Attributes:
        rate: calls offered in a second.
        seconds: for how long they are offered.
        answer_after: seconds that a refusal takes.
        seed: of the jitter.
    """

    rate: float = 200.0
    seconds: float = 60.0
    answer_after: float = 0.05
    seed: int = 1


def main(arguments: list[str] | None = None) -> int:
    """Let every policy live through the same outage and print the table."""
    usual = Settings()
    parser = argparse.ArgumentParser(prog="python -m bench.outage", description=__doc__)
    parser.add_argument("--rate", type=_rate, default=usual.rate, help="calls offered in a second")
    parser.add_argument("--seconds", type=_duration, default=usual.seconds, help="for so long")
    parser.add_argument(
        "--answer-after", type=_duration, default=usual.answer_after, help="how long a 503 takes"
    )
    parser.add_argument("--seed", type=int, default=usual.seed, help="seed of the jitter")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE, too")
    given = parser.parse_args(arguments)
    settings = Settings(given.rate, given.seconds, given.answer_after, given.seed)
    if settings.rate * settings.seconds < 1:
        parser.error("--rate and --seconds make less than one call")
    rows: list[report.Row] = [
        {"client": name, "sent_over_offered": Outage(policy, settings).run()}
        for name, policy in policies().items()
    ]
    report.show(rows)
    if given.json:
        told = {name: getattr(settings, name) for name in Settings.__slots__}
        report.write(given.json, "outage", ["holdfast"], told, rows)
    return 0


def _rate(text: str) -> float:
    number = float(text)
    if not 0 < number <= 100_000:
        raise ValueError(text)
    return number


def _duration(text: str) -> float:
    return parse_duration(text)


_rate.__name__, _duration.__name__ = "rate (above 0)", "duration (50ms, 60)"


def policies() -> dict[str, Policy]:
    """Who lives through it, by name."""
    presets = {
        name.replace("_", "-"): getattr(Policy, name)() for name in PRESETS if hasattr(Policy, name)
    }
    unbounded = replace(Policy(), retry_budget=None)
    return {**presets, "3 retries, no budget": unbounded, "holdfast": Policy()}


Steps = Generator[Any, Any, Any]


class Outage:
    """One policy's outage, on a clock of its own.

    Args:
        policy: the options of its calls.
        settings: the size of the outage.
    """

    def __init__(self, policy: Policy, settings: Settings) -> None:
        self._policy = policy
        self._settings = settings
        self._now = 0.0
        self._random = random.Random(settings.seed).random
        self._budget = None
        if policy.retry_budget is not None:
            self._budget = RetryBudget(policy.retry_budget, self._now)
        # Who wakes up when, and with what news; the number keeps the order of equal moments.
        self._wakeups: list[tuple[float, int, Steps, Any]] = []
        self._numbers = itertools.count()
        self._sent = 0

    def run(self) -> float:
        """Live through it, and give the requests sent for each call offered."""
        offered = int(self._settings.rate * self._settings.seconds)
        for number in range(offered):
            self._wake(number / self._settings.rate, self._call(number).steps(), None)
        while self._wakeups:
            self._now, _, steps, news = heapq.heappop(self._wakeups)
            self._resume(steps, news)
        return self._sent / offered

    def _call(self, number: int) -> Call:
        return Call(
            Request("POST", "/v1/payment_intents", f"key-{number}"),
            self._policy,
            clock=lambda: self._now,
            random=self._random,
            budget=self._budget,
        )

    def _resume(self, steps: Steps, news: Any) -> None:
        try:
            command = steps.send(news)
        except StopIteration:
            return  # it has given up
        match command:
            case Send():
                self._sent += 1
                self._wake(self._now + self._settings.answer_after, steps, DOWN)
            case Sleep():
                self._wake(self._now + command.seconds, steps, None)
            case _:
                raise AssertionError(f"the outage has no answer to {command}")

    def _wake(self, at: float, steps: Steps, news: Any) -> None:
        heapq.heappush(self._wakeups, (at, next(self._numbers), steps, news))


if __name__ == "__main__":
    sys.exit(main())
