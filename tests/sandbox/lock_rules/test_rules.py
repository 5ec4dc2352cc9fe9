"""What a file of lock rules changes, on a real server."""

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.sandbox import Sandbox

Call = Callable[..., Any]
Start = Callable[..., Sandbox]


@pytest.fixture
def locked(start: Start, call: Call) -> Callable[..., list[str]]:
    """Which kinds of objects a request takes the locks of, under rules."""

    def ask(rules: dict[str, object] | None, method: str, path: str, **params: str) -> list[str]:
        box = start(hold=0, locks=rules, lock_trace=True)
        ids = {"customer": call(box, "POST", "/v1/customers", {}).json["id"]}
        amount = {"amount": "500", "currency": "usd", "customer": ids["customer"]}
        ids["intent"] = call(box, "POST", "/v1/payment_intents", amount).json["id"]
        product = {"name": "Gold"}
        ids["product"] = call(box, "POST", "/v1/products", product).json["id"]
        priced = {"product": ids["product"], "currency": "usd", "unit_amount": "5"}
        priced["recurring[interval]"] = "month"
        ids["price"] = call(box, "POST", "/v1/prices", priced).json["id"]
        before = len(box.lock_trace())
        given = {name: value.format(**ids) for name, value in params.items()}
        items = {"items[0][price]": ids["price"]} if path == "/v1/subscriptions" else {}
        sent = {**given, **items} if method == "POST" else None
        assert call(box, method, path.format(**ids), sent).status == 200
        kinds = {object_id: kind for kind, object_id in ids.items()}
        return [
            kinds[step["object"]]
            for step in box.lock_trace()[before:]
            if step["event"] == "granted"
        ]

    return ask


def test_without_rules_of_ones_own_an_intent_locks_its_customer(
    locked: Callable[..., list[str]],
) -> None:
    assert sorted(locked(None, "POST", "/v1/payment_intents/{intent}")) == ["customer", "intent"]


@pytest.mark.parametrize(
    ("rules", "kinds"),
    [
        ({"parents": {"payment_intent": []}}, ["intent"]),
        ({"path": False}, []),
        ({"operations": {"POST /v1/payment_intents/{any}": "none"}}, []),
        (
            {"operations": {"POST /v1/payment_intents/{x}": {"exclusive": ["{x}"]}}},
            ["customer", "intent"],
        ),
        (
            {
                "operations": {
                    "POST /v1/payment_intents/{x}": {"exclusive": ["{x}"], "parents": False}
                }
            },
            ["intent"],
        ),
        (
            {"operations": {"POST /v1/payment_intents/{x}": {"exclusive": ["metadata.of"]}}},
            ["customer"],
        ),
    ],
)
def test_rules_change_what_an_update_locks(
    locked: Callable[..., list[str]], rules: dict[str, object], kinds: list[str]
) -> None:
    params = {"metadata[of]": "{customer}"}
    assert sorted(locked(rules, "POST", "/v1/payment_intents/{intent}", **params)) == kinds


def test_lists_of_parameters_are_looked_into(locked: Callable[..., list[str]]) -> None:
    """Creating a subscription locks its prices and their products, if a file says so."""
    rules = {
        "parents": {"price": ["product"]},
        "operations": {"POST /v1/subscriptions": {"exclusive": ["customer", "items.price"]}},
    }
    kinds = locked(rules, "POST", "/v1/subscriptions", customer="{customer}")
    assert sorted(kinds) == ["customer", "price", "product"]
    assert locked(None, "POST", "/v1/subscriptions", customer="{customer}") == ["customer"]


def test_parameters_that_lock_can_be_named(locked: Callable[..., list[str]]) -> None:
    rules = {"parameters": ["default_price"]}
    assert locked(rules, "POST", "/v1/payment_intents", amount="1", currency="usd") == []
    changed = locked(rules, "POST", "/v1/products/{product}", default_price="{price}")
    assert sorted(changed) == ["price", "product"]


def test_one_read_can_be_made_to_wait(locked: Callable[..., list[str]]) -> None:
    rules = {"operations": {"GET /v1/customers/{customer}": {"exclusive": ["{customer}"]}}}
    assert locked(rules, "GET", "/v1/customers/{customer}") == ["customer"]
    assert locked(rules, "GET", "/v1/payment_intents/{intent}") == []


def test_all_reads_can_be_made_to_wait_for_what_they_name_alone(
    locked: Callable[..., list[str]],
) -> None:
    assert locked({"reads": True}, "GET", "/v1/payment_intents/{intent}") == ["intent"]
    assert locked({"reads": True}, "GET", "/v1/payment_intents") == []


def test_rules_reach_operations_without_behaviour_of_their_own(start: Start, call: Call) -> None:
    """Kinds that are stored and returned as they are have locks, parents and exceptions too."""
    rules = {
        "parents": {"tax_id": ["customer"]},
        "operations": {"POST /v1/tax_rates/{tax_rate}": "none"},
    }
    box = start(lock_wait=0, hold=0, locks=rules)
    rate = {"display_name": "VAT", "inclusive": "true", "percentage": "19"}
    made = call(box, "POST", "/v1/tax_rates", rate).json["id"]
    customer = call(box, "POST", "/v1/customers", {}).json["id"]
    number = {"type": "eu_vat", "value": "DE123", "owner[type]": "customer"}
    number["owner[customer]"] = customer
    box.hold_lock(made, 60)
    assert call(box, "POST", f"/v1/tax_rates/{made}", {"active": "false"}).status == 200
    box.hold_lock(customer, 60)
    assert call(box, "POST", "/v1/tax_ids", number).status == 429
