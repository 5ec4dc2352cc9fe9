"""Payment intents and their state machine."""

from typing import Any

import pytest

PATH = "/v1/payment_intents"


def create(desk: Any, **params: Any) -> Any:
    return desk.post(PATH, **{"amount": 1000, "currency": "usd", **params})


def in_state(desk: Any, status: str) -> Any:
    """An intent in a state, reached the ordinary way."""
    match status:
        case "requires_payment_method":
            return create(desk)
        case "requires_confirmation":
            return create(desk, payment_method="pm_card_visa")
        case "requires_capture":
            return create(
                desk, payment_method="pm_card_visa", confirm=True, capture_method="manual"
            )
        case "succeeded":
            return create(desk, payment_method="pm_card_visa", confirm=True)
        case _:
            return desk.post(f"{PATH}/{create(desk)['id']}/cancel")


STATES = (
    "requires_payment_method",
    "requires_confirmation",
    "requires_capture",
    "succeeded",
    "canceled",
)


def test_create(desk: Any) -> None:
    made = create(desk, currency="USD", description="Order 7", metadata={"order": "7"})
    assert made["status"] == "requires_payment_method"
    assert (made["amount"], made["currency"], made["amount_received"]) == (1000, "usd", 0)
    assert made["client_secret"].startswith(f"{made['id']}_secret_")
    assert made["metadata"] == {"order": "7"}
    assert desk.get(f"{PATH}/{made['id']}") == made
    assert desk.rows == [("payment_intent", "create", made["id"])]


@pytest.mark.parametrize("status", STATES)
def test_states_are_reached(desk: Any, status: str) -> None:
    assert in_state(desk, status)["status"] == status


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"currency": "usd"}, "parameter_missing", "amount"),
        ({"amount": 5}, "parameter_missing", "currency"),
        ({"amount": 0, "currency": "usd"}, "amount_too_small", "amount"),
        ({"amount": -1, "currency": "usd"}, "amount_too_small", "amount"),
        ({"amount": 100_000_000, "currency": "usd"}, "amount_too_large", "amount"),
        ({"amount": "5.5", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": 5, "currency": "dollars"}, None, "currency"),
        ({"amount": 5, "currency": "usd", "capture_method": "later"}, None, "capture_method"),
        ({"amount": 5, "currency": "usd", "customer": "cus_0"}, "resource_missing", "customer"),
        (
            {"amount": 5, "currency": "usd", "payment_method": "pm_0"},
            "resource_missing",
            "payment_method",
        ),
        (
            {"amount": 5, "currency": "usd", "payment_method_data": {"card": {}}},
            "parameter_missing",
            "payment_method_data[type]",
        ),
        ({"amount": 5, "currency": "usd", "off_session": "maybe"}, None, "off_session"),
    ],
)
def test_create_refused(desk: Any, params: dict[str, Any], code: str | None, param: str) -> None:
    error = desk.refused("POST", PATH, **params)
    assert (error.status, error.code, error.param) == (400, code, param)


def test_create_and_confirm(desk: Any, customer: Any) -> None:
    made = create(
        desk,
        customer=customer["id"],
        payment_method="pm_card_visa",
        confirm=True,
        off_session=True,
        automatic_payment_methods={"enabled": True, "allow_redirects": "never"},
    )
    assert made["status"] == "succeeded"
    assert (made["amount_received"], made["amount_capturable"]) == (1000, 0)
    assert made["automatic_payment_methods"] == {"allow_redirects": "never", "enabled": True}
    charge = desk.get(f"/v1/charges/{made['latest_charge']}")
    assert (charge["amount"], charge["amount_captured"], charge["captured"]) == (1000, 1000, True)
    assert (charge["paid"], charge["status"], charge["refunded"]) == (True, "succeeded", False)
    assert charge["payment_intent"] == made["id"]
    assert charge["customer"] == customer["id"]
    assert charge["payment_method"] == made["payment_method"]
    assert charge["payment_method_details"]["card"]["last4"] == "4242"
    assert desk.effects("payment_intent") == ["create"]
    assert desk.effects("charge") == ["create"]


