"""The decision, step by step and in its order."""

import itertools

import pytest

from holdfast.engine import (
    Backoff,
    Failure,
    FaultClass,
    Jitter,
    Outcome,
    Phase,
    Response,
    Situation,
    StopReason,
    classify,
    decide,
)
from holdfast.policy import Policy

FIXED = Backoff(1.0, 64.0, jitter=Jitter.NONE)
POLICY = Policy(backoff=FIXED, locked_backoff=FIXED, key_in_use_backoff=FIXED)

LOCKED = Response(429, {}, "lock_timeout")
THROTTLED = Response(429, {})
KEY_IN_USE = Response(409, {}, "idempotency_key_in_use")
SERVER_ERROR = Response(500, {})
REJECTED = Response(402, {})
UNREACHABLE = Failure(Phase.CONNECT, OSError())
INTERRUPTED = Failure(Phase.SENT, OSError())
BAD_CERTIFICATE = Failure(Phase.CONNECT, OSError(), retryable=False)


def judge(
    outcome: Outcome,
    *,
    attempt: int = 1,
    repeatable: bool = True,
    left: float = 100.0,
    policy: Policy = POLICY,
) -> tuple[StopReason | None, float]:
    at = Situation(classify(outcome), outcome, attempt, repeatable, 0.0, left)
    verdict = decide(at, policy, lambda: 0.5)
    return verdict.reason, verdict.delay


@pytest.mark.parametrize(
    ("outcome", "repeatable", "reason"),
    [
        (Response(200, {}), True, StopReason.OK),
        (Response(200, {}), False, StopReason.OK),
        (REJECTED, True, StopReason.REJECTED),
        (LOCKED, True, None),
        (LOCKED, False, None),  # nothing was executed
        (THROTTLED, True, StopReason.THROTTLED),
        (KEY_IN_USE, True, None),
        (Response(409, {}), True, None),
        (Response(409, {}), False, None),
        (SERVER_ERROR, True, None),
        (SERVER_ERROR, False, StopReason.NOT_IDEMPOTENT),
        (Response(424, {}), True, None),
        (UNREACHABLE, True, None),
        (UNREACHABLE, False, None),
        (INTERRUPTED, True, None),
        (INTERRUPTED, False, StopReason.NOT_IDEMPOTENT),
        (Failure(Phase.BODY, OSError()), True, None),
        (Failure(Phase.BODY, OSError()), False, StopReason.NOT_IDEMPOTENT),
        (BAD_CERTIFICATE, True, StopReason.NOT_RETRYABLE),
    ],
)
def test_the_rule_of_each_class(
    outcome: Outcome, repeatable: bool, reason: StopReason | None
) -> None:
    assert judge(outcome, repeatable=repeatable)[0] is reason


@pytest.mark.parametrize("word", ["true", "True", " TRUE "])
@pytest.mark.parametrize("name", ["stripe-should-retry", "Stripe-Should-Retry"])
def test_the_server_may_allow_any_retry(name: str, word: str) -> None:
    for status, code in [(400, None), (402, "card_declined"), (500, None), (429, "lock_timeout")]:
        assert judge(Response(status, {name: word}, code), repeatable=False)[0] is None


@pytest.mark.parametrize("word", ["false", "False", "FALSE"])
def test_the_server_may_forbid_any_retry(word: str) -> None:
    for status, code in [(409, None), (500, None), (429, "lock_timeout"), (429, None)]:
        outcome = Response(status, {"Stripe-Should-Retry": word}, code)
        assert judge(outcome)[0] is StopReason.SERVER_SAID_NO


def test_another_word_of_the_server_says_nothing() -> None:
    assert judge(Response(500, {"stripe-should-retry": "maybe"}))[0] is None
    assert judge(Response(400, {"stripe-should-retry": "maybe"}))[0] is StopReason.REJECTED


def test_a_rate_limit_is_not_retried_even_when_the_server_says_true() -> None:
    assert judge(Response(429, {"stripe-should-retry": "true"}))[0] is StopReason.THROTTLED


@pytest.mark.parametrize("outcome", [LOCKED, KEY_IN_USE, SERVER_ERROR, UNREACHABLE, INTERRUPTED])
def test_retries_are_counted(outcome: Outcome) -> None:
    reasons = [judge(outcome, attempt=n)[0] for n in (1, 2, 3, 4)]
    assert reasons == [None, None, None, StopReason.ATTEMPTS]


