"""Clients of the SDK's own kind under Holdfast: what they send, and what their failures mean."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
import stripe
import trustme
from scripted import Answer, ScriptedServer, answer, error, reset, truncated

import holdfast
from holdfast import Backoff, Policy, StopReason

# The SDK's httpx client hands its body over in a way that httpx frowns upon.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

KEY = "sk_test_given"
QUICK = Backoff(0.001, 0.002)
POLICY = Policy(backoff=QUICK, locked_backoff=QUICK)
CUSTOMER = answer(200, {"id": "cus_1", "object": "customer"})
PDF = answer(200, b"%PDF-1.7 bytes")

Serve = Callable[..., ScriptedServer]
Mode = Literal["sync", "async"]

GIVEN: dict[str, tuple[Mode, Callable[..., stripe.HTTPClient]]] = {
    "requests": ("sync", stripe.RequestsClient),
    "urllib": ("sync", stripe.UrllibClient),
    "pycurl": ("sync", stripe.PycurlClient),
    "httpx": ("async", stripe.HTTPXClient),
}


class Given:
    """Makes requests through a client of the SDK's own, with Holdfast around it."""

    def __init__(self, mode: Mode, make: Callable[..., stripe.HTTPClient]) -> None:
        self.mode = mode
        self.make = make

    def update(self, url: str, policy: Policy = POLICY, **options: Any) -> Any:
        if self.mode == "sync":
            return self._update(url, policy, options)
        return asyncio.run(self._update_async(url, policy, options))

    def _client(self, url: str, policy: Policy, options: Any) -> stripe.StripeClient:
        address: Any = {"api": url, "files": url}
        given = self.make(**options)
        return holdfast.stripe_client(KEY, policy, http_client=given, base_addresses=address)

    def _update(self, url: str, policy: Policy, options: Any) -> Any:
        client = self._client(url, policy, options)
        try:
            return client.v1.customers.update("cus_1", {"name": "Ada"})
        finally:
            client._requestor._get_http_client().close()
            self.receipt = holdfast.last_receipt()

    async def _update_async(self, url: str, policy: Policy, options: Any) -> Any:
        client = self._client(url, policy, options)
        try:
            return await client.v1.customers.update_async("cus_1", {"name": "Ada"})
        finally:
            await client._requestor._get_http_client().close_async()
            self.receipt = holdfast.last_receipt()

    def classes(self) -> list[str]:
        assert self.receipt is not None
        return [str(fault) for fault in self.receipt.fault_classes]


@pytest.fixture(params=list(GIVEN.values()), ids=list(GIVEN))
def given(request: pytest.FixtureRequest) -> Given:
    return Given(*request.param)


def test_it_sends_and_holdfast_decides(serve: Serve, given: Given) -> None:
    server = serve(error(429, "lock_timeout"), CUSTOMER)
    assert given.update(server.url).id == "cus_1"
    assert given.classes() == ["locked", "ok"]
    line, headers, body = server.requests[0]
    assert line == "POST /v1/customers/cus_1 HTTP/1.1"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body == b"name=Ada"
    assert len(set(server.keys)) == 1


@pytest.mark.parametrize("fault", [reset, truncated], ids=["answer", "body"])
def test_a_lost_answer_is_asked_for_again(serve: Serve, given: Given, fault: Answer) -> None:
    server = serve(fault, CUSTOMER)
    assert given.update(server.url).id == "cus_1"
    assert given.classes() == ["interrupted", "ok"]
    assert len(set(server.keys)) == 1


