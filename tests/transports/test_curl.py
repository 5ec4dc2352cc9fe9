"""What only libcurl's transports have to prove: no hidden attempts, no lost signals."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from scripted import ScriptedServer, answer, reset

from holdfast.engine import Failure, Outcome, Phase, Response
from holdfast.transports.async_curl import AsyncCurlTransport
from holdfast.transports.exchange import Exchange, Network
from holdfast.transports.sync_curl import CurlTransport

OK = answer(200, {"id": "cus_1"})
Serve = Callable[..., ScriptedServer]
SendAll = Callable[..., list[Outcome]]


def _in_turn(exchanges: list[Exchange], *, timeout: float = 10, pause: float = 0) -> list[Outcome]:
    transport = CurlTransport(Network())
    outcomes = []
    try:
        for exchange in exchanges:
            outcomes.append(transport.send(exchange, timeout))
            time.sleep(pause)
    finally:
        transport.close()
    return outcomes


def _in_turn_async(
    exchanges: list[Exchange], *, timeout: float = 10, pause: float = 0
) -> list[Outcome]:
    outcomes = []

    async def main() -> None:
        transport = AsyncCurlTransport(Network())
        try:
            for exchange in exchanges:
                outcomes.append(await transport.send(exchange, timeout))
                await asyncio.sleep(pause)
        finally:
            await transport.close()

    asyncio.run(main())
    return outcomes


@pytest.fixture(params=[_in_turn, _in_turn_async], ids=["sync", "async"])
def send_all(request: pytest.FixtureRequest) -> SendAll:
    chosen: SendAll = request.param
    return chosen


def exchange(server: ScriptedServer, method: str = "POST", body: Any = "a=1") -> Exchange:
    return Exchange(method, f"{server.url}/v1/x", {"Authorization": "Bearer x"}, body)


def body_of(outcome: Outcome) -> object:
    assert isinstance(outcome, Response), outcome
    assert isinstance(outcome.value, tuple)
    return outcome.value[0]


def slowly(end: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    def later(connection: socket.socket) -> None:
        time.sleep(0.02)  # the connection is still fine when the request is sent
        end(connection)

    return later


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("end", [socket.socket.close, reset], ids=["closed", "reset"])
def test_a_kept_connection_that_breaks_is_not_secretly_tried_again(
    serve: Serve, send_all: SendAll, method: str, end: Callable[[socket.socket], None]
) -> None:
    server = serve(OK, slowly(end), OK)
    body = "a=1" if method == "POST" else None
    first, second = send_all([exchange(server, method, body)] * 2)
    assert body_of(first) == b'{"id": "cus_1"}'
    assert isinstance(second, Failure)
    assert second.phase is Phase.SENT
    assert second.closed is True
    assert len(server.requests) == 2


def test_a_connection_that_ended_while_idle_is_not_used(serve: Serve, send_all: SendAll) -> None:
    def farewell(connection: socket.socket) -> None:
        connection.sendall(OK)
        connection.close()

    server = serve(farewell)
    outcomes = send_all([exchange(server)] * 5, pause=0.02)
    assert [type(outcome) for outcome in outcomes] == [Response] * 5
    assert server.connections == 5


def test_every_method_with_and_without_a_body_one_after_the_other(
    serve: Serve, send_all: SendAll
) -> None:
    server = serve(OK)
    wanted: list[tuple[str, str | bytes | None]] = [
        ("GET", None),
        ("POST", "a=1"),
        ("GET", None),
        ("DELETE", None),
        ("POST", None),
        ("DELETE", "b=2"),
        ("PATCH", b"\x00\xff"),
        ("PUT", None),
        ("GET", "c=3"),
        ("POST", "ä"),
    ]
    send_all([exchange(server, method, body) for method, body in wanted])
    got = [(line.split()[0], body) for line, _, body in server.requests]
    raw = [
        (method, body.encode() if isinstance(body, str) else body or b"") for method, body in wanted
    ]
    assert got == raw
    assert server.connections == 1


def test_the_head_alone(serve: Serve, send_all: SendAll) -> None:
    server = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    (outcome,) = send_all([exchange(server, "HEAD", None)])
    assert body_of(outcome) == b""


def test_headers_go_out_as_they_are(serve: Serve, send_all: SendAll) -> None:
    server = serve(OK)
    headers = {"X-Empty": "", "Content-Type": "text/x"}
    send_all([Exchange("POST", f"{server.url}/v1/../x?a=%5B", headers, "x" * 2_000_000)])
    line, got, body = server.requests[0]
    assert line == "POST /v1/../x?a=%5B HTTP/1.1"
    assert len(body) == 2_000_000
    assert got["x-empty"] == ""
    assert got["content-type"] == "text/x"
    assert "expect" not in got


def test_no_type_is_made_up(serve: Serve, send_all: SendAll) -> None:
    server = serve(OK)
    send_all([exchange(server)])
    assert "content-type" not in server.requests[0][1]


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://127.0.0.1:1/", {"X-Bad": "a\r\nX-More: b"}),
        ("http://127.0.0.1:1/", {"X-Bad": "\N{SNOWMAN}"}),
        ("http://127.0.0.1:1/\N{SNOWMAN}", {}),
    ],
    ids=["line break", "no latin letter", "address"],
)
def test_what_cannot_be_written_is_final(
    send_all: SendAll, url: str, headers: dict[str, str]
) -> None:
    (outcome,) = send_all([Exchange("GET", url, headers, None)])
    assert isinstance(outcome, Failure)
    assert (outcome.phase, outcome.retryable) == (Phase.CONNECT, False)


def test_interim_answers_and_trailers_are_not_the_answer(serve: Serve, send_all: SendAll) -> None:
    server = serve(
        b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-One: a\r\nx-one: b\r\n\r\n"
        b"2\r\n{}\r\n0\r\nX-Trailer: c\r\n\r\n"
    )
    (outcome,) = send_all([exchange(server)])
    assert body_of(outcome) == b"{}"
    assert isinstance(outcome, Response)
    assert outcome.status == 200
    assert dict(outcome.headers) == {"Transfer-Encoding": "chunked", "X-One": "a, b"}


def test_lines_that_end_in_a_line_feed_alone_are_understood(
    serve: Serve, send_all: SendAll
) -> None:
    server = serve(b"HTTP/1.1 200 OK\nContent-Length: 2\nX-One: a\n\n{}")
    (outcome,) = send_all([exchange(server)])
    assert isinstance(outcome, Response)
    assert outcome.headers["x-one"] == "a"


def test_a_broken_body_comes_with_its_head(serve: Serve, send_all: SendAll) -> None:
    def cut(connection: socket.socket) -> None:
        connection.sendall(answer(503, b"{", claim=10))
        connection.close()

    (outcome,) = send_all([exchange(serve(cut))])
    assert isinstance(outcome, Failure)
    assert outcome.phase is Phase.BODY
    assert outcome.head is not None
    assert outcome.head.status == 503
    assert outcome.head.header("request-id") == "req_503"


def test_a_timeout_is_one_in_every_phase(serve: Serve, send_all: SendAll) -> None:
    def hang(connection: socket.socket) -> None:
        connection.recv(1)

    def begin(connection: socket.socket) -> None:
        connection.sendall(OK[:-1])
        connection.recv(1)

    for script, phase in ((hang, Phase.SENT), (begin, Phase.BODY)):
        (outcome,) = send_all([exchange(serve(script))], timeout=0.1)
        assert isinstance(outcome, Failure)
        assert outcome.phase is phase
        assert outcome.timed_out is True


def test_a_connection_that_is_never_made_is_no_attempt(send_all: SendAll) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            url = f"http://127.0.0.1:{port}/"
            (outcome,) = send_all([Exchange("POST", url, {}, "a=1")], timeout=0.2)
    assert isinstance(outcome, Failure)
    # The kernel may have taken the connection for the listener that never asks for it.
    assert outcome.phase in (Phase.CONNECT, Phase.SENT)
    assert outcome.timed_out is True


def test_ctrl_c_ends_the_wait_at_once(serve: Serve) -> None:
    def hang(connection: socket.socket) -> None:
        connection.recv(1)

    server = serve(hang)
    transport = CurlTransport(Network())

    def interrupt() -> None:
        server.asked.wait(30)
        time.sleep(0.05)  # the thread waits by now
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        transport.send(exchange(server), 60)
    assert time.monotonic() - began < 30
    transport.close()


def test_a_cancelled_task_ends_its_connection_and_harms_no_other(serve: Serve) -> None:
    ended = threading.Event()

    def hang(connection: socket.socket) -> None:
        assert connection.recv(1) == b""
        ended.set()

    server = serve(hang, OK)

    async def main() -> Outcome:
        transport = AsyncCurlTransport(Network())
        task = asyncio.create_task(transport.send(exchange(server), 60))
        await asyncio.to_thread(server.asked.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(ended.wait, 30)
        try:
            return await transport.send(exchange(server), 10)
        finally:
            await transport.close()

    assert body_of(asyncio.run(main())) == b'{"id": "cus_1"}'


def test_no_more_idle_connections_are_kept_than_asked_for(serve: Serve) -> None:
    server = serve(OK)
    transport = CurlTransport(Network(connections=2))
    together = threading.Barrier(5)

    def work() -> None:
        together.wait()
        for _ in range(20):
            transport.send(exchange(server), 10)

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(transport._idle) <= 2
    transport.close()
    assert len(server.requests) == 100


def test_a_closed_transport_takes_no_connection_back(serve: Serve) -> None:
    release = threading.Event()

    def wait(connection: socket.socket) -> None:
        release.wait(30)
        connection.sendall(OK)
        connection.recv(1)

    server = serve(wait)
    transport = CurlTransport(Network())
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(transport.send(exchange(server), 30)))
    thread.start()
    server.asked.wait(30)
    transport.close()
    release.set()
    thread.join()
    assert body_of(outcomes[0]) == b'{"id": "cus_1"}'
    assert transport._idle == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_leaves_its_parents_connections_alone(serve: Serve) -> None:
    server = serve(OK)
    transport = CurlTransport(Network())
    transport.send(exchange(server), 10)
    child = os.fork()
    if child == 0:
        os._exit(0 if isinstance(transport.send(exchange(server), 10), Response) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert server.connections == 2
    transport.send(exchange(server), 10)
    transport.close()
    assert server.connections == 2


def test_loops_that_ended_are_forgotten(serve: Serve) -> None:
    server = serve(OK)
    transport = AsyncCurlTransport(Network())
    for _ in range(3):
        outcome = asyncio.run(transport.send(exchange(server), 10))
        assert isinstance(outcome, Response)
    assert len(transport._idle) == 1
