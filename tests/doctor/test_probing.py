"""A server's health: the real sandbox, and servers and proxies that misbehave."""

import itertools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import trustme
from madeup import LIVE, SECRET
from madeup import TEST as KEY
from scripted import Answer, ScriptedServer, answer, error

from holdfast.doctor import Finding
from holdfast.doctor.probing import probe
from holdfast.sandbox import Sandbox

Serve = Callable[..., ScriptedServer]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def serve() -> Iterator[Serve]:
    started: list[ScriptedServer] = []

    def start(*script: Answer, **options: Any) -> ScriptedServer:
        started.append(ScriptedServer(list(script), **options))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def told(found: list[Finding]) -> dict[str, str]:
    return {one.check: str(one.severity) for one in found}


def message(found: list[Finding], check: str) -> str:
    return next(one.message for one in found if one.check == check)


def balance(headers: str = "") -> bytes:
    date = f"Date: {formatdate(usegmt=True)}\r\n"
    return answer(200, {"object": "balance"}, date + headers)


def test_the_sandbox_is_well_with_a_key_and_without() -> None:
    with Sandbox() as box:
        with_key = probe(box.url, KEY, deadline=10)
        without = probe(box.url, deadline=10)
        assert len(box.requests()) == 2
    for found in (with_key, without):
        assert {"error", "warning"}.isdisjoint(told(found).values())
    assert message(with_key, "server-key") == "It takes the key."
    assert message(without, "server-key") == "Without a key it answers 401, as it should."
    assert message(with_key, "server-version").startswith("API version 20")


def test_one_request_is_sent_and_no_redirect_followed(serve: Serve) -> None:
    other = serve(balance())
    moved = serve(answer(302, {}, f"Location: {other.url}/v1/balance\r\n"))
    found = probe(moved.url, KEY, deadline=10)
    assert [request[0] for request in moved.requests] == ["GET /v1/balance HTTP/1.1"]
    assert other.requests == []
    assert "where Stripe answers 200 or 401" in " ".join(one.message for one in found)


def test_the_key_is_sent_and_never_shown(serve: Serve) -> None:
    server = serve(error(401))
    found = probe(server.url, KEY, deadline=10)
    assert server.requests[0][1]["authorization"] == f"Bearer {KEY}"
    assert told(found)["server-key"] == "error"
    assert KEY not in str([one.as_dict() for one in found])


@pytest.mark.parametrize("key", [f"{KEY}\n", f"Bearer {KEY}", f"{KEY}\r\nX-Evil: 1", f"{KEY}é"])
def test_a_key_that_is_no_word_is_not_sent_and_not_shown(key: str, serve: Serve) -> None:
    server = serve(error(401))
    found = probe(server.url, key, deadline=10)
    assert "authorization" not in server.requests[0][1]
    assert told(found)["wrong-key-type"] == "error"
    assert SECRET not in str([one.as_dict() for one in found])


def test_a_live_key_goes_to_stripe_alone(serve: Serve) -> None:
    server = serve(error(401))
    found = probe(server.url, LIVE, deadline=10)
    assert "authorization" not in server.requests[0][1]
    assert [one.severity for one in found if one.check == "server-key"] == ["warning", "ok"]


def test_over_plain_http_to_another_machine_no_key_is_sent() -> None:
    sent: list[Any] = []

    def refuse(base: object, headers: object, *_: object, **__: object) -> Any:
        sent.append(headers)
        raise ConnectionRefusedError

    found = probe("http://api.example.com", KEY, deadline=10, fetching=refuse)
    assert sent == [{}]
    assert told(found) == {"server-tls": "error", "server-reachable": "error"}


def test_a_clock_that_is_off_is_told(serve: Serve) -> None:
    server = serve(balance())
    now = time.time()
    for off, severity, side in (
        (0, "ok", "agree"),
        (60, "warning", "ahead of"),
        (-60, "warning", "behind"),
        (4000, "error", "ahead of"),
    ):
        found = probe(server.url, KEY, deadline=10, clock=itertools.repeat(now + off).__next__)
        assert told(found)["clock-skew"] == severity, off
        assert side in message(found, "clock-skew")


def test_the_sandbox_tells_its_time() -> None:
    with Sandbox(hold=0) as box:
        assert told(probe(box.url, KEY, deadline=10))["clock-skew"] == "ok"
        box.clock.advance(400)
        found = probe(box.url, KEY, deadline=10)
        assert told(found)["clock-skew"] == "error"
        assert "s behind the server's" in message(found, "clock-skew")


