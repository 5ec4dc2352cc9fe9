"""In a web application, a Celery worker, a batch and a fork: whose child a call is there."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery_apps import celery_app
from opentelemetry import context, propagate
from opentelemetry.trace import SpanKind
from scripted import ScriptedServer, answer, error
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tracing import Spans, span_id, trace_id

import holdfast
from holdfast import Backoff, Policy
from holdfast.batch import Options, Remote, Workspace, run
from holdfast.integrations.httpx import AsyncHoldfastTransport
from holdfast.lanes import MemoryLanes

Serve = Callable[..., ScriptedServer]

QUICK = Backoff(0.001, 0.002)
OK = answer(200, {"id": "cus_1", "object": "customer"})


def client_for(server: ScriptedServer) -> stripe.StripeClient:
    address: Any = {"api": server.url}
    policy = Policy(backoff=QUICK)
    return holdfast.stripe_client("sk_test_1", policy, base_addresses=address, lanes=MemoryLanes())


class Traced:
    """A middleware that makes a server span of each request, as OpenTelemetry's own do."""

    def __init__(self, app: Any, spans: Spans) -> None:
        self._app = app
        self._spans = spans

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        name, outer = f"server {scope['path']}", propagate.extract(headers)
        with self._spans.tracer.start_as_current_span(name, outer, SpanKind.SERVER):
            await self._app(scope, receive, send)


def application(client: stripe.StripeClient, spans: Spans) -> Starlette:
    def in_a_thread(request: Request) -> JSONResponse:
        client.v1.customers.retrieve(f"cus_{request.path_params['id']}")
        return JSONResponse({})

    async def in_a_task(request: Request) -> JSONResponse:
        await client.v1.customers.retrieve_async(f"cus_{request.path_params['id']}")
        return JSONResponse({})

    app = Starlette(routes=[Route("/thread/{id}", in_a_thread), Route("/task/{id}", in_a_task)])
    app.add_middleware(Traced, spans=spans)
    return app


@pytest.mark.parametrize("kind", ["thread", "task"])
def test_calls_of_requests_at_once_are_below_their_own_request(
    serve: Serve, spans: Spans, kind: str
) -> None:
    server = serve(error(500), OK)
    app = application(client_for(server), spans)

    async def main() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app.test") as browser:
            await asyncio.gather(*(browser.get(f"/{kind}/{number}") for number in range(20)))

    asyncio.run(main())
    for number in range(20):
        (call,) = spans.children(spans.named(f"server /{kind}/{number}"))
        urls = {(one.attributes or {})["url.full"] for one in spans.children(call)}
        assert urls == {f"{server.url}/v1/customers/cus_{number}"}
    assert len(spans.attempts) == 21


def test_a_trace_goes_through_from_one_service_to_the_next(serve: Serve, spans: Spans) -> None:
    inner = httpx.ASGITransport(application(client_for(serve(OK)), spans))

    async def main() -> None:
        transport = AsyncHoldfastTransport(transport=inner)
        async with httpx.AsyncClient(transport=transport, base_url="http://app.test") as caller:
            await caller.get("/task/1")

    asyncio.run(main())
    assert len({trace_id(span) for span in spans.all}) == 1
    (sent,) = spans.children(spans.named("holdfast GET /task/{id}"))
    (received,) = spans.children(sent)
    assert received.name == "server /task/1"
    assert [one.name for one in spans.children(received)] == ["holdfast GET /v1/customers/{id}"]


@pytest.fixture
def celery() -> Iterator[Celery]:
    with celery_app("traced") as app:
        yield app


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_call_of_a_celery_task_is_in_the_trace_that_sent_it(
    serve: Serve, spans: Spans, celery: Celery
) -> None:
    client = client_for(serve(error(500), OK))

    @celery.task  # type: ignore[untyped-decorator]  # it has no types
    def retrieve(carrier: Mapping[str, str]) -> None:
        token = context.attach(propagate.extract(carrier))
        try:
            with spans.tracer.start_as_current_span("task"):
                client.v1.customers.retrieve("cus_1")
        finally:
            context.detach(token)

    with start_worker(celery, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        with spans.tracer.start_as_current_span("sender"):
            carrier: dict[str, str] = {}
            propagate.inject(carrier)
            result = retrieve.delay(carrier)
        result.get(timeout=60)
    (task,) = spans.children(spans.named("sender"))
    (call,) = spans.children(task)
    assert len(spans.children(call)) == 2
    assert len({trace_id(span) for span in spans.all}) == 1


def test_each_attempt_of_a_batch_carries_its_context(
    serve: Serve, spans: Spans, tmp_path: Path
) -> None:
    server, source = serve(error(500), OK), tmp_path / "requests.jsonl"
    lines = [
        {"id": f"r-{number}", "method": "POST", "path": "/v1/customers", "params": {"name": "Ada"}}
        for number in range(20)
    ]
    source.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    options = Options(policy=Policy(backoff=QUICK), concurrency=4)
    run(
        source,
        Remote("sk_test_1", server.url),
        Workspace(tmp_path / "journal", tmp_path / "results"),
        options,
    )
    carried = Counter(headers["traceparent"].split("-")[2] for _, headers, _ in server.requests)
    assert carried == {f"{span_id(one):016x}": 1 for one in spans.attempts}
    assert (len(spans.calls), len(spans.attempts)) == (20, 21)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_goes_on_with_spans_of_its_own(serve: Serve, spans: Spans) -> None:
    server = serve(OK)
    read, write = os.pipe()
    with spans.tracer.start_as_current_span("parent"):
        child = os.fork()
        if child == 0:
            try:
                client_for(server).v1.customers.retrieve("cus_1")
                ids = [span.parent.span_id if span.parent else 0 for span in spans.all]
                os.write(write, json.dumps(ids).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read, "rb") as told:
        attempt, call = json.load(told)
    assert [one.name for one in spans.all] == ["parent"]
    assert call == span_id(spans.named("parent"))
    assert f"{attempt:016x}" not in {f"{call:016x}", "0" * 16}