@pytest.fixture
def stranger() -> Iterator[ScriptedServer]:
    """A server whose certificate nobody has vouched for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = ScriptedServer([CUSTOMER], tls=context)
    yield server
    server.stop()


@pytest.mark.parametrize("name", ["requests", "httpx"])
def test_a_certificate_of_a_stranger_is_final(stranger: ScriptedServer, name: str) -> None:
    given = Given(*GIVEN[name])
    with pytest.raises(stripe.APIConnectionError):
        given.update(stranger.url)
    assert given.receipt is not None
    assert given.receipt.stop is StopReason.NOT_RETRYABLE
    assert stranger.requests == []


def test_nobody_listening_is_unreachable(given: Given) -> None:
    server = ScriptedServer([CUSTOMER])
    url = server.url
    server.stop()
    with pytest.raises(stripe.APIConnectionError):
        given.update(url, Policy(backoff=QUICK, max_retries=1))
    assert given.classes() == ["unreachable", "unreachable"]


@pytest.mark.parametrize("name", ["requests", "httpx"])
def test_an_address_that_is_none_is_not_tried_again(name: str) -> None:
    given = Given(*GIVEN[name])
    with pytest.raises(stripe.APIConnectionError):
        given.update("foo://127.0.0.1:1")
    assert given.classes() == ["unreachable"]


def test_an_async_attempt_is_cut_to_its_time(serve: Serve) -> None:
    given = Given(*GIVEN["httpx"])
    server = serve(lambda connection: connection.recv(1), CUSTOMER)
    given.update(server.url, Policy(backoff=QUICK, attempt_timeout=0.1))
    assert given.classes() == ["interrupted", "ok"]


def test_a_mistake_in_a_client_of_ones_own_is_its_own_error(serve: Serve) -> None:
    class Broken(stripe.HTTPClient):
        name = "broken"

        def request(self, *_: Any, **__: Any) -> Any:
            raise KeyError("a mistake")

        async def request_async(self, *_: Any) -> Any:
            raise KeyError("a mistake")

        def close(self) -> None:
            """Nothing is open."""

        async def close_async(self) -> None:
            """Nothing is open."""

    for mode in ("sync", "async"):
        given = Given(mode, Broken)
        with pytest.raises(KeyError, match="a mistake"):
            given.update("http://127.0.0.1:1")
        assert given.receipt is not None
        assert given.receipt.stop is StopReason.ERROR


def test_an_error_that_comes_unwrapped_is_the_networks_all_the_same() -> None:
    class ClientError(Exception):
        pass

    ClientError.__module__ = "aiohttp.client_exceptions"
    answers: list[Any] = [ClientError("cut off"), (b'{"id": "cus_1"}', 200, {})]

    class Bare(stripe.HTTPClient):
        name = "bare"

        async def request_async(self, *_: Any) -> Any:
            said = answers.pop(0)
            if isinstance(said, Exception):
                raise said
            return said

        async def close_async(self) -> None:
            """Nothing is open."""

    given = Given("async", Bare)
    assert given.update("http://127.0.0.1:1").id == "cus_1"
    assert given.classes() == ["interrupted", "ok"]


def test_streams_come_from_it_too(serve: Serve) -> None:
    server = serve(error(429, "lock_timeout"), PDF)
    address: Any = {"files": server.url}
    session = stripe.RequestsClient()
    client = holdfast.stripe_client(KEY, POLICY, http_client=session, base_addresses=address)
    response: Any = client.v1.quotes.pdf("qt_1")
    assert response.io.read() == b"%PDF-1.7 bytes"
    client._requestor._get_http_client().close()


def test_async_streams_come_from_it_too(serve: Serve) -> None:
    server = serve(error(429, "lock_timeout"), PDF)
    address: Any = {"files": server.url}

    async def main() -> bytes:
        client = holdfast.stripe_client(
            KEY, POLICY, http_client=stripe.HTTPXClient(), base_addresses=address
        )
        response: Any = await client.v1.quotes.pdf_async("qt_1")
        data: bytes = await response.read_async()
        await client._requestor._get_http_client().close_async()
        return data

    assert asyncio.run(main()) == b"%PDF-1.7 bytes"


def test_options_that_belong_to_the_given_client_are_not_taken() -> None:
    with pytest.raises(ValueError, match="belong to the http_client"):
        holdfast.stripe_client(KEY, http_client=stripe.RequestsClient(), proxy="http://x")
    with pytest.raises(ValueError, match="belong to the http_client"):
        holdfast.StripeHTTPClient(http_client=stripe.RequestsClient(), verify_ssl_certs=False)


def test_what_is_no_client_of_the_sdks_is_not_taken() -> None:
    with pytest.raises(TypeError, match="is Holdfast's own already"):
        holdfast.stripe_client(KEY, http_client=holdfast.StripeHTTPClient())
    wrong: Any = object()
    with pytest.raises(TypeError, match="is a object: it must be"):
        holdfast.stripe_client(KEY, http_client=wrong)
