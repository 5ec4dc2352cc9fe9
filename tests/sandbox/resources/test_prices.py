"""Prices, and what quantities cost under them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sandbox.resources.pricing import INITIAL, cost, terms

PATH = "/v1/prices"


@pytest.fixture
def product(desk: Any) -> str:
    made: str = desk.post("/v1/products", name="Gold")["id"]
    return made


def test_create(desk: Any, product: str) -> None:
    made = desk.post(PATH, product=product, currency="EUR", unit_amount=900, nickname="A")
    assert (made["type"], made["currency"], made["unit_amount"]) == ("one_time", "eur", 900)
    assert (made["unit_amount_decimal"], made["recurring"]) == ("900", None)
    assert made["billing_scheme"] == "per_unit"
    assert desk.get(f"{PATH}/{made['id']}") == made


def test_recurring(desk: Any, product: str) -> None:
    made = desk.post(
        PATH,
        product=product,
        currency="usd",
        unit_amount_decimal="0.25",
        recurring={"interval": "week", "interval_count": 2},
    )
    assert made["type"] == "recurring"
    assert (made["recurring"]["interval"], made["recurring"]["interval_count"]) == ("week", 2)
    assert (made["unit_amount"], made["unit_amount_decimal"]) == (None, "0.25")


def test_with_a_product_of_its_own(desk: Any) -> None:
    made = desk.post(PATH, currency="usd", unit_amount=1, product_data={"name": "New"})
    assert desk.get(f"/v1/products/{made['product']}")["name"] == "New"


GOOD = {"currency": "usd", "unit_amount": 5}


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"unit_amount": 5}, "parameter_missing", "currency"),
        ({"currency": "usd"}, "parameter_missing", "unit_amount"),
        ({**GOOD, "unit_amount": -1}, "parameter_invalid_integer", "unit_amount"),
        ({**GOOD, "unit_amount": "x"}, "parameter_invalid_integer", "unit_amount"),
        ({"currency": "usd", "unit_amount_decimal": "x"}, None, "unit_amount_decimal"),
        ({"currency": "usd", "unit_amount_decimal": "NaN"}, None, "unit_amount_decimal"),
        ({"currency": "usd", "unit_amount_decimal": "-1"}, None, "unit_amount_decimal"),
        ({**GOOD, "product": ""}, "parameter_missing", "product"),
        ({**GOOD, "product": "prod_0"}, "resource_missing", "product"),
        ({**GOOD, "product": "", "product_data": {"x": "y"}}, "parameter_missing", None),
        ({**GOOD, "recurring": {"interval_count": 2}}, "parameter_missing", "recurring[interval]"),
        ({**GOOD, "recurring": {"interval": "hour"}}, None, "recurring[interval]"),
        (
            {**GOOD, "recurring": {"interval": "day", "interval_count": 0}},
            "parameter_invalid_integer",
            "recurring[interval_count]",
        ),
        (
            {**GOOD, "recurring": {"interval": "day", "usage_type": "metered"}},
            None,
            "recurring[usage_type]",
        ),
        ({"currency": "usd", "billing_scheme": "tiered"}, None, "tiers_mode"),
        (
            {"currency": "usd", "billing_scheme": "tiered", "tiers_mode": "volume"},
            None,
            "tiers",
        ),
        (
            {**GOOD, "transform_quantity": {"round": "up"}},
            "parameter_missing",
            "transform_quantity[divide_by]",
        ),
        (
            {**GOOD, "transform_quantity": {"divide_by": 5, "round": "off"}},
            None,
            "transform_quantity[round]",
        ),
        (
            {"currency": "usd", "custom_unit_amount": {"enabled": False}},
            "parameter_missing",
            "unit_amount",
        ),
    ],
)
def test_refused(
    desk: Any, product: str, params: dict[str, Any], code: str | None, param: str | None
) -> None:
    error = desk.refused("POST", PATH, **{"product": product, **params})
    assert (error.status, error.code) == (400, code)
    assert error.param == (param or "product_data[name]")


def test_the_customer_chooses(desk: Any, product: str) -> None:
    made = desk.post(
        PATH,
        product=product,
        currency="usd",
        custom_unit_amount={"enabled": True, "minimum": 5},
    )
    assert made["custom_unit_amount"] == {"maximum": None, "minimum": 5, "preset": None}


def test_update(desk: Any, monthly: Any) -> None:
    path = f"{PATH}/{monthly['id']}"
    changed = desk.post(path, active=False, metadata={"a": "1"}, nickname="B")
    assert changed == {**monthly, "active": False, "metadata": {"a": "1"}, "nickname": "B"}
    assert desk.refused("POST", path, unit_amount=5).code == "parameter_unknown"


def test_a_lookup_key_belongs_to_one_price(desk: Any, product: str) -> None:
    params = {**GOOD, "product": product, "lookup_key": "gold"}
    first = desk.post(PATH, **params)
    assert desk.refused("POST", PATH, **params).param == "lookup_key"
    second = desk.post(PATH, **params, transfer_lookup_key=True)
    assert desk.get(f"{PATH}/{first['id']}")["lookup_key"] is None
    found = desk.get(PATH, lookup_keys=["gold", "silver"])["data"]
    assert [price["id"] for price in found] == [second["id"]]
    assert desk.post(f"{PATH}/{second['id']}", lookup_key="gold")["lookup_key"] == "gold"
    assert desk.refused("POST", f"{PATH}/{first['id']}", lookup_key="gold").status == 400


def test_list(desk: Any, product: str, monthly: Any) -> None:
    once = desk.post(PATH, product=product, currency="eur", unit_amount=1)["id"]

    def listed(**params: Any) -> list[str]:
        return [each["id"] for each in desk.get(PATH, **params)["data"]]

    assert listed() == [once, monthly["id"]]
    assert listed(product=product) == [once]
    assert listed(currency="eur") == [once]
    assert listed(type="recurring") == [monthly["id"]]
    assert listed(recurring={"interval": "month"}) == [monthly["id"]]
    assert listed(recurring={"interval": "year"}) == []
    assert desk.refused("GET", PATH, recurring={"pace": "x"}).code == "parameter_unknown"


TIERS = [
    {"up_to": "10", "unit_amount": "100"},
    {"up_to": "20", "unit_amount": "80", "flat_amount": "50"},
    {"up_to": "inf", "unit_amount": "60"},
]


def test_tiers_are_shown(desk: Any, product: str) -> None:
    tiers = [{"up_to": 3, "flat_amount": 500}, {"up_to": "inf", "unit_amount_decimal": "0.5"}]
    params = {
        "product": product,
        "currency": "usd",
        "billing_scheme": "tiered",
        "tiers_mode": "graduated",
    }
    made = desk.post(PATH, **params, tiers=tiers)
    first, second = made["tiers"]
    assert (first["up_to"], first["flat_amount"], first["unit_amount"]) == (3, 500, None)
    assert (second["up_to"], second["unit_amount_decimal"]) == (None, "0.5")
    error = desk.refused("POST", PATH, **params, tiers=[{"unit_amount": 1}])
    assert (error.code, error.param) == ("parameter_missing", "tiers[0][up_to]")


def price(**given: Any) -> dict[str, Any]:
    return {**INITIAL, **terms(given, lambda name: name)}


@pytest.mark.parametrize(
    ("given_terms", "quantity", "expected"),
    [
        ({"unit_amount": "150"}, 3, 450),
        ({"unit_amount": "150"}, 0, 0),
        ({"unit_amount_decimal": "0.5"}, 3, 2),
        ({"unit_amount_decimal": "0.4"}, 1, 0),
        (
            {"unit_amount": "10", "transform_quantity": {"divide_by": "4", "round": "up"}},
            9,
            30,
        ),
        (
            {"unit_amount": "10", "transform_quantity": {"divide_by": "4", "round": "down"}},
            9,
            20,
        ),
        ({"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": TIERS}, 10, 1000),
        ({"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": TIERS}, 11, 930),
        ({"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": TIERS}, 30, 1800),
        ({"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": TIERS}, 10, 1000),
        ({"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": TIERS}, 15, 1450),
        ({"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": TIERS}, 25, 2150),
    ],
)
def test_cost(given_terms: dict[str, Any], quantity: int, expected: int) -> None:
    assert cost(price(**given_terms), quantity) == expected


@given(quantity=st.integers(0, 1000), amount=st.integers(0, 10_000))
def test_one_tier_costs_what_no_tiers_cost(quantity: int, amount: int) -> None:
    plain = price(unit_amount=str(amount)) if amount else price(unit_amount="0")
    for mode in ("volume", "graduated"):
        tiers = [{"up_to": "inf", "unit_amount": str(amount)}]
        tiered = price(billing_scheme="tiered", tiers_mode=mode, tiers=tiers)
        assert cost(tiered, quantity) == cost(plain, quantity) == quantity * amount


@pytest.mark.parametrize("limits", [["10"], ["10", "5", "inf"], ["inf", "10"], ["10", "10", "inf"]])
def test_tiers_rise_to_infinity(desk: Any, product: str, limits: list[str]) -> None:
    tiers = [{"up_to": limit, "unit_amount": 1} for limit in limits]
    error = desk.refused(
        "POST",
        PATH,
        product=product,
        currency="usd",
        billing_scheme="tiered",
        tiers_mode="volume",
        tiers=tiers,
    )
    assert (error.status, error.param) == (400, "tiers")
