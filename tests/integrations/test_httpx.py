"""The transports for httpx and httpx2: the real libraries against servers that misbehave."""

import asyncio
import gzip
import io
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

import httpx
import httpx2
import pytest
import trustme
from scripted import Answer, ScriptedServer, answer, error, reset, truncated

import holdfast
import holdfast.integrations.httpx
import holdfast.integrations.httpx2
from holdfast import Backoff, Policy, StopReason, observe
from holdfast.lanes import MemoryLanes
from holdfast.sandbox import Sandbox

QUICK = Backoff(0.001, 0.002)
POLICY = Policy(backoff=QUICK, locked_backoff=QUICK, idempotency_keys="unsafe")
OK = answer(200, {"id": "cus_1"})
JSON = {"Content-Type": "application/json"}

Serve = Callable[..., ScriptedServer]
LIBRARIES: list[tuple[Any, ModuleType]] = [
    (httpx, holdfast.integrations.httpx),
    (httpx2, holdfast.integrations.httpx2),
]


class Caller:
    """Makes requests through one of the libraries, sync or async."""

    def __init__(self, library: Any, module: Any, mode: str) -> None:
        self.library = library
        self.module = module
        self.mode = mode

    def send(self, method: str, url: str, policy: Policy = POLICY, **options: Any) -> Any:
        """Send a request and read its answer."""
        setup = {key: options.pop(key) for key in ("lanes", "on_event") if key in options}
        transport = self._transport(policy, setup)
        if self.mode == "sync":
            with self.library.Client(transport=transport) as client:
                return self._noted(lambda: client.request(method, url, **options))
        return asyncio.run(self._send_async(transport, method, url, options))

    def read_stream(self, url: str, **options: Any) -> tuple[bool, bytes]:
        """Ask for an answer's body piece by piece; tell whether it was in memory already."""
        transport = self._transport(POLICY, {})
        if self.mode == "sync":
            with (
                self.library.Client(transport=transport) as client,
                client.stream("GET", url, **options) as response,
            ):
                whole = isinstance(response.stream._stream, self.library.ByteStream)
                return whole, b"".join(response.iter_bytes())
        return asyncio.run(self._read_stream_async(transport, url, options))

    def body(self, *chunks: bytes) -> Iterator[bytes] | AsyncIterator[bytes]:
        """A body that can be read only once."""

        async def once_async() -> AsyncIterator[bytes]:
            for chunk in chunks:
                yield chunk

        return iter(list(chunks)) if self.mode == "sync" else once_async()

    def classes(self) -> list[str]:
        assert self.receipt is not None
        return [str(fault) for fault in self.receipt.fault_classes]

    def _transport(self, policy: Policy, setup: Any) -> Any:
        if self.mode == "sync":
            return self.module.HoldfastTransport(policy, **setup)
        return self.module.AsyncHoldfastTransport(policy, **setup)

    def _noted(self, send: Callable[[], Any]) -> Any:
        try:
            return send()
        finally:
            self.receipt = holdfast.last_receipt()

    async def _send_async(self, transport: Any, method: str, url: str, options: Any) -> Any:
        async with self.library.AsyncClient(transport=transport) as client:
            try:
                return await client.request(method, url, **options)
            finally:
                self.receipt = holdfast.last_receipt()

    async def _read_stream_async(
        self, transport: Any, url: str, options: Any
    ) -> tuple[bool, bytes]:
        async with (
            self.library.AsyncClient(transport=transport) as client,
            client.stream("GET", url, **options) as response,
        ):
            whole = isinstance(response.stream._stream, self.library.ByteStream)
            return whole, b"".join([chunk async for chunk in response.aiter_bytes()])


@pytest.fixture(
    params=[(*pair, mode) for pair in LIBRARIES for mode in ("sync", "async")],
    ids=["httpx-sync", "httpx-async", "httpx2-sync", "httpx2-async"],
)
def caller(request: pytest.FixtureRequest) -> Caller:
    return Caller(*request.param)


def test_a_success_is_the_librarys_own_answer(serve: Serve, caller: Caller) -> None:
    server = serve(OK)
    response = caller.send("POST", f"{server.url}/v1/customers", data={"name": "Ada"})
    assert type(response) is caller.library.Response
    assert response.json() == {"id": "cus_1"}
    assert response.elapsed.total_seconds() > 0
    assert server.requests[0][2] == b"name=Ada"
    assert caller.classes() == ["ok"]


@pytest.mark.parametrize(
    "fault",
    [error(429, "lock_timeout"), error(500), reset, truncated],
    ids=["locked", "500", "reset", "body"],
)
def test_what_goes_away_is_tried_again_with_one_key(
    serve: Serve, caller: Caller, fault: Answer
) -> None:
    server = serve(fault, OK)
    response = caller.send("POST", f"{server.url}/v1/customers", data={"name": "Ada"})
    assert response.status_code == 200
    assert len(caller.classes()) == 2
    assert len(set(server.keys)) == 1
    assert server.keys[0]
    assert [body for _, _, body in server.requests] == [b"name=Ada"] * 2


