"""Both transports over TLS, through proxies, and to their edges."""

import asyncio
import base64
import os
import ssl
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from scripted import ScriptedServer, answer

from holdfast.engine import Failure, Outcome, Phase, Response
from holdfast.transports.async_curl import AsyncCurlTransport
from holdfast.transports.async_httpx2 import Httpx2Transport
from holdfast.transports.chosen import AsyncTransport, Transport
from holdfast.transports.exchange import Exchange, Network, certificate_failed
from holdfast.transports.sync_curl import CurlTransport
from holdfast.transports.sync_urllib3 import Urllib3Transport

OK = answer(200, {"id": "cus_1"})
Send = Callable[..., Outcome]


def _sync(make: Callable[[Network], Transport]) -> Send:
    def send(exchange: Exchange, timeout: float = 10, **options: Any) -> Outcome:
        transport = make(Network(**options))
        try:
            return transport.send(exchange, timeout)
        finally:
            transport.close()

    return send


def _async(make: Callable[[Network], AsyncTransport]) -> Send:
    def send(exchange: Exchange, timeout: float = 10, **options: Any) -> Outcome:
        async def main() -> Outcome:
            transport = make(Network(**options))
            try:
                return await transport.send(exchange, timeout)
            finally:
                await transport.close()

        return asyncio.run(main())

    return send


SENDS = {
    "urllib3": _sync(Urllib3Transport),
    "httpx2": _async(Httpx2Transport),
    "curl": _sync(CurlTransport),
    "async curl": _async(AsyncCurlTransport),
}


