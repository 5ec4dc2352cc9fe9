"""Every story a call can live through: all classes, up to five attempts, with and without a key, a
near deadline and a small budget.

The tree of outcomes is walked without knowing the rules: as long as a call asks for another
attempt, each of the nine classes is its answer once.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from holdfast import Policy, StopReason
from holdfast.engine import (
    Backoff,
    Budget,
    Call,
    Failure,
    FaultClass,
    Jitter,
    Outcome,
    Phase,
    Request,
    Response,
    RetryBudget,
    Send,
    Sleep,
)

OUTCOMES: dict[FaultClass, Outcome] = {
    FaultClass.OK: Response(200, {"Request-Id": "req_ok"}),
    FaultClass.REJECTED: Response(402, {"Request-Id": "req_no"}, "card_declined"),
    FaultClass.LOCKED: Response(429, {}, "lock_timeout"),
    FaultClass.THROTTLED: Response(429, {"Stripe-Rate-Limited-Reason": "global-rate"}),
    FaultClass.KEY_IN_USE: Response(409, {}, "idempotency_key_in_use"),
    FaultClass.CONFLICT: Response(409, {}),
    FaultClass.SERVER_ERROR: Response(500, {}),
    FaultClass.UNREACHABLE: Failure(Phase.CONNECT, ConnectionRefusedError()),
    FaultClass.INTERRUPTED: Failure(Phase.SENT, ConnectionResetError()),
}
MAX_RETRIES = 4
TAKES = 1.0
LATE = 0.25
TIMEOUT = 3.0
BEGAN = 100.0
DOUBLING = Backoff(0.5, 64.0, jitter=Jitter.NONE)
SMALL = Budget(share=0.0, per_second=0.15, window=10.0)
CHARGED_LESS = {FaultClass.LOCKED, FaultClass.KEY_IN_USE}
Fate = tuple[FaultClass, ...]


@dataclass
class Life:
    """One call with its outcomes written down, and everything it did."""

    fate: Fate
    keyed: bool
    deadline: float
    bounded: bool
    now: float = BEGAN
    sends: list[tuple[float, float]] = field(default_factory=list)
    sleeps: list[tuple[float, float]] = field(default_factory=list)
    returned: Outcome | None = None

    def __post_init__(self) -> None:
        policy = Policy(
            max_retries=MAX_RETRIES,
            deadline=self.deadline,
            attempt_timeout=TIMEOUT,
            backoff=DOUBLING,
            locked_backoff=DOUBLING,
            key_in_use_backoff=DOUBLING,
        )
        request = Request("POST", "/v1/refunds", "key-1" if self.keyed else None)
        budget = RetryBudget(SMALL, self.now) if self.bounded else None
        self.call = Call(request, policy, clock=lambda: self.now, random=lambda: 0.5, budget=budget)

    def live(self) -> bool:
        """Run it; False if it asks for more attempts than its fate has."""
        steps = self.call.steps()
        answer: Outcome | None = None
        while True:
            try:
                command = steps.send(answer)
            except StopIteration as end:
                self.returned = end.value
                return True
            answer = None
            if isinstance(command, Sleep):
                self.sleeps.append((self.now, command.seconds))
                self.now += command.seconds + LATE
                continue
            assert isinstance(command, Send)
            if len(self.sends) == len(self.fate):
                steps.close()
                return False
            self.sends.append((self.now, command.timeout))
            self.now += TAKES
            answer = OUTCOMES[self.fate[len(self.sends) - 1]]


def lives(keyed: bool, deadline: float, bounded: bool) -> Iterator[Life]:
    """All lives that come to an end of their own."""
    open_: list[Fate] = [(fault,) for fault in FaultClass]
    while open_:
        life = Life(open_.pop(), keyed, deadline, bounded)
        if life.live():
            yield life
        else:
            open_.extend((*life.fate, fault) for fault in FaultClass)


NEAR, FAR = 7.0, 1000.0
WORLDS = list(itertools.product((True, False), (FAR, NEAR), (False, True)))


@pytest.mark.parametrize(("keyed", "deadline", "bounded"), WORLDS)
def test_every_life_keeps_every_promise(keyed: bool, deadline: float, bounded: bool) -> None:
    reasons = set()
    for life in lives(keyed, deadline, bounded):
        assert_bounds(life)
        assert_receipt(life)
        assert_reason(life)
        if bounded:
            assert_paid(life)
        reasons.add(life.call.receipt.stop)
    expected = {StopReason.OK, StopReason.REJECTED, StopReason.THROTTLED}
    expected.add(StopReason.DEADLINE if deadline == NEAR else StopReason.ATTEMPTS)
    if bounded:
        expected.add(StopReason.BUDGET)
    if not keyed:
        expected.add(StopReason.NOT_IDEMPOTENT)
    assert reasons == expected


def assert_bounds(life: Life) -> None:
    """Not too many attempts, and nothing begins that the deadline forbids."""
    ends = BEGAN + life.deadline
    assert 1 <= len(life.sends) <= MAX_RETRIES + 1
    for at, timeout in life.sends:
        assert at < ends
        assert timeout == min(TIMEOUT, ends - at)
    for at, seconds in life.sleeps:
        assert seconds > 0
        assert at + seconds < ends
    # A sleep is followed by an attempt, unless it lasted until the deadline.
    assert len(life.sleeps) - (len(life.sends) - 1) in (0, 1)
    assert [seconds for _, seconds in life.sleeps] == [0.5, 1.0, 2.0, 4.0][: len(life.sleeps)]


def assert_receipt(life: Life) -> None:
    """The receipt tells what was sent, when, and what came back; the last outcome is returned."""
    receipt = life.call.receipt
    assert life.returned is OUTCOMES[life.fate[-1]]
    assert len(life.sends) == len(life.fate)
    assert receipt.fault_classes == list(life.fate)
    assert [a.number for a in receipt.attempts] == list(range(1, len(life.fate) + 1))
    assert [a.at for a in receipt.attempts] == [at - BEGAN for at, _ in life.sends]
    assert [a.seconds for a in receipt.attempts] == [TAKES] * len(life.fate)
    assert receipt.seconds == life.now - BEGAN
    slept = sum(seconds + LATE for _, seconds in life.sleeps)
    assert receipt.waits == ({"backoff": slept} if life.sleeps else {})
    for attempt, fault in zip(receipt.attempts, life.fate, strict=True):
        outcome = OUTCOMES[fault]
        told = (attempt.status, attempt.error_code, attempt.request_id)
        if isinstance(outcome, Failure):
            assert told == (None, None, None)
        else:
            assert told == (outcome.status, outcome.error_code, outcome.headers.get("Request-Id"))


def assert_reason(life: Life) -> None:
    """It stopped for a reason that holds, and went on only where that is safe."""
    last, stop = life.fate[-1], life.call.receipt.stop
    harmless = {FaultClass.LOCKED, FaultClass.KEY_IN_USE, FaultClass.CONFLICT}
    harmless.add(FaultClass.UNREACHABLE)
    for fault in life.fate[:-1]:
        assert life.keyed or fault in harmless
        assert fault not in (FaultClass.OK, FaultClass.REJECTED, FaultClass.THROTTLED)
    assert (stop is StopReason.OK) is (last is FaultClass.OK)
    match stop:
        case StopReason.OK:
            pass
        case StopReason.REJECTED:
            assert last is FaultClass.REJECTED
        case StopReason.THROTTLED:
            assert last is FaultClass.THROTTLED
        case StopReason.NOT_IDEMPOTENT:
            assert not life.keyed
            assert last not in harmless
        case StopReason.ATTEMPTS:
            assert len(life.fate) == MAX_RETRIES + 1
        case StopReason.BUDGET:
            assert life.bounded
        case StopReason.DEADLINE:
            next_wait = 0.5 * 2 ** (len(life.fate) - 1)
            overslept = len(life.sleeps) == len(life.fate)
            assert overslept or life.now + next_wait >= BEGAN + life.deadline
        case _:
            raise AssertionError(f"{stop} ends no life here")


def assert_paid(life: Life) -> None:
    """What the retries cost never exceeds what was saved plus what time has paid in."""
    paid = 0.0
    for fault, (at, _) in zip(life.fate, life.sleeps, strict=False):
        paid += 5 / 14 if fault in CHARGED_LESS else 1.0
        assert paid <= SMALL.per_second * SMALL.window + SMALL.per_second * (at - BEGAN) + 1e-9
