"""The state machine of one call: a generator that yields commands and is sent what happened.

No socket, no clock, no randomness and no sleep of its own: time and random numbers are passed in,
and the driver carries out the commands.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from holdfast.engine.classify import FaultClass, classify, limit_reason
from holdfast.engine.commands import Admit, Command, Enter, Refused, Send, Sleep, Tokens
from holdfast.engine.events import (
    Admitted,
    AttemptEnded,
    AttemptStarted,
    CallEnded,
    CallStarted,
    Event,
    LanesEntered,
    RetryScheduled,
    Waiting,
)
from holdfast.engine.outcome import Failure, Outcome
from holdfast.engine.receipt import Attempt, Cause, Receipt, StopReason
from holdfast.engine.verdict import SAFE_METHODS, Purse, Rule, Situation, Verdict, decide
from holdfast.errors import DeadlineExceeded, LaneFull, LimiterFull
from holdfast.redaction import redact_text

if TYPE_CHECKING:
    from holdfast.policy import Policy

Steps = Generator[Command, Any, Outcome]

# A member looked up in its enumeration costs as much as a function call.
_OK = FaultClass.OK
_DONE = StopReason.OK


@dataclass(slots=True)
class Queued:
    """A wait that was over before the call was made.

    Attributes:
        lanes: the objects that it was for; whoever makes the call keeps the lanes until it ends.
        seconds: how long it was; 0 if nobody was before it.
    """

    lanes: tuple[str, ...]
    seconds: float


@dataclass(slots=True)
class Request:
    """What the engine needs to know of a request.

    Attributes:
        method: the HTTP method, in capitals.
        path: the path without its query; it is shown in receipts.
        idempotency_key: the key that makes the request safe to repeat, if it has one.
        lanes: the objects whose lanes the call enters before its first attempt.
        server: scheme, host and port of where it is sent; "" for what is no request.
        queued: what it has waited for already; that wait counts as the call's, not for its
            deadline.
    """

    method: str
    path: str
    idempotency_key: str | None = None
    lanes: tuple[str, ...] = ()
    server: str = ""
    queued: Queued | None = None


class Call:
    """One logical request: one idempotency key, one deadline, one receipt.

    Args:
        request: what is sent.
        policy: its options.
        clock: gives the time in seconds; only differences count.
        random: draws from [0, 1).
        budget: the retry budget of the account; None for no bound.
        deadline: when it must have ended at the latest, on the same clock, whatever the policy
            allows.
        rule: which outcomes are final, instead of the rules of the fault classes.
        refused: is told of the fault class of each attempt that was no success.
        tokens: where its attempts get their tokens; None for no limiter.
        tell: is told of the events, if anybody is; it never raises, and takes no time of its own.
        details: whether it is told of each step, and not only of the end.

    Attributes:
        receipt: what has happened so far.
        tokens: as given, for the driver.
    """

    __slots__ = (
        "_budget",
        "_clock",
        "_deadline",
        "_details",
        "_policy",
        "_random",
        "_refused",
        "_request",
        "_rule",
        "_started",
        "_tell",
        "receipt",
        "tokens",
    )

    def __init__(
        self,
        request: Request,
        policy: "Policy",
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
        budget: Purse | None = None,
        deadline: float | None = None,
        rule: Rule | None = None,
        refused: Callable[[FaultClass], object] | None = None,
        tokens: Tokens | None = None,
        tell: Callable[[Event], object] | None = None,
        details: bool = True,
    ) -> None:
        self._request = request
        self._policy = policy
        self._clock = clock
        self._random = random
        self._budget = budget
        self._deadline = deadline
        self._rule = rule
        self._refused = refused
        self._tell = tell
        self._details = tell if details else None
        self.tokens = tokens
        self._started = 0.0
        self.receipt = Receipt(
            request.method,
            request.path,
            [],
            {},
            None,
            0.0,
            request.lanes if request.queued is None else request.queued.lanes + request.lanes,
            request.server,
            idempotency_key=request.idempotency_key,
        )

    def steps(self) -> Steps:
        """The generator; it can be run once.

        Returns:
            The last outcome, as the generator's value. `receipt` is complete by then.

        Raises:
            DeadlineExceeded: the deadline passed before the first attempt.
            LaneFull: passed on from the driver, like the next.
            LimiterFull: too many calls wait for the limiter.
        """
        now = self._started = self._clock()
        deadline = now + self._policy.deadline
        if self._deadline is not None and self._deadline < deadline:
            deadline = self._deadline
        if self._budget is not None:
            self._budget.deposit(now)
        # One generator for the whole loop: every generator inside another one costs every call.
        receipt, tell, tokens = self.receipt, self._details, self.tokens
        max_waiting = self._policy.max_waiting
        admits = tokens is not None and self._policy.throttled == "wait"
        on_wait = None if tell is None else partial(self._tell_of_wait, tell, Cause.LIMITER)
        sending = False
        try:
            if tell is not None:
                tell(CallStarted(receipt))
            if self._request.queued is not None:
                self._count_queue(self._request.queued)
            if self._request.lanes:
                yield from self._enter(deadline)
                now = self._clock()
            if now >= deadline:
                self._too_late(deadline, "passed before its first attempt")
            number = 1
            while True:
                if tokens is not None:
                    waited = yield Admit(tokens, deadline - now, max_waiting, number > 1, on_wait)
                    # Nothing else happens to a call with nobody before it: no look at the clock.
                    if waited != 0.0:
                        began, now = now, self._clock()
                        if now > began:
                            receipt.add_wait(Cause.LIMITER, now - began)
                        if waited is None or now >= deadline:
                            if number == 1:
                                self._too_late(deadline, "passes before the rate limit lets it go")
                            self._end(StopReason.DEADLINE)
                            break
                        if tell is not None:
                            tell(Admitted(receipt, now - began, now - self._started))
                if tell is not None:
                    tell(AttemptStarted(receipt, number, now - self._started))
                timeout = self._policy.attempt_timeout
                if deadline - now < timeout:
                    timeout = deadline - now
                sending = True
                outcome: Outcome = yield Send(number, timeout)
                sending = False
                attempt = _record(number, outcome, now - self._started, self._clock() - now)
                receipt.attempts.append(attempt)
                if tell is not None:
                    tell(AttemptEnded(receipt, attempt))
                if attempt.fault is _OK:
                    self._end(_DONE)
                    break
                verdict = self._judge(attempt, outcome, deadline, admits)
                throttled = attempt.fault is FaultClass.THROTTLED
                if throttled and tokens is not None:
                    # Whether or not this call goes on: the others shall not run into it.
                    yield Refused(tokens, limit_reason(outcome), verdict.delay if admits else 0.0)
                if verdict.reason is not None:
                    self._end(verdict.reason)
                    break
                if tell is not None:
                    at = attempt.at + attempt.seconds
                    tell(RetryScheduled(receipt, attempt.fault, verdict.delay, at))
                now = began = self._clock()
                number += 1
                if not (throttled and admits):  # the limiter has waits of its own
                    yield Sleep(verdict.delay)
                    now = self._clock()
                    receipt.add_wait(Cause.BACKOFF, now - began)
                if now >= deadline:
                    # The sleep lasted longer than asked for, or the subscriber took its time.
                    self._end(StopReason.DEADLINE)
                    break
        except BaseException as error:
            receipt.unanswered = sending
            self._end(_stop_reason(error))
            raise
        return outcome

    def _count_queue(self, queued: Queued) -> None:
        """The call began when its wait did."""
        self._started -= queued.seconds
        self.receipt.add_wait(Cause.LANE, queued.seconds)
        tell = self._details
        if tell is not None and queued.lanes:
            if queued.seconds > 0.0:
                tell(Waiting(self.receipt, Cause.LANE, 0.0))
            tell(LanesEntered(self.receipt, queued.lanes, queued.seconds))

    def _enter(self, deadline: float) -> Generator[Command, Any, None]:
        lanes = self._request.lanes
        began = self._clock()
        policy = self._policy
        tell = self._details
        entered = yield Enter(
            lanes,
            deadline - began,
            policy.max_waiting,
            policy.calls_in_lane,
            None if tell is None else partial(self._tell_of_wait, tell, Cause.LANE),
        )
        now = self._clock()
        self.receipt.add_wait(Cause.LANE, now - began)
        if not entered:
            self._too_late(deadline, f"passed while it waited for {', '.join(lanes)}")
        if tell is not None:
            tell(LanesEntered(self.receipt, lanes, now - began, now - self._started))

    def _tell_of_wait(self, tell: Callable[[Event], object], cause: Cause) -> None:
        tell(Waiting(self.receipt, cause, self._clock() - self._started))

    def _judge(self, attempt: Attempt, outcome: Outcome, deadline: float, admits: bool) -> Verdict:
        if self._refused is not None:
            self._refused(attempt.fault)
        request = self._request
        repeatable = request.method in SAFE_METHODS or request.idempotency_key is not None
        now = self._clock()
        at = Situation(attempt.fault, outcome, attempt.number, repeatable, now, deadline, admits)
        return decide(at, self._policy, self._random, self._budget, self._rule)

    def _too_late(self, deadline: float, when: str) -> NoReturn:
        queued = self._request.queued
        began = self._started if queued is None else self._started + queued.seconds
        allowed = max(0.0, deadline - began)
        raise DeadlineExceeded(
            f"{self._request.method} {self._request.path} was not sent: its deadline of "
            f"{allowed:g} s {when}"
        )

    def _end(self, reason: StopReason) -> None:
        if self.receipt.stop is not None:
            return  # interrupted while its end was told
        self.receipt.seconds = self._clock() - self._started
        ended = CallEnded(self.receipt)
        # From here on nothing may come in between: a call that says that it has ended tells it.
        self.receipt.stop = reason
        if self._tell is not None:
            self._tell(ended)


def _record(number: int, outcome: Outcome, at: float, seconds: float) -> Attempt:
    fault = classify(outcome)
    if isinstance(outcome, Failure):
        return Attempt(number, fault, None, None, None, False, at, seconds)
    replayed = outcome.header("idempotent-replayed") == "true"
    code = outcome.error_code
    return Attempt(
        number,
        fault,
        outcome.status,
        outcome.header("request-id"),
        None if code is None else redact_text(code),  # whatever the server calls it
        replayed,
        at,
        seconds,
    )


def _stop_reason(error: BaseException) -> StopReason:
    if isinstance(error, DeadlineExceeded):
        return StopReason.DEADLINE
    if isinstance(error, LaneFull):
        return StopReason.LANE_FULL
    if isinstance(error, LimiterFull):
        return StopReason.LIMITER_FULL
    # KeyboardInterrupt, CancelledError, GeneratorExit: somebody stopped it, nothing is broken.
    return StopReason.ERROR if isinstance(error, Exception) else StopReason.CANCELLED
