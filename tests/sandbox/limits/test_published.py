"""The published numbers, as a client in a loop meets them."""

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.limits import Limiter, read_limits
from holdfast.sandbox.limits.published import ROWS

OWNER = ("acct_1", False)


class Client:
    """Sends requests one after the other at one instant, each ended before the next."""

    def __init__(self, mode: str) -> None:
        self.now = 0.0
        self.limiter = Limiter(read_limits(mode), lambda: self.now)

    def send(
        self, method: str, template: str, path: str | None = None, **params: Any
    ) -> ApiError | None:
        try:
            ended = self.limiter.enter(OWNER, method, path or template, template, params)
        except ApiError as error:
            return error
        self.limiter.leave(ended)
        return None

    def until_refused(self, send: Callable[[], ApiError | None]) -> tuple[int, ApiError]:
        for count in range(10_000):
            error = send()
            if error is not None:
                return count, error
        raise AssertionError("was never refused")


@pytest.mark.parametrize(
    ("mode", "method", "template", "count", "reason"),
    [
        ("test", "GET", "/v1/customers", 25, "global-rate"),
        ("live", "GET", "/v1/customers", 25, "endpoint-rate"),
        ("live", "GET", "/v1/customers/search", 20, "endpoint-rate"),
        ("test", "GET", "/v1/customers/search", 20, "endpoint-rate"),
        ("live", "GET", "/v1/files", 20, "endpoint-rate"),
        ("live", "GET", "/v1/files/{file}", 20, "endpoint-rate"),
        ("live", "POST", "/v1/files", 20, "endpoint-rate"),
        ("live", "POST", "/v1/payouts", 15, "endpoint-rate"),
        ("test", "POST", "/v1/payouts", 15, "endpoint-rate"),
        ("live", "POST", "/v1/accounts", 30, None),
        ("test", "POST", "/v1/accounts", 5, None),
        ("live", "POST", "/v1/billing/meter_events", 1000, "endpoint-rate"),
        ("test", "POST", "/v1/billing/meter_events", 25, "global-rate"),
    ],
)
def test_an_endpoint_takes_the_published_number_at_once(
    mode: str, method: str, template: str, count: int, reason: str | None
) -> None:
    client = Client(mode)
    passed, error = client.until_refused(lambda: client.send(method, template))
    assert (passed, error.rate_limited_reason) == (count, reason)
    assert error.status == (400 if reason is None else 429)


@pytest.mark.parametrize(("mode", "rate"), [("live", 100), ("test", 25)])
def test_an_account_takes_its_rate_over_all_endpoints(mode: str, rate: int) -> None:
    client = Client(mode)
    names = iter(range(1000))
    passed, error = client.until_refused(lambda: client.send("GET", f"/v1/things{next(names)}"))
    assert (passed, error.rate_limited_reason) == (rate, "global-rate")


def test_search_and_files_have_one_limit_for_all_their_endpoints() -> None:
    client = Client("live")
    kinds = ["customers", "charges"] * 20
    passed, _ = client.until_refused(lambda: client.send("GET", f"/v1/{kinds.pop()}/search"))
    assert passed == 20


def test_meter_events_of_live_keys_do_not_count_against_the_account() -> None:
    client = Client("live")
    for _ in range(500):
        assert client.send("POST", "/v1/billing/meter_events") is None
    assert client.send("GET", "/v1/customers") is None


def sent_over_time(client: Client, hours: float, every: float, send: Callable[[], Any]) -> int:
    """How many of the requests sent at a steady pace pass."""
    passed = 0
    while client.now < hours * 3600:
        passed += send() is None
        client.now += every
    return passed


@pytest.mark.parametrize("action", ["", "/confirm"])
def test_an_intent_takes_1000_updates_an_hour(action: str) -> None:
    client = Client("live")
    template = "/v1/payment_intents/{intent}" + action

    def update(intent: str) -> ApiError | None:
        client.now += 0.1
        return client.send("POST", template, f"/v1/payment_intents/{intent}{action}")

    passed, error = client.until_refused(lambda: update("pi_1"))
    assert 1000 <= passed <= 1000 + client.now * 1000 / 3600
    assert error.rate_limited_reason == "resource-specific"
    assert update("pi_2") is None
    client.now += 3.6
    assert update("pi_1") is None


def test_making_and_reading_intents_is_no_update() -> None:
    client = Client("live")
    client.now = 0
    for _ in range(1500):
        client.now += 0.1
        assert client.send("POST", "/v1/payment_intents") is None
        assert client.send("GET", "/v1/payment_intents/{intent}", "/v1/payment_intents/a") is None


@pytest.mark.parametrize(
    ("template", "path", "params"),
    [
        ("/v1/invoices", "/v1/invoices", {"subscription": "sub_1"}),
        (
            "/v1/subscriptions/{subscription_exposed_id}",
            "/v1/subscriptions/sub_1",
            {"proration_behavior": "always_invoice"},
        ),
    ],
)
def test_a_subscription_takes_10_invoices_a_minute_and_20_a_day(
    template: str, path: str, params: dict[str, Any]
) -> None:
    client = Client("live")
    passed, error = client.until_refused(lambda: client.send("POST", template, path, **params))
    assert (passed, error.rate_limited_reason) == (10, "resource-specific")
    assert client.send("POST", "/v1/invoices", subscription="sub_2") is None
    assert client.send("POST", "/v1/invoices", customer="cus_1") is None
    client.now += 60
    passed, _ = client.until_refused(lambda: client.send("POST", template, path, **params))
    assert passed == 10
    client.now += 60
    passed, _ = client.until_refused(lambda: client.send("POST", template, path, **params))
    assert passed == 0
    client.now += 86_400 / 20
    assert client.send("POST", template, path, **params) is None


@pytest.mark.parametrize(
    ("params", "limited"),
    [
        ({"items": [{"id": "si_1", "quantity": "2"}]}, True),
        ({"quantity": "2"}, True),
        ({"description": "x"}, False),
        ({"metadata": {"quantity": "2"}}, False),
    ],
)
def test_a_subscription_takes_200_quantities_an_hour(params: dict[str, Any], limited: bool) -> None:
    client = Client("live")

    def update() -> ApiError | None:
        client.now += 0.05
        template = "/v1/subscriptions/{subscription}"
        return client.send("POST", template, "/v1/subscriptions/sub_1", **params)

    refused = [error for error in (update() for _ in range(300)) if error is not None]
    assert bool(refused) is limited
    assert {error.rate_limited_reason for error in refused} <= {"resource-specific"}


def test_a_meter_takes_one_event_of_a_customer_at_a_time() -> None:
    client = Client("live")
    endpoint = "/v1/billing/meter_events"

    def enter(customer: str, event: str) -> tuple[Any, ...]:
        params = {"event_name": event, "payload": {"stripe_customer_id": customer}}
        return client.limiter.enter(OWNER, "POST", endpoint, endpoint, params)

    first = enter("cus_1", "calls")
    enter("cus_2", "calls")
    enter("cus_1", "bytes")
    with pytest.raises(ApiError) as refused:
        enter("cus_1", "calls")
    assert refused.value.rate_limited_reason == "resource-specific"
    client.limiter.leave(first)
    enter("cus_1", "calls")


def test_every_row_says_where_its_number_comes_from() -> None:
    assert all(row.source.startswith("https://") for row in ROWS)
    keys = [(row.section, row.name) for row in ROWS]
    assert len(keys) == len(set(keys))