def test_the_last_answer_is_handed_on_whole(serve: Serve, caller: Caller) -> None:
    server = serve(error(500))
    response = caller.send("GET", server.url)
    assert response.status_code == 500
    assert response.json()["error"]["message"] == "no"
    assert caller.classes() == ["server_error"] * 4


def test_the_last_failure_is_the_librarys_own_with_a_note(serve: Serve, caller: Caller) -> None:
    server = serve(reset)
    with pytest.raises(caller.library.TransportError) as caught:
        caller.send("GET", server.url)
    assert caller.receipt is not None
    assert caught.value.__notes__ == [f"Holdfast: {caller.receipt.sentence()}"]
    assert caught.value.request.url == server.url


def test_without_the_option_nothing_gets_a_key_and_nothing_unsafe_is_repeated(
    serve: Serve, caller: Caller
) -> None:
    server = serve(reset, OK)
    with pytest.raises(caller.library.TransportError):
        caller.send("POST", server.url, Policy(backoff=QUICK))
    assert server.keys == [None]
    assert caller.receipt is not None
    assert caller.receipt.stop is StopReason.NOT_IDEMPOTENT


@pytest.mark.parametrize(
    ("method", "given", "has"),
    [
        ("POST", {}, True),
        ("PATCH", {}, True),
        ("PUT", {}, False),
        ("GET", {}, False),
        ("DELETE", {}, False),
        ("POST", {"idempotency-key": "mine"}, True),
    ],
)
def test_which_requests_are_given_a_key(
    serve: Serve, caller: Caller, method: str, given: dict[str, str], has: bool
) -> None:
    server = serve(OK)
    caller.send(method, server.url, headers=given)
    assert (server.keys[0] is not None) is has
    if given:
        assert server.keys == ["mine"]


def test_a_body_that_can_be_read_once_is_never_sent_twice(serve: Serve, caller: Caller) -> None:
    server = serve(error(500), OK)
    headers = {"Content-Length": "6"}
    response = caller.send("POST", server.url, content=caller.body(b"one", b"two"), headers=headers)
    assert response.status_code == 500
    assert [body for _, _, body in server.requests] == [b"onetwo"]
    assert caller.receipt is not None
    assert caller.receipt.stop is StopReason.NOT_RETRYABLE


def test_a_body_that_was_not_touched_can_still_be_sent(caller: Caller) -> None:
    server = ScriptedServer([OK])
    url = server.url
    server.stop()
    with pytest.raises(caller.library.ConnectError):
        caller.send("POST", url, content=caller.body(b"one"), headers={"Content-Length": "3"})
    assert caller.classes() == ["unreachable"] * 4


def test_files_that_can_be_rewound_are_sent_again(serve: Serve, caller: Caller) -> None:
    server = serve(error(500), OK)
    files = {"file": ("a.txt", io.BytesIO(b"contents"))}
    assert caller.send("POST", server.url, files=files).status_code == 200
    first, second = (body for _, _, body in server.requests)
    assert b"contents" in first
    assert first == second


def test_files_that_cannot_are_not(serve: Serve, caller: Caller) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    server = serve(error(500), OK)
    files = {"file": ("a.txt", Pipe(b"contents"))}
    assert caller.send("POST", server.url, files=files).status_code == 500
    assert len(server.requests) == 1


def test_a_compressed_answer_stays_one(serve: Serve, caller: Caller) -> None:
    packed = gzip.compress(b'{"id": "cus_1"}')
    server = serve(
        answer(200, b"not gzip", "Content-Encoding: gzip\r\n"),
        answer(200, packed, "Content-Encoding: gzip\r\n"),
    )
    response = caller.send("GET", server.url)
    assert response.json() == {"id": "cus_1"}
    assert response.headers["content-encoding"] == "gzip"
    assert caller.classes() == ["interrupted", "ok"]


def plain(body: bytes, kind: str, length: bool = True) -> Answer:
    """An answer of some type, with or without its length."""

    def send(connection: socket.socket) -> None:
        announced = f"Content-Length: {len(body)}\r\n" if length else ""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{announced}Connection: close\r\n\r\n"
        connection.sendall(head.encode() + body)
        connection.close()

    return send