def test_a_sleep_that_would_pass_the_deadline_is_not_begun() -> None:
    assert judge(LOCKED, attempt=3, left=4.0)[0] is StopReason.DEADLINE
    assert judge(LOCKED, attempt=3, left=4.1) == (None, 4.0)


def test_out_of_time_comes_before_everything_but_success() -> None:
    assert judge(Response(200, {}), left=0.0)[0] is StopReason.OK
    for outcome in (LOCKED, REJECTED, Response(500, {"stripe-should-retry": "false"})):
        assert judge(outcome, left=0.0)[0] is StopReason.DEADLINE


def test_each_class_has_its_own_waits() -> None:
    policy = Policy(
        backoff=Backoff(1, 1, jitter=Jitter.NONE),
        locked_backoff=Backoff(2, 2, jitter=Jitter.NONE),
        key_in_use_backoff=Backoff(3, 3, jitter=Jitter.NONE),
    )
    waits = [judge(o, policy=policy)[1] for o in (SERVER_ERROR, UNREACHABLE, LOCKED, KEY_IN_USE)]
    assert waits == [1, 1, 2, 3]


DATES = {
    "date": "Mon, 23 Nov 2026 10:00:00 GMT",
    "retry-after": "Mon, 23 Nov 2026 10:00:07 GMT",
}


@pytest.mark.parametrize(
    ("headers", "delay"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"Retry-After": " 7 "}, 7.0),
        ({"retry-after": "0"}, 1.0),
        (DATES, 7.0),
        ({**DATES, "date": "Mon, 23 Nov 2026 11:00:00 GMT"}, 1.0),
        ({"retry-after": DATES["retry-after"]}, 1.0),  # no reference, no wait
        ({**DATES, "date": "Mon, 23 Nov 2026 10:00:00"}, 1.0),  # one has a zone, one has none
        ({"retry-after": "soon", "date": DATES["date"]}, 1.0),
        ({"retry-after": "-7"}, 1.0),
        ({"retry-after": "7.5"}, 1.0),
        ({"retry-after": "\u0667"}, 1.0),
    ],
)
def test_a_hint_lengthens_the_wait(headers: dict[str, str], delay: float) -> None:
    assert judge(Response(503, headers)) == (None, delay)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("give_up", (StopReason.DEADLINE, 0.0)),
        ("cap", (None, 50.0)),
        ("ignore", (None, 1.0)),
    ],
)
@pytest.mark.parametrize("hint", ["100", "9" * 400])
def test_a_hint_beyond_the_deadline(
    rule: str, expected: tuple[StopReason | None, float], hint: str
) -> None:
    policy = Policy(backoff=FIXED, retry_after=rule)  # type: ignore[arg-type]
    assert judge(Response(503, {"retry-after": hint}), policy=policy) == expected


def test_exhaustively_every_decision_ends_and_retries_only_what_is_safe() -> None:
    """All outcomes, words, attempts, keys and deadlines against the design's own words."""
    statuses = [200, 302, 400, 402, 404, 409, 424, 429, 500, 503]
    codes = [None, "lock_timeout", "rate_limit", "idempotency_key_in_use"]
    words = [None, "true", "false"]
    answers: list[Outcome] = [
        Response(status, {} if word is None else {"Stripe-Should-Retry": word}, code)
        for status, code, word in itertools.product(statuses, codes, words)
    ]
    failures: list[Outcome] = [
        Failure(phase, OSError(), retryable)
        for phase, retryable in itertools.product(Phase, (True, False))
    ]
    cases = itertools.product(answers + failures, range(1, 6), (True, False), (0.0, 1.5, 100.0))
    for outcome, attempt, repeatable, left in cases:
        reason, delay = judge(outcome, attempt=attempt, repeatable=repeatable, left=left)
        if reason is not None:
            continue
        fault = classify(outcome)
        word = outcome.header("stripe-should-retry") if isinstance(outcome, Response) else None
        assert attempt <= 3
        assert 0 < delay < left
        assert word != "false"
        assert fault not in (FaultClass.OK, FaultClass.THROTTLED)
        if word is None:
            assert fault is not FaultClass.REJECTED
            if not repeatable:
                assert fault not in (FaultClass.INTERRUPTED, FaultClass.SERVER_ERROR)
        if isinstance(outcome, Failure):
            assert outcome.retryable
