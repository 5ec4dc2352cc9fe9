"""Products."""

from typing import Any

import pytest

PATH = "/v1/products"


def test_create(desk: Any) -> None:
    made = desk.post(PATH, name="Gold", images=["https://example.com/a.png"], shippable=False)
    assert (made["name"], made["active"], made["type"]) == ("Gold", True, "service")
    assert made["images"] == ["https://example.com/a.png"]
    assert (made["shippable"], made["updated"]) == (False, desk.now)
    assert len(made["id"]) == len("prod_") + 14
    assert desk.get(f"{PATH}/{made['id']}") == made


def test_an_id_of_ones_own(desk: Any, customer: Any) -> None:
    assert desk.post(PATH, name="Gold", id="gold")["id"] == "gold"
    for taken in ("gold", customer["id"]):
        error = desk.refused("POST", PATH, name="Gold", id=taken)
        assert (error.status, error.code) == (400, "resource_already_exists")
    assert desk.refused("POST", PATH, name="Gold", id="").code == "parameter_invalid_empty"


def test_with_a_default_price(desk: Any) -> None:
    made = desk.post(
        PATH,
        name="Gold",
        default_price_data={
            "currency": "usd",
            "unit_amount": 900,
            "recurring": {"interval": "year"},
        },
        expand=["default_price"],
    )
    price = made["default_price"]
    assert (price["unit_amount"], price["product"], price["active"]) == (900, made["id"], True)
    error = desk.refused("POST", PATH, name="Gold", default_price_data={"currency": "usd"})
    assert (error.code, error.param) == ("parameter_missing", "default_price_data[unit_amount]")
    error = desk.refused("POST", PATH, name="Gold", default_price_data={"unit_amount": 1})
    assert error.param == "default_price_data[currency]"


@pytest.mark.parametrize(
    ("params", "code"),
    [({}, "parameter_missing"), ({"name": ""}, "parameter_invalid_empty")],
)
def test_a_name_is_needed(desk: Any, params: dict[str, Any], code: str) -> None:
    error = desk.refused("POST", PATH, **params)
    assert (error.code, error.param) == (code, "name")


def test_update(desk: Any, monthly: Any) -> None:
    path = f"{PATH}/{monthly['product']}"
    desk.now += 10
    changed = desk.post(path, name="Silver", default_price=monthly["id"], active=False)
    assert (changed["name"], changed["default_price"]) == ("Silver", monthly["id"])
    assert (changed["active"], changed["updated"]) == (False, desk.now)
    assert desk.refused("POST", path, name="").param == "name"
    assert desk.refused("POST", path, default_price="price_0").code == "resource_missing"
    other = desk.post(PATH, name="Other")["id"]
    error = desk.refused("POST", f"{PATH}/{other}", default_price=monthly["id"])
    assert error.param == "default_price"


def test_delete(desk: Any, monthly: Any) -> None:
    made = desk.post(PATH, name="Gold")
    path = f"{PATH}/{made['id']}"
    assert desk.delete(path) == {"id": made["id"], "object": "product", "deleted": True}
    assert desk.refused("GET", path).status == 404
    error = desk.refused("DELETE", f"{PATH}/{monthly['product']}")
    assert error.status == 400
    assert "prices" in error.message
