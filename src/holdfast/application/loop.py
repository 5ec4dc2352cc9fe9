"""`for attempt in attempts(...)`: the engine's decision around a block of any code."""

import random
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from holdfast.application.matching import On, UnwantedResult, matcher, outcome_of
from holdfast.drivers import allowance as allowances
from holdfast.drivers import deadline as deadlines
from holdfast.drivers.budgets import budget_of
from holdfast.drivers.last import remember
from holdfast.drivers.pause import pause, pause_async
from holdfast.drivers.telling import Tell, own_teller, telling
from holdfast.engine import (
    Backoff,
    Budget,
    Call,
    Command,
    Event,
    Failure,
    Outcome,
    Phase,
    Progressive,
    Receipt,
    Request,
    Response,
    Situation,
    Sleep,
    StopReason,
)
from holdfast.policy import Policy
from holdfast.redaction import redact_text

if TYPE_CHECKING:
    from contextvars import Token

_ACCOUNT = "application"


@dataclass(frozen=True, slots=True)
class Attempts:
    """A loop of attempts. Each iteration over it starts anew, so it may be shared and kept."""

    _name: str
    _policy: Policy
    _matches: Callable[[Exception], bool]
    _unwanted: Callable[[Any], bool] | None
    _tell: Tell | None

    def __iter__(self) -> "Iterator[Attempt]":
        loop = _Loop(self)
        try:
            while loop.goes_on():
                yield Attempt(loop)
                delay = loop.delay()
                if delay is not None:
                    pause(delay)
                    loop.waited()
        finally:
            loop.close()

    async def __aiter__(self) -> "AsyncIterator[Attempt]":
        loop = _Loop(self)
        try:
            while loop.goes_on():
                yield Attempt(loop)
                delay = loop.delay()
                if delay is not None:
                    await pause_async(delay)
                    loop.waited()
        finally:
            loop.close()


def attempts(
    on: On,
    *,
    attempts: int = 3,
    wait: Backoff | Progressive = Backoff(0.5, 5.0),  # noqa: B008 - frozen
    deadline: float = 120.0,
    retry_result: Callable[[Any], bool] | None = None,
    budget: Budget | None = Budget(),  # noqa: B008 - frozen
    name: str = "block",
    on_event: Callable[[Event], object] | None = None,
) -> Attempts:
    """Try a block again when it raises: `for attempt in attempts(...): with attempt: ...`.

    Clients of Holdfast inside the block share its deadline and its number of retries, so the
    attempts of the two never multiply. The last error itself is raised, with a note that says
    what was tried and why it ended.

    Args:
        on: what is retried: an error code such as `"lock_timeout"`, an exception type, a
            predicate on exceptions, or a tuple of these. Anything else is raised at once.
        attempts: how often the block is tried at most.
        wait: the waits between the attempts.
        deadline: how long it all may take, in seconds.
        retry_result: a predicate on `attempt.result`; while it holds, the block is tried again.
        budget: bound on the retries of all such blocks of the process; None for no bound.
        name: what the receipts call the block.
        on_event: is told of each event, on a thread of its own.

    Returns:
        What to loop over, with `for` or with `async for`.

    Raises:
        TypeError, ValueError: an option is not what it has to be.
    """
    if attempts < 1:
        raise ValueError(f"attempts is {attempts}: it must be at least 1")
    policy = Policy(
        max_retries=attempts - 1,
        deadline=deadline,
        attempt_timeout=min(deadline, 600.0),
        backoff=wait,
        locked_backoff=wait,
        key_in_use_backoff=wait,
        retry_budget=budget,
        lanes="off",
    )
    return Attempts(name, policy, matcher(on), retry_result, own_teller(on_event))


