"""Invoices, from draft to paid, void or uncollectible."""

from typing import Any

import pytest

from holdfast.sandbox.resources import completed

PATH = "/v1/invoices"
OUTCOMES = ("draft", "open", "paid", "void", "uncollectible")


@pytest.fixture
def payer(desk: Any) -> Any:
    """A customer with a card."""
    return desk.post("/v1/customers", source="tok_visa", name="Jo", email="jo@example.com")


def draft(desk: Any, customer: Any, *amounts: int, **params: Any) -> Any:
    made = desk.post(PATH, customer=customer["id"], **params)
    for amount in amounts:
        desk.post(
            "/v1/invoiceitems",
            customer=customer["id"],
            amount=amount,
            currency="usd",
            invoice=made["id"],
        )
    return desk.get(f"{PATH}/{made['id']}")


def in_state(desk: Any, customer: Any, status: str) -> Any:
    made = draft(desk, customer, 700, 300)
    path = f"{PATH}/{made['id']}"
    if status == "draft":
        return made
    opened = desk.post(f"{path}/finalize")
    verbs = {"paid": "pay", "void": "void", "uncollectible": "mark_uncollectible"}
    return desk.post(f"{path}/{verbs[status]}") if status in verbs else opened


def intent_of(desk: Any, invoice: Any) -> Any:
    secret: str = invoice["confirmation_secret"]["client_secret"]
    return desk.get(f"/v1/payment_intents/{secret.partition('_secret')[0]}")


def test_a_draft_without_items(desk: Any, payer: Any) -> None:
    made = desk.post(PATH, customer=payer["id"], description="May", metadata={"a": "1"})
    assert (made["status"], made["total"], made["lines"]["data"]) == ("draft", 0, [])
    assert (made["customer_name"], made["customer_email"]) == ("Jo", "jo@example.com")
    assert (made["currency"], made["number"]) == ("usd", None)
    assert desk.get(f"{PATH}/{made['id']}") == made


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({}, "parameter_missing", "customer"),
        ({"customer": "cus_0"}, "resource_missing", "customer"),
        ({"subscription": "sub_0"}, "resource_missing", "subscription"),
        ({"currency": "dollars"}, None, "currency"),
        ({"collection_method": "begging"}, None, "collection_method"),
        ({"days_until_due": -1}, "parameter_invalid_integer", "days_until_due"),
    ],
)
def test_refused(desk: Any, params: dict[str, Any], code: str | None, param: str) -> None:
    error = desk.refused("POST", PATH, **params)
    assert (error.status, error.code, error.param) == (400, code, param)


def test_pending_items_are_taken_when_asked(desk: Any, payer: Any) -> None:
    for amount, currency in ((700, "usd"), (300, "usd"), (50, "eur")):
        desk.post("/v1/invoiceitems", customer=payer["id"], amount=amount, currency=currency)
    assert desk.post(PATH, customer=payer["id"])["total"] == 0
    made = desk.post(PATH, customer=payer["id"], pending_invoice_items_behavior="include")
    assert (made["total"], made["amount_due"]) == (1000, 1000)
    assert [line["amount"] for line in made["lines"]["data"]] == [300, 700]
    taken = desk.get("/v1/invoiceitems", invoice=made["id"])["data"]
    assert {item["amount"] for item in taken} == {700, 300}
    again = desk.post(PATH, customer=payer["id"], pending_invoice_items_behavior="include")
    assert again["total"] == 0


def test_lines_are_listed_in_pages(desk: Any, payer: Any) -> None:
    made = draft(desk, payer, 1, 2, 3)
    url = made["lines"]["url"]
    assert desk.get(url)["data"] == made["lines"]["data"]
    first = desk.get(url, limit=2)
    assert first["has_more"] is True
    rest = desk.get(url, starting_after=first["data"][-1]["id"])
    assert first["data"] + rest["data"] == made["lines"]["data"]


