"""Cards whose holder must authenticate: in a session, without one, after a setup, on an invoice."""

from typing import Any

import pytest

from holdfast.sandbox.resources.card_table import CARDS, Authentication

PATH = "/v1/payment_intents"
ALWAYS = "pm_card_authenticationRequired"
ON_SETUP = "pm_card_authenticationRequiredOnSetup"
SET_UP = "pm_card_authenticationRequiredSetupForOffSession"
NO_FUNDS = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"


def pay(desk: Any, method: str, **params: Any) -> Any:
    return desk.post(
        PATH, amount=1000, currency="usd", payment_method=method, confirm=True, **params
    )


def authenticate(desk: Any, intent: Any, **params: Any) -> Any:
    return desk.post(f"/v1/test_helpers/payment_intents/{intent['id']}/authenticate", **params)


@pytest.mark.parametrize("method", [ALWAYS, ON_SETUP, SET_UP, "pm_card_threeDSecure2Required"])
def test_in_a_session(desk: Any, method: str) -> None:
    waiting = pay(desk, method)
    assert (waiting["status"], waiting["latest_charge"]) == ("requires_action", None)
    assert waiting["next_action"]["type"] == "use_stripe_sdk"
    assert desk.get("/v1/charges")["data"] == []
    paid = authenticate(desk, waiting)
    assert (paid["status"], paid["amount_received"], paid["next_action"]) == (
        "succeeded",
        1000,
        None,
    )
    assert (
        desk.refused("POST", f"/v1/test_helpers/payment_intents/{paid['id']}/authenticate").code
        == "payment_intent_unexpected_state"
    )


def test_a_redirect(desk: Any) -> None:
    waiting = pay(desk, ALWAYS, return_url="https://example.com/done")
    assert waiting["next_action"]["type"] == "redirect_to_url"
    assert waiting["next_action"]["redirect_to_url"]["return_url"] == "https://example.com/done"


