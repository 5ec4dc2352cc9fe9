"""Rules: which outcomes are sent again, one option at a time."""

from typing import Any

import pytest

from holdfast import Policy, StopReason
from holdfast.engine import (
    Answers,
    Failure,
    Outcome,
    Phase,
    Response,
    Rules,
    Situation,
    classify,
    decide,
)

TRUE, FALSE = {"Stripe-Should-Retry": "true"}, {"Stripe-Should-Retry": "false"}
LOCKED = Response(429, {}, "lock_timeout")


def judge(outcome: Outcome, *, attempt: int = 1, retries: int = 3, **options: Any) -> object:
    """The reason to stop, or None for another attempt."""
    at = Situation(classify(outcome), outcome, attempt, True, 0.0, 100.0)
    policy = Policy(rules=Rules(**options), max_retries=retries)
    return decide(at, policy, lambda: 0.5).reason


def broken(status: int, headers: dict[str, str] | None = None, *, silent: bool = False) -> Failure:
    """An answer whose body broke off, or did not go on."""
    error = TimeoutError() if silent else ConnectionResetError()
    return Failure(Phase.BODY, error, head=Response(status, headers or {}))


def test_answers_are_told_by_status_and_code() -> None:
    assert Response(409, {}) in Answers(409, 409)
    assert Response(410, {}) not in Answers(409, 409)
    assert Response(599, {}) in Answers(500)
    assert Response(499, {}) not in Answers(500)
    locked = Answers(429, 429, code="lock_timeout")
    assert LOCKED in locked
    assert Response(429, {}, "rate_limit") not in locked


def test_answers_are_told_by_whose_they_are() -> None:
    foreign = Answers(400, foreign=True)
    assert Response.read(502, {}, b"<html>") in foreign
    for error in (b'{"code": "x"}', b'{"type": "x"}', b'{"message": "x"}'):
        assert Response.read(502, {}, b'{"error": ' + error + b"}") not in foreign


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        (Answers(409, 409), "409"),
        (Answers(500), "500 and above"),
        (Answers(400, 499), "400 to 499"),
        (Answers(429, 429, code="lock_timeout"), "429 with code `lock_timeout`"),
        (Answers(400, foreign=True), "400 and above without a Stripe error in the body"),
    ],
)
def test_answers_are_worded_for_the_docs(answers: Answers, text: str) -> None:
    assert str(answers) == text


@pytest.mark.parametrize(("low", "high"), [(99, 200), (500, 400), (500, 1000)])
def test_statuses_out_of_order_are_refused(low: int, high: int) -> None:
    with pytest.raises(ValueError, match=f"answers from status {low} to {high}: they must be"):
        Answers(low, high)


def test_without_answers_the_class_decides() -> None:
    assert judge(LOCKED) is None
    assert judge(Response(424, {})) is None
    assert judge(Response(402, {})) is StopReason.REJECTED


def test_with_answers_the_others_are_final() -> None:
    only = (Answers(409, 409),)
    assert judge(Response(409, {}), answers=only) is None
    assert judge(LOCKED, answers=only) is StopReason.RULES
    assert judge(Response(500, {}), answers=only) is StopReason.RULES
    assert judge(Response(402, {}), answers=only) is StopReason.REJECTED
    assert judge(Response(429, {}), answers=only) is StopReason.THROTTLED
    assert judge(Response(402, TRUE), answers=only) is None
    assert judge(Response(409, FALSE), answers=only) is StopReason.SERVER_SAID_NO


def test_an_answer_that_is_sent_again_may_be_a_rate_limit() -> None:
    assert judge(Response(429, {}), answers=(Answers(429),)) is None


def test_a_rate_limit_is_sent_again_on_the_servers_word_if_the_rules_say_so() -> None:
    assert judge(Response(429, TRUE)) is StopReason.THROTTLED
    assert judge(Response(429, TRUE), throttled_on_word=True) is None
    assert judge(Response(429, {}), throttled_on_word=True) is StopReason.THROTTLED


