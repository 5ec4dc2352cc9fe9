"""The context of the trace on the wire: through each integration, for each attempt."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import httpx2
import pytest
import requests
from opentelemetry import baggage, context
from scripted import ScriptedServer, answer, error
from tracing import Spans, span_id, trace_id

import holdfast
from holdfast import Backoff, Policy
from holdfast.integrations import httpx as over_httpx
from holdfast.integrations import httpx2 as over_httpx2
from holdfast.integrations.requests import HoldfastAdapter
from holdfast.observe import to_opentelemetry
from holdfast.sandbox import Sandbox

Serve = Callable[..., ScriptedServer]
Post = Callable[[str, Policy], dict[str, str]]

POLICY = Policy(backoff=Backoff(0.001, 0.002), idempotency_keys="unsafe", lanes="off")


def by_stripe(url: str, policy: Policy) -> dict[str, str]:
    client = holdfast.stripe_client("sk_test_1", policy, base_addresses={"api": url})
    client.v1.customers.create({"name": "Ada"})
    return {}


def by_stripe_async(url: str, policy: Policy) -> dict[str, str]:
    client = holdfast.stripe_client("sk_test_1", policy, base_addresses={"api": url})
    asyncio.run(client.v1.customers.create_async({"name": "Ada"}))
    return {}


def by_httpx(url: str, policy: Policy) -> dict[str, str]:
    with httpx.Client(transport=over_httpx.HoldfastTransport(policy)) as client:
        return dict(client.post(f"{url}/v1/customers").request.headers)


def by_httpx2(url: str, policy: Policy) -> dict[str, str]:
    with httpx2.Client(transport=over_httpx2.HoldfastTransport(policy)) as client:
        return dict(client.post(f"{url}/v1/customers").request.headers)


def by_httpx_async(url: str, policy: Policy) -> dict[str, str]:
    async def post() -> dict[str, str]:
        transport = over_httpx.AsyncHoldfastTransport(policy)
        async with httpx.AsyncClient(transport=transport) as client:
            return dict((await client.post(f"{url}/v1/customers")).request.headers)

    return asyncio.run(post())


def by_requests(url: str, policy: Policy) -> dict[str, str]:
    with requests.Session() as session:
        session.mount("http://", HoldfastAdapter(policy))
        return dict(session.post(f"{url}/v1/customers").request.headers)


each = pytest.mark.parametrize(
    "post", [by_stripe, by_stripe_async, by_httpx, by_httpx2, by_httpx_async, by_requests]
)


@each
def test_each_attempt_carries_its_own_spans_id(serve: Serve, spans: Spans, post: Post) -> None:
    server = serve(error(500), error(500), answer(200, {}))
    left = post(server.url, POLICY)
    (call,) = spans.calls
    carried = [headers["traceparent"].split("-")[1:3] for _, headers, _ in server.requests]
    assert carried == [[f"{trace_id(call):032x}", f"{span_id(one):016x}"] for one in spans.attempts]
    assert len(set(server.keys)) == 1
    # The request of the caller's own is as it was.
    assert "traceparent" not in {name.lower() for name in left}


@each
def test_nothing_is_carried_if_that_is_not_wanted(serve: Serve, post: Post) -> None:
    server, spans = serve(answer(200, {})), Spans()
    with to_opentelemetry(spans.provider, propagate=False):
        post(server.url, POLICY)
    assert len(spans.attempts) == 1
    assert "traceparent" not in server.requests[0][1]


@each
def test_nothing_is_carried_once_it_is_closed(serve: Serve, post: Post) -> None:
    server, spans = serve(answer(200, {})), Spans()
    to_opentelemetry(spans.provider).close()
    post(server.url, POLICY)
    assert spans.all == []
    assert "traceparent" not in server.requests[0][1]


def test_the_configured_propagator_says_what_is_carried(serve: Serve, spans: Spans) -> None:
    server = serve(answer(200, {}))
    token = context.attach(baggage.set_baggage("tenant", "7"))
    try:
        by_stripe(server.url, POLICY)
    finally:
        context.detach(token)
    assert server.requests[0][1]["baggage"] == "tenant=7"


def test_a_header_of_the_callers_own_gives_way_in_any_case(serve: Serve, spans: Spans) -> None:
    server = serve(answer(200, {}))
    with httpx.Client(transport=over_httpx.HoldfastTransport(POLICY)) as client:
        client.get(server.url, headers={"Traceparent": "00-1-2-00"})
    (attempt,) = spans.attempts
    assert f"{span_id(attempt):016x}" in server.requests[0][1]["traceparent"]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_repeated_write_is_the_same_to_the_server(spans: Spans, mode: str) -> None:
    with Sandbox() as box:
        address: Any = {"api": box.url}
        client = holdfast.stripe_client("sk_test_1", POLICY, base_addresses=address)
        box.fault("POST", "/v1/customers", "reset_after", 2)
        if mode == "sync":
            client.v1.customers.create({"name": "Ada"})
        else:
            asyncio.run(client.v1.customers.create_async({"name": "Ada"}))
        assert len(box.ledger()) == 1
    assert [dict(one.attributes or {}).get("holdfast.replayed") for one in spans.attempts] == [
        None,
        None,
        True,
    ]