def test_a_test_id_becomes_a_payment_method_of_its_own(desk: Any) -> None:
    first, second = (create(desk, payment_method="pm_card_visa") for _ in range(2))
    assert first["payment_method"].startswith("pm_")
    assert first["payment_method"] != second["payment_method"]
    method = desk.get(f"/v1/payment_methods/{first['payment_method']}")
    assert method["card"]["last4"] == "4242"


def test_confirm_with_what_was_given_before(desk: Any) -> None:
    made = create(desk, payment_method="pm_card_visa")
    done = desk.post(f"{PATH}/{made['id']}/confirm")
    assert (done["status"], done["payment_method"]) == ("succeeded", made["payment_method"])
    assert desk.effects("payment_intent") == ["create", "confirm"]


def test_confirm_with_data(desk: Any) -> None:
    card = {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030}
    done = desk.post(
        f"{PATH}/{create(desk)['id']}/confirm",
        payment_method_data={"type": "card", "card": card},
    )
    assert done["status"] == "succeeded"


@pytest.mark.parametrize("off_session", [True, False, "one_off", "recurring"])
def test_off_session(desk: Any, off_session: bool | str) -> None:
    path = f"{PATH}/{create(desk, payment_method='pm_card_visa')['id']}/confirm"
    assert desk.post(path, off_session=off_session)["status"] == "succeeded"


def test_confirm_without_a_payment_method(desk: Any) -> None:
    made = create(desk)
    error = desk.refused("POST", f"{PATH}/{made['id']}/confirm")
    assert (error.status, error.code) == (400, "payment_intent_unexpected_state")
    assert error.extra["payment_intent"]["id"] == made["id"]
    assert desk.refused("POST", PATH, amount=5, currency="usd", confirm=True).code == error.code


def test_confirm_checks_the_amount(desk: Any) -> None:
    path = f"{PATH}/{create(desk, payment_method='pm_card_visa')['id']}/confirm"
    assert desk.refused("POST", path, amount_to_confirm=999).param == "amount_to_confirm"
    assert desk.post(path, amount_to_confirm=1000)["status"] == "succeeded"


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
        ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ],
)
def test_a_decline_is_kept(desk: Any, card: str, code: str, decline_code: str | None) -> None:
    made = create(desk)
    error = desk.declined(f"{PATH}/{made['id']}/confirm", payment_method=card)
    assert (error["type"], error["code"]) == ("card_error", code)
    assert error.get("decline_code") == decline_code
    after = desk.get(f"{PATH}/{made['id']}")
    assert error["payment_intent"] == after
    assert (after["status"], after["payment_method"]) == ("requires_payment_method", None)
    assert after["last_payment_error"]["code"] == code
    assert after["last_payment_error"]["payment_method"]["object"] == "payment_method"
    assert after["amount_received"] == 0
    charge = desk.get(f"/v1/charges/{error['charge']}")
    assert (charge["status"], charge["paid"], charge["captured"]) == ("failed", False, False)
    assert (charge["failure_code"], charge["amount_captured"]) == (code, 0)
    assert after["latest_charge"] == charge["id"]


def test_the_declined_number(desk: Any) -> None:
    card = {"number": "4000000000000002", "exp_month": 1, "exp_year": 2030}
    data = {"type": "card", "card": card}
    error = desk.declined(PATH, amount=5, currency="usd", payment_method_data=data, confirm=True)
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert len(desk.get(PATH)["data"]) == 1