@pytest.mark.parametrize(
    ("word", "obeyed"),
    [
        ("any_case", {"true", "True", " TRUE "}),
        ("exact", {"true"}),
        ("exact_in_errors", {"true"}),
        ("ignored", set()),
    ],
)
def test_the_servers_word_is_read_as_the_rules_say(word: str, obeyed: set[str]) -> None:
    for said in ("true", "True", " TRUE ", "maybe"):
        answer = Response(402, {"Stripe-Should-Retry": said}, "card_declined")
        assert (judge(answer, word=word) is None) == (said in obeyed)


def test_a_word_may_count_only_beside_an_error_of_stripes() -> None:
    answers = (Answers(500),)
    for headers, expected in ((TRUE, StopReason.REJECTED), (FALSE, StopReason.REJECTED)):
        page = Response.read(404, headers, b"<html>")
        assert judge(page, word="exact_in_errors", answers=answers) is expected
    page = Response.read(503, FALSE, b"<html>")
    assert judge(page, word="exact_in_errors", answers=answers) is None
    assert judge(page, word="exact", answers=answers) is StopReason.SERVER_SAID_NO


def test_an_answer_that_broke_off_is_sent_again_by_default() -> None:
    for status in (200, 402, 500):
        assert judge(broken(status)) is None
        assert judge(broken(status, FALSE)) is None


def test_an_answer_that_broke_off_may_be_final() -> None:
    assert judge(broken(500), unread="final") is StopReason.RULES
    assert judge(broken(500, silent=True), unread="final") is None
    assert judge(broken(500, silent=True), unread="final", stalled=False) is StopReason.RULES


def test_an_answer_that_broke_off_may_be_judged_by_its_head() -> None:
    head: dict[str, Any] = {"unread": "head", "answers": (Answers(500),)}
    assert judge(broken(500), **head) is None
    assert judge(broken(500, FALSE), **head) is StopReason.SERVER_SAID_NO
    assert judge(broken(200), **head) is StopReason.RULES
    assert judge(broken(200, TRUE), **head) is None
    assert judge(broken(200, silent=True), **head) is None
    assert judge(broken(200, silent=True), stalled=False, **head) is StopReason.RULES
    assert judge(broken(500, silent=True), stalled=False, **head) is None
    unknown = Failure(Phase.BODY, ConnectionResetError())
    assert judge(unknown, **head) is StopReason.RULES


def test_a_certificate_is_final_unless_the_rules_say_otherwise() -> None:
    failure = Failure(Phase.CONNECT, OSError(), retryable=False)
    assert judge(failure) is StopReason.NOT_RETRYABLE
    assert judge(failure, certificates=True) is None


@pytest.mark.parametrize(
    ("outcome", "attempt", "reason"),
    [
        (Failure(Phase.SENT, ConnectionResetError()), 1, None),
        (Failure(Phase.SENT, ConnectionResetError()), 2, StopReason.ATTEMPTS),
        (Failure(Phase.SENT, TimeoutError()), 1, StopReason.ATTEMPTS),
        (Failure(Phase.CONNECT, ConnectionRefusedError()), 1, StopReason.ATTEMPTS),
        (Response(500, {}), 1, StopReason.ATTEMPTS),
    ],
)
def test_a_closed_connection_may_be_worth_one_retry_beyond_none(
    outcome: Outcome, attempt: int, reason: StopReason | None
) -> None:
    assert judge(outcome, attempt=attempt, retries=0, closed_once=True) is reason
    assert judge(outcome, attempt=attempt, retries=0) is StopReason.ATTEMPTS


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("word", "word is 'some': it must be one of any_case, exact, exact_in_errors, ignored"),
        ("unread", "unread is 'some': it must be one of again, head, final"),
    ],
)
def test_bad_values_are_refused_with_the_option_and_its_words(option: str, sentence: str) -> None:
    options: dict[str, Any] = {option: "some"}
    with pytest.raises(ValueError, match=sentence):
        Rules(**options)


def test_the_bounds_of_answers_are_allowed() -> None:
    assert Response(100, {}) in Answers(100, 100)
    assert Response(999, {}) in Answers(999, 999)
