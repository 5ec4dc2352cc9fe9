"""What operations do, told from their methods and paths."""

import pytest

from holdfast.sandbox.catalogue import Catalogue
from holdfast.sandbox.catalogue.roles import Parent, Places, Role


@pytest.mark.parametrize(
    ("method", "template", "role", "kinds", "id_name", "verb"),
    [
        ("POST", "/v1/coupons", Role.CREATE, ("coupon",), "", ""),
        ("GET", "/v1/coupons/{coupon}", Role.RETRIEVE, ("coupon",), "coupon", ""),
        ("POST", "/v1/coupons/{coupon}", Role.UPDATE, ("coupon",), "coupon", ""),
        ("DELETE", "/v1/coupons/{coupon}", Role.DELETE, ("coupon",), "coupon", ""),
        ("GET", "/v1/coupons", Role.LIST, ("coupon",), "", ""),
        ("GET", "/v1/charges/search", Role.SEARCH, ("charge",), "", ""),
        ("POST", "/v1/topups/{topup}/cancel", Role.ACT, ("topup",), "topup", "cancel"),
        ("POST", "/v1/invoices/create_preview", Role.PREVIEW, ("invoice",), "", ""),
        ("GET", "/v1/credit_notes/preview", Role.PREVIEW, ("credit_note",), "", ""),
        ("GET", "/v1/apps/secrets/find", Role.FIND, ("apps.secret",), "", ""),
        ("POST", "/v1/apps/secrets/delete", Role.FORGET, ("apps.secret",), "", ""),
        ("GET", "/v1/balance", Role.SHOW_ONLY, ("balance",), "", ""),
        ("POST", "/v1/tax/settings", Role.CHANGE_ONLY, ("tax.settings",), "", ""),
        ("DELETE", "/v1/customers/{customer}/discount", Role.CHANGE_ONLY, ("discount",), "", ""),
        ("GET", "/v1/quotes/{quote}/pdf", Role.DOCUMENT, ("quote",), "quote", ""),
        ("POST", "/v1/tokens", Role.CREATE, ("token",), "", ""),
        ("POST", "/v1/test_helpers/refunds/{refund}/expire", Role.ACT, ("refund",), "refund",
         "expire"),
        ("POST", "/v1/account_links", Role.CREATE, ("account_link",), "", ""),
        ("DELETE", "/v2/core/event_destinations/{id}", Role.DELETE, ("v2.core.event_destination",),
         "id", ""),
        ("POST", "/v2/core/accounts/{id}/close", Role.ACT, ("v2.core.account",), "id", "close"),
        ("POST", "/v2/billing/meter_event_stream", Role.PREVIEW, (), "", ""),
    ],
)  # fmt: skip
def test_a_role(
    known: Catalogue,
    method: str,
    template: str,
    role: Role,
    kinds: tuple[str, ...],
    id_name: str,
    verb: str,
) -> None:
    entry = next(e for e in known.operations if (e.method, e.template) == (method, template))
    place = Places(known.operations).of(entry)
    assert (place.role, place.kinds, place.id_name, place.verb) == (role, kinds, id_name, verb)


def test_parents_are_the_objects_on_the_way(known: Catalogue) -> None:
    template = "/v1/accounts/{account}/persons/{person}"
    entry = next(e for e in known.operations if e.template == template)
    assert Places(known.operations).of(entry).parents == (Parent("account", "account"),)


def test_every_id_of_a_path_means_a_kind(known: Catalogue) -> None:
    places = Places(known.operations)
    for entry in known.operations:
        place = places.of(entry)
        named = len(place.parents) + bool(place.id_name)
        assert named == entry.template.count("{"), entry
