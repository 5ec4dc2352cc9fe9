"""The requests of Holdfast's client are those of the SDK's, and so is what it logs and warns of."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe
from scripted import ScriptedServer, answer, error
from stripe._api_requestor import _APIRequestor

import holdfast
from holdfast.integrations.stripe_requestor import Requestor

KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
CUSTOMER = answer(200, {"id": "cus_1", "object": "customer", "name": "Ada"})

Serve = Callable[..., ScriptedServer]


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def app_info() -> Iterator[None]:
    yield
    stripe.app_info = None


def ask(client: stripe.StripeClient, mode: str, *args: Any, verb: str = "create") -> Any:
    customers = client.v1.customers
    if mode == "sync":
        try:
            return getattr(customers, verb)(*args)
        finally:
            client._requestor._get_http_client().close()

    async def run() -> Any:
        try:
            return await getattr(customers, f"{verb}_async")(*args)
        finally:
            await client._requestor._get_http_client().close_async()

    return asyncio.run(run())


def official(**options: Any) -> stripe.StripeClient:
    """The SDK's own client over Holdfast's HTTP client: nothing between them is Holdfast's."""
    return stripe.StripeClient(KEY, http_client=holdfast.StripeHTTPClient(), **options)


def ours(**options: Any) -> stripe.StripeClient:
    return holdfast.stripe_client(KEY, **options)


def sent_by(client: stripe.StripeClient, server: ScriptedServer, mode: str) -> list[Any]:
    """Four requests as they look on the wire, without what is new in each."""
    server.requests.clear()
    of_another = {"stripe_account": "acct_1", "idempotency_key": "mine"}
    with_headers = {"api_key": "sk_test_other", "headers": {"X-A": "b"}}
    ask(client, mode, {"name": "Ada", "metadata": {"a": "1"}})
    ask(client, mode, {"name": "Ada"}, of_another)
    ask(client, mode, {"limit": 2, "expand": ["data.sources"]}, verb="list")
    ask(client, mode, "cus_1", {}, with_headers, verb="retrieve")
    assert len(server.requests) == 4
    keys = server.keys
    assert keys[0] not in (None, "mine")
    assert keys[1:] == ["mine", None, None]
    fresh = {"idempotency-key", "x-stripe-client-telemetry"}
    return [
        (line, {name: value for name, value in headers.items() if name not in fresh}, body)
        for line, headers, body in server.requests
    ]


@pytest.mark.parametrize("options", [{}, {"stripe_account": "acct_9", "stripe_version": "2026-01"}])
def test_the_requests_are_the_sdks(serve: Serve, mode: str, options: Any) -> None:
    server = serve(CUSTOMER)
    options["base_addresses"] = {"api": server.url}
    client = ours(**options)
    first = sent_by(client, server, mode)
    assert first == sent_by(official(**options), server, mode)
    assert sent_by(client, server, mode) == first


def test_each_request_has_a_new_key(serve: Serve, mode: str) -> None:
    server = serve(CUSTOMER)
    client = ours(base_addresses={"api": server.url})
    for _ in range(3):
        ask(client, mode, {"name": "Ada"})
    assert len(set(server.keys)) == 3


def test_a_change_of_the_app_is_told_at_once(serve: Serve, mode: str, app_info: None) -> None:
    server = serve(CUSTOMER)
    client = ours(base_addresses={"api": server.url})
    ask(client, mode, {"name": "Ada"})
    stripe.set_app_info("billing", version="2")
    ask(client, mode, {"name": "Ada"})
    assert "billing/2" not in server.requests[0][1]["user-agent"]
    assert "billing/2" in server.requests[1][1]["user-agent"]


