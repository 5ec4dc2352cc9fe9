"""What a policy sends again: the points on which Stripe's official packages differ, as data."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from holdfast.engine.classify import FaultClass
from holdfast.engine.outcome import Failure, Outcome, Phase, Response

Word = Literal["any_case", "exact", "exact_in_errors", "ignored"]
Unread = Literal["again", "head", "final"]

_HIGHEST = 999
_WORDS = {"true": True, "false": False}
# What no repetition mends, or what only a limiter may send again.
_FINAL = frozenset({FaultClass.REJECTED, FaultClass.THROTTLED})


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of the server, by their status and by what their body says.

    Attributes:
        low: the lowest status.
        high: the highest status.
        code: only those with this error code.
        foreign: only those whose body is no error of Stripe's form, such as a proxy's page.
    """

    low: int
    high: int = _HIGHEST
    code: str | None = None
    foreign: bool = False

    def __post_init__(self) -> None:
        if not 100 <= self.low <= self.high <= _HIGHEST:
            raise ValueError(
                f"answers from status {self.low} to {self.high}: "
                f"they must be from 100 to {_HIGHEST}, the lower one first"
            )

    def __contains__(self, response: Response) -> bool:
        return (
            self.low <= response.status <= self.high
            and (self.code is None or response.error_code == self.code)
            and not (self.foreign and _has_error(response))
        )

    def __str__(self) -> str:
        statuses = f"{self.low}" if self.low == self.high else f"{self.low} to {self.high}"
        if self.high == _HIGHEST:
            statuses = f"{self.low} and above"
        code = "" if self.code is None else f" with code `{self.code}`"
        return statuses + code + (" without a Stripe error in the body" if self.foreign else "")


def _about(text: str) -> dict[str, str]:
    return {"about": text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which outcomes are sent again, and which are final.

    The defaults are Holdfast's own rules; the presets of `Policy` have those of the official
    packages.

    Raises:
        ValueError: a value is not one of those that its option knows.
    """

    answers: tuple[Answers, ...] | None = field(
        default=None,
        metadata=_about(
            "answers sent again without the server's word; None goes by the fault class"
        ),
    )
    word: Word = field(
        default="any_case",
        metadata=_about(
            "how `Stripe-Should-Retry` is read: in any case, exactly (`true`, `false`), exactly "
            "and only beside a Stripe error in the body, or not at all"
        ),
    )
    throttled_on_word: bool = field(
        default=False,
        metadata=_about("whether the server's `true` has a rate limit's refusal sent again"),
    )
    unread: Unread = field(
        default="again",
        metadata=_about(
            "an answer whose body broke off: sent again, judged by its status and headers alone, "
            "or final"
        ),
    )
    stalled: bool = field(
        default=True,
        metadata=_about(
            "whether a request is sent again when its answer's body stopped coming until the "
            "timeout"
        ),
    )
    certificates: bool = field(
        default=False,
        metadata=_about(
            "whether a failure that no repetition mends, as of a certificate, is sent again"
        ),
    )
    closed_once: bool = field(
        default=False,
        metadata=_about(
            "whether the first attempt is sent again when its connection was closed, even with "
            "0 retries"
        ),
    )

    def __post_init__(self) -> None:
        for name, kind in (("word", Word), ("unread", Unread)):
            value, words = getattr(self, name), get_args(kind)
            if value not in words:
                raise ValueError(f"{name} is {value!r}: it must be one of {', '.join(words)}")

    def read(self, outcome: Outcome) -> Outcome:
        """What to judge: the outcome, or the head of an answer whose body was not read."""
        if not isinstance(outcome, Failure) or outcome.head is None or self.unread != "head":
            return outcome
        return outcome if self.stalled and outcome.timed_out else outcome.head

    def said(self, outcome: Outcome) -> bool | None:
        """The server's word: whether to send it again; None if it says nothing."""
        if self.word == "ignored" or isinstance(outcome, Failure):
            return None
        word = outcome.header("stripe-should-retry")
        if word is None:
            return None
        if self.word == "any_case":
            return _WORDS.get(word.strip().lower())
        if self.word == "exact_in_errors" and not _has_error(outcome):
            return None
        return _WORDS.get(word)

    def sends_again(self, fault: FaultClass, outcome: Outcome) -> bool:
        """Whether an outcome on which the server said nothing is sent again."""
        if isinstance(outcome, Failure):
            return self._sends_failure_again(outcome)
        if self.answers is None:
            return fault not in _FINAL
        return any(outcome in answers for answers in self.answers)

    def allows_past_the_last(self, attempt: int, outcome: Outcome) -> bool:
        """Whether an attempt is repeated although there are no retries left."""
        if not self.closed_once or attempt != 1:
            return False
        return isinstance(outcome, Failure) and outcome.closed

    def _sends_failure_again(self, failure: Failure) -> bool:
        if not failure.retryable:
            return self.certificates
        if failure.phase is not Phase.BODY:
            return True
        return self.stalled if failure.timed_out else self.unread == "again"


def _has_error(response: Response) -> bool:
    said = (response.error_code, response.error_type, response.error_message)
    return any(text is not None for text in said)
