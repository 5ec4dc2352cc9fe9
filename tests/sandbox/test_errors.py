"""The shape of errors: what a client library reads from them."""

from collections.abc import Callable

import pytest

from holdfast.sandbox import errors
from holdfast.sandbox.errors import ApiError, Declined

KEY = "sk_test_" + "a1B2c3D4e5F6" + "wxyz"


def test_body_has_only_the_fields_that_are_set() -> None:
    assert ApiError(400, "No.").body() == {
        "error": {"message": "No.", "type": "invalid_request_error"}
    }


def test_body_carries_code_documentation_parameter_and_more() -> None:
    error = ApiError(402, "No.", type="card_error", code="a_b", param="c[d]", extra={"charge": "x"})
    assert error.body() == {
        "error": {
            "code": "a_b",
            "doc_url": "https://stripe.com/docs/error-codes/a-b",
            "message": "No.",
            "param": "c[d]",
            "charge": "x",
            "type": "card_error",
        }
    }


@pytest.mark.parametrize(
    ("error", "status", "type_", "code", "should_retry"),
    [
        (errors.missing_parameter("a"), 400, "invalid_request_error", "parameter_missing", None),
        (errors.unknown_parameter("a"), 400, "invalid_request_error", "parameter_unknown", None),
        (errors.no_such("x", "y", "z"), 404, "invalid_request_error", "resource_missing", None),
        (errors.unrecognized_url("GET", "/x"), 404, "invalid_request_error", None, None),
        (errors.unauthorized(), 401, "invalid_request_error", None, None),
        (errors.lock_timeout(), 429, "invalid_request_error", "lock_timeout", True),
        (errors.rate_limited("global-rate"), 429, "invalid_request_error", "rate_limit", None),
        (errors.key_in_use("k"), 409, "invalid_request_error", "idempotency_key_in_use", None),
        (errors.key_mismatch_parameters("k"), 400, "idempotency_error", None, None),
        (errors.key_mismatch_endpoint("k", "/a", "/b"), 400, "idempotency_error", None, None),
    ],
)
def test_common_errors(
    error: ApiError, status: int, type_: str, code: str | None, should_retry: bool | None
) -> None:
    assert (error.status, error.type, error.code) == (status, type_, code)
    assert error.should_retry is should_retry


def test_no_such_names_kind_and_id() -> None:
    error = errors.no_such("customer", "cus_x", "id")
    assert error.message == "No such customer: 'cus_x'"
    assert error.param == "id"


def test_lock_timeout_has_the_documented_sentence() -> None:
    message = errors.lock_timeout().message
    assert message.startswith("This object cannot be accessed right now because another API")
    assert message.endswith("make your requests serially or at a lower rate.")


def test_only_rate_limits_carry_a_reason() -> None:
    assert errors.rate_limited("endpoint-rate").rate_limited_reason == "endpoint-rate"
    assert errors.lock_timeout().rate_limited_reason is None


@pytest.mark.parametrize("key", [KEY, "short", "x" * 200, "sk_live_" + "q" * 12, ""])
def test_a_key_is_never_shown_whole(key: str) -> None:
    shown = errors.masked(key)
    assert not key or key not in shown
    secret = key.removeprefix("sk_test_").removeprefix("sk_live_")[:-4]
    assert not secret or secret not in shown


def test_unauthorized_shows_kind_and_ending_of_a_key() -> None:
    message = errors.unauthorized(KEY).message
    assert "sk_test_****" in message
    assert message.endswith("wxyz")


@pytest.mark.parametrize("make", [errors.key_in_use, errors.key_mismatch_parameters])
def test_idempotency_errors_name_the_key(make: Callable[[str], ApiError]) -> None:
    assert "order-17" in make("order-17").message


def test_endpoint_mismatch_names_both_endpoints() -> None:
    assert "'/v1/a' vs '/v1/b'" in errors.key_mismatch_endpoint("k", "/v1/a", "/v1/b").message


def test_a_decline_is_a_card_error() -> None:
    error = Declined("No.", decline_code="lost_card", extra={"charge": "ch_1"}).body()["error"]
    assert error == {
        "code": "card_declined",
        "doc_url": "https://stripe.com/docs/error-codes/card-declined",
        "message": "No.",
        "charge": "ch_1",
        "decline_code": "lost_card",
        "type": "card_error",
    }


def test_a_decline_without_decline_code() -> None:
    error = Declined("No.", code="expired_card", decline_code=None)
    assert (error.status, error.code) == (402, "expired_card")
    assert "decline_code" not in error.extra
