"""The adapter for requests: the real library against servers that misbehave."""

import io
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import trustme
import urllib3
from scripted import Answer, ScriptedServer, answer, error, reset, truncated

import holdfast
from holdfast import Backoff, Policy, StopReason, observe
from holdfast.integrations.requests import HoldfastAdapter
from holdfast.lanes import MemoryLanes
from holdfast.sandbox import Sandbox

QUICK = Backoff(0.001, 0.002)
POLICY = Policy(backoff=QUICK, locked_backoff=QUICK, idempotency_keys="unsafe")
OK = answer(200, {"id": "cus_1"})

Serve = Callable[..., ScriptedServer]
Send = Callable[..., requests.Response]


@pytest.fixture
def send() -> Iterator[Send]:
    """Send a request through a session whose adapter is Holdfast's."""
    sessions = []

    def request(
        method: str, url: str, policy: Policy = POLICY, setup: Any = None, **options: Any
    ) -> requests.Response:
        sessions.append(requests.Session())
        for scheme in ("http://", "https://"):
            sessions[-1].mount(scheme, HoldfastAdapter(policy, **(setup or {})))
        return sessions[-1].request(method, url, **options)

    yield request
    for session in sessions:
        session.close()


def receipt() -> holdfast.Receipt:
    made = holdfast.last_receipt()
    assert made is not None
    return made


def classes() -> list[str]:
    return [str(fault) for fault in receipt().fault_classes]


@pytest.mark.parametrize(
    "fault",
    [error(429, "lock_timeout"), error(500), reset, truncated],
    ids=["locked", "500", "reset", "body"],
)
def test_what_goes_away_is_tried_again_with_one_key(
    serve: Serve, send: Send, fault: Answer
) -> None:
    server = serve(fault, OK)
    response = send("POST", f"{server.url}/v1/customers", data={"name": "Ada"})
    assert response.json() == {"id": "cus_1"}
    assert len(classes()) == 2
    assert len(set(server.keys)) == 1
    assert server.keys[0]
    assert [body for _, _, body in server.requests] == [b"name=Ada"] * 2


def test_the_last_answer_is_handed_on_whole(serve: Serve, send: Send) -> None:
    server = serve(error(500))
    response = send("GET", server.url, stream=True)
    assert b"".join(response.iter_content(10)) == response.content
    assert response.json()["error"]["message"] == "no"
    assert classes() == ["server_error"] * 4
    assert server.connections == 1


def test_the_last_failure_is_the_librarys_own_with_a_note(serve: Serve, send: Send) -> None:
    with pytest.raises(requests.ConnectionError) as caught:
        send("GET", serve(reset).url)
    assert caught.value.__notes__ == [f"Holdfast: {receipt().sentence()}"]


def test_nobody_listening_is_unreachable(send: Send) -> None:
    server = ScriptedServer([OK])
    url = server.url
    server.stop()
    with pytest.raises(requests.ConnectionError):
        send("POST", url, data=iter([b"one"]))
    assert classes() == ["unreachable"] * 4


def test_without_the_option_nothing_unsafe_is_repeated(serve: Serve, send: Send) -> None:
    server = serve(reset, OK)
    with pytest.raises(requests.ConnectionError):
        send("POST", server.url, Policy(backoff=QUICK))
    assert server.keys == [None]
    assert receipt().stop is StopReason.NOT_IDEMPOTENT


def test_a_file_is_sent_again_from_where_it_stood(serve: Serve, send: Send) -> None:
    server = serve(error(500), OK)
    file = io.BytesIO(b"skipped contents")
    file.seek(8)
    assert send("POST", server.url, data=file).status_code == 200
    assert [body for _, _, body in server.requests] == [b"contents"] * 2


def test_a_body_that_can_be_read_once_is_never_sent_twice(serve: Serve, send: Send) -> None:
    class Once:
        def __iter__(self) -> Iterator[bytes]:
            yield b"contents"

        def __len__(self) -> int:
            return 8

    server = serve(error(500), OK)
    assert send("POST", server.url, data=Once()).status_code == 500
    assert [body for _, _, body in server.requests] == [b"contents"]
    assert receipt().stop is StopReason.NOT_RETRYABLE


