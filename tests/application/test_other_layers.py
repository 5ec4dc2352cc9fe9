"""Layers that retry by themselves, tenacity and Celery, around a client that retries, too."""

from collections.abc import Iterator
from typing import Any

import pytest
import stripe
import tenacity
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery_apps import celery_app
from scripted import ScriptedServer, error

import holdfast
from holdfast import Backoff, Policy

QUICK = Backoff(0.001, 0.002)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    running = ScriptedServer([error(500)])
    yield running
    running.stop()


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[stripe.StripeClient]:
    address: Any = {"api": server.url}
    made = holdfast.stripe_client(
        "sk_test_x", Policy(max_retries=2, backoff=QUICK), base_addresses=address
    )
    yield made
    made._requestor._get_http_client().close()


@tenacity.retry(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_none(), reraise=True)
def three_times(client: stripe.StripeClient) -> None:
    client.v1.customers.retrieve("cus_1")


def test_three_times_three_is_nine_without_an_allowance(
    server: ScriptedServer, client: stripe.StripeClient
) -> None:
    with pytest.raises(stripe.APIError):
        three_times(client)
    assert len(server.requests) == 9


def test_tenacity_and_the_client_share_an_allowance(
    server: ScriptedServer, client: stripe.StripeClient
) -> None:
    with pytest.raises(stripe.APIError), holdfast.allowance(2) as allowed:
        three_times(client)
    # Two retries in all, and the first attempt of each of tenacity's three rounds.
    assert len(server.requests) == 5
    assert allowed.left == 0


def test_tenacity_and_the_client_share_a_deadline(
    server: ScriptedServer, client: stripe.StripeClient
) -> None:
    with pytest.raises(stripe.APIConnectionError, match="was not sent"), holdfast.deadline(1e-9):
        three_times(client)
    assert server.requests == []


def test_an_allowance_inside_another_shares_its_retries() -> None:
    with holdfast.allowance(2) as outer, holdfast.allowance(50) as inner:
        assert inner.left == outer.left == 2


def test_an_allowance_is_found_again_by_its_key() -> None:
    assert holdfast.allowance(2, key="job-1").left == 2
    assert holdfast.allowance(7, key="job-1").left == 2
    assert holdfast.allowance(7, key="job-2").left == 7


def test_an_allowance_is_not_negative() -> None:
    with pytest.raises(ValueError, match="retries is -1: it must be 0 or more"):
        holdfast.allowance(-1)


@pytest.fixture
def app() -> Iterator[Celery]:
    with celery_app("jobs") as made:
        yield made


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_celerys_own_retry_and_the_client_share_an_allowance(
    app: Celery, server: ScriptedServer, client: stripe.StripeClient
) -> None:
    runs: list[int] = []

    @app.task(bind=True, max_retries=2)  # type: ignore[untyped-decorator]  # it has no types
    def retrieve(self: Any) -> None:
        runs.append(self.request.retries)
        # Celery runs the task again under the same id.
        with holdfast.allowance(2, key=self.request.id):
            try:
                client.v1.customers.retrieve("cus_1")
            except stripe.APIError as failed:
                raise self.retry(exc=failed, countdown=0) from failed

    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        result = retrieve.delay()
        result.get(timeout=60, propagate=False)
        assert result.failed()
    assert runs == [0, 1, 2]
    assert len(server.requests) == 5
