import json
import re
import string
import time
import timeit
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.redaction import (
    PERSONAL,
    REDACTED,
    SECRET,
    Redactor,
    configure,
    redact_path,
    redact_text,
    redact_value,
)

_ALNUM = string.ascii_letters + string.digits
_TOKENS = st.text(_ALNUM, min_size=24, max_size=40)
_WORDS = st.text(string.ascii_lowercase + "     .,()'\"/&=:\n", max_size=30)


def _luhn(digits: str) -> str:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if index % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return digits + str(-total % 10)


_CARDS = st.builds(
    lambda first, rest: _luhn(first + rest),
    st.sampled_from("3456"),
    st.text(string.digits, min_size=10, max_size=17),
)
_GROUPED = st.builds(
    lambda card, gap: gap.join(card[at : at + 4] for at in range(0, len(card), 4)),
    _CARDS,
    st.sampled_from([" ", "-", "+", "%20"]),
)
_PLANTED = st.one_of(
    *(
        st.builds(lambda token, prefix=prefix: (prefix + token, token), _TOKENS)
        for prefix in (
            "sk_live_",
            "sk_test_",
            "rk_live_",
            "sk_org_live_",
            "ek_test_",
            "whsec_",
            "pi_1_secret_",
            "cs_test_a_secret_",
            "ac_1",
            "Bearer 1",
        )
    ),
    _CARDS.map(lambda card: (card, card)),
    _GROUPED.map(lambda card: (card, card)),
    _TOKENS.map(lambda token: (f"{token}@example.com", token)),
)

_LEAVES = st.none() | st.booleans() | st.integers() | _WORDS


def _nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaf | _LEAVES,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(_ALNUM, max_size=5), inner, max_size=3)
        ),
        max_leaves=8,
    )


@given(_PLANTED, _WORDS, _WORDS, st.data())
def test_planted_secret_survives_nowhere_in_a_value(
    planted: tuple[str, str], before: str, after: str, data: st.DataObject
) -> None:
    text, secret = planted
    sentence = f"{before} {text} {after}"
    value = data.draw(_nested(st.sampled_from([sentence, text, {text: 1}, (text,), text.encode()])))
    redacted = redact_value([value, sentence])
    assert secret not in repr(redacted)
    assert redact_value(redacted) == redacted


@given(st.sampled_from(sorted(SECRET | PERSONAL)), _TOKENS, st.data())
def test_field_survives_at_no_depth_and_in_no_spelling(
    name: str, token: str, data: st.DataObject
) -> None:
    camel = "".join(part.title() if at else part for at, part in enumerate(name.split("_")))
    spelling = data.draw(
        st.sampled_from([name, name.upper(), name.replace("_", "-"), camel, f"a[{name}]"])
    )
    held = data.draw(st.sampled_from([token, [token], {"x": token}, {"x": {token: (token,)}}]))
    value = {"data": [{spelling: held}]}
    redacted = redact_value(value)
    assert token not in _leaves(redacted)
    assert redact_value(redacted) == redacted
    text = json.dumps({"a": {spelling: token}})
    assert token not in redact_text(text)
    assert json.loads(redact_text(text)) == {"a": {spelling: REDACTED}}


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, list | tuple):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [value]


@given(st.text(string.ascii_lowercase + " .,()'/-", max_size=200))
def test_words_are_unchanged(text: str) -> None:
    assert redact_text(text) == text


@given(st.text(max_size=200))
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once


@given(
    st.sampled_from("cus pi in sub seti ch re evt req txn price prod card ba src acct".split()),
    st.text(_ALNUM, min_size=1, max_size=28),
    st.sampled_from(["", "/confirm", "/line_items"]),
)
def test_paths_of_objects_are_unchanged(prefix: str, rest: str, action: str) -> None:
    path = f"/v1/things/{prefix}_{rest}{action}"
    assert redact_text(path) == path
    assert redact_path(path) == path


