"""Charges that are made directly, and those of payment intents."""

from typing import Any

import pytest

PATH = "/v1/charges"


def create(desk: Any, **params: Any) -> Any:
    return desk.post(PATH, **{"amount": 1000, "currency": "usd", "source": "tok_visa", **params})


def test_create(desk: Any) -> None:
    made = create(desk, description="Order 7", metadata={"a": "1"})
    assert (made["status"], made["paid"], made["captured"]) == ("succeeded", True, True)
    assert (made["amount"], made["amount_captured"], made["amount_refunded"]) == (1000, 1000, 0)
    assert made["source"]["object"] == "card"
    assert made["payment_method"] == made["source"]["id"]
    assert made["payment_intent"] is None
    assert desk.get(f"{PATH}/{made['id']}") == made
    assert desk.effects("charge") == ["create"]


def test_a_customers_default_card_pays(desk: Any) -> None:
    customer = desk.post("/v1/customers", source="tok_mastercard")
    made = desk.post(PATH, amount=5, currency="usd", customer=customer["id"])
    assert made["source"]["brand"] == "mastercard"
    assert made["customer"] == customer["id"]


def test_a_named_card_or_payment_method_pays(desk: Any) -> None:
    customer = desk.post("/v1/customers", source="tok_visa")
    named = desk.post(
        PATH, amount=5, currency="usd", customer=customer["id"], source=customer["default_source"]
    )
    assert named["payment_method"] == customer["default_source"]
    assert create(desk, source="pm_card_amex")["payment_method_details"]["card"]["brand"] == "amex"


@pytest.mark.parametrize(
    ("params", "status", "code", "param"),
    [
        ({"currency": "usd", "source": "tok_visa"}, 400, "parameter_missing", "amount"),
        ({"amount": 5, "source": "tok_visa"}, 400, "parameter_missing", "currency"),
        ({"amount": 5, "currency": "usd"}, 400, "parameter_missing", "source"),
        ({"amount": 0, "currency": "usd"}, 400, "amount_too_small", "amount"),
        (
            {"amount": 5, "currency": "usd", "source": "tok_no"},
            400,
            "resource_missing",
            "source",
        ),
        (
            {"amount": 5, "currency": "usd", "customer": "cus_0"},
            400,
            "resource_missing",
            "customer",
        ),
    ],
)
def test_refused(desk: Any, params: dict[str, Any], status: int, code: str, param: str) -> None:
    error = desk.refused("POST", PATH, **params)
    assert (error.status, error.code, error.param) == (status, code, param)


def test_a_customer_without_a_card(desk: Any, customer: Any) -> None:
    error = desk.refused("POST", PATH, amount=5, currency="usd", customer=customer["id"])
    assert (error.status, error.type, error.code) == (402, "card_error", "missing")


def test_another_customers_card(desk: Any) -> None:
    owner = desk.post("/v1/customers", source="tok_visa")
    error = desk.refused("POST", PATH, amount=5, currency="usd", source=owner["default_source"])
    assert (error.status, error.code) == (400, "resource_missing")


def test_a_decline_leaves_a_failed_charge(desk: Any) -> None:
    error = desk.declined(PATH, amount=5, currency="usd", source="tok_chargeDeclined")
    assert (error["code"], error["decline_code"]) == ("card_declined", "generic_decline")
    charge = desk.get(f"{PATH}/{error['charge']}")
    assert (charge["status"], charge["failure_code"]) == ("failed", "card_declined")
    assert charge["amount_captured"] == 0


def test_capture(desk: Any) -> None:
    held = create(desk, capture=False)
    assert (held["captured"], held["amount_captured"]) == (False, 0)
    path = f"{PATH}/{held['id']}/capture"
    assert desk.refused("POST", path, amount=1001).code == "amount_too_large"
    done = desk.post(path, amount=300)
    assert (done["captured"], done["amount_captured"]) == (True, 300)
    assert desk.refused("POST", path).code == "charge_already_captured"
    assert desk.effects("charge") == ["create", "capture"]


def test_capture_takes_everything_unless_told(desk: Any) -> None:
    held = create(desk, capture=False)
    assert desk.post(f"{PATH}/{held['id']}/capture")["amount_captured"] == 1000


def test_a_charge_of_an_intent_is_captured_by_it(desk: Any) -> None:
    intent = desk.post(
        "/v1/payment_intents",
        amount=5,
        currency="usd",
        payment_method="pm_card_visa",
        capture_method="manual",
        confirm=True,
    )
    error = desk.refused("POST", f"{PATH}/{intent['latest_charge']}/capture")
    assert intent["id"] in error.message


def test_nothing_to_capture(desk: Any) -> None:
    held = create(desk, capture=False)
    desk.post("/v1/refunds", charge=held["id"])
    assert desk.refused("POST", f"{PATH}/{held['id']}/capture").status == 400
    failed = desk.declined(
        PATH, amount=5, currency="usd", source="tok_chargeDeclined", capture=False
    )
    assert desk.refused("POST", f"{PATH}/{failed['charge']}/capture").status == 400


def test_update(desk: Any) -> None:
    made = create(desk)
    changed = desk.post(
        f"{PATH}/{made['id']}",
        description="Late",
        metadata={"a": "1"},
        fraud_details={"user_report": "safe"},
    )
    assert changed == {
        **made,
        "description": "Late",
        "metadata": {"a": "1"},
        "fraud_details": {"user_report": "safe"},
    }
    assert desk.refused("POST", f"{PATH}/{made['id']}", amount=5).code == "parameter_unknown"


def test_list(desk: Any, paid_intent: Any) -> None:
    direct = create(desk, transfer_group="g")

    def listed(**params: Any) -> list[str]:
        return [each["id"] for each in desk.get(PATH, **params)["data"]]

    assert listed() == [direct["id"], paid_intent["latest_charge"]]
    assert listed(payment_intent=paid_intent["id"]) == [paid_intent["latest_charge"]]
    assert listed(transfer_group="g") == [direct["id"]]
