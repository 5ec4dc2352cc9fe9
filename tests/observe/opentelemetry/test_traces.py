"""The spans of calls, with the real SDK: what they are called, what they tell, whose they are."""

import asyncio
import threading
from collections.abc import Callable, Generator
from contextvars import copy_context
from typing import Any

import httpx
import pytest
import stripe
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.semconv._incubating.attributes import url_attributes as url_draft
from opentelemetry.semconv.attributes import (
    error_attributes,
    http_attributes,
    server_attributes,
    url_attributes,
)
from opentelemetry.semconv.schemas import Schemas
from opentelemetry.trace import SpanKind, StatusCode
from scripted import ScriptedServer, answer, error, reset
from tracing import Spans, span_id

import holdfast
from holdfast import Backoff, Policy, StopReason, observe
from holdfast.engine.receipt import STOP_REASONS
from holdfast.integrations.httpx import AsyncHoldfastTransport, HoldfastTransport
from holdfast.lanes import MemoryLanes
from holdfast.observe import to_opentelemetry
from holdfast.observe.labels import MOST_ENDPOINTS
from holdfast.observe.opentelemetry import spans as table

Serve = Callable[..., ScriptedServer]

QUICK = Backoff(0.001, 0.002)
POLICY = Policy(backoff=QUICK, locked_backoff=QUICK)
OK = answer(200, {"id": "cus_1", "object": "customer"})


def client_for(
    server: ScriptedServer, policy: Policy = POLICY, lanes: MemoryLanes | None = None
) -> stripe.StripeClient:
    # Lanes of its own: no object is hot because of an earlier test.
    lanes = MemoryLanes() if lanes is None else lanes
    address: Any = {"api": server.url}
    return holdfast.stripe_client("sk_test_1", policy, base_addresses=address, lanes=lanes)


def retrieve(server: ScriptedServer, mode: str, policy: Policy = POLICY) -> None:
    client = client_for(server, policy)
    if mode == "sync":
        client.v1.customers.retrieve("cus_1")
    else:
        asyncio.run(client.v1.customers.retrieve_async("cus_1"))


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


both = pytest.mark.parametrize("mode", ["sync", "async"])


def test_the_names_are_those_of_the_conventions() -> None:
    assert table.METHOD == http_attributes.HTTP_REQUEST_METHOD
    assert table.METHOD_ORIGINAL == http_attributes.HTTP_REQUEST_METHOD_ORIGINAL
    assert table.RESEND_COUNT == http_attributes.HTTP_REQUEST_RESEND_COUNT
    assert table.STATUS_CODE == http_attributes.HTTP_RESPONSE_STATUS_CODE
    assert table.SERVER_ADDRESS == server_attributes.SERVER_ADDRESS
    assert table.SERVER_PORT == server_attributes.SERVER_PORT
    assert table.URL_FULL == url_attributes.URL_FULL
    assert table.URL_TEMPLATE == url_draft.URL_TEMPLATE
    assert table.ERROR_TYPE == error_attributes.ERROR_TYPE
    assert table.SCHEMA in {version.value for version in Schemas}


@both
def test_a_call_is_a_span_below_the_callers_and_its_attempt_one_below_that(
    serve: Serve, spans: Spans, mode: str
) -> None:
    server = serve(OK)
    with spans.tracer.start_as_current_span("the caller's"):
        retrieve(server, mode)
    outer = spans.named("the caller's")
    (call,) = spans.children(outer)
    (attempt,) = spans.children(call)
    port = int(server.url.rpartition(":")[2])
    where = {
        "http.request.method": "GET",
        "server.address": "127.0.0.1",
        "server.port": port,
        "url.template": "/v1/customers/{id}",
    }
    assert call.name == "holdfast GET /v1/customers/{id}"
    assert call.kind is SpanKind.INTERNAL
    assert told(call) == {
        **where,
        "holdfast.attempts": 1,
        "holdfast.faults": ("ok",),
        "holdfast.request_id": "req_200",
        "holdfast.stop": "ok",
    }
    assert attempt.name == "GET /v1/customers/{id}"
    assert attempt.kind is SpanKind.CLIENT
    assert told(attempt) == {
        **where,
        "url.full": f"{server.url}/v1/customers/cus_1",
        "http.response.status_code": 200,
        "holdfast.fault": "ok",
        "holdfast.request_id": "req_200",
    }
    assert {call.status.status_code, attempt.status.status_code} == {StatusCode.UNSET}
    assert call.start_time is not None
    assert call.start_time <= (attempt.start_time or 0)
    assert (attempt.end_time or 0) <= (call.end_time or 0)
    scope = call.instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version, scope.schema_url) == (
        "holdfast",
        holdfast.__version__,
        table.SCHEMA,
    )