def test_a_slow_server_is_told(serve: Serve) -> None:
    server = serve(balance())
    times = iter(range(0, 1000, 3))
    found = probe(server.url, KEY, deadline=500, timer=lambda: float(next(times)))
    assert told(found)["server-speed"] == "warning"


def test_stripped_headers_are_told(serve: Serve) -> None:
    whole = serve(balance("Stripe-Should-Retry: false\r\n"))
    found = probe(whole.url, KEY, deadline=10)
    assert message(found, "server-headers") == "Request-Id arrives; Stripe-Should-Retry, too."
    bare = b"HTTP/1.1 200 OK\r\nVia: 1.1 squid\r\nContent-Length: 2\r\n\r\n{}"
    found = probe(serve(bare).url, KEY, deadline=10)
    assert told(found)["server-headers"] == "warning"
    assert "no Request-Id; it came by '1.1 squid'" in message(found, "server-headers")
    assert told(found)["clock-skew"] == "advice"


def test_a_server_in_trouble_is_told(serve: Serve) -> None:
    found = probe(serve(error(503)).url, KEY, deadline=10)
    assert "It answered 503." in [one.message for one in found]
    found = probe(serve(error(404)).url, deadline=10)
    assert any("where Stripe answers 200 or 401" in one.message for one in found)
    found = probe(serve(balance()).url, deadline=10)
    assert told(found)["server-key"] == "warning"


def test_what_is_no_http_is_told(serve: Serve) -> None:
    found = probe(serve(b"220 smtp.example.com\r\n").url, deadline=10)
    assert message(found, "server-reachable") == "What it answers is not HTTP."


def test_nobody_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = probe(f"http://127.0.0.1:{port}", deadline=10)
    assert message(found, "server-reachable") == "Nothing listens there."
    found = probe("http://nowhere.invalid", deadline=10)
    assert told(found)["server-reachable"] == "error"


def trickle(connection: socket.socket) -> None:
    """Bytes that keep coming, and never an answer."""
    ended = threading.Event()
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not ended.wait(0.02):
            connection.sendall(b"X-More: x\r\n")
    except OSError:
        ended.set()


@pytest.mark.parametrize("script", [lambda _: time.sleep(2), trickle], ids=["silent", "trickling"])
def test_it_ends_when_its_time_is_up(script: Answer, serve: Serve) -> None:
    before = set(threading.enumerate())
    server = serve(script)
    began = time.monotonic()
    found = probe(server.url, deadline=0.2)
    assert time.monotonic() - began >= 0.2
    assert message(found, "server-reachable") == "No answer within 0.2 s."
    left = set(threading.enumerate()) - before
    assert not [one for one in left if isinstance(one, threading.Timer)]


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA, serve: Serve) -> ScriptedServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return serve(balance(), tls=context)


def test_a_certificate_that_nobody_trusts_is_told(secure: ScriptedServer) -> None:
    found = probe(secure.url, KEY, deadline=10)
    assert told(found) == {"server-tls": "error"}
    assert "TLS cannot be trusted: " in found[0].message
    assert secure.requests == []


def test_a_certificate_that_is_trusted_is_told(
    secure: ScriptedServer,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    found = probe(secure.url, KEY, deadline=10)
    assert message(found, "server-tls") == "TLSv1.3, certificate verified."
    assert message(found, "server-key") == "It takes the key."


def test_a_proxy_is_gone_through_and_its_password_not_shown(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(balance())
    monkeypatch.setenv("http_proxy", proxy.url.replace("://", "://user:hunter2@"))
    found = probe("http://stripes.test", KEY, deadline=10)
    line, headers, _ = proxy.requests[0]
    assert line == "GET http://stripes.test/v1/balance HTTP/1.1"
    assert headers["host"] == "stripes.test"
    assert headers["proxy-authorization"] == "Basic dXNlcjpodW50ZXIy"
    assert "authorization" not in headers
    assert "through the proxy 127.0.0.1" in message(found, "server-reachable")
    assert "hunter2" not in str([one.as_dict() for one in found])


def test_a_tunnel_that_is_refused_is_told(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
    monkeypatch.setenv("https_proxy", proxy.url)
    found = probe("https://stripes.test", KEY, deadline=10)
    assert proxy.requests[0][0].startswith("CONNECT stripes.test:443 ")
    assert told(found) == {"server-reachable": "error"}


@pytest.mark.parametrize(
    "url", ["api.stripe.com", "ftp://x", "http://", "http://h:99999", "http://a b", ""]
)
def test_what_is_no_address_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(ValueError, match=r"--api-base is .*: give a server's address"):
        probe(url, deadline=10)
