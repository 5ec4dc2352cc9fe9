"""Which objects a request touches."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.lanes import keys_for, keys_for_body


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/v1/customers", ()),
        ("/v1/customers/cus_1", ("cus_1",)),
        ("/v1/customers/cus_1?expand[]=x", ("cus_1",)),
        ("/v1/customers/cus_1/sources/card_2", ("cus_1", "card_2")),
        ("/v1/subscriptions/sub_1/items/si_2", ("sub_1", "si_2")),
        ("/v1/subscription_schedules/sub_sched_1/cancel", ("sub_sched_1",)),
        ("/v1/payment_intents/pi_1/confirm", ("pi_1",)),
        ("/v1/customers/search", ()),
        ("/v1/invoices/upcoming", ()),
        ("/v1/products/gold", ("products/gold",)),
        ("/v1/products/search", ()),
        ("/v1/coupons/25OFF", ("coupons/25OFF",)),
        ("/v1/coupons/25%20OFF", ("coupons/25 OFF",)),
        ("/v1/balance", ()),
        ("/v2/core/accounts/acct_1", ("acct_1",)),
        ("/v1/apps/secrets/find", ()),
        ("/", ()),
        ("", ()),
    ],
)
def test_ids_of_the_path(path: str, keys: tuple[str, ...]) -> None:
    assert keys_for(path) == keys
    assert keys_for_body(path, None) == keys


def test_ids_of_the_parameters_nested_and_listed() -> None:
    params = {
        "customer": "cus_1",
        "amount": 5,
        "transfer_data": {"destination": "acct_9"},  # only referred to
        "items": [{"price": "price_1"}, {"subscription_item": "si_3"}],
        "invoice_settings": {"default_payment_method": "pm_4"},
        "invoice": ["in_5", "in_6"],
        "description": "customer cus_7",
        "payment_method": "pm_card_visa",  # everybody's
        "charge": None,
        "subscription": "",
    }
    assert keys_for("/v1/subscriptions/sub_1", params) == (
        "sub_1",
        "cus_1",
        "si_3",
        "pm_4",
        "in_5",
        "in_6",
    )


def test_each_object_counts_once() -> None:
    assert keys_for("/v1/customers/cus_1", {"customer": "cus_1"}) == ("cus_1",)


def test_a_form_body_gives_the_same_keys() -> None:
    body = urlencode(
        {
            "customer": "cus_1",
            "items[0][subscription_item]": "si_3",
            "invoice[]": "in_5",
            "invoice_settings[default_payment_method]": "pm_4",
            "payment_method": "pm_card_visa",
            "description": "a&customer=cus_7",
            "[]": "cus_8",
        }
    )
    expected = ("sub_1", "cus_1", "si_3", "in_5", "pm_4")
    assert keys_for_body("/v1/subscriptions/sub_1", body) == expected
    assert keys_for_body("/v1/subscriptions/sub_1", body.encode()) == expected
    # The SDK writes brackets as they are.
    literal = body.replace("%5B", "[").replace("%5D", "]")
    assert keys_for_body("/v1/subscriptions/sub_1", literal) == expected


def test_the_query_counts_like_a_body() -> None:
    assert keys_for_body("/v1/invoices?customer=cus_1&limit=3", None) == ("cus_1",)
    assert keys_for("/v1/invoices?customer=cus_1&limit=3") == ("cus_1",)


def test_a_json_body_gives_its_keys() -> None:
    body = '{"customer": "cus_1", "lines": [{"invoice": "in_2"}]}'
    assert keys_for_body("/v2/x", body, "application/json") == ("cus_1", "in_2")


@pytest.mark.parametrize("body", ["", "[1]", "{", "[" * 100_000, '"customer=cus_1"'])
def test_a_malformed_json_body_has_none(body: str) -> None:
    assert keys_for_body("/v2/x", body, "application/json") == ()


def test_of_a_multipart_body_only_the_path_counts() -> None:
    body = b"--b\r\ncustomer=cus_1\r\n--b--"
    assert keys_for_body("/v1/files/file_1", body, "multipart/form-data; boundary=b") == (
        "files/file_1",
    )


@given(st.text(), st.binary(), st.sampled_from(["", "application/json", "x"]))
def test_no_input_breaks_it(path: str, body: bytes, content_type: str) -> None:
    assert isinstance(keys_for_body(path, body, content_type), tuple)


def _templates_of_the_sdk() -> set[str]:
    spec = find_spec("stripe")
    assert spec is not None
    assert spec.origin is not None
    found = set()
    for file in Path(spec.origin).parent.rglob("*_service.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and re.fullmatch(r"/v[12]/\S+", text):
                found.add(text)
    return found


def test_no_word_of_any_path_of_the_sdk_is_taken_for_an_id() -> None:
    templates = _templates_of_the_sdk()
    assert len(templates) > 400
    for template in templates:
        without = re.sub(r"\{\w+\}", "-", template)
        assert keys_for(without) == tuple(
            f"{before}/-" for before in re.findall(r"(coupons|plans|products|skus)/-", without)
        ), template


def test_every_id_in_any_path_of_the_sdk_is_seen() -> None:
    for template in _templates_of_the_sdk():
        filled = re.sub(r"\{\w+\}", "cus_Ab12", template)
        expected = ("cus_Ab12",) if filled != template else ()
        assert keys_for(filled) == expected, template


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("customer=cus%5F1", ""),
        ("customer=cus%5f1", ""),
        ('{"customer": "cus\\u005f1"}', "application/json"),
    ],
)
def test_an_underscore_may_be_written_otherwise(body: str, kind: str) -> None:
    assert keys_for_body("/v1/x", body, kind) == ("cus_1",)


@pytest.mark.parametrize(
    ("path", "params", "secret", "shown"),
    [
        ("/v1/customers/jenny1%40example.com", {}, "jenny1", "customers/[redacted]#"),
        ("/v1/things/sk_live_abcdef123", {}, "abcdef123", "things/sk_live_[redacted]#"),
        ("/v1/payment_intents/pi_1_secret_abc", {}, "secret_abc", "pi_1_secret_[redacted]#"),
        ("/v1/x", {"payment_intent": "pi_1_secret_abc"}, "secret_abc", "pi_1_secret_[redacted]#"),
        ("/v1/products/4242424242424242", {}, "4242424242424242", "products/[redacted]#"),
    ],
)
def test_a_lane_is_not_named_after_a_secret(
    path: str, params: dict[str, str], secret: str, shown: str
) -> None:
    (key,) = keys_for(path, params)
    assert key.startswith(shown)
    assert secret not in key
    assert keys_for(path, params) == (key,)


def test_lanes_of_different_secrets_are_different() -> None:
    assert keys_for("/v1/x/A%40example.com") != keys_for("/v1/x/B%40example.com")