@both
def test_each_retry_is_a_span_of_its_own_and_an_event_of_the_call(
    serve: Serve, spans: Spans, mode: str
) -> None:
    retrieve(serve(error(500), error(429, "lock_timeout"), OK), mode)
    first, second, third = spans.attempts
    (call,) = spans.calls
    assert spans.children(call) == [first, second, third]
    assert [told(one).get("http.request.resend_count") for one in spans.attempts] == [None, 1, 2]
    assert [told(one).get("error.type") for one in spans.attempts] == ["500", "429", None]
    assert [told(one)["holdfast.fault"] for one in spans.attempts] == [
        "server_error",
        "locked",
        "ok",
    ]
    assert told(second)["holdfast.error_code"] == "lock_timeout"
    assert [one.status.status_code for one in spans.attempts] == [
        StatusCode.ERROR,
        StatusCode.ERROR,
        StatusCode.UNSET,
    ]
    assert first.status.description is None
    assert call.status.status_code is StatusCode.UNSET
    assert [(one.name, dict(one.attributes or {})["holdfast.fault"]) for one in call.events] == [
        ("holdfast.retry_scheduled", "server_error"),
        ("holdfast.retry_scheduled", "locked"),
    ]
    assert told(call)["holdfast.faults"] == ("server_error", "locked", "ok")
    assert told(call)["holdfast.wait.backoff"] > 0


@both
def test_a_call_that_fails_says_why(serve: Serve, spans: Spans, mode: str) -> None:
    with pytest.raises(stripe.CardError):
        retrieve(serve(error(402, "card_declined")), mode)
    (call,) = spans.calls
    assert call.status.status_code is StatusCode.ERROR
    assert call.status.description == STOP_REASONS[StopReason.REJECTED]
    assert told(call)["error.type"] == "rejected"
    assert told(call)["holdfast.stop"] == "rejected"
    assert "holdfast.in_doubt" not in told(call)


def test_a_write_that_may_have_been_executed_is_in_doubt(serve: Serve, spans: Spans) -> None:
    client = client_for(serve(reset), Policy(max_retries=0))
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "order-1"})
    (call,), (attempt,) = spans.calls, spans.attempts
    assert told(call)["holdfast.in_doubt"] is True
    assert told(call)["error.type"] == told(attempt)["error.type"] == "interrupted"
    assert "http.response.status_code" not in told(attempt)
    assert len(told(call)["holdfast.idempotency_key.fingerprint"]) == 12
    everything = " ".join(repr((one.attributes, one.events, one.status)) for one in spans.all)
    assert "order-1" not in everything
    assert "sk_test_1" not in everything


def test_a_call_that_was_never_sent_has_a_span_and_no_attempt(serve: Serve, spans: Spans) -> None:
    lanes = MemoryLanes()
    client = client_for(serve(OK), lanes=lanes)
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with holdfast.serialized("cus_1", lanes=lanes):
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(10)
    with pytest.raises(stripe.APIConnectionError), holdfast.deadline(0.05):
        client.v1.customers.update("cus_1", {"name": "Ada"})
    leave.set()
    thread.join()
    (call,) = spans.calls
    assert spans.attempts == []
    assert told(call)["holdfast.stop"] == told(call)["error.type"] == "deadline"
    assert told(call)["holdfast.lanes"] == ("cus_1",)
    assert told(call)["holdfast.wait.lane"] > 0
    assert [(one.name, dict(one.attributes or {})) for one in call.events] == [
        ("holdfast.waiting", {"holdfast.wait.cause": "lane"})
    ]


