"""Parameters: names that nest, and the forms they come in."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.form import read_params

FORM = "application/x-www-form-urlencoded"
MULTIPART = (
    b'--line\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nlogo\r\n'
    b'--line\r\nContent-Disposition: form-data; name="a[b]"\r\nContent-Type: text/plain\r\n\r\n'
    b"two\r\nlines\r\n--line--\r\n"
)


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ("email=a%40b.c&name=J+D", {"email": "a@b.c", "name": "J D"}),
        ("a=1&a=2", {"a": "2"}),
        ("a=&b", {"a": "", "b": ""}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        ("items[1][price]=y&items[0][price]=x", {"items": [{"price": "x"}, {"price": "y"}]}),
        ("expand[]=a&expand[]=b", {"expand": ["a", "b"]}),
        ("a%5Bb%5D=1", {"a": {"b": "1"}}),
        ("metadata[0]=x", {"metadata": {"0": "x"}}),
        ("a[b=1&[c]=2&d]=3&e[f]g[h]=4", {"a[b": "1", "[c]": "2", "d]": "3", "e[f]g[h]": "4"}),
        ("a[999999999]=x", {"a": ["x"]}),
        ("n=%C3%A9", {"n": "é"}),
    ],
)
def test_forms_nest(body: str, params: dict[str, Any]) -> None:
    assert read_params("", FORM, body.encode()) == params


def test_the_query_and_the_form_come_together() -> None:
    assert read_params("a=1&b=2", FORM + "; charset=utf-8", b"b=3") == {"a": "1", "b": "3"}
    assert read_params("limit=3", "", b"") == {"limit": "3"}


def test_multipart_fields_are_read() -> None:
    read = read_params("", 'multipart/form-data; boundary="line"', MULTIPART)
    assert read == {"purpose": "logo", "a": {"b": "two\r\nlines"}}


@pytest.mark.parametrize(
    ("content_type", "body", "says"),
    [
        (FORM, b"a=1&a[b]=2", "a is both a value and a collection"),
        (FORM, b"a[b]=2&a=1", "a is both a value and a collection"),
        (FORM, b"a[b]=2&a[b][c]=1", "a is both a value and a collection"),
        (FORM, b"a=%FF", "not UTF-8"),
        (FORM, b"a=\xc3\xa9", "not percent-encoded"),
        (FORM, b"a" + b"[b]" * 40 + b"=1", "nested too deeply"),
        (FORM, b"a=1&" * 30_000, "more than"),
        ("application/json", b"{}", "content type is application/json"),
        ("multipart/form-data", MULTIPART, "no boundary"),
        ("multipart/form-data; boundary=line", MULTIPART[:-10], "does not end"),
        ("multipart/form-data; boundary=line", b"--line\r\n\r\nx\r\n--line--", "no name"),
    ],
)
def test_what_cannot_be_read_is_refused(content_type: str, body: bytes, says: str) -> None:
    with pytest.raises(ApiError, match=says) as caught:
        read_params("", content_type, body)
    assert caught.value.status == 400


names = st.text("abcdefgh_", min_size=1, max_size=6).filter(lambda name: name != "metadata")
trees = st.dictionaries(
    names,
    st.recursive(
        st.text(st.characters(codec="utf-8"), max_size=8),
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3)
            | st.dictionaries(names, inner, min_size=1, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=4,
)


@given(trees)
def test_what_the_official_client_encodes_comes_back(tree: dict[str, Any]) -> None:
    encoded = urlencode(list(_api_encode(tree)))
    assert read_params("", FORM, encoded.encode()) == tree
