"""Bodies that are no forms: JSON of v2, and files."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from holdfast.sandbox import Sandbox
from holdfast.sandbox.bodies import described, read_json
from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.form import read_params

JSON = "application/json; charset=utf-8"
FORM = "application/x-www-form-urlencoded"


def test_the_leaves_of_json_are_text_as_those_of_a_form_are() -> None:
    body = {"name": "Ada", "count": 5, "rate": 1.5, "on": True, "off": False, "none": None,
            "list": [1, {"deep": "x"}], "tree": {}}  # fmt: skip
    assert read_json(json.dumps(body).encode()) == {
        "name": "Ada", "count": "5", "rate": "1.5", "on": "true", "off": "false", "none": "",
        "list": ["1", {"deep": "x"}], "tree": {},
    }  # fmt: skip


def test_the_same_parameters_are_read_from_json_and_from_a_form() -> None:
    form = read_params("", FORM, b"a[b]=1&c[0]=x&c[1]=y&d=true")
    assert read_params("", JSON, b'{"a":{"b":1},"c":["x","y"],"d":true}', json=True) == form


def test_the_query_of_a_request_with_json_is_read_too() -> None:
    assert read_params("page=1", JSON, b'{"limit":2}', json=True) == {"page": "1", "limit": "2"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[1]", "no JSON object"),
        (b'{"a":' * 60 + b"1" + b"}" * 60, "nested too deeply"),
        (b'{"a":' * 100_000, "no JSON"),
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(ApiError, match=says) as caught:
        read_params("", JSON, body, json=True)
    assert caught.value.status == 400


def test_only_version_2_takes_json(box: Sandbox, call: Callable[..., Any]) -> None:
    headers = {"Content-Type": JSON}
    assert call(box, "POST", "/v2/core/accounts", headers=headers, content={}).status == 200
    refused = call(box, "POST", "/v1/topups", headers=headers, content={})
    assert (refused.status, "content type" in refused.error["message"]) == (400, True)
    bad = call(box, "POST", "/v2/core/accounts", headers=headers, content=[1])
    assert (bad.status, "no JSON object" in bad.error["message"]) == (400, True)


def test_a_file_is_told_by_name_size_and_digest() -> None:
    digest = sha256(b"\x00\xff").hexdigest()
    assert described("file", "a.png", b"\x00\xff") == [
        ("file[filename]", "a.png"),
        ("file[size]", "2"),
        ("file[digest]", digest),
    ]
    body = (
        b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nlogo\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n\x00\xff\r\n--x--\r\n"
    )
    assert read_params("", "multipart/form-data; boundary=x", body) == {
        "purpose": "logo",
        "file": {"filename": "a.png", "size": "2", "digest": digest},
    }