@given(st.integers(1_500_000_000, 1_999_999_999), st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_times_are_unchanged(second: int, unit: int) -> None:
    assert redact_value({"created": second * unit}) == {"created": second * unit}
    assert redact_text(f"at {second * unit}") == f"at {second * unit}"


def test_customer_of_stripe_keeps_what_is_not_personal() -> None:
    customer = {
        "id": "cus_NffrFeUfNV2Hib",
        "object": "customer",
        "address": {"city": "Paris", "country": "FR", "line2": None},
        "balance": 0,
        "created": 1680893993,
        "email": "jennyrosen@example.com",
        "livemode": False,
        "metadata": {"note": "pays with 4242 4242 4242 4242"},
        "name": "Jenny Rosen",
        "shipping": None,
        "sources": [{"object": "card", "last4": "4242", "exp_month": 8, "number": "1234"}],
    }
    assert redact_value(customer) == {
        "id": "cus_NffrFeUfNV2Hib",
        "object": "customer",
        "address": {"city": REDACTED, "country": REDACTED, "line2": None},
        "balance": 0,
        "created": 1680893993,
        "email": REDACTED,
        "livemode": False,
        "metadata": {"note": f"pays with {REDACTED}"},
        "name": REDACTED,
        "shipping": None,
        "sources": [{"object": "card", "last4": "4242", "exp_month": 8, "number": REDACTED}],
    }


def test_name_of_a_product_is_nobodys() -> None:
    product = {"object": "product", "name": "Gold plan"}
    assert redact_value(product) == product
    assert redact_value({"object": "customer", "name": "Gold"})["name"] == REDACTED


def test_number_is_secret_beside_a_card_only() -> None:
    assert redact_value({"invoice": {"number": "A-1"}}) == {"invoice": {"number": "A-1"}}
    assert redact_value({"card": {"number": "12"}}) == {"card": {"number": REDACTED}}
    assert redact_value({"number": 12, "cvc": 3}) == {"number": REDACTED, "cvc": REDACTED}
    assert redact_value({"payment_method_data[card][number]": "12"}) == {
        "payment_method_data[card][number]": REDACTED
    }


def test_field_of_one_kind_of_object() -> None:
    assert redact_value({"object": "apps.secret", "name": "x", "payload": "very"}) == {
        "object": "apps.secret",
        "name": REDACTED,
        "payload": REDACTED,
    }
    assert redact_value({"payload": "very"}) == {"payload": "very"}


def test_values_are_copied_and_keep_their_kinds() -> None:
    value = {"a": [1, 2.5, None], "t": ("sk_live_1",), "b": b"x sk_live_1", 7: {"x"}}
    redacted = redact_value(value)
    assert redacted == {
        "a": [1, 2.5, None],
        "t": ("sk_live_[redacted]",),
        "b": b"x sk_live_[redacted]",
        7: {"x"},
    }
    assert redacted["a"] is not value["a"]
    assert value["t"] == ("sk_live_1",)


def test_number_of_a_card_goes_also_as_a_number() -> None:
    assert redact_value([4242424242424242, 4242424242424241]) == [REDACTED, 4242424242424241]


def test_what_is_too_deep_to_look_at_goes() -> None:
    value: Any = "sk_live_abcdefgh"
    for _ in range(900):
        value = [value]
    assert "abcdefgh" not in repr(redact_value(value))


def test_personal_fields_are_configurable() -> None:
    configure(personal=PERSONAL | {"Nick-Name"})
    assert redact_value({"nick_name": "J", "email": "a@b.co"}) == {
        "nick_name": REDACTED,
        "email": REDACTED,
    }
    configure(personal={"nickname"})
    assert redact_value({"nickname": "J", "email": "a@b.co"}) == {
        "nickname": REDACTED,
        "email": "a@b.co",
    }


def test_personal_data_stays_when_it_is_off_and_secrets_still_go() -> None:
    configure(personal=frozenset())
    customer = {"name": "Jenny", "email": "a@b.co", "text": "mail a@b.co"}
    assert redact_value({**customer, "cvc": "123"}) == {**customer, "cvc": REDACTED}
    assert redact_text("a@b.co sk_live_12345") == "a@b.co sk_live_[redacted]"
    configure()
    assert redact_text("a@b.co") == REDACTED


def test_patterns_of_ones_own() -> None:
    configure(patterns=[re.compile(r"order-\d+")])
    assert redact_text("order-7") == REDACTED
    assert redact_path("/v1/order-7/x") == f"/v1/{REDACTED}/x"
    assert redact_value({"order-7": "see order-8"}) == {REDACTED: f"see {REDACTED}"}
    configure(patterns=[re.compile("customers")])
    assert redact_path("/v1/customers") == f"/v1/{REDACTED}"


def test_redactor_of_ones_own_changes_nothing_else() -> None:
    keeping = Redactor(personal=())
    assert keeping.value({"name": "Jenny"}) == {"name": "Jenny"}
    assert redact_value({"name": "Jenny"}) == {"name": REDACTED}


def test_bad_settings_are_refused_with_a_sentence() -> None:
    with pytest.raises(TypeError, match="personal is the text 'email': give a set of names"):
        configure(personal="email")
    not_compiled: Any = ["order-7"]
    with pytest.raises(TypeError, match=r"'order-7' is not compiled: give re\.compile"):
        configure(patterns=not_compiled)
    assert redact_text("a@b.co") == REDACTED


def test_ordinary_path_costs_little() -> None:
    path = "/v1/payment_intents/pi_3MtwBwLkdIwHu7ix28a3tqPa/confirm"
    sample = json.dumps([path])

    def best(call: Any) -> float:
        return min(timeit.repeat(call, timer=time.process_time, number=500, repeat=60))

    # Reading the path as JSON costs about a microsecond.
    assert best(lambda: redact_path(path)) < best(lambda: json.loads(sample))


def test_names_that_are_redacted_stay_apart() -> None:
    value = {"a@example.com": 1, "b@example.com": 2, "c": {"card": {"number": "1"}}}
    assert redact_value(value) == {
        REDACTED: 1,
        f"{REDACTED}'": 2,
        "c": {"card": {"number": REDACTED}},
    }


def test_what_is_hidden_in_a_request_goes_from_the_answer_to_it() -> None:
    redactor = Redactor()
    sent = {"name": "Jenny Rosen", "dob": {"year": 1990}, "city": "Ax", "plan": "gold"}
    hidden = redactor.hidden(sent)
    assert hidden == {"Jenny Rosen", "1990", "Ax"}
    answer = {"message": "No Jenny Rosen of 1990 (19901) in Ax", "code": ["gold", 7, None]}
    assert redactor.value(answer, also=hidden) == {
        "message": f"No {REDACTED} of {REDACTED} (19901) in Ax",  # too short to be told from others
        "code": ["gold", 7, None],
    }


def test_names_of_any_length_take_no_memory() -> None:
    redactor = Redactor()
    tracemalloc.start()
    try:
        for number in range(300):
            name = f"n{number:04}" * 2_000
            assert redactor.text(f"x {name}=1, y") == f"x {name}=1, y"
            assert redactor.value({name: 1, f"card[{name}]": 2}) == {name: 1, f"card[{name}]": 2}
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000
