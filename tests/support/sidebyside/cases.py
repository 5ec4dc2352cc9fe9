"""The cases: what the server does to a request, and how many retries its client is allowed."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What a server does to a request instead of answering it."""

    REFUSED = "refused"
    """No connection is accepted."""
    RESET_BEFORE = "reset_before"
    """The connection is reset as soon as anything is sent."""
    RESET = "reset"
    """The connection is reset once the request was read."""
    CLOSED = "closed"
    """The connection is closed in order once the request was read, without an answer."""
    SILENT = "silent"
    """Nothing comes back: the client's timeout ends it."""
    TRUNCATED = "truncated"
    """The answer's body breaks off."""
    STALLED = "stalled"
    """The answer's body begins and does not go on: the client's timeout ends it."""


# These need an address of their own, since nothing of the request can be read there.
AT_THE_DOOR = frozenset({Fault.REFUSED, Fault.RESET_BEFORE})
TIMED = frozenset({Fault.SILENT, Fault.STALLED})

HTML = "html"
"""In the place of an error code: the body is no JSON."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the server does to one attempt.

    Attributes:
        status: the status of its answer; of a fault before the answer it says nothing.
        word: the value of `Stripe-Should-Retry`; None sends none.
        code: the error code in the body.
        fault: what happens instead of a whole answer.
        header: how the header's name is written.
    """

    status: int = 200
    word: str | None = None
    code: str | None = None
    fault: Fault | None = None
    header: str = "Stripe-Should-Retry"


@dataclass(frozen=True, slots=True)
class Case:
    """One call: its method, its retries, and what the server does; the last step for ever."""

    name: str
    method: str
    retries: int
    steps: tuple[Step, ...]

    @property
    def door(self) -> Fault | None:
        """The fault that needs an address of its own, if it is one."""
        fault = self.steps[0].fault
        return fault if fault in AT_THE_DOOR else None

    @property
    def timed(self) -> bool:
        """Whether its client must have a short timeout."""
        return any(step.fault in TIMED for step in self.steps)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a client did with a case.

    Attributes:
        attempts: how often it sent the request, or tried to.
        keys: the idempotency keys of the attempts that the server could read.
        waits: the seconds it asked to wait between them.
        succeeded: whether its caller got an object and no error.
    """

    attempts: int
    keys: tuple[str | None, ...]
    waits: tuple[float, ...]
    succeeded: bool


STATUSES = (200, 400, 402, 404, 409, 424, 429, 500, 503)
ERRORS = STATUSES[1:]
WORDS = (None, "true", "false", "True", "FALSE")
PLAIN_WORDS = WORDS[:3]
CODES = (None, "lock_timeout", "rate_limit", "idempotency_key_in_use")
RETRIES = (0, 1, 2, 3, 4)
OTHER_METHODS = ("GET", "DELETE")


def every_case() -> dict[str, list[Case]]:
    """All cases by group; their names are unique."""
    groups = {
        "answers": _answers(),
        "successes": _successes(),
        "other methods": _other_methods(),
        "faults": _faults(),
        "broken bodies": _broken_bodies(),
        "html": _html(),
        "sequences": _sequences(),
    }
    named: dict[str, list[Case]] = {}
    numbers = itertools.count(1)
    for group, made in groups.items():
        named[group] = [Case(f"{next(numbers)}", m, r, s) for m, r, s in made]
    return named


Made = Iterator[tuple[str, int, tuple[Step, ...]]]


def _answers() -> Made:
    for status, word, code, retries in itertools.product(ERRORS, WORDS, CODES, RETRIES):
        yield "POST", retries, (Step(status, word, code),)
    # The header's name may be written in any way, as HTTP has it.
    for name, status in itertools.product(("stripe-should-retry", "STRIPE-SHOULD-RETRY"), ERRORS):
        for word in ("true", "false"):
            yield "POST", 1, (Step(status, word, header=name),)


def _successes() -> Made:
    for word, retries, method in itertools.product(WORDS, RETRIES, ("POST", *OTHER_METHODS)):
        yield method, retries, (Step(200, word),)


def _other_methods() -> Made:
    axes = itertools.product(OTHER_METHODS, ERRORS, PLAIN_WORDS, CODES, (0, 2))
    for method, status, word, code, retries in axes:
        yield method, retries, (Step(status, word, code),)


def _faults() -> Made:
    for fault in Fault:
        if fault in (Fault.TRUNCATED, Fault.STALLED):
            continue
        for retries in RETRIES:
            yield "POST", retries, (Step(fault=fault),)
        for method, retries in itertools.product(OTHER_METHODS, (0, 1, 2)):
            yield method, retries, (Step(fault=fault),)


def _broken_bodies() -> Made:
    axes = itertools.product(STATUSES, PLAIN_WORDS, RETRIES)
    for status, word, retries in axes:
        yield "POST", retries, (Step(status, word, fault=Fault.TRUNCATED),)
    for status, word in itertools.product((200, 400, 409, 500), PLAIN_WORDS):
        yield "POST", 2, (Step(status, word, fault=Fault.STALLED),)


def _html() -> Made:
    for status, word, retries in itertools.product(ERRORS, PLAIN_WORDS, (0, 1, 3)):
        yield "POST", retries, (Step(status, word, HTML),)


def _sequences() -> Made:
    alphabet = (
        Step(400),
        Step(409, code="idempotency_key_in_use"),
        Step(429, "true", "lock_timeout"),
        Step(429, code="lock_timeout"),
        Step(500),
        Step(500, "false"),
        Step(fault=Fault.RESET),
        Step(fault=Fault.CLOSED),
        Step(fault=Fault.TRUNCATED),
        Step(503, code=HTML),
    )
    for first, second, retries in itertools.product(alphabet, alphabet, RETRIES):
        yield "POST", retries, (first, second, Step(200))
    silence = Step(fault=Fault.SILENT)
    for other, retries in itertools.product(alphabet, (0, 1, 2)):
        yield "POST", retries, (silence, other, Step(200))
        yield "POST", retries, (other, silence, Step(200))
