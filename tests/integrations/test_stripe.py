"""The drop-in for `stripe`: the real package against servers that misbehave."""

import asyncio
import logging
import socket
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import stripe
from scripted import Answer, ScriptedServer, answer, error, reset, truncated

import holdfast
from holdfast import Backoff, Policy, StopReason, observe
from holdfast.engine import Cause
from holdfast.lanes import MemoryLanes

if TYPE_CHECKING:
    from holdfast.engine import Event

KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
SECRET = "a-secret-idempotency-key"
QUICK = Backoff(0.001, 0.002)
POLICY = Policy(backoff=QUICK, locked_backoff=QUICK, key_in_use_backoff=QUICK)
CUSTOMER = answer(200, {"id": "cus_1", "object": "customer", "name": "Ada"})

Serve = Callable[..., ScriptedServer]


class Caller:
    """Makes the same request through the sync or the async side of a client."""

    def __init__(self, mode: str) -> None:
        self.mode = mode

    def update(self, server: ScriptedServer, policy: Policy = POLICY, **options: Any) -> Any:
        request = options.pop("request", {})
        address: Any = {"api": server.url, "files": server.url}
        client = holdfast.stripe_client(KEY, policy, base_addresses=address, **options)
        return self.do(client, lambda c: c.customers.update, "cus_1", {"name": "Ada"}, request)

    def do(self, client: stripe.StripeClient, pick: Callable[[Any], Any], *args: Any) -> Any:
        if self.mode == "sync":
            try:
                result = pick(client.v1)(*args)
            finally:
                client._requestor._get_http_client().close()
                self.receipt = holdfast.last_receipt()
            return result
        return asyncio.run(self._do_async(client, pick, *args))

    async def _do_async(
        self, client: stripe.StripeClient, pick: Callable[[Any], Any], *args: Any
    ) -> Any:
        method = pick(client.v1)
        try:
            return await getattr(method.__self__, f"{method.__name__}_async")(*args)
        finally:
            await client._requestor._get_http_client().close_async()
            self.receipt = holdfast.last_receipt()

    def classes(self) -> list[str]:
        assert self.receipt is not None
        return [str(fault) for fault in self.receipt.fault_classes]

    def stop(self) -> StopReason:
        assert self.receipt is not None
        assert self.receipt.stop is not None
        return self.receipt.stop


@pytest.fixture(params=["sync", "async"])
def caller(request: pytest.FixtureRequest) -> Caller:
    return Caller(request.param)


def test_a_success_is_the_sdks_own_object(serve: Serve, caller: Caller) -> None:
    server = serve(CUSTOMER)
    customer = caller.update(server)
    assert type(customer) is stripe.Customer
    assert customer.name == "Ada"
    assert customer.last_response is not None
    assert customer.last_response.request_id == "req_200"
    assert caller.classes() == ["ok"]
    first_line, headers, body = server.requests[0]
    assert first_line == "POST /v1/customers/cus_1 HTTP/1.1"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body == b"name=Ada"


def test_a_lock_timeout_with_its_header_stripped_is_retried_with_the_same_key(
    serve: Serve, caller: Caller
) -> None:
    server = serve(error(429, "lock_timeout"), error(429, "lock_timeout"), CUSTOMER)
    assert caller.update(server).id == "cus_1"
    assert caller.classes() == ["locked", "locked", "ok"]
    assert len(set(server.keys)) == 1
    assert server.keys[0]


def test_a_rate_limit_is_waited_for(serve: Serve, caller: Caller) -> None:
    header = "Stripe-Rate-Limited-Reason: global-rate\r\nStripe-Should-Retry: true\r\n"
    server = serve(error(429, "rate_limit", header), CUSTOMER)
    assert caller.update(server).id == "cus_1"
    assert caller.classes() == ["throttled", "ok"]
    assert caller.receipt is not None
    assert caller.receipt.waits[Cause.LIMITER] > 0.1
    assert len(set(server.keys)) == 1


