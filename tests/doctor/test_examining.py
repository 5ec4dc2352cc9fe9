"""Running objects: real clients of the real packages, Celery's tasks, functions with retries."""

from collections.abc import Iterator
from typing import Any

import httpx
import httpx2
import pytest
import requests
import stripe
import tenacity
from celery import Celery
from madeup import LIVE, SECRET, TEST
from requests.adapters import HTTPAdapter

import holdfast
from holdfast import Limit, Policy, RateLimits
from holdfast.doctor import Finding, examine
from holdfast.doctor.examining import examine_sdk
from holdfast.integrations.httpx import AsyncHoldfastTransport, HoldfastTransport
from holdfast.integrations.httpx2 import HoldfastTransport as Httpx2Transport
from holdfast.integrations.requests import HoldfastAdapter


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own settings, as they are in a new process."""
    monkeypatch.setattr(stripe, "default_http_client", None)
    monkeypatch.setattr(stripe, "max_network_retries", 2)
    monkeypatch.setattr(stripe, "api_key", None)
    monkeypatch.setattr(stripe, "verify_ssl_certs", True)


def told(found: list[Finding]) -> list[tuple[str, str]]:
    return [(one.check, str(one.severity)) for one in found]


def test_a_client_of_holdfasts_has_nothing_to_change() -> None:
    assert examine(holdfast.stripe_client(LIVE)) == []
    assert examine(stripe.StripeClient(LIVE, http_client=holdfast.StripeHTTPClient())) == []


def test_a_client_without_retries_is_told_with_its_name() -> None:
    [found] = examine(stripe.StripeClient(TEST), "shop.pay:client")
    assert told([found]) == [("client-without-retries", "warning")]
    assert found.where == "shop.pay:client"
    assert examine(stripe.StripeClient(TEST, max_network_retries=0)) == []
    many = examine(stripe.StripeClient(TEST, max_network_retries=12))
    assert told(many) == [("many-retries", "warning")]


def test_a_publishable_key_is_told_and_never_shown() -> None:
    [found] = examine(holdfast.stripe_client(f"pk_live_{SECRET}"))
    assert told([found]) == [("wrong-key-type", "error")]
    assert SECRET not in str(found.as_dict())


def test_the_rate_goes_by_the_type_of_the_key() -> None:
    policy = Policy(rate_limit=60)
    assert examine(holdfast.stripe_client(LIVE, policy)) == []
    [found] = examine(holdfast.stripe_client(TEST, policy))
    assert told([found]) == [("rate-above-published", "warning")]
    assert "the 25 requests a second that Stripe publishes for a sandbox" in found.message
    own = RateLimits(account=Limit(rate=150))
    assert told(examine(holdfast.stripe_client(LIVE, Policy(rate_limit=own)))) == [
        ("rate-above-published", "warning")
    ]


def test_a_policy_is_examined_by_itself() -> None:
    assert examine(Policy()) == []
    assert told(examine(Policy(deadline=30))) == [("deadline-under-attempt", "advice")]
    found = examine(Policy(deadline=5, attempt_timeout=10))
    assert told(found) == [("deadline-under-attempt", "warning")]
    assert told(examine(holdfast.StripeHTTPClient(Policy(deadline=5, attempt_timeout=10)))) == (
        told(found)
    )


def test_tls_and_timeouts_are_those_of_the_client() -> None:
    unverified = stripe.StripeClient(TEST, max_network_retries=2, verify_ssl_certs=False)
    assert told(examine(unverified)) == [("tls-unverified", "error")]
    ours = holdfast.stripe_client(TEST, verify_ssl_certs=False)
    assert told(examine(ours)) == [("tls-unverified", "error")]
    assert examine(stripe.RequestsClient()) == []
    assert told(examine(stripe.UrllibClient())) == [("no-timeout", "warning")]


def test_retries_of_a_session_below_the_sdk_multiply() -> None:
    with requests.Session() as session:
        session.mount("https://", HTTPAdapter(max_retries=4))
        http = stripe.RequestsClient(session=session)
        client = stripe.StripeClient(TEST, max_network_retries=2, http_client=http)
        [found] = examine(client)
    assert told([found]) == [("retries-multiply", "warning")]
    assert "5 x 3 = 15 attempts" in found.message


def test_transports_are_looked_into() -> None:
    keyed = Policy(idempotency_keys="unsafe")
    for library, transport in ((httpx, HoldfastTransport), (httpx2, Httpx2Transport)):
        made: Any = library
        with made.Client(transport=transport()) as client:
            assert told(examine(client)) == [("keys-off", "advice")]
        with made.Client(transport=transport(keyed)) as client:
            assert examine(client) == []
        with made.Client() as client:
            assert examine(client) == []
    assert told(examine(httpx.AsyncClient(transport=AsyncHoldfastTransport()))) == [
        ("keys-off", "advice")
    ]


def test_a_session_with_an_adapter_is_looked_into() -> None:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {TEST}"
        policy = Policy(idempotency_keys="unsafe", rate_limit=50)
        session.mount("https://api.stripe.com/", HoldfastAdapter(policy))
        [found] = examine(session, "api:session")
    assert told([found]) == [("rate-above-published", "warning")]
    assert found.subject == "api:session (https://api.stripe.com/)"


def test_the_settings_of_the_sdk() -> None:
    assert examine_sdk() == []
    stripe.max_network_retries = 0
    assert told(examine(stripe)) == [("sdk-settings", "warning")]
    stripe.max_network_retries = 2
    stripe.default_http_client = holdfast.StripeHTTPClient(Policy(max_retries=6))
    [found] = examine_sdk()
    assert told([found]) == [("retries-overridden", "warning")]
    assert "stripe.max_network_retries is 2" in found.message
    stripe.max_network_retries = None  # type: ignore[assignment]  # the SDK takes it
    assert examine_sdk() == []
    stripe.verify_ssl_certs = False
    stripe.api_key = f"pk_test_{SECRET}"
    assert {check for check, _ in told(examine_sdk())} == {"tls-unverified", "wrong-key-type"}


retrying_client = stripe.StripeClient(TEST, max_network_retries=2)
steady_client = holdfast.stripe_client(TEST)


@tenacity.retry(stop=tenacity.stop_after_attempt(4))
def by_tenacity() -> object:
    return retrying_client.v1.customers.retrieve("cus_1")


@tenacity.retry
def for_ever() -> object:
    return retrying_client.v1.customers.retrieve("cus_1")


@holdfast.retrying(on="lock_timeout", attempts=5)
def by_holdfast() -> object:
    return retrying_client.v1.customers.retrieve("cus_1")


@holdfast.retrying(on="lock_timeout", attempts=5)
def shared() -> object:
    return steady_client.v1.customers.retrieve("cus_1")


def test_functions_with_retries_around_them_multiply_with_their_client() -> None:
    assert "3 x 4 = 12 attempts" in examine(by_tenacity)[0].message
    assert "3 x 5 = 15 attempts" in examine(by_holdfast)[0].message
    assert told(examine(for_ever)) == [("retries-without-end", "error")]
    assert examine(shared) == []


@pytest.fixture
def app() -> Iterator[Celery]:
    made = Celery("jobs", broker="memory://", set_as_current=False)
    yield made
    made.close()


def test_a_celery_task_multiplies_with_what_is_inside_it(app: Celery) -> None:
    @app.task(shared=False, name="bill", autoretry_for=(Exception,), max_retries=10)  # type: ignore[untyped-decorator]  # it has no types
    @tenacity.retry(stop=tenacity.stop_after_attempt(4))
    def bill() -> object:
        return retrying_client.v1.customers.retrieve("cus_1")

    [found] = examine(app, "jobs:app")
    assert told([found]) == [("retries-multiply", "error")]
    assert "3 x 4 x 11 = 132 attempts" in found.message
    assert found.subject == "jobs:app task bill"


def test_a_celery_task_that_calls_retry_multiplies_too(app: Celery) -> None:
    @app.task(shared=False, name="refund", bind=True, max_retries=4)  # type: ignore[untyped-decorator]  # it has no types
    def refund(self: Any) -> object:
        try:
            return stripe.Refund.create(charge="ch_1", idempotency_key=self.request.id)
        except stripe.APIConnectionError as failed:
            raise self.retry(exc=failed) from failed

    [found] = examine(app)
    assert "3 x 5 = 15 attempts" in found.message


def test_a_celery_task_is_cut_off_before_stripe_answers(app: Celery) -> None:
    app.conf.task_soft_time_limit = 60

    @app.task(shared=False, name="cut", time_limit=30)  # type: ignore[untyped-decorator]  # it has no types
    def cut() -> object:
        return retrying_client.v1.customers.retrieve("cus_1")

    @app.task(shared=False, name="slow")  # type: ignore[untyped-decorator]  # it has no types
    def slow() -> object:
        return stripe.Customer.retrieve("cus_1")

    @app.task(shared=False, name="other", time_limit=1)  # type: ignore[untyped-decorator]  # it has no types
    def other() -> None:
        """It has nothing to do with Stripe."""

    found = examine(app)
    assert [(one.subject.split()[-1], one.check) for one in found] == [
        ("cut", "time-limit-under-request"),
        ("slow", "time-limit-under-request"),
    ]
    assert "its time_limit is 30 s" in found[0].message
    assert "its soft_time_limit is 60 s" in found[1].message


def test_a_task_with_an_end_that_fits_has_nothing(app: Celery) -> None:
    quick = holdfast.stripe_client(TEST, Policy(deadline=20, attempt_timeout=5))

    @app.task(shared=False, name="fitting", time_limit=30)  # type: ignore[untyped-decorator]  # it has no types
    def fitting() -> object:
        return quick.v1.customers.retrieve("cus_1")

    assert examine(app) == []


@pytest.mark.parametrize("thing", [None, 3, "client", object(), print, stripe.Customer])
def test_what_cannot_be_examined_is_refused_with_a_sentence(thing: object) -> None:
    with pytest.raises(TypeError, match="nothing that can be examined: give a Policy"):
        examine(thing)