class Attempt:
    """One attempt: `with attempt: ...` around what may be tried again.

    Attributes:
        number: 1 for the first.
        result: what the block gave, if it says so; for `retry_result`.
    """

    __slots__ = ("_deadline", "_loop", "_retries", "number", "result")

    def __init__(self, loop: "_Loop") -> None:
        self._loop = loop
        self.number = loop.number
        self.result: Any = None
        self._deadline: Token[float | None] | None = None
        self._retries: Token[allowances.Retries | None] | None = None

    def __enter__(self) -> Self:
        self._deadline = deadlines.ambient_deadline.set(self._loop.ends)
        self._retries = allowances.ambient_allowance.set(self._loop.retries)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if self._deadline is not None and self._retries is not None:
            deadlines.ambient_deadline.reset(self._deadline)
            allowances.ambient_allowance.reset(self._retries)
        return self._loop.settle(error, self.result)


class _Loop:
    """The engine's side of one iteration."""

    def __init__(self, attempts: Attempts) -> None:
        policy = attempts._policy
        now = time.monotonic()
        outer = deadlines.current_deadline()
        self.ends = min(now + policy.deadline, now + policy.deadline if outer is None else outer)
        self.retries = allowances.current_allowance() or allowances.Retries(policy.max_retries)
        budget = budget_of(_ACCOUNT, policy.retry_budget, now)
        self._attempts = attempts
        tell, details = telling(attempts._tell)
        self._call = Call(
            Request("RUN", redact_text(attempts._name)),
            policy,
            clock=time.monotonic,
            random=random.random,
            budget=allowances.allowed(budget, self.retries),
            deadline=self.ends,
            rule=self._rule,
            tell=tell,
            details=details,
        )
        self.receipt.began_at = time.time()
        self._steps: Generator[Command, Any, Outcome] = self._call.steps()
        self._over = False
        self._closed = False
        self._settled = True
        self._error: Exception | None = None
        self._command = next(self._steps)

    @property
    def number(self) -> int:
        return len(self.receipt.attempts) + 1

    @property
    def receipt(self) -> Receipt:
        return self._call.receipt

    def goes_on(self) -> bool:
        """Whether another attempt follows; an attempt that nobody settled is the caller's slip."""
        if not self._settled:
            raise RuntimeError("write `with attempt:` around what may be tried again")
        self._settled = False
        return not self._over

    def settle(self, error: BaseException | None, result: Any) -> bool:
        """Judge an attempt. True swallows its error, because another attempt follows."""
        self._settled = True
        if error is not None and not isinstance(error, Exception):
            self._over = True
            self.close()  # the call takes note that it was cancelled
            return False
        self._error = error
        again = self._send(self._outcome(error, result))
        if not again:
            self.close()
        if error is not None and not again:
            self._note(error)
        return again and error is not None

    def delay(self) -> float | None:
        """How long to wait now."""
        return None if self._over or not self._settled else self._sleep().seconds

    def waited(self) -> None:
        """Go on after the wait. If that was too long, the last error is raised after all."""
        if not self._send(None) and self._error is not None:
            self._note(self._error)
            raise self._error

    def close(self) -> None:
        """End the call, however the loop was left, and leave its receipt; a second time nothing.

        The end of an attempt does it, too: an `async for` that is left early is only closed later,
        in a context of its own.
        """
        if self._closed:
            return
        self._closed = True
        self._steps.close()
        remember(self.receipt)

    def _send(self, reply: object) -> bool:
        try:
            self._command = self._steps.send(reply)
        except StopIteration:
            self._over = True
        return not self._over

    def _sleep(self) -> Sleep:
        if not isinstance(self._command, Sleep):
            raise TypeError(f"the call asks for {self._command} where it should sleep")
        return self._command

    def _outcome(self, error: Exception | None, result: Any) -> Outcome:
        if error is not None:
            return outcome_of(error)
        unwanted = self._attempts._unwanted
        if unwanted is not None and unwanted(result):
            return Failure(Phase.BODY, UnwantedResult())
        return Response(200, {})

    def _rule(self, _: Situation) -> StopReason | None:
        if self._error is None or self._attempts._matches(self._error):
            return None
        return StopReason.NOT_RETRYABLE

    def _note(self, error: Exception) -> None:
        error.add_note(f"Holdfast: {self.receipt.sentence()}")
