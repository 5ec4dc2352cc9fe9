"""A lenient sandbox: any well-formed id exists, and any parameter is taken."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

Client = Callable[..., stripe.StripeClient]


@pytest.fixture
def lenient(client: Client) -> stripe.StripeClient:
    """A client of a lenient sandbox."""
    return client(lenient=True)


def test_an_unknown_id_names_an_object_of_the_right_kind(lenient: stripe.StripeClient) -> None:
    for service, id_, kind in (
        (lenient.v1.customers, "cus_123", stripe.Customer),
        (lenient.v1.charges, "ch_123", stripe.Charge),
        (lenient.v1.topups, "tu_123", stripe.Topup),
    ):
        found: Any = service.retrieve(id_)
        assert type(found) is kind
        assert found.id == id_
        again: Any = service.retrieve(id_)
        assert {**again.to_dict(), "created": 0} == {**found.to_dict(), "created": 0}


def test_an_id_that_is_none_is_not_found(lenient: stripe.StripeClient) -> None:
    for path in ("/v1/topups/%20", "/v1/topups/" + "x" * 300):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            lenient.raw_request("get", path)
        assert caught.value.http_status == 404


def test_what_is_there_keeps_its_behaviour(lenient: stripe.StripeClient) -> None:
    intents = lenient.v1.payment_intents
    made = intents.create(
        {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    )
    assert made.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        intents.cancel(made.id)
    assert caught.value.code == "payment_intent_unexpected_state"
    refund = lenient.v1.refunds.create({"payment_intent": made.id, "amount": 200})
    assert refund.amount == 200
    with pytest.raises(stripe.InvalidRequestError) as caught:
        lenient.v1.refunds.create({"payment_intent": made.id, "amount": 400})
    assert caught.value.code == "amount_too_large"


def test_a_card_is_still_declined(lenient: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError):
        lenient.v1.payment_intents.create(
            {"amount": 500, "currency": "usd", "payment_method": "pm_card_chargeDeclined",
             "confirm": True}
        )  # fmt: skip


def test_any_parameter_is_taken(lenient: stripe.StripeClient) -> None:
    unknown: Any = {"colour": "red", "name": "Ada"}
    assert lenient.v1.customers.create(unknown).name == "Ada"
    assert lenient.v1.topups.create(unknown).object == "topup"


def test_an_unknown_object_takes_changes(lenient: stripe.StripeClient) -> None:
    topups = lenient.v1.topups
    assert topups.update("tu_9", {"description": "mine"}).description == "mine"
    assert topups.retrieve("tu_9").description == "mine"
    changed = lenient.v1.customers.update("cus_9", {"name": "Ada"})
    assert (changed.id, changed.name) == ("cus_9", "Ada")
    assert topups.cancel("tu_10").status == "canceled"


def test_the_same_id_may_be_asked_for_as_two_kinds(lenient: stripe.StripeClient) -> None:
    assert lenient.v1.topups.update("same", {"description": "a"}).object == "topup"
    assert lenient.v1.tax_rates.update("same", {"description": "b"}).object == "tax_rate"
    assert lenient.v1.topups.retrieve("same").description == "a"
    assert lenient.v1.coupons.delete("same").deleted is True
    assert lenient.v1.topups.retrieve("same").description == "a"


def test_an_empty_list_shows_one_object(lenient: stripe.StripeClient) -> None:
    assert [type(one) for one in lenient.v1.charges.list().data] == [stripe.Charge]
    customer = lenient.v1.customers.create({"name": "Ada"})
    assert [one.id for one in lenient.v1.customers.list().data] == [customer.id]
    refunds = lenient.v1.application_fees.refunds.list("fee_1")
    assert [one.fee for one in refunds.data] == ["fee_1"]


def test_embedded_lists_have_an_element(lenient: stripe.StripeClient) -> None:
    invoice = lenient.v1.invoices.retrieve("in_123")
    assert isinstance(invoice.lines.data[0], stripe.InvoiceLineItem)
    charge = lenient.v1.charges.retrieve("ch_123")
    assert charge.refunds is not None
    assert charge.refunds.url == "/v1/charges/ch_123/refunds"
    assert charge.refunds.data[0].charge == "ch_123"
    found: Any = lenient.v1.charges.search({"query": "amount>1"})
    assert found.total_count == 1


def test_what_cannot_be_expanded_stays_as_it_is(lenient: stripe.StripeClient) -> None:
    found = lenient.v1.transfers.reversals.retrieve("tr_1", "trr_1", {"expand": ["transfer"]})
    assert found.transfer == "tr_1"
    made = lenient.v1.customers.create({"name": "Ada"})
    tax_id = lenient.v1.customers.tax_ids.retrieve(made.id, "txi_1", {"expand": ["customer"]})
    assert isinstance(tax_id.customer, stripe.Customer)
    assert tax_id.customer.name == "Ada"


def test_an_unknown_cursor_is_the_beginning(lenient: stripe.StripeClient) -> None:
    rates = lenient.v1.tax_rates
    made = rates.create({"display_name": "VAT", "inclusive": False, "percentage": 1})
    assert [one.id for one in rates.list({"starting_after": "txr_none"}).data] == [made.id]
    assert rates.list({"starting_after": made.id}).data == []