def test_finalize(desk: Any, payer: Any) -> None:
    made = draft(desk, payer, 700, 300)
    opened = desk.post(f"{PATH}/{made['id']}/finalize")
    assert (opened["status"], opened["amount_due"]) == ("open", 1000)
    assert (opened["amount_paid"], opened["amount_remaining"]) == (0, 1000)
    assert opened["status_transitions"]["finalized_at"] == desk.now
    intent = intent_of(desk, opened)
    assert (intent["amount"], intent["status"]) == (1000, "requires_payment_method")
    assert intent["customer"] == payer["id"]
    payments = desk.get("/v1/invoice_payments", invoice=made["id"])["data"]
    assert [each["payment"]["payment_intent"] for each in payments] == [intent["id"]]
    assert payments[0]["status"] == "open"
    shown = desk.get(f"{PATH}/{made['id']}", expand=["payments"])
    assert shown["payments"]["data"] == payments
    found = desk.get("/v1/invoice_payments", payment={"payment_intent": intent["id"]})["data"]
    assert found == payments


def test_numbers_rise(desk: Any, payer: Any) -> None:
    first, second = (in_state(desk, payer, "open") for _ in range(2))
    prefix = payer["invoice_prefix"]
    assert [first["number"], second["number"]] == [f"{prefix}-0001", f"{prefix}-0002"]
    assert desk.get(f"/v1/customers/{payer['id']}")["next_invoice_sequence"] == 3


def test_pay(desk: Any, payer: Any) -> None:
    opened = in_state(desk, payer, "open")
    done = desk.post(f"{PATH}/{opened['id']}/pay")
    assert (done["status"], done["amount_paid"], done["amount_remaining"]) == ("paid", 1000, 0)
    assert (done["attempt_count"], done["attempted"]) == (1, True)
    assert done["status_transitions"]["paid_at"] == desk.now
    intent = intent_of(desk, done)
    assert (intent["status"], intent["amount_received"]) == ("succeeded", 1000)
    charge = desk.get(f"/v1/charges/{intent['latest_charge']}")
    assert charge["amount_captured"] == done["amount_paid"]
    payment = desk.get("/v1/invoice_payments", invoice=done["id"])["data"][0]
    assert (payment["status"], payment["amount_paid"]) == ("paid", 1000)
    assert desk.get(f"/v1/invoice_payments/{payment['id']}") == payment


def test_pay_a_draft(desk: Any, payer: Any) -> None:
    made = draft(desk, payer, 500)
    done = desk.post(f"{PATH}/{made['id']}/pay")
    assert (done["status"], done["amount_paid"]) == ("paid", 500)
    assert done["number"] is not None


def test_pay_with_a_payment_method(desk: Any, customer: Any) -> None:
    opened = in_state(desk, customer, "open")
    path = f"{PATH}/{opened['id']}/pay"
    assert "default payment method" in desk.refused("POST", path).message
    assert desk.refused("POST", path, payment_method="pm_0").code == "resource_missing"
    other = desk.post("/v1/customers", payment_method="pm_card_visa")["id"]
    theirs = desk.get("/v1/payment_methods", customer=other)["data"][0]["id"]
    assert desk.refused("POST", path, payment_method=theirs).code == "resource_missing"
    done = desk.post(path, payment_method="pm_card_mastercard")
    assert done["status"] == "paid"


def test_the_invoices_default_comes_before_the_customers(desk: Any, payer: Any) -> None:
    path = "/v1/payment_methods/pm_card_amex/attach"
    method = desk.post(path, customer=payer["id"])["id"]
    made = draft(desk, payer, 500, default_payment_method=method)
    done = desk.post(f"{PATH}/{made['id']}/pay")
    assert intent_of(desk, done)["payment_method"] == method
    other = desk.post("/v1/customers")["id"]
    error = desk.refused("POST", PATH, customer=other, default_payment_method=method)
    assert error.param == "default_payment_method"


def test_a_decline_leaves_the_invoice_open(desk: Any, payer: Any) -> None:
    opened = in_state(desk, payer, "open")
    path = f"{PATH}/{opened['id']}"
    error = desk.declined(f"{path}/pay", payment_method="pm_card_chargeDeclined")
    assert error["code"] == "card_declined"
    after = desk.get(path)
    assert (after["status"], after["amount_paid"], after["amount_remaining"]) == ("open", 0, 1000)
    assert (after["attempted"], after["attempt_count"]) == (True, 1)
    assert intent_of(desk, after)["last_payment_error"]["code"] == "card_declined"
    done = desk.post(f"{path}/pay")
    assert (done["status"], done["attempt_count"]) == ("paid", 2)


def test_a_declined_draft_is_finalized(desk: Any, payer: Any) -> None:
    made = draft(desk, payer, 500)
    path = f"{PATH}/{made['id']}"
    desk.declined(f"{path}/pay", payment_method="pm_card_chargeDeclined")
    after = desk.get(path)
    assert (after["status"], after["amount_due"]) == ("open", 500)
    assert intent_of(desk, after)["status"] == "requires_payment_method"


