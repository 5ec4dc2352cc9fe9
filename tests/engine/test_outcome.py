"""Reading answers, good and malformed."""

import json

import pytest

from holdfast.engine import Response


def test_reads_the_error_of_a_body() -> None:
    body = json.dumps({"error": {"code": "lock_timeout", "type": "t", "message": "m"}})
    response = Response.read(429, {}, body.encode(), value="kept")
    assert (response.error_code, response.error_type, response.error_message) == (
        "lock_timeout",
        "t",
        "m",
    )
    assert response.value == "kept"


def test_does_not_look_into_the_body_of_a_success() -> None:
    response = Response.read(200, {}, b'{"error": {"code": "lock_timeout"}}')
    assert response.error_code is None


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        "",
        b"<html>503</html>",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b"3",
        b'{"error": "invalid_client"}',
        b'{"error": {"code": 7, "type": [], "message": {}}}',
        b'{"error": null}',
        b"[" * 100_000,
        b"9" * 10_000,
    ],
)
def test_a_malformed_body_has_no_error_code(body: bytes | str | None) -> None:
    response = Response.read(500, {}, body)
    assert (response.error_code, response.error_type, response.error_message) == (None, None, None)


@pytest.mark.parametrize("name", ["request-id", "Request-Id", "REQUEST-ID"])
def test_headers_are_found_whatever_their_case(name: str) -> None:
    response = Response(200, {"Other": "x", name: "req_1"})
    assert response.header("request-id") == "req_1"


def test_a_missing_header_is_none() -> None:
    assert Response(200, {"Other": "x"}).header("request-id") is None
