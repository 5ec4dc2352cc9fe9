"""The limiters at work: scopes, reasons, and that a refusal costs nothing."""

from typing import Any

import pytest

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.limits import Limiter, read_limits

OWNER = ("acct_1", False)
CUSTOMERS = ("POST", "/v1/customers", "/v1/customers")
REFUNDS = ("POST", "/v1/refunds", "/v1/refunds")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def reason(
    limiter: Limiter, endpoint: tuple[str, str, str], owner: Any = OWNER, **params: Any
) -> str:
    """Why a request is refused; empty when it passes, and goes on."""
    try:
        limiter.enter(owner, *endpoint, params)
    except ApiError as error:
        return error.rate_limited_reason or str(error.status)
    return ""


def test_the_scopes_are_counted_separately(clock: Clock) -> None:
    limiter = Limiter(read_limits({"global": {"rate": 3}, "endpoint": {"rate": 2}}), clock)
    seen = [reason(limiter, one) for one in [CUSTOMERS] * 3 + [REFUNDS] * 2]
    assert seen == ["", "", "endpoint-rate", "", "global-rate"]
    assert limiter.refused == {"endpoint-rate": 1, "global-rate": 1}


def test_a_refusal_costs_nothing(clock: Clock) -> None:
    limiter = Limiter(read_limits({"global": {"rate": 3}, "endpoint": {"rate": 1}}), clock)
    assert [reason(limiter, CUSTOMERS) for _ in range(50)].count("") == 1
    others = [("GET", f"/v1/{name}", f"/v1/{name}") for name in "ab"]
    assert [reason(limiter, one) for one in others] == ["", ""]


def test_ids_share_the_limit_of_their_endpoint(clock: Clock) -> None:
    limiter = Limiter(read_limits({"endpoint": {"rate": 2}}), clock)
    endpoint = "/v1/customers/{customer}"
    seen = [reason(limiter, ("GET", f"/v1/customers/{one}", endpoint)) for one in "abc"]
    assert seen == ["", "", "endpoint-rate"]
    assert reason(limiter, ("POST", "/v1/customers/a", endpoint)) == ""


def test_accounts_and_modes_have_limits_of_their_own(clock: Clock) -> None:
    limiter = Limiter(read_limits({"global": {"rate": 1}}), clock)
    owners = [("acct_1", False), ("acct_2", False), ("acct_1", True), ("acct_1", False)]
    assert [reason(limiter, CUSTOMERS, one) for one in owners] == ["", "", "", "global-rate"]


def test_what_runs_is_limited_until_it_has_ended(clock: Clock) -> None:
    content = {"global": {"concurrency": 3}, "endpoint": {"concurrency": 2}}
    limiter = Limiter(read_limits(content), clock)
    first = limiter.enter(OWNER, *CUSTOMERS, {})
    assert reason(limiter, CUSTOMERS) == ""
    assert reason(limiter, CUSTOMERS) == "endpoint-concurrency"
    assert reason(limiter, REFUNDS) == ""
    assert reason(limiter, REFUNDS) == "global-concurrency"
    limiter.leave(first)
    assert reason(limiter, CUSTOMERS) == ""


def test_an_unknown_url_counts_against_the_account_alone(clock: Clock) -> None:
    limiter = Limiter(read_limits({"global": {"rate": 2}, "endpoint": {"rate": 1}}), clock)
    seen = []
    for _ in range(3):
        try:
            limiter.enter(OWNER, "GET", "/v1/nothing", None, {})
            seen.append("")
        except ApiError as error:
            seen.append(error.rate_limited_reason or "")
    assert seen == ["", "", "global-rate"]


def test_an_endpoint_of_its_own_replaces_the_usual_limit(clock: Clock) -> None:
    content = {"endpoint": {"rate": 1}, "endpoints": {"POST /v1/refunds": {"rate": 3}}}
    limiter = Limiter(read_limits(content), clock)
    assert [reason(limiter, REFUNDS) for _ in range(4)] == ["", "", "", "endpoint-rate"]


def test_the_answer_is_stripes(clock: Clock) -> None:
    limiter = Limiter(read_limits({"global": {"rate": 1}}), clock)
    reason(limiter, CUSTOMERS)
    with pytest.raises(ApiError) as refused:
        limiter.enter(OWNER, *CUSTOMERS, {})
    error = refused.value
    assert (error.status, error.should_retry) == (429, None)
    body: Any = error.body()["error"]
    assert body["code"] == "rate_limit"
    assert body["type"] == "invalid_request_error"
    assert body["doc_url"].endswith("/rate-limit")
    assert body["message"]


@pytest.mark.parametrize("value", [True, False, None])
def test_the_retry_header_is_as_ordered(clock: Clock, value: bool | None) -> None:
    limiter = Limiter(read_limits({"global": {"rate": 1}, "should_retry": value}), clock)
    reason(limiter, CUSTOMERS)
    with pytest.raises(ApiError) as refused:
        limiter.enter(OWNER, *CUSTOMERS, {})
    assert refused.value.should_retry is value


def test_accounts_made_too_quickly_are_a_400_without_a_code(clock: Clock) -> None:
    limiter = Limiter(read_limits("test"), clock)
    accounts = ("POST", "/v1/accounts", "/v1/accounts")
    assert [reason(limiter, accounts) for _ in range(6)] == [""] * 5 + ["400"]
    with pytest.raises(ApiError) as refused:
        limiter.enter(OWNER, *accounts, {})
    assert refused.value.code is None
    assert "creating accounts too quickly" in refused.value.message
    assert limiter.refused == {"account-creation": 2}


def test_memory_follows_what_is_in_use(clock: Clock) -> None:
    limiter = Limiter(read_limits("live"), clock)
    for number in range(20_000):
        clock.now += 1
        path = f"/v1/payment_intents/pi_{number}"
        ended = limiter.enter(OWNER, "POST", path, "/v1/payment_intents/{intent}", {})
        limiter.leave(ended)
    assert len(limiter) < 50
