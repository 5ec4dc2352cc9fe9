"""The limiters in a running sandbox, and the real client in front of them."""

import argparse
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stripe

from holdfast.sandbox import Sandbox, command

Call = Callable[..., Any]


def test_refusals_are_stripes_and_are_counted(start: Callable[..., Sandbox], call: Call) -> None:
    box = start(0, 0, limits={"global": {"rate": "3/h"}})
    replies = [call(box, "POST", "/v1/customers", {}, key="k") for _ in range(2)]
    refused = [call(box, "GET", "/v1/customers") for _ in range(3)][-1]
    assert [one.status for one in replies] == [200, 200]
    assert refused.status == 429
    assert refused.headers["Stripe-Rate-Limited-Reason"] == "global-rate"
    assert "Stripe-Should-Retry" not in refused.headers
    assert refused.error["code"] == "rate_limit"
    assert box.stats()["rate_limited"] == {"global-rate": 2}
    assert box.stats()["by_fault"]["rate_limit"] == 2


def test_a_refusal_is_neither_executed_nor_kept_under_the_key(
    start: Callable[..., Sandbox], call: Call
) -> None:
    box = start(0, 0, limits={"endpoint": {"rate": 5, "burst": 2}})
    refused = next(
        reply
        for reply in (call(box, "POST", "/v1/customers", {}, key=f"k{n}") for n in range(100))
        if reply.status == 429
    )
    made = len(box.ledger())
    assert made == box.stats()["by_status"]["200"]
    assert "Idempotency-Key" not in refused.headers
    while (reply := call(box, "POST", "/v1/customers", {}, key=f"k{made}")).status == 429:
        assert len(box.ledger()) == made
    assert reply.status == 200
    assert "Idempotent-Replayed" not in reply.headers
    assert len(box.ledger()) == made + 1


def test_requests_that_wait_for_a_lock_count_as_running(
    start: Callable[..., Sandbox],
    call: Call,
    customer: Callable[[Sandbox], str],
    until: Callable[[Callable[[], bool]], None],
) -> None:
    box = start(30, 0, limits={"endpoint": {"concurrency": 1}})
    name = customer(box)
    box.hold_lock(name, 1.5)
    seen: list[int] = []

    def update() -> None:
        seen.append(call(box, "POST", f"/v1/customers/{name}", {"name": "x"}).status)

    thread = threading.Thread(target=update)
    thread.start()
    until(lambda: box.stats()["locks_waiting"] == 1)
    refused = call(box, "POST", f"/v1/customers/{name}", {"name": "y"})
    assert refused.headers["Stripe-Rate-Limited-Reason"] == "endpoint-concurrency"
    assert call(box, "GET", f"/v1/customers/{name}").status == 200
    thread.join()
    assert seen == [200]
    assert call(box, "POST", f"/v1/customers/{name}", {"name": "z"}).status == 200


def test_a_reset_rests_the_limiters(start: Callable[..., Sandbox], call: Call) -> None:
    box = start(0, 0, limits={"global": {"rate": "1/day"}})
    seen = []
    for _ in range(2):
        seen += [call(box, "GET", "/v1/customers").status for _ in range(2)]
        box.reset()
    assert seen == [200, 429] * 2


def test_the_official_client_sees_a_rate_limit_error(start: Callable[..., Sandbox]) -> None:
    box = start(limits={"global": {"rate": "1/day"}})
    client = stripe.StripeClient("sk_test_1", base_addresses={"api": box.url})
    client.v1.customers.list()
    with pytest.raises(stripe.RateLimitError) as refused:
        client.v1.customers.list()
    assert refused.value.http_status == 429
    assert refused.value.headers is not None
    assert refused.value.headers["Stripe-Rate-Limited-Reason"] == "global-rate"


def test_accounts_made_too_quickly_are_a_400(start: Callable[..., Sandbox], call: Call) -> None:
    box = start(0, 0, limits="test")
    replies = (call(box, "POST", "/v1/accounts", {"type": "custom"}) for _ in range(200))
    refused = next(reply for reply in replies if reply.status != 200)
    assert refused.status == 400
    assert "creating accounts too quickly" in refused.error["message"]
    assert "Stripe-Rate-Limited-Reason" not in refused.headers
    assert box.stats()["rate_limited"] == {"account-creation": 1}


def test_two_events_of_a_customer_on_a_meter_meet(
    start: Callable[..., Sandbox], call: Call, until: Callable[[Callable[[], bool]], None]
) -> None:
    box = start(0, 0, limits="live")
    path = "/v1/billing/meter_events"
    event = {"event_name": "calls", "payload[stripe_customer_id]": "cus_1", "payload[value]": "1"}
    box.fault("POST", path, "latency", seconds=1.5, after_execution=True)
    seen: list[int] = []
    first = threading.Thread(target=lambda: seen.append(call(box, "POST", path, event).status))
    first.start()
    until(lambda: len(box.ledger()) == 1)
    refused = call(box, "POST", path, event)
    assert refused.headers["Stripe-Rate-Limited-Reason"] == "resource-specific"
    other = {**event, "payload[stripe_customer_id]": "cus_2"}
    assert call(box, "POST", path, other).status == 200
    first.join()
    assert seen == [200]
    assert call(box, "POST", path, event).status == 200


def parse(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    return parser.parse_args(["sandbox", "--port", "0", *options])


def test_the_command_refuses_bad_limits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "limits.json"
    path.write_text(json.dumps({"global": {"rate": -1}}))
    assert command.run(parse("--limits", str(path))) == 2
    assert f"{path}: global: rate is -1" in capsys.readouterr().err
    assert command.run(parse("--limits", "nothing")) == 2
    assert "there is no such file" in capsys.readouterr().err
