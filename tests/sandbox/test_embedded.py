"""The sandbox in this process: it starts fast, ends clean, and may be asked from any thread."""

import http.client
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import pytest
import stripe

from holdfast.sandbox import Fixed, LogNormal, Sampled, Sandbox

Call = Callable[..., Any]
Until = Callable[[Callable[[], bool]], None]


def test_the_official_client_talks_to_it(box: Sandbox) -> None:
    client = stripe.StripeClient("sk_test_1", base_addresses={"api": box.url})
    made = client.v1.customers.create({"email": "a@b.c", "metadata": {"plan": "gold"}})
    seen = client.v1.customers.retrieve(made.id)
    assert seen.email == "a@b.c"
    assert seen.metadata is not None
    assert seen.metadata["plan"] == "gold"
    assert made.last_response is not None
    assert made.last_response.request_id == box.ledger()[0]["request_id"]


def test_the_official_client_retries_a_lock_timeout_with_the_same_key(
    start: Callable[..., Sandbox], customer: Callable[[Sandbox], str]
) -> None:
    box = start(lock_wait=0, hold=0)
    name = customer(box)
    box.fault("POST", "/v1/customers/*", "lock_timeout")
    client = stripe.StripeClient(
        "sk_test_1", base_addresses={"api": box.url}, max_network_retries=5
    )
    client.v1.customers.update(name, {"name": "x"})
    assert box.stats()["by_fault"]["lock_timeout"] == 1
    assert [row["effect"] for row in box.ledger()] == ["create", "update"]


def test_it_starts_and_stops_in_well_under_a_second(call: Call) -> None:
    begin = time.monotonic()
    for _ in range(5):
        with Sandbox() as box:
            assert call(box, "GET", "/_sandbox/stats").status == 200
    assert time.monotonic() - begin < 5


def test_stopping_closes_idle_and_busy_connections_and_ends_the_thread(
    start: Callable[..., Sandbox], customer: Callable[[Sandbox], str], until: Until
) -> None:
    box = start(lock_wait=60, hold=60)
    name = customer(box)
    idle = http.client.HTTPConnection("127.0.0.1", box.port, timeout=30)
    busy = http.client.HTTPConnection("127.0.0.1", box.port, timeout=30)
    with socket.create_connection(("127.0.0.1", box.port), timeout=30) as silent:
        idle.request("GET", "/_sandbox/stats")
        idle.getresponse().read()
        auth = {"Authorization": "Bearer sk_test_1"}
        busy.request("POST", f"/v1/customers/{name}", "name=x", auth)
        until(lambda: box.stats()["locks_held"] == 1)
        begin = time.monotonic()
        box.stop()
        assert time.monotonic() - begin < 5
        assert silent.recv(10) == b""
        assert idle.sock.recv(10) == b""
    with pytest.raises(ConnectionError):
        busy.getresponse()
    idle.close()
    busy.close()
    assert not box.running
    assert "holdfast-sandbox" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", box.port), timeout=30)
    assert [row["effect"] for row in box.ledger()] == ["create"]


def test_stopping_twice_and_before_the_start_does_nothing() -> None:
    box = Sandbox()
    box.stop()
    box.start()
    box.stop()
    box.stop()


def test_it_can_be_started_again(call: Call) -> None:
    box = Sandbox(hold=0)
    for _ in range(2):
        with box:
            call(box, "POST", "/v1/customers")
            assert len(box.ledger()) == 1


def test_starting_twice_is_an_error(box: Sandbox) -> None:
    with pytest.raises(RuntimeError, match="runs already"):
        box.start()


def test_the_ledger_can_be_read_after_the_end(call: Call) -> None:
    with Sandbox(hold=0) as box:
        made = call(box, "POST", "/v1/customers").json
    assert [row["object_id"] for row in box.ledger()] == [made["id"]]
    assert [obj["id"] for obj in box.objects("customer")] == [made["id"]]
    assert box.stats()["requests"] == 1


def test_what_needs_it_running_says_so() -> None:
    box = Sandbox()
    for ask in (box.ledger, box.stats, lambda: box.hold_lock("cus_1", 1), lambda: box.url):
        with pytest.raises(RuntimeError, match="start"):
            ask()


def test_a_port_that_is_taken_is_told_in_the_caller(box: Sandbox) -> None:
    with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1 port {box.port}"):
        Sandbox(port=box.port).start()


def test_objects_are_copies(box: Sandbox, call: Call) -> None:
    call(box, "POST", "/v1/customers", {"metadata[a]": "b"})
    box.objects("customer")[0]["metadata"]["a"] = "changed"
    assert box.objects("customer")[0]["metadata"] == {"a": "b"}
    assert box.objects("customer", account="acct_other") == []