def test_paid_out_of_band(desk: Any, customer: Any) -> None:
    opened = in_state(desk, customer, "open")
    done = desk.post(f"{PATH}/{opened['id']}/pay", paid_out_of_band=True)
    assert (done["status"], done["amount_paid"]) == ("paid", 1000)
    assert intent_of(desk, done)["status"] == "canceled"
    assert desk.get("/v1/charges")["data"] == []


def test_paying_the_intent_pays_the_invoice(desk: Any, customer: Any) -> None:
    opened = in_state(desk, customer, "open")
    intent = intent_of(desk, opened)
    desk.post(f"/v1/payment_intents/{intent['id']}/confirm", payment_method="pm_card_visa")
    after = desk.get(f"{PATH}/{opened['id']}")
    assert (after["status"], after["amount_paid"]) == ("paid", 1000)


def test_the_intent_of_an_invoice_cannot_be_bent(desk: Any, customer: Any) -> None:
    path = f"/v1/payment_intents/{intent_of(desk, in_state(desk, customer, 'open'))['id']}"
    for verb, params in (
        ("", {"amount": 1}),
        ("/cancel", {}),
        ("/confirm", {"capture_method": "manual", "payment_method": "pm_card_visa"}),
    ):
        error = desk.refused("POST", f"{path}{verb}", **params)
        assert (error.status, error.code) == (400, "payment_intent_unexpected_state")
        assert "invoice" in error.message


def test_nothing_due_is_paid_at_once(desk: Any, customer: Any) -> None:
    made = draft(desk, customer)
    done = desk.post(f"{PATH}/{made['id']}/finalize")
    assert (done["status"], done["amount_due"], done["confirmation_secret"]) == ("paid", 0, None)


def test_nothing_due_is_paid_by_paying_too(desk: Any, customer: Any) -> None:
    made = draft(desk, customer)
    assert desk.post(f"{PATH}/{made['id']}/pay")["status"] == "paid"


def test_the_default_is_checked_when_it_changes(desk: Any, payer: Any) -> None:
    made = draft(desk, payer, 500)
    path = f"{PATH}/{made['id']}"
    assert desk.refused("POST", path, default_payment_method="pm_0").code == "resource_missing"
    method = desk.post("/v1/payment_methods/pm_card_visa/attach", customer=payer["id"])["id"]
    assert desk.post(path, default_payment_method=method)["default_payment_method"] == method


@pytest.mark.parametrize("verb", ["pay", "void"])
def test_an_open_invoice_of_a_seed(desk: Any, payer: Any, verb: str) -> None:
    """It has no intent, as nobody finalized it here."""
    bare = {"object": "invoice", "id": "in_seed", "customer": payer["id"], "currency": "usd"}
    seeded = completed({**bare, "status": "open", "created": 1, "livemode": False})
    desk.state.load("acct_sandbox", [seeded])
    done = desk.post(f"{PATH}/in_seed/{verb}")
    assert done["status"] == {"pay": "paid", "void": "void"}[verb]


def test_the_customers_balance_is_applied(desk: Any) -> None:
    rich = desk.post("/v1/customers", source="tok_visa", balance=-1200)
    first = desk.post(f"{PATH}/{draft(desk, rich, 700)['id']}/finalize")
    assert (first["total"], first["amount_due"], first["status"]) == (700, 0, "paid")
    assert (first["starting_balance"], first["ending_balance"]) == (-1200, -500)
    second = desk.post(f"{PATH}/{draft(desk, rich, 700)['id']}/finalize")
    assert (second["amount_due"], second["status"]) == (200, "open")
    assert desk.get(f"/v1/customers/{rich['id']}")["balance"] == 0


def test_a_credit_goes_to_the_balance(desk: Any, customer: Any) -> None:
    made = draft(desk, customer, 200, -500)
    assert (made["total"], made["amount_due"]) == (-300, 0)
    done = desk.post(f"{PATH}/{made['id']}/finalize")
    assert (done["status"], done["ending_balance"]) == ("paid", -300)
    assert desk.get(f"/v1/customers/{customer['id']}")["balance"] == -300


