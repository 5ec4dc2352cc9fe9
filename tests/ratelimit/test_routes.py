"""From a path to its endpoint, its pattern and its object."""

import pytest

from holdfast.paths import first_id, template
from holdfast.ratelimit import Limit, RateLimits, published_limits
from holdfast.ratelimit.routes import Routes


@pytest.mark.parametrize(
    ("path", "expected", "id_"),
    [
        ("/v1/customers", "/v1/customers", None),
        ("/v1/customers/cus_NffrFeUfNV2Hib", "/v1/customers/{id}", "cus_NffrFeUfNV2Hib"),
        ("/v1/customers/cus_1/sources/card_2", "/v1/customers/{id}/sources/{id}", "cus_1"),
        ("/v1/customers/search", "/v1/customers/search", None),
        ("/v1/payment_intents/pi_3A/confirm", "/v1/payment_intents/{id}/confirm", "pi_3A"),
        ("/v2/core/event_destinations/ed_1", "/v2/core/event_destinations/{id}", "ed_1"),
        ("/v1/coupons/summer", "/v1/coupons/{id}", "summer"),
        ("/v1/products/search", "/v1/products/search", None),
        ("/v1/plans/gold%2Dplan", "/v1/plans/{id}", "gold%2Dplan"),
        ("/v1/test_helpers/test_clocks", "/v1/test_helpers/test_clocks", None),
        ("/v1/customers/[redacted]/sources", "/v1/customers/{id}/sources", "[redacted]"),
        ("/v1/customers/sk_live_[redacted]", "/v1/customers/{id}", "sk_live_[redacted]"),
        ("/", "/", None),
        ("", "", None),
    ],
)
def test_ids_are_left_out(path: str, expected: str, id_: str | None) -> None:
    assert template(path) == expected
    assert first_id(path) == id_


@pytest.mark.parametrize(
    ("method", "path", "name", "rate"),
    [
        ("GET", "/v1/customers/search", "GET /v1/*/search", 20),
        ("GET", "/v1/invoices/search", "GET /v1/*/search", 20),
        ("GET", "/v1/customers/cus_1", "GET /v1/customers/{id}", 25),
        ("GET", "/v1/files", "GET /v1/files/**", 20),
        ("GET", "/v1/files/file_1", "GET /v1/files/**", 20),
        ("POST", "/v1/files", "POST /v1/files", 20),
        ("POST", "/v1/payouts", "POST /v1/payouts", 15),
        ("POST", "/v1/payouts/po_1/cancel", "POST /v1/payouts/{id}/cancel", 25),
        ("POST", "/v1/accounts", "POST /v1/accounts", 5),
        ("POST", "/v1/billing/meter_events", "POST /v1/billing/meter_events", 25),
    ],
)
def test_the_published_patterns(method: str, path: str, name: str, rate: float) -> None:
    route = Routes(published_limits(live=False)).find(method, path)
    assert (route.name, route.limit.rate) == (name, rate)


@pytest.mark.parametrize(
    ("method", "path", "fits"),
    [
        ("POST", "/v1/payment_intents/pi_1", True),
        ("POST", "/v1/payment_intents/pi_1/confirm", True),
        ("POST", "/v1/payment_intents", False),
        ("GET", "/v1/payment_intents/pi_1", False),
    ],
)
def test_the_pattern_of_an_object(method: str, path: str, fits: bool) -> None:
    route = Routes(published_limits(live=True)).find(method, path)
    assert (route.resource is not None) is fits


def test_any_method_and_the_first_pattern_that_fits() -> None:
    first, second = Limit(1), Limit(2)
    routes = Routes(RateLimits(endpoints={"* /v1/*/{id}": first, "GET /v1/a/{id}": second}))
    assert routes.find("GET", "/v1/a/x_1").limit is first
    assert routes.find("PATCH", "/v1/b/x_1").limit is first
    assert routes.find("GET", "/v1/a").limit == Limit()


def test_paths_of_some_other_form_are_not_remembered_for_ever() -> None:
    routes = Routes(RateLimits())
    for number in range(5000):
        word = "".join(chr(97 + int(digit)) for digit in str(number))
        assert routes.find("GET", f"/v1/{word}").name == f"GET /v1/{word}"
    assert len(routes._known) <= 2048
