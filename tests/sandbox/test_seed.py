"""The objects that an empty sandbox starts with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.sandbox import Sandbox
from holdfast.sandbox.seed import SeedError, read_seed

Call = Callable[..., Any]
CUSTOMER = {"object": "customer", "id": "cus_1"}


def test_a_seed_is_there_from_the_start(start: Callable[..., Sandbox], call: Call) -> None:
    box = start(hold=0, seed={"objects": [{**CUSTOMER, "name": "seeded", "created": 5}]})
    seen = call(box, "GET", "/v1/customers/cus_1").json
    assert (seen["name"], seen["created"], seen["livemode"]) == ("seeded", 5, False)
    assert box.ledger() == []


def test_a_seed_may_be_of_another_account(start: Callable[..., Sandbox]) -> None:
    box = start(seed={"objects": [CUSTOMER], "account": "acct_1"})
    assert box.objects("customer") == []
    assert len(box.objects("customer", account="acct_1")) == 1


def test_seeds_list_by_their_time_of_creation(start: Callable[..., Sandbox], call: Call) -> None:
    objects = [{**CUSTOMER, "id": f"cus_{at}", "created": at} for at in (30, 10, 20)]
    box = start(hold=0, seed={"objects": objects})
    listed = call(box, "GET", "/v1/customers").json["data"]
    assert [obj["id"] for obj in listed] == ["cus_30", "cus_20", "cus_10"]


def test_a_seed_is_for_an_empty_store_alone(tmp_path: Path, call: Call) -> None:
    file = tmp_path / "seed.json"
    file.write_text(json.dumps({"objects": [CUSTOMER]}))
    box = Sandbox(hold=0, store=tmp_path / "state.db", seed=file)
    for _ in range(2):
        with box:
            assert [obj["id"] for obj in box.objects("customer")] == ["cus_1"]
            call(box, "POST", "/v1/customers/cus_1", {"name": "changed"})
    assert box.objects("customer")[0]["name"] == "changed"
    assert len(box.ledger()) == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({}, "objects is missing or no list"),
        ({"objects": {}}, "objects is missing or no list"),
        ({"objects": [], "extra": 1}, "extra is no field of a seed"),
        ({"objects": [], "account": 5}, "account is 5"),
        ({"objects": ["x"]}, r"objects\[0\] is no JSON object"),
        ({"objects": [CUSTOMER, {"id": "x"}]}, r'objects\[1\] has no "object"'),
        ({"objects": [{"object": "customer"}]}, r'objects\[0\] has no "id"'),
        ({"objects": [{"object": "unicorn", "id": "u"}]}, r"objects\[0\] is a unicorn, which"),
        ({"objects": [{**CUSTOMER, "created": "now"}]}, r"objects\[0\]: created is 'now'"),
        ({"objects": [CUSTOMER, CUSTOMER]}, r"objects\[1\] has the id cus_1 of objects\[0\]"),
    ],
)
def test_a_bad_seed_is_refused_with_the_place(content: dict[str, Any], says: str) -> None:
    with pytest.raises(SeedError, match=says):
        read_seed(content, lambda: 0.0)


@pytest.mark.parametrize("content", ["{", "[]", "\xff"])
def test_a_file_that_is_no_seed_is_refused_by_name(tmp_path: Path, content: str) -> None:
    file = tmp_path / "seed.json"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(SeedError, match=r"seed\.json is no JSON"):
        read_seed(file, lambda: 0.0)


def test_a_bad_seed_leaves_nothing_open(tmp_path: Path) -> None:
    store = tmp_path / "state.db"
    with pytest.raises(SeedError):
        Sandbox(store=store, seed={"objects": [CUSTOMER, CUSTOMER]}).start()
    assert not store.exists()


def test_any_kind_that_the_catalogue_knows_can_be_planted() -> None:
    spec = {"object": "country_spec", "id": "US", "default_currency": "usd"}
    seed = read_seed({"objects": [spec]}, lambda: 5.0)
    (planted,) = seed.objects
    assert planted.items() >= spec.items()
    assert planted["supported_payment_currencies"] == []