@pytest.mark.parametrize(
    ("kind", "size", "length", "extensions", "whole"),
    [
        ("application/json", 2_000_000, True, {}, True),
        ("application/problem+json; charset=utf-8", 10, False, {}, True),
        ("text/csv", 10, True, {}, True),
        ("text/csv", 10, False, {}, False),
        ("application/octet-stream", 2_000_000, True, {}, False),
        ("text/event-stream", 10, False, {}, False),
        ("application/json", 10, True, {"holdfast_stream": True}, False),
    ],
)
def test_which_answers_are_handed_on_unread(
    serve: Serve,
    caller: Caller,
    kind: str,
    size: int,
    length: bool,
    extensions: Any,
    whole: bool,
) -> None:
    server = serve(plain(b"x" * size, kind, length))
    assert caller.read_stream(server.url, extensions=extensions) == (whole, b"x" * size)


def test_an_answer_that_dribbles_in_is_cut_to_the_attempts_time(
    serve: Serve, caller: Caller
) -> None:
    def dribble(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b" ")
            time.sleep(0.02)

    policy = Policy(backoff=QUICK, attempt_timeout=0.5)
    assert caller.send("GET", serve(dribble, OK).url, policy).status_code == 200
    assert caller.classes() == ["interrupted", "ok"]


def test_no_answer_is_cut_to_the_attempts_time_or_the_clients(serve: Serve, caller: Caller) -> None:
    def hang(connection: socket.socket) -> None:
        connection.recv(1)

    policy = Policy(backoff=QUICK, attempt_timeout=0.4)
    caller.send("GET", serve(hang, OK).url, policy, timeout=60)
    assert caller.classes() == ["interrupted", "ok"]
    caller.send("GET", serve(hang, OK).url, timeout=0.4)
    assert caller.classes() == ["interrupted", "ok"]


def test_a_certificate_of_a_stranger_is_final(caller: Caller) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = ScriptedServer([OK], tls=context)
    try:
        with pytest.raises(caller.library.ConnectError):
            caller.send("GET", server.url)
    finally:
        server.stop()
    assert caller.receipt is not None
    assert caller.receipt.stop is StopReason.NOT_RETRYABLE


def test_writes_to_an_object_wait_in_its_lane(serve: Serve, caller: Caller) -> None:
    lanes = MemoryLanes()
    lanes.enter(["127.0.0.1/cus_1"])
    server = serve(OK)
    policy = Policy(deadline=0.05)
    with pytest.raises(caller.library.PoolTimeout, match="was not sent: its deadline") as caught:
        caller.send("POST", f"{server.url}/v1/customers/cus_1", policy, lanes=lanes)
    assert isinstance(caught.value.__cause__, holdfast.DeadlineExceeded)
    assert caught.value.__notes__
    body = json.dumps({"customer": "cus_1"})
    with pytest.raises(caller.library.PoolTimeout):
        caller.send("POST", f"{server.url}/v1/x", policy, lanes=lanes, content=body, headers=JSON)
    assert server.requests == []
    # At another host the same id is another object.
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    assert caller.send("POST", f"{elsewhere}/v1/customers/cus_1", lanes=lanes)


def test_events_reach_the_subscriber(serve: Serve, caller: Caller) -> None:
    seen: list[object] = []
    caller.send("GET", serve(error(500), OK).url, on_event=seen.append)
    assert observe.flush()
    names = [type(event).__name__ for event in seen]
    assert names.count("AttemptEnded") == 2
    assert names[-1] == "CallEnded"


def test_connections_are_used_again(serve: Serve, caller: Caller) -> None:
    server = serve(error(500), error(500), OK)
    caller.send("GET", server.url)
    assert len(server.requests) == 3
    assert server.connections == 1


def test_a_transport_of_ones_own(caller: Caller) -> None:
    answers = [500, 200]

    def say(request: Any) -> Any:
        return caller.library.Response(answers.pop(0), json={})

    inner = caller.library.MockTransport(say)
    if caller.mode == "sync":
        transport = caller.module.HoldfastTransport(POLICY, transport=inner)
        with caller.library.Client(transport=transport) as client:
            assert client.get("http://x.invalid/").status_code == 200
        return

    async def main() -> int:
        transport = caller.module.AsyncHoldfastTransport(POLICY, transport=inner)
        async with caller.library.AsyncClient(transport=transport) as client:
            status: int = (await client.get("http://x.invalid/")).status_code
            return status

    assert asyncio.run(main()) == 200


def test_a_lost_answer_lands_once_on_the_sandbox(caller: Caller) -> None:
    headers = {"Authorization": "Bearer sk_test_httpx"}
    with Sandbox(hold=0.001) as box:
        box.fault("POST", "/v1/customers", "reset_after")
        url = f"{box.url}/v1/customers"
        response = caller.send("POST", url, data={"name": "Ada"}, headers=headers)
        created = [row["object_id"] for row in box.ledger() if row["effect"] == "create"]
    assert response.headers["Idempotent-Replayed"] == "true"
    assert created == [response.json()["id"]]
    assert caller.classes() == ["interrupted", "ok"]
