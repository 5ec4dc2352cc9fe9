"""What a request's end means, above all whether money is in doubt."""

import pytest

from holdfast.batch.conclusion import Status, conclude, key_expired, why_unsure
from holdfast.batch.reading import Request
from holdfast.engine import FaultClass

GET = Request("r", "GET", "/v1/customers/cus_1", {})
POST = Request("r", "POST", "/v1/refunds", {})
DELETE = Request("r", "DELETE", "/v1/customers/cus_1", {})
DELETE_V2 = Request("r", "DELETE", "/v2/core/things/1", {})
POST_V2 = Request("r", "POST", "/v2/core/things", {})
HOUR = 3600.0


@pytest.mark.parametrize(
    ("request_", "faults", "http_status", "before", "status"),
    [
        (POST, "ok", 200, False, "ok"),
        (POST, "interrupted ok", 200, True, "ok"),
        (DELETE, "ok", 200, True, "ok"),
        (GET, "interrupted", None, False, "failed"),
        (GET, "server_error", 500, True, "failed"),
        (POST, "interrupted", None, False, "unsure"),
        (POST, "server_error", 500, False, "unsure"),
        (POST, "key_in_use", 409, False, "unsure"),
        (DELETE, "server_error server_error", 503, False, "unsure"),
        (POST, "rejected", 402, False, "failed"),
        (POST, "locked locked", 429, False, "failed"),
        (POST, "throttled", 429, False, "failed"),
        (POST, "unreachable", None, False, "failed"),
        # An earlier attempt may have been executed, and a refusal at the door does not tell.
        (POST, "interrupted unreachable", None, False, "unsure"),
        (POST, "server_error locked", 429, False, "unsure"),
        (POST, "interrupted throttled", 429, False, "unsure"),
        (POST, "unreachable", None, True, "unsure"),
        (POST, "rejected", 401, True, "unsure"),
        # The idempotency key makes a rejection final: it is the answer of every attempt.
        (POST, "interrupted rejected", 402, False, "failed"),
        (POST, "rejected", 400, True, "failed"),
        # A v1 DELETE has no key: "not found" may be its own doing.
        (DELETE, "rejected", 404, False, "failed"),
        (DELETE, "rejected", 404, True, "unsure"),
        (DELETE, "interrupted rejected", 404, False, "unsure"),
        (DELETE, "rejected", 400, True, "failed"),
        (DELETE_V2, "rejected", 404, True, "failed"),
    ],
)
def test_the_end_of_a_request(
    request_: Request, faults: str, http_status: int | None, before: bool, status: str
) -> None:
    classes = [FaultClass(fault) for fault in faults.split()]
    assert conclude(request_, classes, http_status, begun_before=before) is Status(status)


@pytest.mark.parametrize("last", FaultClass)
def test_every_doubt_has_a_reason(last: FaultClass) -> None:
    assert why_unsure([last]).endswith("before sending it again")


@pytest.mark.parametrize(
    ("request_", "begun_at", "now", "expired"),
    [
        (POST, None, 1e9, False),
        (POST, 0.0, 23.9 * HOUR, False),
        (POST, 0.0, 24 * HOUR, True),
        (POST, 10 * HOUR, 0.0, False),  # the clock was set back
        (POST_V2, 0.0, 29.9 * 24 * HOUR, False),
        (POST_V2, 0.0, 30 * 24 * HOUR, True),
        (DELETE, 0.0, 1e9, False),  # it has no key that could be too old
        (DELETE_V2, 0.0, 1e9, True),
    ],
)
def test_how_long_a_key_is_good(
    request_: Request, begun_at: float | None, now: float, expired: bool
) -> None:
    assert key_expired(request_, begun_at, now) is expired