def test_a_rate_limit_is_raised_at_once_if_the_policy_says_so(serve: Serve, caller: Caller) -> None:
    server = serve(error(429, "rate_limit", "Stripe-Should-Retry: true\r\n"))
    with pytest.raises(stripe.RateLimitError):
        caller.update(server, Policy(throttled="raise"))
    assert caller.stop() is StopReason.THROTTLED
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("last", "type_"),
    [
        (error(400, "parameter_missing"), stripe.InvalidRequestError),
        (error(401), stripe.AuthenticationError),
        (error(402, "card_declined"), stripe.CardError),
        (error(403), stripe.PermissionError),
        (error(404, "resource_missing"), stripe.InvalidRequestError),
        (error(409, "idempotency_key_in_use"), stripe.APIError),
        (error(429, "lock_timeout"), stripe.RateLimitError),
        (error(500), stripe.APIError),
        (answer(503, b"<html>down</html>"), stripe.APIError),
        (answer(503, {"no": "error"}), stripe.APIError),
    ],
)
def test_a_failed_call_raises_what_the_sdk_raises_with_a_note(
    serve: Serve, caller: Caller, last: bytes, type_: type[stripe.StripeError]
) -> None:
    server = serve(last)
    address: Any = {"api": server.url}
    with pytest.raises(type_) as theirs:
        stripe.StripeClient(KEY, base_addresses=address).v1.customers.update("cus_1", {})
    with pytest.raises(type_) as ours:
        caller.update(server)
    assert type(ours.value) is type(theirs.value)
    for attribute in ("http_status", "code", "json_body", "http_body", "request_id"):
        assert getattr(ours.value, attribute) == getattr(theirs.value, attribute)
    assert str(ours.value) == str(theirs.value)
    assert caller.receipt is not None
    assert ours.value.__notes__ == [f"Holdfast: {caller.receipt.sentence()}"]


def test_the_note_names_the_reason_the_attempts_and_the_waits(serve: Serve, caller: Caller) -> None:
    with pytest.raises(stripe.RateLimitError) as caught:
        caller.update(serve(error(429, "lock_timeout")))
    (note,) = caught.value.__notes__
    for part in ("attempts", "max_retries", "4 attempts in", "locked x 4", "(backoff)", "req_429"):
        assert part in note


@pytest.mark.parametrize(
    "fault", [reset, truncated, answer(200, b"", claim=10)[:40]], ids=["reset", "body", "head"]
)
def test_a_lost_answer_is_asked_for_again(serve: Serve, caller: Caller, fault: Answer) -> None:
    def cut(connection: socket.socket) -> None:
        assert isinstance(fault, bytes)
        connection.sendall(fault)
        connection.close()

    server = serve(cut if isinstance(fault, bytes) else fault, CUSTOMER)
    assert caller.update(server).id == "cus_1"
    assert caller.classes() == ["interrupted", "ok"]
    assert len(set(server.keys)) == 1


def test_an_answer_that_dribbles_in_is_cut_to_the_attempts_time(
    serve: Serve, caller: Caller
) -> None:
    def dribble(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b" ")
            time.sleep(0.02)

    policy = Policy(backoff=QUICK, attempt_timeout=0.2)
    assert caller.update(serve(dribble, CUSTOMER), policy).id == "cus_1"
    assert caller.classes() == ["interrupted", "ok"]


def test_no_answer_at_all_is_cut_to_the_attempts_time(serve: Serve, caller: Caller) -> None:
    def hang(connection: socket.socket) -> None:
        connection.recv(1)

    policy = Policy(backoff=QUICK, attempt_timeout=0.1)
    assert caller.update(serve(hang, CUSTOMER), policy).id == "cus_1"
    assert caller.classes() == ["interrupted", "ok"]