def test_a_lock_is_held_once_hold_lock_returns(
    start: Callable[..., Sandbox], call: Call, customer: Callable[[Sandbox], str]
) -> None:
    box = start(lock_wait=0, hold=0)
    name = customer(box)
    box.hold_lock(name, 60)
    assert call(box, "POST", f"/v1/customers/{name}", {"name": "x"}).status == 429
    assert call(box, "GET", f"/v1/customers/{name}").status == 200
    other = customer(box)
    assert call(box, "POST", f"/v1/customers/{other}", {"name": "x"}).status == 200


def test_who_waits_for_a_lock_is_told_when_the_sandbox_stops(
    start: Callable[..., Sandbox], until: Until
) -> None:
    box = start()
    box.hold_lock("cus_1", 60)
    told: list[str] = []

    def hold() -> None:
        with pytest.raises(RuntimeError, match="was stopped") as caught:
            box.hold_lock("cus_1", 60)
        told.append(str(caught.value))

    thread = threading.Thread(target=hold)
    thread.start()
    until(lambda: box.stats()["locks_waiting"] == 1)
    box.stop()
    thread.join()
    assert told == ["the sandbox was stopped"]


def test_it_can_be_asked_from_many_threads(box: Sandbox, call: Call) -> None:
    def work(number: int) -> None:
        for _ in range(10):
            call(box, "POST", "/v1/customers", {"name": str(number)})
            box.fault("GET", f"/v1/none/{number}", "error_500")
            assert len(box.ledger()) >= 1
            assert box.stats()["effects"] >= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row["seq"] for row in box.ledger()] == list(range(1, 61))


def test_holds_follow_one_another_without_gaps_or_overlap(
    start: Callable[..., Sandbox], customer: Callable[[Sandbox], str], call: Call
) -> None:
    """The ledger's times of ten writes on one object are at least a hold apart, all told."""
    box = start(lock_wait=30, hold=0.02)
    name = customer(box)
    threads = [
        threading.Thread(target=call, args=(box, "POST", f"/v1/customers/{name}", {"name": "x"}))
        for _ in range(10)
    ]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - begin >= 10 * 0.02
    assert len(box.ledger()) == 11
    assert box.stats()["lock_waits"] >= 1


def test_a_random_seed_makes_ids_repeatable(call: Call) -> None:
    made = []
    for _ in range(2):
        with Sandbox(hold=0, random_seed=11) as box:
            made.append(call(box, "POST", "/v1/customers").json["id"])
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"lock_wait": -1}, "lock_wait is -1: give seconds from 0 to 3600"),
        ({"lock_wait": "100ms"}, "lock_wait is '100ms'"),
        ({"hold": 5000}, "hold is 5000: give seconds from 0 to 3600"),
        ({"hold": "20ms"}, "hold is '20ms': give seconds from 0 to 3600, or Fixed"),
        ({"port": 70000}, "port is 70000: give a number from 0 to 65535"),
        ({"port": True}, "port is True"),
        (
            {"host": "example.test"},
            r"host is 'example\.test', which other machines could reach",
        ),
    ],
)
def test_bad_options_are_refused_by_name(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Sandbox(**options)


@pytest.mark.parametrize("hold", [0, Fixed(0.001), LogNormal(0.001, 0.5), Sampled([0.001])])
def test_every_kind_of_hold_serves(
    start: Callable[..., Sandbox], customer: Callable[[Sandbox], str], call: Call, hold: Any
) -> None:
    box = start(hold=hold)
    assert call(box, "POST", f"/v1/customers/{customer(box)}", {"name": "x"}).status == 200


def test_bad_arguments_of_the_methods_are_refused(box: Sandbox) -> None:
    with pytest.raises(ValueError, match="seconds is 0"):
        box.hold_lock("cus_1", 0)
    with pytest.raises(ValueError, match="fault is 'x'"):
        box.fault("POST", "/v1/refunds", "x")
    with pytest.raises(ValueError, match="should_retry is 1"):
        box.fault("POST", "/v1/refunds", "error_500", should_retry=cast("Any", 1))


def test_it_listens_on_ipv6_too(start: Callable[..., Sandbox]) -> None:
    try:
        box = start(host="::1")
    except OSError:
        pytest.skip("this machine has no ::1")
    assert box.url == f"http://[::1]:{box.port}"
    with socket.create_connection(("::1", box.port), timeout=30) as connection:
        connection.sendall(b"GET /_sandbox/stats HTTP/1.1\r\n\r\n")
        assert connection.recv(20).startswith(b"HTTP/1.1 200")
