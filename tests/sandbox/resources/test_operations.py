"""A resource that is nothing but its table."""

from random import Random
from typing import Any

import pytest

from holdfast.sandbox.resources import Params, Request, Routes
from holdfast.sandbox.resources.listing import equals
from holdfast.sandbox.resources.operations import Resource, crud
from holdfast.sandbox.resources.params import INTEGER, TEXT
from holdfast.sandbox.state import State

RESOURCE = Resource(
    kind="coupon",
    plural="coupons",
    prefix="co",
    id_length=8,
    initial={"name": None, "percent": 10, "valid": True},
    fields={"name": TEXT},
    at_creation={"percent": INTEGER},
    filters={"name": equals()},
)
ROUTES = Routes(crud(RESOURCE))


class Shop:
    """Executes the operations of the resource above."""

    def __init__(self) -> None:
        self.state = State(lambda: 1_750_000_000, Random(1))
        self.effects: list[str] = []

    def __call__(self, method: str, path: str, **params: str) -> Any:
        match = ROUTES.match(method, path)
        assert match is not None
        tx = self.state.begin("acct_sandbox", livemode=False)
        answer = match.operation.execute(Request(tx, match.ids, params))
        self.state.apply(tx)
        self.effects += [effect.name for effect in tx.effects]
        return answer


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_the_table_is_enough(shop: Shop) -> None:
    made = shop("POST", "/v1/coupons", name="May", percent="25")
    assert (made["object"], made["name"], made["percent"], made["valid"]) == (
        "coupon",
        "May",
        25,
        True,
    )
    assert made["id"].startswith("co_")
    assert len(made["id"]) == len("co_") + 8
    path = f"/v1/coupons/{made['id']}"
    assert shop("GET", path) == made
    changed = shop("POST", path, name="June")
    assert changed == {**made, "name": "June"}
    assert shop("GET", "/v1/coupons", name="June")["data"] == [changed]
    assert shop("GET", "/v1/coupons", name="May")["data"] == []
    assert shop.effects == ["create", "update"]


def test_operations_are_named_and_typed() -> None:
    assert [(each.name, each.method, each.writes) for each in ROUTES.operations] == [
        ("coupons.create", "POST", True),
        ("coupons.retrieve", "GET", False),
        ("coupons.update", "POST", True),
        ("coupons.list", "GET", False),
    ]
    assert ROUTES.operations[1].template == "/v1/coupons/{coupon}"


def test_what_only_creating_sets_no_update_sets() -> None:
    create, _, update, _ = ROUTES.operations
    assert isinstance(create.params, Params)
    assert isinstance(update.params, Params)
    assert "percent" in create.params.fields
    assert "percent" not in update.params.fields