class Below:
    """An httpx transport that traces, as an instrumentation of the library below does."""

    def __init__(self, spans: Spans, then: Callable[[], Any] = lambda: None) -> None:
        self._spans = spans
        self._then = then

    def __call__(self, _: httpx.Request) -> httpx.Response:
        with self._spans.tracer.start_as_current_span("below"):
            self._then()
            return httpx.Response(200, json={})


def test_what_traces_the_library_below_is_a_child_of_the_attempt(spans: Spans) -> None:
    inner = httpx.MockTransport(Below(spans))
    with httpx.Client(transport=HoldfastTransport(POLICY, transport=inner)) as client:
        client.get("http://example.test/v1/customers/cus_1")
    (attempt,) = spans.attempts
    assert spans.children(attempt) == [spans.named("below")]


async def ask(inner: Any, url: str = "http://example.test/") -> None:
    async with httpx.AsyncClient(
        transport=AsyncHoldfastTransport(POLICY, transport=inner)
    ) as client:
        await client.get(url)


def test_tasks_at_once_have_spans_of_their_own(spans: Spans) -> None:
    async def main() -> None:
        async def one(number: int) -> None:
            with spans.tracer.start_as_current_span(f"task {number}"):
                await ask(inner, f"http://example.test/v1/{number}")

        async def slow(request: httpx.Request) -> httpx.Response:
            with spans.tracer.start_as_current_span(f"below {request.url.path}"):
                await asyncio.sleep(0.001)
            return httpx.Response(200, json={})

        inner = httpx.MockTransport(slow)
        await asyncio.gather(*(one(number) for number in range(20)))

    asyncio.run(main())
    for number in range(20):
        (call,) = spans.children(spans.named(f"task {number}"))
        (attempt,) = spans.children(call)
        assert spans.children(attempt) == [spans.named(f"below /v1/{number}")]


def test_a_cancelled_call_ends_its_spans(spans: Spans) -> None:
    async def main() -> None:
        begun = asyncio.Event()

        async def never(_: httpx.Request) -> httpx.Response:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

        task = asyncio.create_task(ask(httpx.MockTransport(never)))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    (call,), (attempt,) = spans.calls, spans.attempts
    assert spans.children(call) == [attempt]
    assert told(attempt)["error.type"] == told(call)["error.type"] == "cancelled"
    assert attempt.status.status_code is call.status.status_code is StatusCode.ERROR


def test_a_coroutine_that_is_closed_in_another_context_ends_its_spans(spans: Spans) -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await Forever()
        raise AssertionError

    class Forever:
        def __await__(self) -> Generator[None, None, None]:
            yield

    transport = AsyncHoldfastTransport(POLICY, transport=httpx.MockTransport(never))

    async def main() -> None:
        # As the garbage collection closes what was under way when a loop came to its end.
        coroutine = transport.handle_async_request(httpx.Request("GET", "http://example.test/"))
        context = copy_context()
        context.run(coroutine.send, None)
        with spans.tracer.start_as_current_span("meanwhile") as meanwhile:
            coroutine.close()
            assert trace.get_current_span() is meanwhile

    asyncio.run(main())
    assert [told(one)["error.type"] for one in (*spans.calls, *spans.attempts)] == ["cancelled"] * 2


def test_an_error_of_the_program_ends_the_spans(spans: Spans) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    inner = httpx.MockTransport(Below(spans, fail))
    with httpx.Client(transport=HoldfastTransport(POLICY, transport=inner)) as client:
        with pytest.raises(ZeroDivisionError):
            client.get("http://example.test/")
    (call,), (attempt,) = spans.calls, spans.attempts
    assert told(attempt)["error.type"] == told(call)["error.type"] == "error"