def test_nobody_listening_is_unreachable(caller: Caller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = ScriptedServer([CUSTOMER])
    server.stop()
    address: Any = {"api": f"http://127.0.0.1:{port}"}
    client = holdfast.stripe_client(KEY, POLICY, base_addresses=address)
    with pytest.raises(stripe.APIConnectionError) as caught:
        caller.do(client, lambda c: c.customers.retrieve, "cus_1")
    assert caller.classes() == ["unreachable"] * 4
    assert caught.value.should_retry is True
    assert "attempts" in caught.value.__notes__[0]


def test_an_address_that_is_none_is_not_tried_again(caller: Caller) -> None:
    address: Any = {"api": "foo://127.0.0.1:1"}
    client = holdfast.stripe_client(KEY, POLICY, base_addresses=address)
    with pytest.raises(stripe.APIConnectionError) as caught:
        caller.do(client, lambda c: c.customers.retrieve, "cus_1")
    assert caller.stop() is StopReason.NOT_RETRYABLE
    assert caught.value.should_retry is False


def test_the_sdks_own_number_of_retries_becomes_ours(serve: Serve, caller: Caller) -> None:
    for given in (0, 1, 2, 5):
        server = serve(error(500))
        with pytest.raises(stripe.APIError):
            caller.update(server, max_network_retries=given)
        assert len(server.requests) == given + 1
        server = serve(error(500))
        with pytest.raises(stripe.APIError):
            caller.update(server, request={"max_network_retries": given})
        assert len(server.requests) == given + 1


@pytest.mark.parametrize(("given", "attempts"), [(-3, 1), (None, 4)])
def test_odd_numbers_of_retries(
    serve: Serve, caller: Caller, given: int | None, attempts: int
) -> None:
    server = serve(error(500))
    with pytest.raises(stripe.APIError):
        caller.update(server, max_network_retries=given)
    assert len(server.requests) == attempts


def test_the_module_wide_style(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(error(429, "lock_timeout"), CUSTOMER)
    ours = holdfast.StripeHTTPClient(POLICY)
    monkeypatch.setattr(stripe, "default_http_client", ours)
    monkeypatch.setattr(stripe, "api_key", KEY)
    monkeypatch.setattr(stripe, "api_base", server.url)
    assert stripe.Customer.modify("cus_1", name="Ada").name == "Ada"
    ours.close()
    receipt = holdfast.last_receipt()
    assert receipt is not None
    assert receipt.fault_classes == ["locked", "ok"]


def test_the_client_style(serve: Serve) -> None:
    ours = holdfast.StripeHTTPClient(POLICY)
    address: Any = {"api": serve(CUSTOMER).url}
    client = stripe.StripeClient(KEY, http_client=ours, base_addresses=address)
    assert client.v1.customers.retrieve("cus_1").id == "cus_1"
    ours.close()


PDF = answer(200, b"%PDF-1.7 bytes")


def test_a_streamed_answer_is_handed_on(serve: Serve, caller: Caller) -> None:
    server = serve(error(429, "lock_timeout"), PDF)
    address: Any = {"files": server.url}
    client = holdfast.stripe_client(KEY, POLICY, base_addresses=address)

    async def read_async() -> bytes:
        response: Any = await client.v1.quotes.pdf_async("qt_1")
        data: bytes = await response.read_async()
        await client._requestor._get_http_client().close_async()
        return data

    if caller.mode == "sync":
        response: Any = client.v1.quotes.pdf("qt_1")
        data = response.io.read()
        response.io.release_conn()
        client._requestor._get_http_client().close()
    else:
        data = asyncio.run(read_async())
    assert data == b"%PDF-1.7 bytes"


def test_an_error_to_a_streamed_request_is_raised(serve: Serve, caller: Caller) -> None:
    address: Any = {"files": serve(error(404, "resource_missing")).url}
    client = holdfast.stripe_client(KEY, POLICY, base_addresses=address)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        caller.do(client, lambda c: c.quotes.pdf, "qt_1")
    assert caught.value.code == "resource_missing"
    assert caught.value.__notes__


def test_a_stream_that_is_left_unread_frees_its_connection(serve: Serve) -> None:
    address: Any = {"files": serve(PDF).url}
    client = holdfast.stripe_client(KEY, POLICY, base_addresses=address)

    async def main() -> None:
        response: Any = await client.v1.quotes.pdf_async("qt_1")
        await response.stream().aclose()
        await client._requestor._get_http_client().close_async()

    asyncio.run(main())


def test_connections_are_used_again(serve: Serve) -> None:
    server = serve(CUSTOMER)
    address: Any = {"api": server.url}
    client = holdfast.stripe_client(KEY, POLICY, base_addresses=address)
    for _ in range(5):
        client.v1.customers.retrieve("cus_1")
    client._requestor._get_http_client().close()
    assert server.connections == 1


def test_one_client_serves_one_event_loop_after_another(serve: Serve) -> None:
    server = serve(CUSTOMER)
    address: Any = {"api": server.url}
    client = holdfast.stripe_client(KEY, POLICY, base_addresses=address)

    async def main() -> None:
        await client.v1.customers.retrieve_async("cus_1")
        await client._requestor._get_http_client().close_async()
        await client._requestor._get_http_client().close_async()  # nothing left to close

    asyncio.run(main())
    asyncio.run(main())
    assert len(server.requests) == 2


def test_writes_wait_in_the_lane_of_their_object_and_reads_do_not(
    serve: Serve, caller: Caller
) -> None:
    lanes = MemoryLanes()
    ticket = lanes.enter(["cus_1"])
    assert ticket is not None
    policy = Policy(deadline=0.05)
    server = serve(CUSTOMER)
    with pytest.raises(stripe.APIConnectionError, match="was not sent: its deadline") as caught:
        caller.update(server, policy, lanes=lanes)
    assert isinstance(caught.value.__cause__, holdfast.DeadlineExceeded)
    assert "deadline" in caught.value.__notes__[0]
    assert server.requests == []
    address: Any = {"api": server.url}
    client = holdfast.stripe_client(KEY, policy, base_addresses=address, lanes=lanes)
    assert caller.do(client, lambda c: c.customers.retrieve, "cus_1").id == "cus_1"


@pytest.mark.parametrize(("rule", "waits"), [("all", True), ("off", False)])
def test_lanes_for_all_calls_or_none(serve: Serve, caller: Caller, rule: Any, waits: bool) -> None:
    lanes = MemoryLanes()
    lanes.enter(["cus_1"])
    address: Any = {"api": serve(CUSTOMER).url}
    policy = Policy(deadline=0.2, lanes=rule)
    client = holdfast.stripe_client(KEY, policy, base_addresses=address, lanes=lanes)
    if waits:
        with pytest.raises(stripe.APIConnectionError):
            caller.do(client, lambda c: c.customers.retrieve, "cus_1")
    else:
        caller.do(client, lambda c: c.customers.retrieve, "cus_1")


def test_a_full_lane_is_a_connection_error_of_the_sdk(serve: Serve, caller: Caller) -> None:
    lanes = MemoryLanes()
    lanes.enter(["cus_1"])
    lanes.enqueue(["cus_1"], lambda: None)
    with pytest.raises(stripe.APIConnectionError, match="already has 1 calls waiting") as caught:
        caller.update(serve(CUSTOMER), Policy(max_waiting=1), lanes=lanes)
    assert isinstance(caught.value.__cause__, holdfast.LaneFull)


def test_events_reach_the_subscriber(serve: Serve, caller: Caller) -> None:
    seen: list[Event] = []
    caller.update(serve(error(429, "lock_timeout"), CUSTOMER), on_event=seen.append)
    assert observe.flush()
    names = [type(event).__name__ for event in seen]
    assert names == [
        "CallStarted",
        "LanesEntered",
        "AttemptStarted",
        "AttemptEnded",
        "RetryScheduled",
        "AttemptStarted",
        "AttemptEnded",
        "CallEnded",
    ]


def test_a_callers_own_key_wins_whatever_its_headers_case(serve: Serve, caller: Caller) -> None:
    server = serve(reset, CUSTOMER)
    caller.update(server, request={"idempotency_key": "mine"})
    assert server.keys == ["mine", "mine"]
    assert caller.receipt is not None
    assert caller.receipt.key_fingerprint is not None


def test_the_telemetry_of_the_sdk_goes_on(serve: Serve) -> None:
    server = serve(CUSTOMER)
    address: Any = {"api": server.url}
    client = holdfast.stripe_client(KEY, POLICY, base_addresses=address)
    client.v1.customers.retrieve("cus_1")
    client.v1.customers.retrieve("cus_1")
    client._requestor._get_http_client().close()
    assert "x-stripe-client-telemetry" not in server.requests[0][1]
    assert '"request_id": "req_200"' in server.requests[1][1]["x-stripe-client-telemetry"]


def test_a_client_of_bad_options_is_not_made() -> None:
    with pytest.raises(ValueError, match="max_retries is -1"):
        holdfast.stripe_client(KEY, Policy(max_retries=-1))


def test_no_api_key_in_receipts_events_logs_or_exceptions(
    serve: Serve, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Event] = []
    with caplog.at_level(logging.DEBUG), pytest.raises(stripe.RateLimitError) as caught:
        caller.update(
            serve(error(429, "lock_timeout")),
            on_event=seen.append,
            request={"idempotency_key": SECRET},
        )
    assert caller.receipt is not None
    assert observe.flush()
    told = [
        repr(seen),
        repr(caller.receipt),
        caller.receipt.sentence(),
        str(caller.receipt.as_dict()),
        caplog.text,
        "".join(traceback.format_exception(caught.value)),
        repr(caught.value.args),
    ]
    for text in told:
        assert KEY not in text
        assert KEY[8:] not in text
        assert SECRET not in text
