"""The presets as data: the tables of what each official package does.

Node and Python are proven against the packages in tests/fidelity. Ruby and Go are not run here:
their tables were read in `lib/stripe/api_requestor.rb` (19.5.0) and `stripe.go` (86.2.0).
"""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from stories import Story

from holdfast import Policy, StopReason
from holdfast.engine import Failure, Outcome, Phase, Request, Response

PRESETS: dict[str, Callable[..., Policy]] = {
    "node": Policy.stripe_node,
    "python": Policy.stripe_python,
    "ruby": Policy.stripe_ruby,
    "go": Policy.stripe_go,
}
HTML = b"<html>Bad Gateway</html>"


def answer(status: int, code: str | None = None, word: str | None = None) -> Response:
    """An error of Stripe's form."""
    headers = {} if word is None else {"Stripe-Should-Retry": word}
    return Response(status, headers, code, "invalid_request_error", "no")


def page(status: int, word: str | None = None) -> Response:
    """A proxy's page."""
    headers = {} if word is None else {"Stripe-Should-Retry": word}
    return Response.read(status, headers, HTML)


def unread(status: int, error: Exception, word: str | None = None) -> Failure:
    """An answer whose body could not be read."""
    headers = {} if word is None else {"Stripe-Should-Retry": word}
    return Failure(Phase.BODY, error, head=Response(status, headers))


REFUSED = Failure(Phase.CONNECT, ConnectionRefusedError())
RESET = Failure(Phase.SENT, ConnectionResetError())
SILENT = Failure(Phase.SENT, TimeoutError())
CERTIFICATE = Failure(Phase.CONNECT, OSError(), retryable=False)
BROKE, STALLED = ConnectionResetError(), TimeoutError()

# What happens to every attempt, and the packages that send it again.
TABLE: list[tuple[str, Outcome, str]] = [
    ("409", answer(409), "node python ruby"),
    ("409 in use", answer(409, "idempotency_key_in_use"), "node python ruby"),
    ("409, false", answer(409, word="false"), ""),
    ("409, False", answer(409, word="False"), "node python ruby"),
    ("429 lock timeout", answer(429, "lock_timeout"), "ruby go"),
    ("429 lock timeout, true", answer(429, "lock_timeout", "true"), "node python ruby go"),
    ("429 lock timeout, True", answer(429, "lock_timeout", "True"), "ruby go"),
    ("429 lock timeout, false", answer(429, "lock_timeout", "false"), "go"),
    ("400 lock timeout", answer(400, "lock_timeout"), ""),
    ("429 rate limit", answer(429, "rate_limit"), ""),
    ("429 rate limit, true", answer(429, "rate_limit", "true"), "node python ruby"),
    ("400, true", answer(400, word="true"), "node python ruby"),
    ("402", answer(402), ""),
    ("404 in use", answer(404, "idempotency_key_in_use"), ""),
    ("424", answer(424), ""),
    ("500", answer(500), "node python ruby"),
    ("500, false", answer(500, word="false"), ""),
    ("503, FALSE", answer(503, word="FALSE"), "node python ruby"),
    ("400 page", page(400), "go"),
    ("400 page, true", page(400, "true"), "node python go"),
    ("409 page, false", page(409, "false"), "ruby go"),
    ("429 page", page(429), "go"),
    ("503 page", page(503), "node python ruby go"),
    ("503 page, false", page(503, "false"), "ruby go"),
    ("refused", REFUSED, "node python ruby go"),
    ("reset", RESET, "node python ruby go"),
    ("silent", SILENT, "node python ruby go"),
    ("certificate", CERTIFICATE, "node"),
    ("200 broken off", unread(200, BROKE), "go"),
    ("500 broken off", unread(500, BROKE), "node ruby go"),
    ("500 broken off, false", unread(500, BROKE, "false"), "ruby go"),
    ("200 stalled", unread(200, STALLED), "python ruby go"),
    ("500 stalled", unread(500, STALLED), "node python ruby go"),
]


