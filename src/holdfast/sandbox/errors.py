"""The errors a Stripe-shaped server answers with, in the shape the official SDKs read.

An operation raises one of these; the server turns it into a status and a JSON body. Statuses, types
and codes follow https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes.
"""

from collections.abc import Mapping
from typing import Any

INVALID_REQUEST = "invalid_request_error"
_DOCUMENTATION = "https://stripe.com/docs/error-codes/"
_SHOWN_ENDING = 4
_SHORTEST_KEY_WITH_ENDING = 16

LOCK_TIMEOUT_MESSAGE = (
    "This object cannot be accessed right now because another API request or Stripe process is "
    "currently accessing it. If you see this error intermittently, retry the request. If you see "
    "this error frequently and are making multiple concurrent requests to a single object, make "
    "your requests serially or at a lower rate."
)


class ApiError(Exception):
    """One error answer.

    Args:
        status: the HTTP status.
        message: the sentence for the reader.
        type: Stripe's error type, such as `invalid_request_error` or `card_error`.
        code: Stripe's error code, such as `lock_timeout`; it also gives the `doc_url`.
        param: the parameter the error is about, written as in the form: `card[exp_month]`.
        extra: further fields of the `error` object, such as `decline_code` or `payment_intent`.
        should_retry: the value of the `Stripe-Should-Retry` header; None sends no header.
        rate_limited_reason: the value of the `Stripe-Rate-Limited-Reason` header, if any.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = INVALID_REQUEST,  # noqa: A002 - the name of the field in Stripe's error object
        code: str | None = None,
        param: str | None = None,
        extra: Mapping[str, object] | None = None,
        should_retry: bool | None = None,
        rate_limited_reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.param = param
        self.extra: Mapping[str, object] = extra if extra is not None else {}
        self.should_retry = should_retry
        self.rate_limited_reason = rate_limited_reason

    def body(self) -> dict[str, object]:
        """Return the JSON body: `{"error": {...}}`; absent fields are left out."""
        error: dict[str, object] = {}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = _DOCUMENTATION + self.code.replace("_", "-")
        error["message"] = self.message
        if self.param is not None:
            error["param"] = self.param
        error.update(self.extra)
        error["type"] = self.type
        return {"error": error}


class Declined(ApiError):
    """A card decline: an error answer (402) whose changes are kept, unlike those of every other."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "card_declined",
        decline_code: str | None = "generic_decline",
        extra: Mapping[str, object] | None = None,
    ) -> None:
        fields: dict[str, Any] = dict(extra or {})
        if decline_code is not None:
            fields["decline_code"] = decline_code
        super().__init__(402, message, type="card_error", code=code, extra=fields)


def missing_parameter(param: str) -> ApiError:
    """A required parameter is absent or empty."""
    return ApiError(400, f"Missing required param: {param}.", code="parameter_missing", param=param)


def unknown_parameter(param: str) -> ApiError:
    """The operation has no such parameter."""
    return ApiError(
        400, f"Received unknown parameter: {param}", code="parameter_unknown", param=param
    )


def no_such(kind: str, id: str, param: str, *, status: int = 404) -> ApiError:  # noqa: A002
    """No object of that kind has the id: 404 for an id in the path, 400 for one in a parameter."""
    return ApiError(status, f"No such {kind}: '{id}'", code="resource_missing", param=param or None)


def unrecognized_url(method: str, path: str) -> ApiError:
    """No operation has that method and path."""
    return ApiError(404, f"Unrecognized request URL ({method}: {path}).")


def unauthorized(key: str | None = None) -> ApiError:
    """The request carries no API key (None) or one that is no Stripe key; it is shown masked."""
    if not key:
        return ApiError(
            401,
            "You did not provide an API key. Send one of the form sk_test_... in the Authorization "
            "header, as a bearer token or as the user name of basic authentication.",
        )
    return ApiError(401, f"Invalid API Key provided: {masked(key)}")


def masked(key: str) -> str:
    """Return an API key as it may be shown: at most its kind and its last four characters."""
    if len(key) < _SHORTEST_KEY_WITH_ENDING:
        return "*" * len(key)
    kind = next((kind for kind in _KEY_KINDS if key.startswith(kind)), "")
    return f"{kind}********{key[-_SHOWN_ENDING:]}"


_KEY_KINDS = ("sk_test_", "sk_live_", "rk_test_", "rk_live_", "pk_test_", "pk_live_")


def lock_timeout() -> ApiError:
    """Another request or process held the object for too long; nothing was executed.

    Source of the status, code and sentence: https://docs.stripe.com/rate-limits#object-lock-timeouts
    """
    return ApiError(429, LOCK_TIMEOUT_MESSAGE, code="lock_timeout", should_retry=True)


def rate_limited(reason: str, should_retry: bool | None = None) -> ApiError:
    """A rate limiter refused the request.

    Args:
        reason: `global-rate`, `endpoint-rate`, `global-concurrency`, `endpoint-concurrency` or
            `resource-specific` (https://docs.stripe.com/rate-limits).
        should_retry: what `Stripe-Should-Retry` says; None sends no such header.
    """
    return ApiError(
        429,
        "Request rate limit exceeded. Send your requests at a lower rate.",
        code="rate_limit",
        should_retry=should_retry,
        rate_limited_reason=reason,
    )


def too_quickly() -> ApiError:
    """A rate limiter refused to make an account: 400 without a code, unlike all others.

    Source: https://github.com/stripe/stripe-node/issues/2223
    """
    return ApiError(
        400,
        "Sorry, you're creating accounts too quickly. You should limit your requests to less than "
        "5 creation attempts per second with a test key, or less than 30 with a live key.",
    )


def internal_error(should_retry: bool | None = None) -> ApiError:
    """The answer to a failure of the server's own."""
    return ApiError(500, "An unknown error occurred", type="api_error", should_retry=should_retry)


def key_in_use(key: str) -> ApiError:
    """The first request with this idempotency key has not ended yet."""
    return ApiError(
        409,
        "There is currently another in-progress request using this Idempotent Key (that probably "
        "means you submitted twice, and the other request is still going through): "
        f"{key}. Please try again later.",
        code="idempotency_key_in_use",
    )


def key_mismatch_parameters(key: str) -> ApiError:
    """The idempotency key was first used with other parameters."""
    return ApiError(
        400,
        "Keys for idempotent requests can only be used with the same parameters they were first "
        f"used with. Try using a key other than '{key}' if you meant to execute a different "
        "request.",
        type="idempotency_error",
    )


def key_mismatch_endpoint(key: str, first: str, now: str) -> ApiError:
    """The idempotency key was first used at another endpoint: `first` and `now` are paths."""
    return ApiError(
        400,
        "Keys for idempotent requests can only be used for the same endpoint they were first used "
        f"for ('{first}' vs '{now}'). Try using a key other than '{key}' if you meant to execute "
        "a different request.",
        type="idempotency_error",
    )