def failing_once(spans: Spans) -> Callable[[], str]:
    """A block that fails at its first attempt, with a span of its own in each."""
    runs = iter(range(100))

    def block() -> str:
        with spans.tracer.start_as_current_span("inside"):
            if next(runs) == 0:
                raise KeyError("once")
        return "done"

    return block


def test_a_block_is_the_parent_of_what_happens_in_it(serve: Serve, spans: Spans) -> None:
    client = client_for(serve(error(402, "card_declined"), OK))

    @holdfast.retrying("card_declined", wait=QUICK, name="charge")
    def charge() -> None:
        client.v1.customers.retrieve("cus_1")
        assert trace.get_current_span().get_span_context().is_valid

    with spans.tracer.start_as_current_span("outer"):
        charge()
    (block,) = spans.children(spans.named("outer"))
    assert block.name == "holdfast charge"
    assert [one.name for one in spans.children(block)] == ["holdfast GET /v1/customers/{id}"] * 2
    assert told(block) == {
        "holdfast.block": "charge",
        "holdfast.attempts": 2,
        "holdfast.faults": ("rejected", "ok"),
        "holdfast.request_id": "req_402",
        "holdfast.stop": "ok",
        "holdfast.wait.backoff": told(block)["holdfast.wait.backoff"],
    }
    assert [one.name for one in block.events] == ["holdfast.retry_scheduled"]
    assert block.kind is SpanKind.INTERNAL


def test_a_block_of_a_coroutine_is_the_parent_too(spans: Spans) -> None:
    block = failing_once(spans)

    @holdfast.retrying(KeyError, wait=QUICK, name="job")
    async def job() -> str:
        await asyncio.sleep(0)
        return block()

    assert asyncio.run(job()) == "done"
    assert [one.name for one in spans.children(spans.named("holdfast job"))] == ["inside"] * 2


def test_between_the_attempts_of_a_block_the_callers_span_is_the_current_one(spans: Spans) -> None:
    block = failing_once(spans)
    with spans.tracer.start_as_current_span("outer") as outer:
        for attempt in holdfast.attempts(KeyError, wait=QUICK):
            with attempt:
                assert trace.get_current_span() is not outer
                block()
            assert trace.get_current_span() is outer


def test_a_block_that_is_left_early_ends_its_span(spans: Spans) -> None:
    with spans.tracer.start_as_current_span("outer") as outer:
        for attempt in holdfast.attempts(KeyError):
            with attempt:
                break
        assert trace.get_current_span() is outer
    assert told(spans.named("holdfast block"))["holdfast.stop"] == "ok"


def test_a_loop_that_is_left_in_its_first_attempt_of_async_for(spans: Spans) -> None:
    async def main() -> None:
        async for attempt in holdfast.attempts(KeyError):
            with attempt:
                break
        assert trace.get_current_span() is trace.INVALID_SPAN

    asyncio.run(main())
    assert told(spans.named("holdfast block"))["holdfast.stop"] == "ok"


