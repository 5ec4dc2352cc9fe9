"""Reading answers, good and malformed."""

import json
from types import MappingProxyType

import pytest

from holdfast.engine import Failure, Phase, Response


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


def raised_from(outer: Exception, inner: Exception) -> Exception:
    """An exception with a cause, as `raise outer from inner` makes it."""
    try:
        raise outer from inner
    except type(outer) as error:
        return error


SILENCE = raised_from(OSError("read timed out"), TimeoutError())
RESET = raised_from(OSError("connection broken"), ConnectionResetError())
# Some libraries wrap what happened without saying that it is the cause.
WRAPPED = OSError(RuntimeError(BrokenPipeError()))


@pytest.mark.parametrize(
    ("failure", "timed_out", "closed"),
    [
        (Failure(Phase.SENT, TimeoutError()), True, False),
        (Failure(Phase.SENT, SILENCE), True, False),
        (Failure(Phase.SENT, RESET), False, True),
        (Failure(Phase.SENT, OSError("it went")), False, True),
        (Failure(Phase.BODY, SILENCE), True, False),
        (Failure(Phase.BODY, RESET), False, False),
        (Failure(Phase.CONNECT, RESET), False, True),
        (Failure(Phase.CONNECT, WRAPPED), False, True),
        (Failure(Phase.CONNECT, ConnectionRefusedError()), False, False),
        (Failure(Phase.CONNECT, SILENCE), True, False),
    ],
)
def test_a_failure_knows_silence_from_a_closed_connection(
    failure: Failure, timed_out: bool, closed: bool
) -> None:
    assert (failure.timed_out, failure.closed) == (timed_out, closed)


def test_a_ring_of_causes_has_an_end() -> None:
    first, second = OSError("first"), OSError("second")
    first.__cause__, second.__cause__ = second, first
    assert not Failure(Phase.SENT, first).timed_out


def test_only_below_300_is_a_success() -> None:
    body = b'{"error": {"code": "lock_timeout"}}'
    codes = [Response.read(status, {}, body).error_code for status in (199, 200, 299, 300)]
    assert codes == ["lock_timeout", None, None, "lock_timeout"]


def test_a_success_hands_its_value_on() -> None:
    assert Response.read(200, {}, b"{}", value="kept").value == "kept"


def test_headers_of_a_transports_own_kind_are_asked_by_name() -> None:
    response = Response(200, MappingProxyType({"request-id": "req_1"}))
    assert response.header("request-id") == "req_1"
    assert response.header("date") is None