def test_void(desk: Any, payer: Any) -> None:
    done = in_state(desk, payer, "void")
    assert (done["status"], done["amount_remaining"]) == ("void", 0)
    assert done["status_transitions"]["voided_at"] == desk.now
    assert intent_of(desk, done)["status"] == "canceled"
    payment = desk.get("/v1/invoice_payments", invoice=done["id"])["data"][0]
    assert payment["status"] == "canceled"


def test_uncollectible_can_still_be_paid_or_voided(desk: Any, payer: Any) -> None:
    lost = in_state(desk, payer, "uncollectible")
    assert lost["status_transitions"]["marked_uncollectible_at"] == desk.now
    assert desk.post(f"{PATH}/{lost['id']}/pay")["status"] == "paid"
    lost = in_state(desk, payer, "uncollectible")
    assert desk.post(f"{PATH}/{lost['id']}/void")["status"] == "void"


@pytest.mark.parametrize(
    ("method", "verb", "allowed"),
    [
        ("POST", "/finalize", {"draft"}),
        ("POST", "/pay", {"draft", "open", "uncollectible"}),
        ("POST", "/void", {"open", "uncollectible"}),
        ("POST", "/mark_uncollectible", {"open"}),
        ("DELETE", "", {"draft"}),
    ],
)
@pytest.mark.parametrize("status", OUTCOMES)
def test_what_a_state_allows(
    desk: Any, payer: Any, status: str, method: str, verb: str, allowed: set[str]
) -> None:
    invoice = in_state(desk, payer, status)
    path = f"{PATH}/{invoice['id']}"
    if status in allowed:
        desk.request(method, f"{path}{verb}")
        return
    assert desk.refused(method, f"{path}{verb}").status == 400
    assert desk.get(path) == invoice


def test_update(desk: Any, payer: Any) -> None:
    made = draft(desk, payer, 500)
    path = f"{PATH}/{made['id']}"
    changed = desk.post(path, description="May", metadata={"a": "1"}, days_until_due=3)
    assert (changed["description"], changed["metadata"]) == ("May", {"a": "1"})
    assert changed["due_date"] == desk.now + 3 * 86_400
    desk.post(f"{path}/finalize")
    error = desk.refused("POST", path, description="June")
    assert (error.status, error.code) == (400, "invoice_not_editable")
    assert desk.post(path, metadata={"b": "2"})["metadata"] == {"a": "1", "b": "2"}


def test_sent_invoices_are_due(desk: Any, customer: Any) -> None:
    params = {"customer": customer["id"], "collection_method": "send_invoice"}
    assert desk.refused("POST", PATH, **params).param == "days_until_due"
    assert desk.post(PATH, **params, days_until_due=7)["due_date"] == desk.now + 7 * 86_400
    assert desk.post(PATH, **params, due_date=desk.now + 5)["due_date"] == desk.now + 5


def test_deleting_a_draft_makes_its_items_pending(desk: Any, payer: Any) -> None:
    made = draft(desk, payer, 700)
    path = f"{PATH}/{made['id']}"
    assert desk.delete(path) == {"id": made["id"], "object": "invoice", "deleted": True}
    assert desk.refused("GET", path).status == 404
    pending = desk.get("/v1/invoiceitems", pending=True)["data"]
    assert [(item["amount"], item["invoice"]) for item in pending] == [(700, None)]


def test_list(desk: Any, payer: Any, customer: Any) -> None:
    paid = in_state(desk, payer, "paid")["id"]
    opened = in_state(desk, customer, "open")["id"]

    def listed(**params: Any) -> list[str]:
        return [each["id"] for each in desk.get(PATH, **params)["data"]]

    assert listed() == [opened, paid]
    assert listed(status="paid") == [paid]
    assert listed(customer=customer["id"]) == [opened]
    assert listed(customer=customer["id"], status="paid") == []
    assert listed(collection_method="send_invoice") == []
    assert desk.refused("GET", PATH, subscription="sub_0").param == "subscription"


@pytest.mark.parametrize("status", OUTCOMES)
def test_sums_agree_in_every_state(desk: Any, payer: Any, status: str) -> None:
    invoice = in_state(desk, payer, status)
    assert invoice["total"] == sum(line["amount"] for line in invoice["lines"]["data"]) == 1000
    assert invoice["amount_due"] == 1000
    if status != "void":
        assert invoice["amount_paid"] + invoice["amount_remaining"] == invoice["amount_due"]
