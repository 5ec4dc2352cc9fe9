"""The port: hosts, and the times in which connections are refused."""

import errno
import gc
import http.client
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Any

import pytest

from holdfast.sandbox import Sandbox

Call = Callable[..., Any]
Until = Callable[[Callable[[], bool]], None]


def is_refused(box: Sandbox) -> bool:
    with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", box.port), 30):
        return False
    return True


def test_connections_are_refused_for_a_while_and_then_served_again(
    box: Sandbox, call: Call, until: Until
) -> None:
    begin = time.monotonic()
    box.refuse_connections(0.5)
    assert is_refused(box)
    until(lambda: not is_refused(box))
    assert time.monotonic() - begin >= 0.5
    assert call(box, "POST", "/v1/customers").status == 200


def test_the_port_stays_bound_in_the_meantime(box: Sandbox) -> None:
    box.refuse_connections(30)
    with socket.socket() as other, pytest.raises(OSError) as refused:
        other.bind(("127.0.0.1", box.port))
    assert refused.value.errno == errno.EADDRINUSE


def test_a_port_that_was_taken_in_the_meantime_is_told(
    box: Sandbox, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    box.refuse_connections(0.5)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", box.port))
        other.listen()
        until(lambda: f"cannot listen on 127.0.0.1 port {box.port}" in caplog.text)


def test_a_longer_time_counts(box: Sandbox, until: Until) -> None:
    begin = time.monotonic()
    box.refuse_connections(0.6)
    box.refuse_connections(0.1)
    until(lambda: not is_refused(box))
    assert time.monotonic() - begin >= 0.6
    box.refuse_connections(0.1)
    begin = time.monotonic()
    box.refuse_connections(0.6)
    until(lambda: not is_refused(box))
    assert time.monotonic() - begin >= 0.6


def test_open_connections_end_and_running_requests_are_answered(
    start: Callable[..., Sandbox], customer: Callable[[Sandbox], str], until: Until
) -> None:
    box = start(lock_wait=30, hold=0)
    name = customer(box)
    box.hold_lock(name, 1)
    idle = http.client.HTTPConnection("127.0.0.1", box.port, timeout=30)
    busy = http.client.HTTPConnection("127.0.0.1", box.port, timeout=30)
    try:
        idle.request("GET", "/_sandbox/stats")
        idle.getresponse().read()
        auth = {"Authorization": "Bearer sk_test_1"}
        busy.request("POST", f"/v1/customers/{name}", "name=x", auth)
        until(lambda: box.stats()["locks_waiting"] == 1)
        box.refuse_connections(30)
        idle_socket = idle.sock
        assert idle_socket is not None
        assert idle_socket.recv(1) == b""
        answered = busy.getresponse()
        assert answered.status == 200
        assert answered.getheader("Connection") == "close"
        answered.read()
    finally:
        idle.close()
        busy.close()


def test_the_order_over_http_is_answered_first(box: Sandbox, call: Call, until: Until) -> None:
    content = {"fault": "refuse_connections", "seconds": 0.3}
    assert call(box, "POST", "/_sandbox/faults", content=content).status == 200
    assert is_refused(box)
    until(lambda: not is_refused(box))


def test_a_sandbox_can_stop_while_it_refuses(call: Call) -> None:
    box = Sandbox()
    for _ in range(2):
        with box:
            box.refuse_connections(60)
        with box:
            assert call(box, "POST", "/v1/customers").status == 200
    with pytest.raises(RuntimeError, match="does not run"):
        box.refuse_connections(1)


def test_a_scenario_closes_the_port(start: Callable[..., Sandbox], until: Until) -> None:
    box = start(scenario={"faults": [{"fault": "refuse_connections", "seconds": 0.3}]})
    assert is_refused(box)
    until(lambda: not is_refused(box))


def test_stopping_leaves_no_thread() -> None:
    before = threading.active_count()
    with Sandbox() as box:
        box.refuse_connections(0.01)
        time.sleep(0.05)
    assert threading.active_count() == before


def test_stopping_right_after_a_connection_leaves_nothing_open() -> None:
    for _ in range(20):
        with Sandbox() as box:
            socket.create_connection(("127.0.0.1", box.port), 30).close()
    gc.collect()  # an open socket would be a warning now, and so an error


def test_when_no_more_files_can_be_opened_it_rests_and_goes_on(
    box: Sandbox,
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    accept, failures = socket.socket.accept, [1]

    def failing(self: socket.socket) -> Any:
        if failures:
            failures.pop()
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(self)

    monkeypatch.setattr(socket.socket, "accept", failing)
    assert call(box, "GET", "/_sandbox/stats").status == 200
    assert "a connection cannot be accepted: Too many open files" in caplog.text


@pytest.mark.parametrize("host", ["", 5, None])
def test_a_host_is_a_text(host: Any) -> None:
    with pytest.raises(ValueError, match="give a name or an address"):
        Sandbox(host=host)


def test_a_host_that_does_not_exist_is_told() -> None:
    with pytest.raises(OSError, match=r"cannot listen on 192\.0\.2\.1 port 0"):
        Sandbox(host="192.0.2.1", allow_remote=True).start()


def test_the_administration_answers_under_any_name_where_that_is_allowed(
    start: Callable[..., Sandbox], call: Call
) -> None:
    foreign = {"Host": "sandbox.example.test"}
    assert call(start(), "GET", "/_sandbox/stats", headers=foreign).status == 403
    box = start(host=str(IPv4Address(0)), allow_remote=True)
    assert call(box, "GET", "/_sandbox/stats", headers=foreign).status == 200