def test_an_authentication_that_fails(desk: Any) -> None:
    failed = authenticate(desk, pay(desk, ALWAYS), outcome="failed")
    assert failed["status"] == "requires_payment_method"
    assert failed["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    again = desk.post(f"{PATH}/{failed['id']}/confirm", payment_method="pm_card_visa")
    assert (again["status"], again["last_payment_error"]) == ("succeeded", None)


def test_a_decline_after_the_authentication(desk: Any) -> None:
    waiting = pay(desk, NO_FUNDS)
    error = desk.declined(f"/v1/test_helpers/payment_intents/{waiting['id']}/authenticate")
    assert error["decline_code"] == "insufficient_funds"
    assert error["payment_intent"]["status"] == "requires_payment_method"


def test_manual_capture(desk: Any) -> None:
    held = authenticate(desk, pay(desk, ALWAYS, capture_method="manual"))
    assert (held["status"], held["amount_capturable"]) == ("requires_capture", 1000)


@pytest.mark.parametrize(
    ("method", "status"), [(ALWAYS, None), (ON_SETUP, None), (SET_UP, "succeeded")]
)
def test_without_the_customer(desk: Any, customer: Any, method: str, status: str | None) -> None:
    if status is not None:
        assert pay(desk, method, off_session=True)["status"] == status
        return
    error = desk.declined(
        PATH,
        amount=1000,
        currency="usd",
        payment_method=method,
        confirm=True,
        off_session=True,
        customer=customer["id"],
    )
    assert (error["code"], error["decline_code"]) == ("authentication_required",) * 2
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert desk.get(f"/v1/charges/{error['charge']}")["status"] == "failed"


@pytest.mark.parametrize("by", ["setup", "payment"])
def test_a_card_that_was_set_up(desk: Any, customer: Any, by: str) -> None:
    owner = {"customer": customer["id"]}
    if by == "setup":
        waiting = desk.post("/v1/setup_intents", payment_method=ON_SETUP, confirm=True, **owner)
        path = f"/v1/test_helpers/setup_intents/{waiting['id']}/authenticate"
        method = desk.post(path)["payment_method"]
    else:
        waiting = pay(desk, ON_SETUP, setup_future_usage="off_session", **owner)
        method = authenticate(desk, waiting)["payment_method"]
    assert pay(desk, method, off_session=True, **owner)["status"] == "succeeded"
    # "However, on-session payments with this card always require authentication."
    assert pay(desk, method, **owner)["status"] == "requires_action"


def test_error_on_requires_action(desk: Any) -> None:
    error = desk.refused(
        "POST",
        PATH,
        amount=1000,
        currency="usd",
        payment_method=ALWAYS,
        confirm=True,
        error_on_requires_action=True,
    )
    assert (error.status, error.code) == (402, "authentication_required")


def test_a_direct_charge_cannot_wait(desk: Any) -> None:
    error = desk.declined(
        "/v1/charges", amount=500, currency="usd", source="tok_authenticationRequired"
    )
    assert error["code"] == "authentication_required"


def test_an_invoice_waits(desk: Any) -> None:
    customer = desk.post("/v1/customers")["id"]
    method = desk.post(f"/v1/payment_methods/{ALWAYS}/attach", customer=customer)["id"]
    invoice = desk.post("/v1/invoices", customer=customer)["id"]
    desk.post("/v1/invoiceitems", customer=customer, amount=700, currency="usd", invoice=invoice)
    error = desk.declined(f"/v1/invoices/{invoice}/pay", payment_method=method)
    assert error["code"] == "invoice_payment_intent_requires_action"
    intent = error["payment_intent"]
    assert (intent["status"], intent["amount"]) == ("requires_action", 700)
    assert desk.get(f"/v1/invoices/{invoice}")["status"] == "open"
    authenticate(desk, intent)
    paid = desk.get(f"/v1/invoices/{invoice}")
    assert (paid["status"], paid["amount_paid"]) == ("paid", 700)


def test_a_subscription_waits(desk: Any, monthly: Any) -> None:
    customer = desk.post("/v1/customers")["id"]
    method = desk.post(f"/v1/payment_methods/{ALWAYS}/attach", customer=customer)["id"]
    params = {
        "customer": customer,
        "default_payment_method": method,
        "items": [{"price": monthly["id"]}],
    }
    path = "/v1/subscriptions"
    error = desk.refused("POST", path, payment_behavior="error_if_incomplete", **params)
    assert (error.status, error.code) == (402, "subscription_payment_intent_requires_action")
    made = desk.post(path, expand=["latest_invoice"], **params)
    assert (made["status"], made["latest_invoice"]["status"]) == ("incomplete", "open")
    secret = made["latest_invoice"]["confirmation_secret"]["client_secret"]
    authenticate(desk, {"id": secret.partition("_secret")[0]})
    assert desk.get(f"{path}/{made['id']}")["status"] == "active"


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_test_card_does_what_the_table_says(desk: Any, card: Any) -> None:
    by_number = {"number": card.number, "exp_month": 12, "exp_year": 2099}
    method = desk.post("/v1/payment_methods", type="card", card=by_number)
    assert method["card"]["last4"] == card.number[-4:]
    assert method["card"]["country"] == card.country
    by_token = desk.post("/v1/payment_methods", type="card", card={"token": card.token_id})
    assert by_token["card"]["fingerprint"] == method["card"]["fingerprint"]
    for named in (card.method_id, method["id"], by_token["id"]):
        if card.authentication is not Authentication.NEVER:
            assert pay(desk, named)["status"] == "requires_action"
        elif card.failure is None:
            assert pay(desk, named)["status"] == "succeeded"
        else:
            error = desk.declined(
                PATH, amount=5, currency="usd", payment_method=named, confirm=True
            )
            assert error["code"] == card.failure.code
            assert error.get("decline_code") == card.failure.decline_code
