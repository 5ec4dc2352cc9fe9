"""Setup intents: a card is saved, refused, or waits for its holder."""

from typing import Any

import pytest

PATH = "/v1/setup_intents"


def test_set_up_at_once(desk: Any, customer: Any) -> None:
    made = desk.post(
        PATH,
        customer=customer["id"],
        payment_method="pm_card_visa",
        confirm=True,
        usage="on_session",
    )
    assert (made["status"], made["usage"], made["next_action"]) == ("succeeded", "on_session", None)
    assert made["client_secret"].startswith(f"{made['id']}_secret_")
    method = desk.get(f"/v1/payment_methods/{made['payment_method']}")
    assert method["customer"] == customer["id"]
    assert desk.get(f"{PATH}/{made['id']}") == made
    assert desk.effects("setup_intent") == ["create"]


def test_step_by_step(desk: Any, customer: Any) -> None:
    made = desk.post(PATH, customer=customer["id"])
    assert made["status"] == "requires_payment_method"
    path = f"{PATH}/{made['id']}"
    error = desk.refused("POST", f"{path}/confirm")
    assert error.code == "setup_intent_unexpected_state"
    updated = desk.post(path, payment_method="pm_card_mastercard", description="later")
    assert (updated["status"], updated["description"]) == ("requires_confirmation", "later")
    assert desk.post(f"{path}/confirm")["status"] == "succeeded"
    for verb in ("confirm", "cancel"):
        assert desk.refused("POST", f"{path}/{verb}").code == "setup_intent_unexpected_state"
    assert desk.refused("POST", path, customer=customer["id"]).status == 400
    assert desk.post(path, metadata={"a": "b"})["metadata"] == {"a": "b"}


def test_cancel(desk: Any) -> None:
    path = f"{PATH}/{desk.post(PATH)['id']}"
    ended = desk.post(f"{path}/cancel", cancellation_reason="abandoned")
    assert (ended["status"], ended["cancellation_reason"]) == ("canceled", "abandoned")


def test_a_refused_card(desk: Any, customer: Any) -> None:
    error = desk.declined(
        PATH, customer=customer["id"], payment_method="pm_card_chargeDeclined", confirm=True
    )
    intent = error["setup_intent"]
    assert (error["code"], error["decline_code"]) == ("card_declined", "generic_decline")
    assert intent["status"] == "requires_payment_method"
    assert intent["last_setup_error"]["code"] == "card_declined"
    assert desk.get(f"{PATH}/{intent['id']}") == intent
    assert desk.get("/v1/payment_methods", customer=customer["id"])["data"] == []


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_an_authentication(desk: Any, customer: Any, outcome: str) -> None:
    made = desk.post(
        PATH,
        customer=customer["id"],
        payment_method="pm_card_authenticationRequiredOnSetup",
        confirm=True,
        return_url="https://example.com/back",
    )
    assert made["status"] == "requires_action"
    assert made["next_action"]["redirect_to_url"]["return_url"] == "https://example.com/back"
    path = f"/v1/test_helpers/setup_intents/{made['id']}/authenticate"
    ended = desk.post(path, outcome=outcome)
    if outcome == "succeeded":
        assert (ended["status"], ended["next_action"]) == ("succeeded", None)
    else:
        assert ended["status"] == "requires_payment_method"
        assert ended["last_setup_error"]["code"] == "setup_intent_authentication_failure"
    assert desk.refused("POST", path).code == "setup_intent_unexpected_state"


def test_the_secret_is_checked_and_lists_are_filtered(desk: Any, customer: Any) -> None:
    made = desk.post(PATH, customer=customer["id"])
    desk.post(PATH)
    path = f"{PATH}/{made['id']}"
    assert desk.get(path, client_secret=made["client_secret"]) == made
    assert desk.refused("GET", path, client_secret="x").param == "client_secret"
    assert [each["id"] for each in desk.get(PATH, customer=customer["id"])["data"]] == [made["id"]]


def test_it_locks_its_customer(desk: Any, customer: Any) -> None:
    made = desk.post(PATH, customer=customer["id"])
    locked = desk.locks("POST", f"{PATH}/{made['id']}/confirm", payment_method="pm_card_visa")
    assert locked == sorted([made["id"], customer["id"]])
