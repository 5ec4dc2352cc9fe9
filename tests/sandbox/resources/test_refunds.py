"""Refunds: what is given back never exceeds what was taken."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PATH = "/v1/refunds"


def test_of_an_intent(desk: Any, paid_intent: Any) -> None:
    refund = desk.post(
        PATH,
        payment_intent=paid_intent["id"],
        reason="requested_by_customer",
        metadata={"a": "1"},
    )
    assert (refund["amount"], refund["currency"], refund["status"]) == (1000, "usd", "succeeded")
    assert refund["charge"] == paid_intent["latest_charge"]
    assert refund["payment_intent"] == paid_intent["id"]
    assert refund["reason"] == "requested_by_customer"
    charge = desk.get(f"/v1/charges/{paid_intent['latest_charge']}")
    assert (charge["amount_refunded"], charge["refunded"]) == (1000, True)
    assert desk.get(f"{PATH}/{refund['id']}") == refund
    assert desk.effects("refund") == ["create"]
    assert desk.effects("charge") == ["create", "refund"]


def test_in_parts(desk: Any, paid_intent: Any) -> None:
    charge = paid_intent["latest_charge"]
    desk.post(PATH, charge=charge, amount=300)
    shown = desk.get(f"/v1/charges/{charge}")
    assert (shown["amount_refunded"], shown["refunded"]) == (300, False)
    error = desk.refused("POST", PATH, charge=charge, amount=701)
    assert (error.status, error.param, error.code) == (400, "amount", "amount_too_large")
    assert desk.post(PATH, charge=charge)["amount"] == 700
    shown = desk.get(f"/v1/charges/{charge}")
    assert (shown["amount_refunded"], shown["refunded"]) == (1000, True)
    for params in ({}, {"amount": 1}):
        error = desk.refused("POST", PATH, charge=charge, **params)
        assert (error.status, error.code) == (400, "charge_already_refunded")


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({}, "parameter_missing", "payment_intent"),
        ({"charge": "ch_0"}, "resource_missing", "charge"),
        ({"payment_intent": "pi_0"}, "resource_missing", "payment_intent"),
        ({"charge": "ch_0", "payment_intent": "pi_0"}, None, "charge"),
        ({"charge": "ch_0", "amount": 0}, "amount_too_small", "amount"),
        ({"charge": "ch_0", "amount": "all"}, "parameter_invalid_integer", "amount"),
        ({"charge": "ch_0", "reason": "mood"}, None, "reason"),
    ],
)
def test_refused(desk: Any, params: dict[str, Any], code: str | None, param: str) -> None:
    error = desk.refused("POST", PATH, **params)
    assert (error.status, error.code, error.param) == (400, code, param)


def test_an_intent_that_was_not_paid(desk: Any) -> None:
    intent = desk.post("/v1/payment_intents", amount=5, currency="usd")
    error = desk.refused("POST", PATH, payment_intent=intent["id"])
    assert (error.status, error.code) == (400, "payment_intent_unexpected_state")
    desk.declined(
        f"/v1/payment_intents/{intent['id']}/confirm", payment_method="pm_card_chargeDeclined"
    )
    assert desk.refused("POST", PATH, payment_intent=intent["id"]).code == error.code


def test_a_failed_charge(desk: Any) -> None:
    failed = desk.declined("/v1/charges", amount=5, currency="usd", source="tok_chargeDeclined")
    error = desk.refused("POST", PATH, charge=failed["charge"])
    assert (error.status, error.code) == (400, "charge_not_refundable")


def test_an_uncaptured_charge_is_released_as_a_whole(desk: Any) -> None:
    held = desk.post("/v1/charges", amount=5, currency="usd", source="tok_visa", capture=False)
    assert desk.refused("POST", PATH, charge=held["id"], amount=4).param == "amount"
    assert desk.post(PATH, charge=held["id"])["amount"] == 5
    assert desk.get(f"/v1/charges/{held['id']}")["refunded"] is True


def test_an_uncaptured_intent_is_canceled_instead(desk: Any) -> None:
    held = desk.post(
        "/v1/payment_intents",
        amount=5,
        currency="usd",
        payment_method="pm_card_visa",
        capture_method="manual",
        confirm=True,
    )
    error = desk.refused("POST", PATH, payment_intent=held["id"])
    assert (error.status, error.code) == (400, "charge_not_refundable")


def test_update_keeps_everything_but_metadata(desk: Any, paid_intent: Any) -> None:
    refund = desk.post(PATH, payment_intent=paid_intent["id"], amount=1)
    path = f"{PATH}/{refund['id']}"
    assert desk.post(path, metadata={"a": "1"}) == {**refund, "metadata": {"a": "1"}}
    assert desk.refused("POST", path, amount=5).code == "parameter_unknown"
    assert desk.refused("POST", path, reason="duplicate").code == "parameter_unknown"


def test_list(desk: Any, paid_intent: Any) -> None:
    charge = paid_intent["latest_charge"]
    first = desk.post(PATH, charge=charge, amount=1)["id"]
    second = desk.post(PATH, charge=charge, amount=2)["id"]
    other = desk.post("/v1/charges", amount=5, currency="usd", source="tok_visa")["id"]
    third = desk.post(PATH, charge=other)["id"]

    def listed(path: str = PATH, **params: Any) -> list[str]:
        return [each["id"] for each in desk.get(path, **params)["data"]]

    assert listed() == [third, second, first]
    assert listed(charge=charge) == [second, first]
    assert listed(payment_intent=paid_intent["id"]) == [second, first]
    assert listed(f"/v1/charges/{other}/refunds") == [third]
    assert desk.get(f"/v1/charges/{other}/refunds/{third}")["id"] == third
    assert desk.refused("GET", f"/v1/charges/{other}/refunds/{first}").status == 404


def test_only_a_pending_refund_is_canceled(desk: Any, paid_intent: Any) -> None:
    done = desk.post(PATH, payment_intent=paid_intent["id"])
    error = desk.refused("POST", f"{PATH}/{done['id']}/cancel")
    assert error.status == 400
    assert "succeeded" in error.message


def test_a_canceled_refund_can_be_made_again(desk: Any) -> None:
    slow = desk.post(
        "/v1/payment_intents",
        amount=100,
        currency="usd",
        payment_method="pm_card_pendingRefund",
        confirm=True,
    )
    refund = desk.post(PATH, payment_intent=slow["id"])
    assert refund["status"] == "pending"
    assert desk.post(f"{PATH}/{refund['id']}/cancel")["status"] == "canceled"
    charge = desk.get(f"/v1/charges/{slow['latest_charge']}")
    assert (charge["amount_refunded"], charge["refunded"]) == (0, False)
    assert desk.post(PATH, payment_intent=slow["id"])["amount"] == 100
    assert desk.refused("POST", f"{PATH}/{refund['id']}/cancel").status == 400


amounts = st.one_of(st.none(), st.integers(-1, 130))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    captured=st.integers(1, 100),
    requests=st.lists(st.tuples(amounts, st.booleans(), st.booleans()), max_size=12),
)
def test_refunds_never_exceed_what_was_captured(
    new_desk: Callable[[], Any],
    captured: int,
    requests: list[tuple[int | None, bool, bool]],
) -> None:
    """Whatever is asked for, in whatever order, with cancellations in between."""
    desk = new_desk()
    intent = desk.post(
        "/v1/payment_intents",
        amount=100,
        currency="usd",
        payment_method="pm_card_pendingRefund",
        capture_method="manual",
        confirm=True,
    )
    desk.post(f"/v1/payment_intents/{intent['id']}/capture", amount_to_capture=captured)
    standing: dict[str, int] = {}
    successes = cancellations = 0
    for amount, by_charge, cancel in requests:
        named = (
            {"charge": intent["latest_charge"]} if by_charge else {"payment_intent": intent["id"]}
        )
        params = named if amount is None else {**named, "amount": amount}
        rest = captured - sum(standing.values())
        allowed = rest > 0 if amount is None else 1 <= amount <= rest
        if not allowed:
            assert desk.refused("POST", PATH, **params).status == 400
            continue
        refund = desk.post(PATH, **params)
        successes += 1
        assert refund["amount"] == (rest if amount is None else amount)
        standing[refund["id"]] = refund["amount"]
        if cancel:
            desk.post(f"{PATH}/{refund['id']}/cancel")
            cancellations += 1
            del standing[refund["id"]]
    charge = desk.get(f"/v1/charges/{intent['latest_charge']}")
    assert charge["amount_refunded"] == sum(standing.values()) <= captured
    assert charge["refunded"] is (sum(standing.values()) == captured)
    assert desk.effects("refund").count("create") == successes
    assert desk.effects("refund").count("cancel") == cancellations
    assert len(desk.get(PATH, limit=100)["data"]) == successes