def test_the_headers_of_many_accounts_are_not_all_remembered(serve: Serve, mode: str) -> None:
    server = serve(CUSTOMER)
    client = ours(base_addresses={"api": server.url})
    requestor: Any = client._requestor
    for number in range(300):
        options: Any = {"api_key": KEY, "stripe_account": f"acct_{number}"}
        assert requestor.request_headers("post", "V1", options)["Stripe-Account"] in (
            f"acct_{number}"
        )
    assert len(requestor._remembered) <= 256
    ask(client, mode, {"name": "Ada"}, {"stripe_account": "acct_7"})
    assert server.requests[0][1]["stripe-account"] == "acct_7"


def test_objects_go_on_with_the_options_they_were_made_with(serve: Serve) -> None:
    server = serve(CUSTOMER)
    client = ours(base_addresses={"api": server.url})
    customer = ask(client, "sync", {"name": "Ada"}, {"stripe_account": "acct_1"})
    assert isinstance(customer._requestor, Requestor)
    customer.refresh()
    client._requestor._get_http_client().close()
    assert server.requests[1][1]["stripe-account"] == "acct_1"
    assert ask(client, "sync", {"name": "Ada"})._requestor is client._requestor


def test_who_reads_the_sdks_log_still_reads_it(
    serve: Serve, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(CUSTOMER)
    address: Any = {"base_addresses": {"api": server.url}}
    with caplog.at_level(logging.DEBUG, logger="stripe"):
        ask(ours(**address), mode, {"name": "Ada"})
        of_ours = [(r.levelno, r.message) for r in caplog.records]
        caplog.clear()
        ask(official(**address), mode, {"name": "Ada"})
    assert of_ours == [(r.levelno, r.message) for r in caplog.records]
    assert len(of_ours) >= 4


def test_the_console_log_of_the_sdk_works(
    serve: Serve, mode: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = serve(CUSTOMER)
    monkeypatch.setattr(stripe, "log", "info")
    ask(ours(base_addresses={"api": server.url}), mode, {"name": "Ada"})
    assert "Request to Stripe api" in capsys.readouterr().err


def test_a_notice_of_stripes_is_passed_on(serve: Serve, mode: str) -> None:
    server = serve(answer(200, {"id": "cus_1", "object": "customer"}, "Stripe-Notice: look\r\n"))
    with pytest.warns(UserWarning, match="look"):
        ask(ours(base_addresses={"api": server.url}), mode, {"name": "Ada"})


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "cus_1", "object": "customer", "metadata": {"a": [1, {"b": null}]}}',
        '{"name": "Zo\u00eb"}'.encode(),
        b" [1.5, true] ",
        b'"a text"',
        '{"a text": "already"}',
        b"",
        b"\xef\xbb\xbf{}",
        b'{"cut": ',
        b"{} {}",
        b"\xff\xfe",
        b"[" * 100_000,
        b"<html>",
    ],
)
@pytest.mark.parametrize("status", [200, 402])
def test_an_answer_is_read_as_the_sdk_reads_it(body: bytes | str, status: int) -> None:
    def read(client: stripe.StripeClient) -> Any:
        try:
            response = client._requestor._interpret_response(body, status, {"a": "b"}, "V1")
        except stripe.StripeError as error:
            return type(error), str(error), error.http_body, error.http_status, error.headers
        return type(response), vars(response), type(response.data)

    assert read(ours()) == read(official())


def test_the_modules_own_style_is_left_alone() -> None:
    assert type(_APIRequestor._global_instance()) is _APIRequestor


def test_a_notice_of_stripes_is_passed_on_with_an_error_too(serve: Serve, mode: str) -> None:
    refusal = error(402, "card_declined", "Stripe-Notice: look\r\n")
    with pytest.warns(UserWarning, match="look"), pytest.raises(stripe.CardError):
        ask(official(base_addresses={"api": serve(refusal).url}), mode, {"name": "Ada"})
    with pytest.warns(UserWarning, match="look"), pytest.raises(stripe.CardError):
        ask(ours(base_addresses={"api": serve(refusal).url}), mode, {"name": "Ada"})