@both
def test_what_is_not_sampled_is_not_computed(
    serve: Serve, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("call_attributes", "attempt_attributes"):
        monkeypatch.delattr(table, name)
    spans, server = Spans(ALWAYS_OFF), serve(error(500), OK)
    with to_opentelemetry(spans.provider) as exporter, observe.subscribe(print) as told_all:
        retrieve(server, mode)
        assert told_all.flush()
    exporter.close()
    assert spans.all == []
    flags = {headers["traceparent"][-2:] for _, headers, _ in server.requests}
    assert flags <= {"00", "02"}


@both
def test_without_a_provider_nothing_is_made(serve: Serve, mode: str) -> None:
    server = serve(error(500), OK)
    with to_opentelemetry():
        retrieve(server, mode)
    assert "traceparent" not in server.requests[0][1]


def test_who_closes_it_during_a_call_leaves_that_call_its_spans(serve: Serve) -> None:
    spans = Spans()
    exporter = to_opentelemetry(spans.provider)
    inner = httpx.MockTransport(Below(spans, exporter.close))
    with httpx.Client(transport=HoldfastTransport(POLICY, transport=inner)) as client:
        client.get("http://example.test/pots")
        assert trace.get_current_span() is trace.INVALID_SPAN
        client.get("http://example.test/pots")
    assert [one.name for one in spans.all] == ["below", "GET /pots", "holdfast GET /pots", "below"]


def test_queued_subscribers_are_told_within_the_span(serve: Serve, spans: Spans) -> None:
    current: list[tuple[str, int]] = []

    def subscriber(event: Any) -> None:
        here = trace.get_current_span().get_span_context().span_id
        current.append((type(event).__name__, here))

    with observe.subscribe(subscriber) as subscription:
        retrieve(serve(OK), "sync")
        assert subscription.flush()
    (call,), (attempt,) = spans.calls, spans.attempts
    assert current == [
        ("CallStarted", span_id(call)),
        ("AttemptStarted", span_id(attempt)),
        ("AttemptEnded", span_id(call)),
        ("CallEnded", span_id(call)),
    ]


def test_a_login_and_a_query_are_in_no_span(spans: Spans) -> None:
    inner = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    with httpx.Client(transport=HoldfastTransport(POLICY, transport=inner)) as client:
        client.get("https://user:hidden@[2001:db8::1]:8443/v1/customers?client_secret=hidden")
        client.request("BREW", "https://example.test/pot")
    first, second = spans.attempts
    assert told(first)["url.full"] == "https://[2001:db8::1]:8443/v1/customers"
    assert told(first)["server.address"] == "2001:db8::1"
    assert told(first)["server.port"] == 8443
    assert "hidden" not in repr([(one.name, one.attributes) for one in spans.all])
    assert second.name == "HTTP /pot"
    assert told(second)["http.request.method"] == "_OTHER"
    assert told(second)["http.request.method_original"] == "BREW"
    assert told(second)["server.port"] == 443


def test_secrets_of_users_and_servers_are_in_no_span(serve: Serve, spans: Spans) -> None:
    secret, person = "sk_live_" + "a1B2" * 6, "ada@example.com"
    server = serve(error(402, secret, f"Request-Id: {person}\r\n"))
    client = client_for(server)

    @holdfast.retrying(KeyError, name=f"charge {person}")
    def charge() -> None:
        with holdfast.lane(person):
            client.v1.customers.retrieve(secret)

    with pytest.raises(stripe.CardError):
        charge()
    everything = " ".join(repr((one.name, one.attributes, one.events)) for one in spans.all)
    assert "[redacted]" in everything
    assert secret not in everything
    assert person not in everything


def test_span_names_are_bounded(spans: Spans) -> None:
    inner = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    with httpx.Client(transport=HoldfastTransport(POLICY, transport=inner)) as client:
        for number in range(MOST_ENDPOINTS + 100):
            word = "".join(chr(97 + int(digit)) for digit in str(number))
            client.get(f"http://example.test/users/{word}")
        client.get("http://example.test/caf%C3%A9/a b")
    names = {one.name for one in spans.attempts}
    assert len(names) <= MOST_ENDPOINTS + 1
    assert spans.attempts[-1].name == "GET"
    assert spans.calls[-1].name == "holdfast GET"
    assert "url.template" not in told(spans.attempts[-1])


def test_every_attribute_is_in_the_table(serve: Serve, spans: Spans) -> None:
    client = client_for(
        serve(error(429, "lock_timeout"), answer(200, {}, "Idempotent-Replayed: true\r\n"))
    )
    client.v1.customers.update("cus_1", {"name": "Ada"})
    rows = {(of, row.name) for row in table.ATTRIBUTES for of in row.of.split(", ")}
    (call,) = spans.calls
    assert {("call", name) for name in told(call)} <= rows
    assert {("attempt", name) for one in spans.attempts for name in told(one)} <= rows
    assert {one.name for one in call.events} <= set(table.EVENTS)
    assert told(spans.attempts[1])["holdfast.replayed"] is True
