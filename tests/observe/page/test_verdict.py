"""The verdict says what is gravest first, in plain words."""

from typing import Any

import pytest
from scripted_page import SECONDS, everything, nothing

from holdfast.observe.page import verdicts


def texts(snapshot: dict[str, Any]) -> list[str]:
    return [verdict.text for verdict in verdicts(snapshot)]


def first(snapshot: dict[str, Any]) -> tuple[str, str, str]:
    verdict = verdicts(snapshot)[0]
    return verdict.level, verdict.about, verdict.text


@pytest.mark.parametrize(
    ("unsure", "said"),
    [
        (1, "1 call may have been executed: look at it first."),
        (3, "3 calls may have been executed: look at them first."),
        (1200, "1,200 calls may have been executed: look at them first."),
    ],
)
def test_money_in_doubt_comes_first(unsure: int, said: str) -> None:
    snapshot = everything()
    snapshot["totals"]["unsure"] = unsure
    assert first(snapshot) == ("alarm", "unsure", said)


def test_every_trouble_has_its_sentence_the_gravest_first() -> None:
    assert texts(everything()) == [
        "3 calls may have been executed: look at them first.",
        "1,204 events were dropped: the figures are too low.",
        "The run requests.jsonl has 8 failed requests.",
        "cus_1 is hot: 41 calls wait, 2.30 s each.",
        "The rate limit refused calls: the account is slowed down, 5 calls wait.",
    ]


@pytest.mark.parametrize(
    ("waiting", "wait", "hot"),
    [(0, 5.0, False), (1, 0.2, False), (2, 0.9, False), (1, 1.0, True), (3, 0.01, True)],
)
def test_an_object_is_hot_when_several_wait_or_one_waits_long(
    waiting: int, wait: float, hot: bool
) -> None:
    snapshot = nothing(in_flight=1)
    snapshot["hot"] = [{"object": "cus_9", "waiting": waiting, "wait_p50": wait}]
    assert ("cus_9 is hot" in texts(snapshot)[0]) is hot


@pytest.mark.parametrize(
    ("ok", "failed", "said"), [(90, 10, True), (91, 9, False), (0, 4, False), (0, 5, True)]
)
def test_a_failing_server_is_told_by_its_share_of_late(ok: int, failed: int, said: bool) -> None:
    snapshot = nothing(calls=100)
    long_ago = [1000] + [0] * (SECONDS - 2)
    snapshot["series"]["classes"] = {
        "ok": [0] * (SECONDS - 1) + [ok],
        "server_error": [*long_ago, failed],
    }
    assert ("The server fails" in texts(snapshot)[0]) is said


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ([("account", True, 0)], "the account is slowed down, no call waits."),
        ([("/v1/refunds", True, 1)], "/v1/refunds is slowed down, 1 call waits."),
        ([("account", True, 2), ("cus_1", True, 2)], "2 scopes are slowed down, 4 calls wait."),
        ([("account", False, 7)], "The rate is at its limit: 7 calls wait."),
        ([("account", False, 2)], "All quiet"),
    ],
)
def test_a_rate_limit_is_told(limits: list[tuple[str, bool, int]], said: str) -> None:
    snapshot = nothing(in_flight=7)
    snapshot["limits"] = [
        {"scope": scope, "cut": cut, "waiting": waiting} for scope, cut, waiting in limits
    ]
    assert said in texts(snapshot)[0]


def test_quiet_is_said_too() -> None:
    assert first(nothing()) == ("quiet", "figures", "All quiet: no call was made yet.")
    busy = "All quiet: 1 call under way, none waits long."
    assert texts(nothing(calls=5, in_flight=1)) == [busy]


def test_a_run_that_is_over_says_so() -> None:
    snapshot = nothing(calls=2000)
    snapshot["runs"] = [{"name": "a", "ok": 2000, "failed": 0, "finished": True}]
    assert texts(snapshot) == ["The run is over: 2,000 requests ok."]
    snapshot["runs"][0]["failed"] = 1
    assert texts(snapshot) == ["The run a has 1 failed request."]
