"""What a user tells, and the numbers that Stripe publishes."""

from typing import Any

import pytest

from holdfast import Policy
from holdfast.ratelimit import Limit, RateLimits, limits_for, published_limits


@pytest.mark.parametrize(
    ("key", "rate"),
    [
        ("Bearer sk_live_1", 100),
        ("Bearer rk_live_1", 100),
        ("Bearer sk_test_1", 25),
        ("bearer rk_test_1", 25),
        ("Basic c2tfdGVzdA==", 100),
        ("", 100),
        (None, 100),
    ],
)
def test_the_key_tells_which_numbers_count(key: str | None, rate: float) -> None:
    assert limits_for("stripe", key).account.rate == rate


@pytest.mark.parametrize(
    ("live", "accounts"),
    [(True, 30), (False, 5)],
)
def test_the_published_numbers(live: bool, accounts: float) -> None:
    limits = published_limits(live=live)
    assert limits.endpoint == Limit(25)
    assert limits.endpoints["GET /v1/*/search"].rate == 20
    assert limits.endpoints["POST /v1/payouts"] == Limit(15, concurrency=30)
    assert limits.endpoints["POST /v1/accounts"].rate == accounts
    (updates,) = limits.resources.values()
    assert updates.rate is not None
    assert updates.burst is not None
    # In no hour more than 1,000.
    assert updates.rate * 3600 + updates.burst == pytest.approx(1000)


def test_nothing_told_and_a_rate() -> None:
    assert not limits_for(None, "Bearer sk_live_1").is_told
    assert limits_for(40, None) == RateLimits(account=Limit(40))
    own = RateLimits(endpoint=Limit(3))
    assert limits_for(own, None) is own
    assert own.is_told


def test_equal_limits_are_the_same_limiter() -> None:
    one, other = (RateLimits(endpoints={"GET /v1/a": Limit(1)}) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != RateLimits(endpoints={"GET /v1/a": Limit(2)})


def test_later_changes_of_the_mapping_do_not_count() -> None:
    told = {"GET /v1/a": Limit(1)}
    limits = RateLimits(endpoints=told)
    told["GET /v1/b"] = Limit(2)
    assert list(limits.endpoints) == ["GET /v1/a"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Limit(0), "rate is 0: it must be from 1e-06 to 1e"),
        (lambda: Limit(float("nan")), "rate is nan"),
        (lambda: Limit(5, burst=0.5), "burst is 0.5: it must be from 1 to"),
        (lambda: Limit(concurrency=0), "concurrency is 0: it must be from 1"),
        (lambda: RateLimits(interactive_share=1.5), "interactive_share is 1.5: .* from 0 to 1"),
        (lambda: RateLimits(endpoints={"/v1/a": Limit(1)}), "endpoints has the pattern '/v1/a'"),
        (lambda: RateLimits(resources={"GET v1": Limit(1)}), "resources has the pattern 'GET v1'"),
    ],
)
def test_bad_limits_are_refused_with_a_sentence(make: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.mark.parametrize("told", [0, -1, float("nan"), float("inf"), True, "live", [25], Limit(25)])
def test_a_policy_takes_no_other_rate_limit(told: Any) -> None:
    with pytest.raises(ValueError, match=r"rate_limit is .*: it must be None .* RateLimits"):
        Policy(rate_limit=told)


@pytest.mark.parametrize("told", [None, "stripe", 25, 0.5, RateLimits()])
def test_what_a_policy_takes(told: Any) -> None:
    policy = Policy(rate_limit=told)
    assert policy.rate_limit is told
    assert policy.has_limiter


def test_when_calls_go_through_a_limiter() -> None:
    assert Policy().has_limiter
    assert not Policy(throttled="raise").has_limiter
    assert Policy(throttled="raise", rate_limit=10).has_limiter
    for preset in (Policy.stripe_node, Policy.stripe_python, Policy.stripe_ruby, Policy.stripe_go):
        assert not preset().has_limiter
