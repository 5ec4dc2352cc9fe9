"""The table, row by row."""

import pytest

from holdfast.engine import Failure, FaultClass, Outcome, Phase, Response, classify
from holdfast.engine.classify import RULES

TOO_QUICKLY = "Sorry, you're creating accounts too quickly. Slow down."


@pytest.mark.parametrize(
    ("outcome", "fault"),
    [
        (Response(200, {}), "ok"),
        (Response(201, {}), "ok"),
        (Response(299, {}), "ok"),
        (Response(199, {}), "rejected"),
        (Response(302, {}), "rejected"),
        (Response(400, {}), "rejected"),
        (Response(401, {}), "rejected"),
        (Response(402, {}, "card_declined"), "rejected"),
        (Response(404, {}, "resource_missing"), "rejected"),
        (Response(400, {}, error_type="idempotency_error"), "rejected"),
        (Response(429, {}, "lock_timeout"), "locked"),
        (Response(400, {}, "lock_timeout"), "locked"),
        (Response(503, {"stripe-should-retry": "false"}, "lock_timeout"), "locked"),
        (Response(429, {"Stripe-Rate-Limited-Reason": "global-rate"}), "throttled"),
        (Response(429, {}, "rate_limit"), "throttled"),
        (Response(429, {}), "throttled"),
        (Response(429, {}, "something_new"), "throttled"),
        (Response(400, {}, "rate_limit"), "throttled"),
        (Response(400, {"Stripe-Rate-Limited-Reason": "endpoint-rate"}), "throttled"),
        (Response(400, {}, error_message=TOO_QUICKLY), "throttled"),
        (Response(409, {}, "idempotency_key_in_use"), "key_in_use"),
        (Response(429, {}, "idempotency_key_in_use"), "key_in_use"),
        (Response(409, {}), "conflict"),
        (Response(409, {}, "rate_limit"), "conflict"),
        (Response(424, {}), "server_error"),
        (Response(500, {}), "server_error"),
        (Response(503, {"Stripe-Rate-Limited-Reason": "global-rate"}), "server_error"),
        (Response(599, {}), "server_error"),
        (Failure(Phase.CONNECT, OSError()), "unreachable"),
        (Failure(Phase.SENT, OSError()), "interrupted"),
        (Failure(Phase.BODY, OSError()), "interrupted"),
    ],
)
def test_every_row(outcome: Outcome, fault: str) -> None:
    assert classify(outcome) == fault


def test_every_class_has_a_row() -> None:
    in_table = {rule.fault for rule in RULES}
    of_transport = {FaultClass.UNREACHABLE, FaultClass.INTERRUPTED}
    assert in_table | of_transport == set(FaultClass)
    assert all(rule.when for rule in RULES)
