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


def test_coupons_balances_and_payouts(client: stripe.StripeClient) -> None:
    coupon = client.v1.coupons.create({"percent_off": 12.5, "duration": "forever"})
    assert (coupon.percent_off, coupon.valid) == (12.5, True)
    client.v1.payment_intents.create(
        {
            "amount": 4000,
            "currency": "cad",
            "payment_method": "pm_card_bypassPending",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    payout = client.v1.payouts.create({"amount": 1000, "currency": "cad"})
    assert isinstance(payout.balance_transaction, str)
    moved = client.v1.balance_transactions.retrieve(payout.balance_transaction)
    assert (moved.net, moved.type, moved.source) == (-1000, "payout", payout.id)
    available = {each.currency: each.amount for each in client.v1.balance.retrieve().available}
    assert available["cad"] == 4000 - 146 - 1000
    assert client.v1.payouts.cancel(payout.id).status == "canceled"


def test_connect(client: stripe.StripeClient) -> None:
    account = client.v1.accounts.create(
        {"type": "express", "capabilities": {"transfers": {"requested": True}}}
    )
    assert (account.payouts_enabled, account.type) == (True, "express")
    client.v1.payment_intents.create(
        {
            "amount": 4000,
            "currency": "eur",
            "payment_method": "pm_card_bypassPending",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    transfer = client.v1.transfers.create(
        {"amount": 700, "currency": "eur", "destination": account.id}
    )
    reversal = client.v1.transfers.reversals.create(transfer.id, {"amount": 200})
    assert (reversal.object, reversal.amount) == ("transfer_reversal", 200)
    there = client.v1.balance.retrieve(options={"stripe_account": account.id})
    assert {each.currency: each.amount for each in there.available}["eur"] == 500
    current = client.v1.accounts.retrieve_current(options={"stripe_account": account.id})
    assert current.id == account.id


def test_checkout(client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": "https://example.com/done",
            "line_items": [
                {
                    "price_data": {
                        "currency": "usd",
                        "product_data": {"name": "Shirt"},
                        "unit_amount": 2000,
                    },
                    "quantity": 2,
                }
            ],
        }
    )
    assert (session.amount_total, session.status) == (4000, "open")
    (item,) = client.v1.checkout.sessions.line_items.list(session.id).data
    assert (item.description, item.quantity) == ("Shirt", 2)
    client.raw_request("post", f"/v1/test_helpers/checkout/sessions/{session.id}/complete")
    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert done.status == "complete"
    assert isinstance(done.payment_intent, stripe.PaymentIntent)
    assert done.payment_intent.status == "succeeded"


def test_a_test_clock(client: stripe.StripeClient) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": 1_700_000_000})
    customer = client.v1.customers.create(
        {"test_clock": clock.id, "payment_method": "pm_card_visa"}
    )
    method = client.v1.customers.payment_methods.list(customer.id).data[0]
    product = client.v1.products.create({"name": "Weekly"})
    price = client.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 500,
            "recurring": {"interval": "week"},
        }
    )
    made = client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id}],
            "default_payment_method": method.id,
        }
    )
    moved = client.v1.test_helpers.test_clocks.advance(
        clock.id, {"frozen_time": clock.frozen_time + 8 * 86_400}
    )
    assert moved.status == "ready"
    invoices = client.v1.invoices.list({"subscription": made.id}).data
    assert [each.status for each in invoices] == ["paid", "paid"]
    assert client.v1.subscriptions.retrieve(made.id).status == "active"
    types = {each.type for each in client.v1.events.list({"limit": 100}).auto_paging_iter()}
    assert {"invoice.paid", "test_helpers.test_clock.ready"} <= types


def test_setup_intents_and_cards_that_need_their_holder(client: stripe.StripeClient) -> None:
    intent = client.v1.setup_intents.create(
        {
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "return_url": "https://example.com/done",
        }
    )
    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    assert intent.next_action.redirect_to_url.return_url == "https://example.com/done"
    client.raw_request("post", f"/v1/test_helpers/setup_intents/{intent.id}/authenticate")
    assert client.v1.setup_intents.retrieve(intent.id).status == "succeeded"
    with pytest.raises(stripe.CardError) as raised:
        client.v1.payment_intents.create(
            {
                "amount": 100,
                "currency": "usd",
                "payment_method": "pm_card_authenticationRequired",
                "confirm": True,
                "off_session": True,
            }
        )
    assert raised.value.code == "authentication_required"
