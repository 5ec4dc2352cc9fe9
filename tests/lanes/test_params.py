"""Encoded parameters as their caller wrote them."""

from typing import Any

import pytest

from holdfast.lanes.params import decode

JSON = "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "body", "kind", "params"),
    [
        ("/v1/charges", None, "", {}),
        ("/v1/charges?limit=3", None, "", {"limit": "3"}),
        ("/v1/charges", "customer=cus_1&a%5Bb%5D=1", "", {"customer": "cus_1", "a": {"b": "1"}}),
        ("/v1/charges", b"a[0][b]=1&a[1][b]=2", "", {"a": [{"b": "1"}, {"b": "2"}]}),
        ("/v1/charges", b"a[]=x&a[]=y", "", {"a": ["x", "y"]}),
        ("/v1/charges", b"a=1&a[b]=2", "", {"a": "1"}),
        ("/v1/charges?a=1", b"b=%C3%A9", "", {"a": "1", "b": "\u00e9"}),
        ("/v2/x", b'{"a": {"b": [1]}}', JSON, {"a": {"b": [1]}}),
        ("/v2/x", b"[1]", JSON, {}),
        ("/v2/x", b"{", JSON, {}),
        ("/v1/files", b"a=1", "multipart/form-data", {}),
        ("/v1/x", "a" + "[b]" * 60 + "=1", "", {}),
    ],
)
def test_decode(path: str, body: Any, kind: str, params: dict[str, Any]) -> None:
    assert decode(path, body, kind) == params
