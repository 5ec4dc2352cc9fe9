"""The official package against a running sandbox: what it sends is understood and read back."""

from collections.abc import Iterator

import pytest
import stripe

from holdfast.sandbox import Sandbox


@pytest.fixture(scope="module")
def client() -> Iterator[stripe.StripeClient]:
    http_client = stripe.RequestsClient()
    with Sandbox(lock_wait=1, hold=0) as box:
        yield stripe.StripeClient(
            "sk_test_1234567890abcdef", base_addresses={"api": box.url}, http_client=http_client
        )
        http_client.close()


def test_customers(client: stripe.StripeClient) -> None:
    customers = client.v1.customers
    made = customers.create(
        {"email": "jo@example.com", "metadata": {"order": "7"}, "address": {"city": "Oslo"}}
    )
    assert isinstance(made, stripe.Customer)
    assert made.metadata is not None
    assert made.metadata["order"] == "7"
    assert made.address is not None
    assert made.address.city == "Oslo"
    changed = customers.update(made.id, {"name": "Jo", "metadata": {"order": ""}})
    assert (changed.name, changed.email) == ("Jo", "jo@example.com")
    assert changed.to_dict()["metadata"] == {}
    assert customers.delete(made.id).deleted is True
    assert customers.retrieve(made.id).deleted is True


def test_a_missing_object(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.customers.retrieve("cus_nothing")
    assert (raised.value.http_status, raised.value.code) == (404, "resource_missing")


def test_pay_and_refund(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "expand": ["latest_charge"],
        }
    )
    assert intent.status == "succeeded"
    assert isinstance(intent.latest_charge, stripe.Charge)
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 400})
    assert (refund.amount, refund.status) == (400, "succeeded")
    charge = client.v1.charges.retrieve(intent.latest_charge.id)
    assert (charge.amount_refunded, charge.refunded) == (400, False)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"charge": charge.id, "amount": 601})


def test_a_decline(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as raised:
        client.v1.payment_intents.create(
            {
                "amount": 1000,
                "currency": "usd",
                "payment_method": "pm_card_chargeDeclined",
                "confirm": True,
            }
        )
    error = raised.value.error
    assert error is not None
    assert (raised.value.code, error.decline_code) == ("card_declined", "generic_decline")
    assert error.payment_intent is not None
    kept = client.v1.payment_intents.retrieve(error.payment_intent.id)
    assert kept.status == "requires_payment_method"
    assert kept.last_payment_error is not None
    assert kept.last_payment_error.code == "card_declined"


def test_a_refused_card_leaves_no_customer(client: stripe.StripeClient) -> None:
    before = client.v1.customers.list().data
    with pytest.raises(stripe.CardError):
        client.v1.customers.create({"payment_method": "pm_card_chargeDeclined"})
    assert client.v1.customers.list().data == before


def test_capture_later(client: stripe.StripeClient) -> None:
    intents = client.v1.payment_intents
    held = intents.create({"amount": 1000, "currency": "usd", "capture_method": "manual"})
    intents.confirm(held.id, {"payment_method": "pm_card_visa"})
    done = intents.capture(held.id, {"amount_to_capture": 600})
    assert (done.status, done.amount_received) == ("succeeded", 600)
    with pytest.raises(stripe.InvalidRequestError) as raised:
        intents.cancel(held.id)
    assert raised.value.code == "payment_intent_unexpected_state"


def test_subscribe_change_and_cancel(client: stripe.StripeClient) -> None:
    product = client.v1.products.create({"name": "Gold"})
    price = client.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 1500,
            "recurring": {"interval": "month"},
        }
    )
    customer = client.v1.customers.create({"payment_method": "pm_card_visa"})
    (method,) = client.v1.customers.payment_methods.list(customer.id).data
    subscription = client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id, "quantity": 2}],
            "default_payment_method": method.id,
            "expand": ["latest_invoice"],
        }
    )
    assert subscription.status == "active"
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    assert subscription.latest_invoice.amount_paid == 3000
    item = subscription["items"].data[0]
    changed = client.v1.subscriptions.update(
        subscription.id, {"items": [{"id": item.id, "quantity": 5}], "cancel_at_period_end": True}
    )
    assert changed["items"].data[0].quantity == 5
    assert changed.cancel_at == item.current_period_end
    assert client.v1.subscriptions.cancel(subscription.id).status == "canceled"
    assert client.v1.subscriptions.list({"customer": customer.id}).data == []


def test_invoice(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"source": "tok_visa"})
    invoice = client.v1.invoices.create({"customer": customer.id})
    item = client.v1.invoice_items.create(
        {"customer": customer.id, "invoice": invoice.id, "amount": 700, "currency": "usd"}
    )
    client.v1.invoice_items.update(item.id, {"amount": 800})
    opened = client.v1.invoices.finalize_invoice(invoice.id)
    assert (opened.status, opened.total, len(opened.lines.data)) == ("open", 800, 1)
    paid = client.v1.invoices.pay(invoice.id, {"expand": ["payments"]})
    assert (paid.status, paid.amount_paid) == ("paid", 800)
    assert paid.payments is not None
    assert paid.payments.data[0].status == "paid"


def test_pages(client: stripe.StripeClient) -> None:
    made = {client.v1.products.create({"name": f"Page {number}"}).id for number in range(7)}
    listed = client.v1.products.list({"limit": 2, "ids": sorted(made)})
    walked = [product.id for product in listed.auto_paging_iter()]
    assert len(walked) == len(made)
    assert set(walked) == made
