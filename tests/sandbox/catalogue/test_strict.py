"""Generic operations of a strict sandbox, asked by the real package."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import stripe

Client = Callable[..., stripe.StripeClient]


def error_of(call: Callable[[], Any]) -> tuple[int | None, str | None, str | None]:
    """Status, code and parameter of the refusal that a call ends with."""
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call()
    return caught.value.http_status, caught.value.code, caught.value.param


def test_what_was_created_can_be_retrieved_updated_listed_and_deleted(client: Client) -> None:
    rates = client().v1.terminal.locations
    address: Any = {"country": "US", "line1": "1 Main Street", "city": "Springfield"}
    made = rates.create(
        {"display_name": "Shop", "address": address, "metadata": {"a": "1", "b": "2"}}
    )
    assert made.id.startswith("tml_")
    assert made.address.city == "Springfield"
    assert made.address.line2 is None
    assert made.livemode is False
    changed = rates.update(made.id, {"display_name": "Store", "metadata": {"a": "", "c": "3"}})
    assert (changed.display_name, changed.metadata.to_dict()) == ("Store", {"b": "2", "c": "3"})
    assert changed.address.city == "Springfield"
    assert rates.retrieve(made.id) == changed
    assert [one.id for one in rates.list().data] == [made.id]
    deleted = rates.delete(made.id)
    assert deleted.deleted is True
    assert error_of(lambda: rates.retrieve(made.id)) == (404, "resource_missing", "id")
    assert rates.list().data == []


def test_each_parameter_becomes_what_its_field_holds(client: Client) -> None:
    made = client().v1.tax_rates.create(
        {"display_name": "VAT", "inclusive": True, "percentage": 19.5, "tax_type": "vat"}
    )
    assert (made.inclusive, made.percentage, made.tax_type) == (True, 19.5, "vat")
    assert made.active is True


def test_an_id_of_ones_own_is_taken_once(client: Client) -> None:
    plans = client().v1.plans
    wanted: Any = {"id": "gold", "amount": 100, "currency": "usd", "interval": "month"}
    assert plans.create(wanted).id == "gold"
    assert error_of(lambda: plans.create(wanted)) == (400, "resource_already_exists", "id")


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"amount": 1}, "parameter_missing", "currency"),
        ({"amount": 1, "currency": ""}, "parameter_invalid_empty", "currency"),
        ({"amount": 1, "currency": "usd", "colour": "red"}, "parameter_unknown", "colour"),
        ({"amount": "many", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        (
            {
                "amount": 1,
                "currency": "usd",
                "payment_method_options": {"us_bank_account": {"network": "carrier pigeon"}},
            },
            None,
            "payment_method_options[us_bank_account][network]",
        ),
        (
            {"amount": 1, "currency": "usd", "payment_method_options": {"us_bank_account": {}}},
            None,
            None,
        ),
        (
            {"amount": 1, "currency": "usd", "payment_method_options": {"pigeon": {"a": 1}}},
            "parameter_unknown",
            "payment_method_options[pigeon]",
        ),
    ],
)
def test_parameters_are_checked(
    client: Client, params: Any, code: str | None, param: str | None
) -> None:
    topups = client().v1.topups
    if param is None:
        assert topups.create(params).object == "topup"  # an empty tree is not sent at all
        return
    assert error_of(lambda: topups.create(params)) == (400, code, param)
    assert topups.list().data == []


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"status": "lost"}, "status"),
        ({"created": {"about": 3}}, "created"),
        ({"limit": 101}, "limit"),
    ],
)
def test_filters_are_checked(client: Client, params: Any, param: str) -> None:
    status, _, named = error_of(lambda: client().v1.topups.list(params))
    assert (status, (named or "").partition("[")[0]) == (400, param)


def test_filters_choose(client: Client) -> None:
    rates = client().v1.tax_rates
    for number, inclusive in enumerate((True, False, True)):
        rates.create({"display_name": str(number), "inclusive": inclusive, "percentage": 1})
    chosen = rates.list({"inclusive": True, "created": {"gt": 5}})
    assert [one.display_name for one in chosen.data] == ["2", "0"]
    assert rates.list({"created": {"lt": 5}}).data == []


def test_an_object_of_a_parent_needs_it_and_is_listed_below_it(client: Client) -> None:
    api = client()
    ids = [api.v1.customers.create({}).id for _ in range(2)]
    tax_ids = api.v1.customers.tax_ids
    made = tax_ids.create(ids[0], {"type": "eu_vat", "value": "DE123456789"})
    assert made.customer == ids[0]
    assert [one.id for one in tax_ids.list(ids[0]).data] == [made.id]
    assert tax_ids.list(ids[1]).data == []
    wanted: Any = {"type": "eu_vat", "value": "DE1"}
    assert error_of(lambda: tax_ids.create("cus_none", wanted))[:2] == (404, "resource_missing")


def test_a_parent_without_a_field_for_it_is_remembered_all_the_same(client: Client) -> None:
    api = client()
    products = [api.v1.products.create({"name": name}).id for name in ("one", "two")]
    feature = api.v1.entitlements.features.create({"lookup_key": "key", "name": "Feature"})
    features = api.v1.products.features
    made = features.create(products[0], {"entitlement_feature": feature.id})
    assert [one.id for one in features.list(products[0]).data] == [made.id]
    assert features.list(products[1]).data == []
    assert not {name for name in made.to_dict() if name.startswith("_")}


@pytest.mark.parametrize(
    ("verb", "status"), [("cancel", "canceled"), ("expire", "expired"), ("accept", "accepted")]
)
def test_a_verb_changes_the_status(client: Client, verb: str, status: str) -> None:
    api = client()
    if verb == "cancel":
        topups = api.v1.topups
        one = topups.create({"amount": 1, "currency": "usd"})
        assert (one.status, topups.cancel(one.id).status) == ("pending", status)
        assert topups.retrieve(one.id).status == status
    elif verb == "expire":
        sessions = api.v1.test_helpers.issuing.authorizations
        assert error_of(lambda: sessions.expire("iauth_none"))[:2] == (404, "resource_missing")
    else:
        quotes = api.v1.quotes
        quote = quotes.create({})
        assert (quote.status, quotes.accept(quote.id).status) == ("open", status)


def test_there_is_one_balance_setting_and_it_keeps_its_changes(client: Client) -> None:
    settings = client().v1.tax.settings
    before = settings.retrieve()
    assert "id" not in before.to_dict()
    settings.update({"defaults": {"tax_behavior": "exclusive"}})
    after = settings.retrieve()
    assert after.defaults.tax_behavior == "exclusive"
    assert "id" not in after.to_dict()


def test_lists_within_an_object_are_made_of_its_parameters(client: Client) -> None:
    api = client()
    product = api.v1.products.create({"name": "Thing"}).id
    price = api.v1.prices.create({"currency": "usd", "product": product, "unit_amount": 5}).id
    link = api.v1.payment_links.create({"line_items": [{"price": price, "quantity": 3}]})
    items = api.v1.payment_links.line_items.list(link.id)
    assert [(one.quantity, one.price and one.price.id) for one in items.data] == [(3, price)]


def test_a_preview_is_not_kept(client: Client) -> None:
    api = client()
    customer = api.v1.customers.create({}).id
    assert api.v1.invoices.create_preview({"customer": customer}).object == "invoice"
    assert api.v1.invoices.list().data == []


def test_a_secret_is_found_and_deleted_by_its_description(client: Client) -> None:
    secrets = client().v1.apps.secrets
    scope: Any = {"type": "account"}
    made = secrets.create({"name": "token", "payload": "hush", "scope": scope})
    assert secrets.find({"name": "token", "scope": scope}).id == made.id
    assert secrets.delete_where({"name": "token", "scope": scope}).deleted is True
    missing = error_of(lambda: secrets.find({"name": "token", "scope": scope}))
    assert missing[:2] == (404, "resource_missing")


def test_a_file_tells_what_was_uploaded(client: Client) -> None:
    api = client()
    content = io.BytesIO(b"some bytes")
    content.name = "receipt.png"
    made = api.v1.files.create({"purpose": "dispute_evidence", "file": content})
    assert (made.filename, made.size, made.type) == ("receipt.png", 10, "png")
    assert api.v1.files.retrieve(made.id).purpose == "dispute_evidence"


def test_the_pdf_of_a_quote_is_one(client: Client) -> None:
    quotes = client().v1.quotes
    quote = quotes.create({})
    pdf = quotes.pdf(quote.id).io.read()
    assert pdf.startswith(b"%PDF-1.4")
    assert quote.id.encode() in pdf
    assert int(pdf.rsplit(b"startxref\n")[-1].split()[0]) == pdf.index(b"xref\n0 6")
    assert error_of(lambda: quotes.pdf("qt_none"))[:2] == (404, "resource_missing")


def test_expanding_works_for_generic_objects_too(client: Client) -> None:
    api = client()
    customer = api.v1.customers.create({"name": "Ada"}).id
    made = api.v1.customers.tax_ids.create(
        customer, {"type": "eu_vat", "value": "DE1", "expand": ["customer"]}
    )
    assert isinstance(made.customer, stripe.Customer)
    assert made.customer.name == "Ada"


def test_version_2_speaks_json(client: Client) -> None:
    api = client()
    accounts = api.v2.core.accounts
    made = accounts.create({"display_name": "Shop", "identity": {"country": "us"}})
    assert made.object == "v2.core.account"
    assert made.identity is not None
    assert made.identity.country == "us"
    assert str(made.created).endswith("Z")
    assert accounts.update(made.id, {"display_name": "Store"}).display_name == "Store"
    person = accounts.persons.create(made.id, {"given_name": "Ada"})
    assert person.account == made.id
    assert [one.id for one in accounts.persons.list(made.id).data] == [person.id]
    deleted = accounts.persons.delete(made.id, person.id)
    assert (deleted.id, deleted.object) == (person.id, "v2.core.account_person")
    assert accounts.close(made.id).closed is True
    assert error_of(lambda: accounts.retrieve("acct_none"))[:2] == (404, "resource_missing")


def test_meter_events_are_taken_and_noted(client: Client) -> None:
    api = client()
    event: Any = {"event_name": "ai", "payload": {"value": "5", "stripe_customer_id": "cus_1"}}
    assert api.v1.billing.meter_events.create(event).payload.to_dict() == event["payload"]
    api.v2.billing.meter_event_stream.create({"events": [event]})


def test_oauth_connects_and_disconnects(client: Client) -> None:
    api = client()
    token = api.oauth.token({"grant_type": "authorization_code", "code": "ac_1"})
    assert token.token_type == "bearer"
    account = token.stripe_user_id
    assert account is not None
    gone = api.oauth.deauthorize({"stripe_user_id": account, "client_id": "ca_1"})
    assert gone.stripe_user_id == account


def test_oauth_needs_what_is_exchanged(client: Client) -> None:
    with pytest.raises(stripe.oauth_error.OAuthError):
        client().oauth.token({"grant_type": "authorization_code"})


@pytest.mark.parametrize(
    ("path", "params", "param"),
    [
        (
            "/v1/tax_rates",
            {"display_name": "x", "inclusive": "true", "percentage": "lots"},
            "percentage",
        ),
        (
            "/v1/plans",
            {"currency": "usd", "interval": "day", "tiers": [{"up_to": "sometimes"}]},
            "tiers[0][up_to]",
        ),
        ("/v1/tax_rates", {"display_name": "x", "inclusive": "1", "percentage": 1}, "inclusive"),
        ("/v1/quotes", {"expand": "line_items"}, "expand"),
        ("/v1/quotes", {"metadata": "x"}, "metadata"),
    ],
)
def test_malformed_values_are_refused_by_their_place(
    client: Client, path: str, params: Any, param: str
) -> None:
    api = client()
    assert error_of(lambda: api.raw_request("post", path, **params))[::2] == (400, param)


def test_the_account_itself_need_not_be_made(client: Client) -> None:
    api = client()
    persons = api.v1.accounts.persons
    made = persons.create("acct_sandbox", {"first_name": "Ada"})
    assert (made.account, made.first_name) == ("acct_sandbox", "Ada")
    assert [one.id for one in persons.list("acct_sandbox").data] == [made.id]
    assert error_of(lambda: persons.list("acct_none"))[:2] == (404, "resource_missing")