def test_after_a_decline_another_card_pays(desk: Any) -> None:
    made = create(desk)
    path = f"{PATH}/{made['id']}/confirm"
    desk.declined(path, payment_method="pm_card_chargeDeclined")
    done = desk.post(path, payment_method="pm_card_mastercard")
    assert (done["status"], done["last_payment_error"]) == ("succeeded", None)
    charges = desk.get("/v1/charges", payment_intent=made["id"])["data"]
    assert [charge["status"] for charge in charges] == ["succeeded", "failed"]


def test_manual_capture(desk: Any) -> None:
    held = in_state(desk, "requires_capture")
    assert (held["amount_capturable"], held["amount_received"]) == (1000, 0)
    charge = desk.get(f"/v1/charges/{held['latest_charge']}")
    assert (charge["captured"], charge["amount_captured"], charge["paid"]) == (False, 0, True)
    done = desk.post(f"{PATH}/{held['id']}/capture", metadata={"a": "1"})
    assert (done["status"], done["amount_received"]) == ("succeeded", 1000)
    assert done["amount_capturable"] == 0
    assert done["metadata"] == {"a": "1"}
    assert desk.get(f"/v1/charges/{held['latest_charge']}")["amount_captured"] == 1000
    assert desk.effects("payment_intent") == ["create", "capture"]
    assert desk.effects("charge") == ["create", "capture"]


def test_partial_capture(desk: Any) -> None:
    held = in_state(desk, "requires_capture")
    path = f"{PATH}/{held['id']}/capture"
    error = desk.refused("POST", path, amount_to_capture=1001)
    assert (error.status, error.code) == (400, "amount_too_large")
    assert desk.refused("POST", path, amount_to_capture=0).code == "amount_too_small"
    done = desk.post(path, amount_to_capture=400)
    assert (done["status"], done["amount_received"]) == ("succeeded", 400)
    charge = desk.get(f"/v1/charges/{held['latest_charge']}")
    assert (charge["amount"], charge["amount_captured"]) == (1000, 400)
    assert desk.refused("POST", "/v1/refunds", payment_intent=held["id"], amount=401).status == 400
    desk.post("/v1/refunds", payment_intent=held["id"], amount=400)
    assert desk.get(f"/v1/charges/{held['latest_charge']}")["refunded"] is True


def test_an_intent_is_captured_once(desk: Any) -> None:
    held = in_state(desk, "requires_capture")
    path = f"{PATH}/{held['id']}/capture"
    assert desk.refused("POST", path, final_capture=False).param == "final_capture"
    desk.post(path)
    assert desk.refused("POST", path).code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("verb", "allowed"),
    [
        ("confirm", {"requires_payment_method", "requires_confirmation"}),
        ("capture", {"requires_capture"}),
        (
            "cancel",
            {"requires_payment_method", "requires_confirmation", "requires_capture"},
        ),
    ],
)
@pytest.mark.parametrize("status", STATES)
def test_what_a_state_allows(desk: Any, status: str, verb: str, allowed: set[str]) -> None:
    intent = in_state(desk, status)
    path = f"{PATH}/{intent['id']}/{verb}"
    params = {"payment_method": "pm_card_visa"} if verb == "confirm" else {}
    if status in allowed:
        assert desk.post(path, **params)["status"] != status
        return
    error = desk.refused("POST", path, **params)
    assert (error.status, error.code) == (400, "payment_intent_unexpected_state")
    assert error.extra["payment_intent"] == intent
    assert status in error.message
    assert desk.get(f"{PATH}/{intent['id']}") == intent


def test_cancel(desk: Any) -> None:
    made = create(desk)
    path = f"{PATH}/{made['id']}/cancel"
    assert desk.refused("POST", path, cancellation_reason="mood").param == "cancellation_reason"
    done = desk.post(path, cancellation_reason="duplicate")
    assert (done["status"], done["cancellation_reason"]) == ("canceled", "duplicate")
    assert done["canceled_at"] == desk.now
    assert desk.effects("payment_intent") == ["create", "cancel"]


