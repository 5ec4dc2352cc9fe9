"""The events of a call: what its subscribers are told, step by step.

An event's receipt is the call's own and goes on as the call does; that of `CallEnded` is complete.
Not frozen, like what they carry: that would double the price of making one.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from holdfast.engine.classify import FaultClass
from holdfast.engine.receipt import Attempt, Cause, Receipt


@dataclass(slots=True)
class CallStarted:
    """A call begins."""

    is_detail: ClassVar[bool] = True
    receipt: Receipt


@dataclass(slots=True)
class Waiting:
    """The call has to wait: for its lanes, or for a token of its account's rate limit.

    `at` is when, in seconds from the call's start.
    """

    is_detail: ClassVar[bool] = True
    receipt: Receipt
    cause: Cause
    at: float


@dataclass(slots=True)
class LanesEntered:
    """The call is first in the lanes of its objects, after waiting for so many seconds.

    `at` is when, in seconds from the call's start.
    """

    is_detail: ClassVar[bool] = True
    receipt: Receipt
    lanes: tuple[str, ...]
    waited: float
    at: float = field(default=0.0, compare=False)


@dataclass(slots=True)
class Admitted:
    """The call had to wait for a token of its account's rate limit, and has it now.

    `at` is when, in seconds from the call's start.
    """

    is_detail: ClassVar[bool] = True
    receipt: Receipt
    waited: float
    at: float = field(default=0.0, compare=False)


@dataclass(slots=True)
class AttemptStarted:
    """An attempt is about to be sent; `at` is when, in seconds from the call's start."""

    is_detail: ClassVar[bool] = True
    receipt: Receipt
    number: int
    at: float = field(default=0.0, compare=False)


@dataclass(slots=True)
class AttemptEnded:
    """An attempt came back."""

    is_detail: ClassVar[bool] = True
    receipt: Receipt
    attempt: Attempt


@dataclass(slots=True)
class RetryScheduled:
    """Another attempt follows, after `delay` seconds.

    A call that was refused by a rate limit has a delay of 0 and waits for its limiter instead.
    `at` is when that was decided, in seconds from the call's start.
    """

    is_detail: ClassVar[bool] = True
    receipt: Receipt
    fault: FaultClass
    delay: float
    at: float


@dataclass(slots=True)
class CallEnded:
    """The call is over; its receipt is complete."""

    is_detail: ClassVar[bool] = False
    receipt: Receipt


Event = (
    CallStarted
    | Waiting
    | LanesEntered
    | Admitted
    | AttemptStarted
    | AttemptEnded
    | RetryScheduled
    | CallEnded
)
