"""What bounds the drop-in's calls together: the account's retry budget, the context's deadline."""

from collections.abc import Callable
from typing import Any, cast

import pytest
import stripe
from scripted import ScriptedServer, answer, error

import holdfast
from holdfast import Backoff, Budget, Policy, StopReason

Serve = Callable[..., ScriptedServer]
QUICK = Backoff(0.001, 0.002)
ONE_RETRY = Budget(share=0, per_second=0.1, window=10)


def attempt(client: stripe.StripeClient, **options: Any) -> tuple[int, StopReason | None]:
    with pytest.raises(stripe.StripeError):
        client.v1.customers.retrieve("cus_1", options=cast("Any", options))
    client._requestor._get_http_client().close()
    receipt = holdfast.last_receipt()
    assert receipt is not None
    return len(receipt.attempts), receipt.stop


def test_the_calls_of_an_account_share_a_budget(serve: Serve) -> None:
    address: Any = {"api": serve(error(500)).url}
    policy = Policy(backoff=QUICK, retry_budget=ONE_RETRY)
    one, other = (
        holdfast.stripe_client(key, policy, base_addresses=address)
        for key in ("sk_test_one", "sk_test_other")
    )
    again = holdfast.stripe_client("sk_test_one", policy, base_addresses=address)
    assert attempt(one) == (2, StopReason.BUDGET)
    assert attempt(one) == (1, StopReason.BUDGET)
    assert attempt(again) == (1, StopReason.BUDGET)
    assert attempt(other) == (2, StopReason.BUDGET)
    assert attempt(one, stripe_account="acct_1") == (2, StopReason.BUDGET)
    # The key of an organisation speaks for its accounts.
    assert attempt(one, stripe_context="acct_2") == (2, StopReason.BUDGET)
    assert attempt(one, stripe_context="acct_2") == (1, StopReason.BUDGET)


def test_without_a_budget_only_the_attempts_count(serve: Serve) -> None:
    address: Any = {"api": serve(error(500)).url}
    policy = Policy(backoff=QUICK, retry_budget=None)
    client = holdfast.stripe_client("sk_test_one", policy, base_addresses=address)
    assert [attempt(client) for _ in range(3)] == [(4, StopReason.ATTEMPTS)] * 3


def test_the_contexts_deadline_ends_the_retries(serve: Serve) -> None:
    server = serve(error(500))
    address: Any = {"api": server.url}
    policy = Policy(backoff=Backoff(60, 60))
    client = holdfast.stripe_client("sk_test_one", policy, base_addresses=address)
    with holdfast.deadline(0.5):
        assert attempt(client) == (1, StopReason.DEADLINE)


def test_after_the_contexts_deadline_nothing_is_sent(serve: Serve) -> None:
    server = serve(answer(200, {"id": "cus_1"}))
    address: Any = {"api": server.url}
    client = holdfast.stripe_client("sk_test_one", base_addresses=address)
    with holdfast.deadline(1e-9):
        assert attempt(client) == (0, StopReason.DEADLINE)
    assert server.requests == []