def test_cancel_releases_what_was_held(desk: Any) -> None:
    held = in_state(desk, "requires_capture")
    done = desk.post(f"{PATH}/{held['id']}/cancel")
    assert (done["amount_capturable"], done["amount_received"]) == (0, 0)
    charge = desk.get(f"/v1/charges/{held['latest_charge']}", expand=["refunds"])
    assert (charge["refunded"], charge["amount_refunded"], charge["amount_captured"]) == (
        True,
        1000,
        0,
    )
    assert [refund["amount"] for refund in charge["refunds"]["data"]] == [1000]


def test_update(desk: Any, customer: Any) -> None:
    made = create(desk)
    path = f"{PATH}/{made['id']}"
    changed = desk.post(
        path, amount=500, currency="EUR", customer=customer["id"], metadata={"a": "1"}
    )
    assert (changed["amount"], changed["currency"]) == (500, "eur")
    assert changed["customer"] == customer["id"]
    changed = desk.post(path, payment_method="pm_card_visa", application_fee_amount=3)
    assert changed["status"] == "requires_confirmation"
    assert changed["application_fee_amount"] == 3
    changed = desk.post(path, payment_method="", application_fee_amount="")
    assert (changed["status"], changed["payment_method"]) == ("requires_payment_method", None)
    assert changed["application_fee_amount"] is None
    assert desk.refused("POST", path, customer="cus_0").param == "customer"


@pytest.mark.parametrize("status", ["requires_capture", "succeeded", "canceled"])
def test_after_confirmation_the_terms_are_fixed(desk: Any, status: str) -> None:
    intent = in_state(desk, status)
    path = f"{PATH}/{intent['id']}"
    for change in ({"amount": 5}, {"payment_method": "pm_card_visa"}, {"currency": "eur"}):
        error = desk.refused("POST", path, **change)
        assert (error.status, error.code) == (400, "payment_intent_unexpected_state")
        assert next(iter(change)) in error.message
    changed = desk.post(path, metadata={"a": "1"}, description="Late")
    assert (changed["metadata"], changed["description"]) == ({"a": "1"}, "Late")


def test_another_customers_payment_method_does_not_pay(desk: Any, customer: Any) -> None:
    method = desk.post("/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])["id"]
    other = desk.post("/v1/customers")["id"]
    for params in ({}, {"customer": other}, {"customer": other, "confirm": True}):
        error = desk.refused(
            "POST", PATH, amount=5, currency="usd", payment_method=method, **params
        )
        assert (error.status, error.code, error.param) == (
            400,
            "resource_missing",
            "payment_method",
        )
    mine = create(desk, customer=customer["id"], payment_method=method)
    assert desk.post(f"{PATH}/{mine['id']}/confirm")["status"] == "succeeded"


def test_a_payment_for_later_keeps_the_card(desk: Any, customer: Any) -> None:
    done = create(
        desk,
        customer=customer["id"],
        payment_method=desk.post("/v1/payment_methods", type="card", card={"token": "tok_visa"})[
            "id"
        ],
        setup_future_usage="off_session",
        confirm=True,
    )
    method = desk.get(f"/v1/payment_methods/{done['payment_method']}")
    assert method["customer"] == customer["id"]
    assert desk.effects("payment_method") == ["create", "attach"]


def test_a_test_id_can_be_kept_too(desk: Any, customer: Any) -> None:
    done = create(
        desk,
        customer=customer["id"],
        payment_method="pm_card_visa",
        setup_future_usage="off_session",
        confirm=True,
    )
    method = desk.get(f"/v1/payment_methods/{done['payment_method']}")
    assert method["customer"] == customer["id"]


def test_retrieve_with_the_client_secret(desk: Any) -> None:
    made = create(desk)
    path = f"{PATH}/{made['id']}"
    assert desk.get(path, client_secret=made["client_secret"]) == made
    assert desk.refused("GET", path, client_secret="other").param == "client_secret"