@pytest.fixture(params=list(SENDS.values()), ids=list(SENDS))
def send(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Send:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    chosen: Send = request.param
    return chosen


def get(url: str) -> Exchange:
    return Exchange("GET", url, {"Authorization": "Bearer x"}, None)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[ScriptedServer]:
    """A server whose certificate is our own authority's, for 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = ScriptedServer([OK], tls=context)
    yield server
    server.stop()


@pytest.fixture
def plain() -> Iterator[ScriptedServer]:
    server = ScriptedServer([OK], host="0.0.0.0")  # noqa: S104 - all of 127.0.0.0/8
    yield server
    server.stop()


def status(outcome: Outcome) -> int:
    assert isinstance(outcome, Response), outcome
    return outcome.status


def test_a_certificate_of_a_known_authority_is_taken(
    send: Send, secure: ScriptedServer, authority: trustme.CA, tmp_path: Path
) -> None:
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    assert status(send(get(secure.url), ca_bundle=str(bundle))) == 200


def test_a_certificate_of_a_stranger_is_final(send: Send, secure: ScriptedServer) -> None:
    outcome = send(get(secure.url))
    assert isinstance(outcome, Failure)
    assert outcome.phase is Phase.CONNECT
    assert outcome.retryable is False
    assert secure.requests == []


def test_certificates_can_be_left_unchecked(send: Send, secure: ScriptedServer) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # urllib3 rightly warns
        assert status(send(get(secure.url), verify=False)) == 200


def test_a_proxy_of_ones_own(send: Send, plain: ScriptedServer) -> None:
    proxy = plain.url.replace("http://", "http://user:word@")
    assert status(send(get("http://stripe.invalid/v1/x"), proxies={"http": proxy})) == 200
    line, headers, _ = plain.requests[0]
    assert line == "GET http://stripe.invalid/v1/x HTTP/1.1"
    login = base64.b64encode(b"user:word").decode()
    assert headers["proxy-authorization"] == f"Basic {login}"


def test_the_proxy_of_the_environment(
    send: Send, plain: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", plain.url)
    assert status(send(get("http://stripe.invalid/v1/x"))) == 200
    assert plain.requests[0][0] == "GET http://stripe.invalid/v1/x HTTP/1.1"


def test_this_machine_itself_is_not_reached_by_the_environments_proxy(
    send: Send, plain: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert status(send(get(f"{plain.url}/v1/x"))) == 200
    assert plain.requests[0][0] == "GET /v1/x HTTP/1.1"


def test_an_address_that_the_environment_excepts_goes_direct(
    send: Send, plain: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.2")
    elsewhere = plain.url.replace("127.0.0.1", "127.0.0.2")
    assert status(send(get(f"{elsewhere}/v1/x"))) == 200
    assert plain.requests[0][0] == "GET /v1/x HTTP/1.1"


def test_a_proxy_for_another_scheme_is_not_used(send: Send, plain: ScriptedServer) -> None:
    proxies = {"https": "http://127.0.0.1:1", "http": None}
    assert status(send(get(f"{plain.url}/v1/x"), proxies=proxies)) == 200


def test_a_proxy_that_is_away_is_no_connection(send: Send) -> None:
    proxies = {"http": "http://127.0.0.1:1"}
    outcome = send(get("http://stripe.invalid/v1/x"), proxies=proxies)
    assert isinstance(outcome, Failure)
    assert (outcome.phase, outcome.retryable) == (Phase.CONNECT, True)


def test_a_name_that_is_none_is_no_connection(send: Send) -> None:
    outcome = send(get("http://nobody.invalid/v1/x"))
    assert isinstance(outcome, Failure)
    assert (outcome.phase, outcome.retryable) == (Phase.CONNECT, True)


def test_redirects_are_answers(send: Send) -> None:
    server = ScriptedServer([answer(302, {}, "Location: http://127.0.0.1:1/\r\n")])
    try:
        assert status(send(get(server.url))) == 302
    finally:
        server.stop()


def test_an_answer_without_a_body_is_whole(send: Send) -> None:
    server = ScriptedServer([b"HTTP/1.1 204 No Content\r\n\r\n"])
    try:
        assert status(send(get(server.url))) == 204
    finally:
        server.stop()


def test_a_compressed_answer_is_unpacked(send: Send) -> None:
    import gzip

    body = gzip.compress(b'{"id": "cus_1"}')
    server = ScriptedServer([answer(200, body, "Content-Encoding: gzip\r\n")])
    try:
        outcome = send(get(server.url))
    finally:
        server.stop()
    assert isinstance(outcome, Response)
    assert isinstance(outcome.value, tuple)
    assert outcome.value[0] == b'{"id": "cus_1"}'


def test_a_body_that_cannot_be_unpacked_is_unread(send: Send) -> None:
    server = ScriptedServer([answer(200, b"not gzip", "Content-Encoding: gzip\r\n")])
    try:
        outcome = send(get(server.url))
    finally:
        server.stop()
    assert isinstance(outcome, Failure)
    assert outcome.phase is Phase.BODY


def test_garbage_is_no_answer(send: Send) -> None:
    server = ScriptedServer([b"\x16\x03\x01 this is not HTTP\r\n\r\n"])
    try:
        outcome = send(get(server.url))
    finally:
        server.stop()
    assert isinstance(outcome, Failure)
    assert outcome.phase is Phase.SENT


def test_what_interrupts_the_reading_is_passed_on(
    monkeypatch: pytest.MonkeyPatch, plain: ScriptedServer
) -> None:
    from holdfast.transports import sync_urllib3

    def interrupt(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(sync_urllib3, "_read", interrupt)
    with pytest.raises(KeyboardInterrupt):
        SENDS["urllib3"](get(plain.url))


def test_what_cancels_the_reading_is_passed_on() -> None:
    def begin(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n ")
        connection.recv(1)

    server = ScriptedServer([begin])

    async def main() -> None:
        transport = Httpx2Transport(Network())
        task = asyncio.create_task(transport.send(get(server.url), 30))
        await asyncio.to_thread(server.asked.wait, 30)
        await asyncio.sleep(0.02)  # the answer's head is on its way
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await transport.close()

    try:
        asyncio.run(main())
    finally:
        server.stop()


def test_a_ring_of_causes_ends() -> None:
    one, other = OSError("one"), OSError("other")
    one.__cause__, other.__cause__ = other, one
    assert certificate_failed(one) is False


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_leaves_its_parents_connections_alone() -> None:
    server = ScriptedServer([OK])
    transport = Urllib3Transport(Network())
    exchange = Exchange("GET", f"{server.url}/v1/customers/cus_1", {}, None)
    transport.send(exchange, 10)
    child = os.fork()
    if child == 0:
        os._exit(0 if isinstance(transport.send(exchange, 10), Response) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert server.connections == 2
    transport.send(exchange, 10)
    transport.close()
    assert server.connections == 2
    server.stop()