def attempts_of(policy: Policy, outcome: Outcome) -> int:
    """How many attempts a call makes whose every attempt ends alike."""
    told = Story([outcome] * 20)
    told.run(Request("POST", "/v1/customers", "key"), policy)
    return len(told.sent)


@pytest.mark.parametrize(("name", "outcome", "packages"), TABLE, ids=[row[0] for row in TABLE])
@pytest.mark.parametrize("retries", [1, 2, 4])
def test_what_is_sent_again(name: str, outcome: Outcome, packages: str, retries: int) -> None:
    for package, preset in PRESETS.items():
        expected = retries + 1 if package in packages.split() else 1
        assert attempts_of(preset(retries), outcome) == expected, package


def test_only_node_sends_a_closed_connection_again_with_no_retries() -> None:
    made = {name: attempts_of(preset(0), RESET) for name, preset in PRESETS.items()}
    assert made == {"node": 2, "python": 1, "ruby": 1, "go": 1}
    assert {attempts_of(preset(0), SILENT) for preset in PRESETS.values()} == {1}
    assert {attempts_of(preset(0), REFUSED) for preset in PRESETS.values()} == {1}


WAITS = {
    "node": ([0.5, 0.5, 0.5, 1.0, 2.0, 2.5, 2.5], [0.5, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]),
    "python": ([0.5, 0.5, 1.0, 2.0, 2.5, 2.5, 2.5], [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]),
    "ruby": ([0.5, 0.5, 1.0, 2.0, 2.5, 2.5, 2.5], [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]),
    "go": ([0.5, 0.75, 1.875, 3.75, 3.75, 3.75, 3.75], [0.5, 1.0, 2.5, 5.0, 5.0, 5.0, 5.0]),
}


@pytest.mark.parametrize("name", PRESETS)
def test_waits_are_those_of_the_package_to_the_constant(name: str) -> None:
    for chance, expected in zip((0.0, 1.0), WAITS[name], strict=True):
        told = Story([REFUSED] * 20, random=itertools.repeat(chance).__next__)
        told.run(Request("GET", "/v1/customers"), PRESETS[name](7))
        assert told.clock.slept == pytest.approx(expected)


@pytest.mark.parametrize("outcome", [answer(409, "idempotency_key_in_use"), answer(409)])
def test_every_fault_has_the_same_waits(outcome: Outcome) -> None:
    told = Story([outcome] * 20)
    told.run(Request("POST", "/v1/customers", "key"), Policy.stripe_node(4))
    assert told.clock.slept == [0.5, 0.5, 0.75, 1.5]


@pytest.mark.parametrize("name", PRESETS)
def test_no_preset_has_what_no_package_has(name: str) -> None:
    policy = PRESETS[name]()
    assert (policy.max_retries, policy.attempt_timeout) == (2, 80.0)
    assert (policy.lanes, policy.retry_budget, policy.retry_after) == ("off", None, "ignore")
    # Not even the most retries, each as long as it may be, come near the deadline.
    assert policy.deadline > 101 * (policy.attempt_timeout + policy.backoff.cap)


def test_a_preset_without_a_budget_retries_through_an_outage() -> None:
    made = [attempts_of(Policy.stripe_python(), REFUSED) for _ in range(200)]
    assert set(made) == {3}


def test_the_receipt_of_a_preset_keeps_our_names() -> None:
    told = Story([answer(429, "lock_timeout")])
    told.run(Request("POST", "/v1/customers", "key"), Policy.stripe_node())
    receipt = told.made.receipt
    assert (receipt.fault_classes, receipt.stop) == (["locked"], StopReason.RULES)


def test_rules_of_another_kind_are_refused() -> None:
    wrong: dict[str, Any] = {"rules": "node"}
    with pytest.raises(ValueError, match="rules is 'node': it must be a Rules"):
        Policy(**wrong)