def test_a_streamed_success_is_handed_on_unread(serve: Serve, send: Send) -> None:
    response = send("GET", serve(answer(200, b"x" * 100_000)).url, stream=True)
    assert response.raw.read(10) == b"x" * 10
    response.close()


def test_cookies_and_redirects_are_the_sessions(serve: Serve, send: Send) -> None:
    server = serve(answer(302, {}, "Location: /there\r\nSet-Cookie: a=b\r\n"), error(500), OK)
    response = send("GET", server.url)
    assert [line.split()[1] for line, _, _ in server.requests] == ["/", "/there", "/there"]
    assert server.requests[2][1]["cookie"] == "a=b"
    assert len(response.history) == 1


def test_an_answer_that_dribbles_in_is_cut_to_the_attempts_time(serve: Serve, send: Send) -> None:
    def dribble(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b" ")
            time.sleep(0.02)

    policy = Policy(backoff=QUICK, attempt_timeout=0.5)
    assert send("GET", serve(dribble, OK).url, policy).status_code == 200
    assert classes() == ["interrupted", "ok"]


@pytest.mark.parametrize(
    "timeout",
    [60, (60, None), (60, 0.4), None, urllib3.Timeout(60), urllib3.Timeout(connect=60, read=60)],
)
def test_no_answer_is_cut_to_the_shorter_time(serve: Serve, send: Send, timeout: Any) -> None:
    def hang(connection: socket.socket) -> None:
        connection.recv(1)

    policy = Policy(backoff=QUICK, attempt_timeout=60 if timeout == (60, 0.4) else 0.4)
    assert send("GET", serve(hang, OK).url, policy, timeout=timeout).status_code == 200
    assert classes() == ["interrupted", "ok"]


def test_a_certificate_of_a_stranger_is_final(send: Send) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = ScriptedServer([OK], tls=context)
    try:
        with pytest.raises(requests.exceptions.SSLError):
            send("GET", server.url)
    finally:
        server.stop()
    assert receipt().stop is StopReason.NOT_RETRYABLE


def test_writes_to_an_object_wait_in_its_lane(serve: Serve, send: Send) -> None:
    lanes = MemoryLanes()
    lanes.enter(["127.0.0.1/cus_1"])
    url = f"{serve(OK).url}/v1/customers/cus_1"
    with pytest.raises(requests.ConnectTimeout, match="was not sent: its deadline") as caught:
        send("POST", url, Policy(deadline=0.05), {"lanes": lanes})
    assert isinstance(caught.value.__cause__, holdfast.DeadlineExceeded)


def test_events_reach_the_subscriber(serve: Serve, send: Send) -> None:
    seen: list[object] = []
    send("GET", serve(OK).url, setup={"on_event": seen.append})
    assert observe.flush()
    assert [type(event).__name__ for event in seen][-1] == "CallEnded"


def test_the_librarys_own_retries_have_no_place() -> None:
    with pytest.raises(TypeError, match="max_retries is the policy's"):
        HoldfastAdapter(max_retries=3)


def test_a_lost_answer_lands_once_on_the_sandbox(send: Send) -> None:
    headers = {"Authorization": "Bearer sk_test_requests"}
    with Sandbox(hold=0.001) as box:
        box.fault("POST", "/v1/customers", "reset_after")
        url = f"{box.url}/v1/customers"
        response = send("POST", url, data={"name": "Ada"}, headers=headers)
        created = [row["object_id"] for row in box.ledger() if row["effect"] == "create"]
    assert response.headers["Idempotent-Replayed"] == "true"
    assert created == [response.json()["id"]]


def test_headers_may_be_bytes(serve: Serve, send: Send) -> None:
    headers = {
        "Authorization": b"Bearer sk_test_1",
        "Content-Type": b"application/x-www-form-urlencoded",
        "Idempotency-Key": b"key-1",
    }
    policy = Policy(rate_limit="stripe")
    server = serve(OK)
    url = f"{server.url}/v1/customers/cus_1"
    assert send("POST", url, policy, headers=headers, data="name=Ada").status_code == 200
    as_bytes = receipt().key_fingerprint
    send("POST", url, policy, headers={"Idempotency-Key": "key-1"}, data="name=Ada")
    assert as_bytes == receipt().key_fingerprint
