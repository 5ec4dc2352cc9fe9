"""Webhooks of a running sandbox: signed, retried, delivered at least once."""

import json
import logging
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
import stripe
from receiver import Receiver, receiving

from holdfast.sandbox import Sandbox, Webhook
from holdfast.sandbox.resources.objects import save
from holdfast.sandbox.state import State
from holdfast.sandbox.webhooks import Deliveries, DeliverySettings

Call = Callable[..., Any]
Start = Callable[..., Sandbox]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def listening(start: Start, receiver: Receiver) -> Sandbox:
    """A sandbox whose events all go to the receiver, tried again almost at once."""
    return start(lock_wait=0, hold=0, webhooks=[receiver.url], webhook_waits=[0.01, 0.02, 0.03])


def deliveries(box: Sandbox, state: str) -> list[Any]:
    return [each for each in box.webhooks()["deliveries"] if each["state"] == state]


def test_an_event_is_signed_as_the_official_package_wants(
    listening: Sandbox, receiver: Receiver, call: Call, until: Callable[..., None]
) -> None:
    made = call(listening, "POST", "/v1/customers", {"email": "jo@example.com"}, key="k1")
    (got,) = receiver.wait_for(1)
    secret = Webhook(receiver.url).secret
    event = stripe.Webhook.construct_event(got.body, got.headers["Stripe-Signature"], secret)
    assert event.type == "customer.created"
    assert event.data.object.id == made.json["id"]
    assert event.request.idempotency_key == "k1"
    assert event.request.id == made.headers["Request-Id"]
    assert event.pending_webhooks == 1
    assert got.headers["Content-Type"] == "application/json; charset=utf-8"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(got.body, got.headers["Stripe-Signature"], secret + "x")
    until(lambda: len(deliveries(listening, "delivered")) == 1)
    listed = call(listening, "GET", f"/v1/events/{event.id}").json
    assert listed["pending_webhooks"] == 0
    assert {**listed, "pending_webhooks": 1} == json.loads(got.body)


@pytest.mark.parametrize("status", [429, 500, 404, 302, None])
def test_what_is_not_taken_is_sent_again(
    listening: Sandbox,
    receiver: Receiver,
    call: Call,
    until: Callable[..., None],
    status: int | None,
) -> None:
    receiver.answer = lambda _delivered, before: status if before < 2 else 204
    call(listening, "POST", "/v1/customers", {})
    got = receiver.wait_for(3)
    assert len({each.event["id"] for each in got}) == 1
    until(lambda: bool(deliveries(listening, "delivered")))
    (shown,) = listening.webhooks()["deliveries"]
    assert (shown["tries"], shown["status"], shown["problem"]) == (3, 204, None)


def test_in_the_end_it_is_given_up(
    listening: Sandbox,
    receiver: Receiver,
    call: Call,
    until: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver.answer = lambda _delivered, _before: 429
    with caplog.at_level(logging.WARNING):
        call(listening, "POST", "/v1/customers", {})
        until(lambda: bool(deliveries(listening, "failed")))
    (shown,) = deliveries(listening, "failed")
    assert (shown["tries"], shown["status"]) == (4, 429)
    assert shown["problem"] == "it answered 429"
    assert len(receiver.got) == 4
    assert "customer.created" in caplog.text
    assert "whsec_" not in caplog.text
    (event,) = call(listening, "GET", "/v1/events").json["data"]
    assert event["pending_webhooks"] == 0


def test_the_waits_grow(start: Start, receiver: Receiver, call: Call) -> None:
    box = start(lock_wait=0, hold=0, webhooks=[receiver.url], webhook_waits=[0.05, 0.4])
    receiver.answer = lambda _delivered, _before: 503
    call(box, "POST", "/v1/customers", {})
    first, second, third = receiver.wait_for(3)
    assert second.at - first.at >= 0.05
    assert third.at - second.at >= 0.4


def test_a_receiver_that_is_not_there_and_one_that_says_nothing(
    start: Start, call: Call, until: Callable[..., None]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gone = socket.create_server(("127.0.0.1", 0))
        ports = [silent.getsockname()[1], gone.getsockname()[1]]
        gone.close()
        urls = [f"http://127.0.0.1:{port}/" for port in ports]
        box = start(lock_wait=0, hold=0, webhooks=urls, webhook_waits=[], webhook_timeout=0.1)
        call(box, "POST", "/v1/customers", {})
        until(lambda: len(deliveries(box, "failed")) == 2)
    problems = {each["url"]: each["problem"] for each in deliveries(box, "failed")}
    assert problems[urls[0]] == "no answer within 0.1 s"
    assert "Connect call failed" in problems[urls[1]]


def test_a_receiver_that_does_not_speak_http(
    start: Start, call: Call, until: Callable[..., None]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        box = start(lock_wait=0, hold=0, webhooks=[url], webhook_waits=[])
        call(box, "POST", "/v1/customers", {})
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            until(lambda: bool(deliveries(box, "failed")))
    assert deliveries(box, "failed")[0]["problem"] == "the receiver's answer is no HTTP"


def test_endpoints_made_by_the_api(
    start: Start, receiver: Receiver, call: Call, until: Callable[..., None]
) -> None:
    box = start(lock_wait=0, hold=0, webhook_waits=[])
    params = {"url": receiver.url, "enabled_events[]": "customer.updated"}
    made = call(box, "POST", "/v1/webhook_endpoints", params).json
    customer = call(box, "POST", "/v1/customers", {}).json["id"]
    path = f"/v1/customers/{customer}"
    call(box, "POST", path, {"name": "Jo"})
    (got,) = receiver.wait_for(1)
    assert got.event["type"] == "customer.updated"
    assert got.event["data"]["previous_attributes"] == {"name": None}
    stripe.Webhook.construct_event(got.body, got.headers["Stripe-Signature"], made["secret"])
    endpoint = f"/v1/webhook_endpoints/{made['id']}"
    assert "secret" not in call(box, "GET", endpoint).json
    assert "secret" not in call(box, "GET", "/v1/webhook_endpoints").json["data"][0]
    assert "whsec_" not in call(box, "GET", "/_sandbox/objects?kind=webhook_endpoint").body.decode()
    assert call(box, "POST", endpoint, {"disabled": "true"}).json["status"] == "disabled"
    call(box, "POST", path, {"name": "Joe"})
    call(box, "POST", endpoint, {"disabled": "false"})
    call(box, "POST", path, {"name": "Jon"})
    assert receiver.wait_for(2)[1].event["data"]["object"]["name"] == "Jon"
    assert call(box, "DELETE", endpoint).json["deleted"] is True
    call(box, "POST", path, {"name": "Jim"})
    until(lambda: len(deliveries(box, "delivered")) == 2)
    assert len(receiver.got) == 2


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"url": "ftp://127.0.0.1/", "enabled_events[]": "*"}, "url"),
        ({"url": "http://a b/", "enabled_events[]": "*"}, "url"),
        ({"url": "http://me:pass@127.0.0.1/", "enabled_events[]": "*"}, "url"),
        ({"url": "http://127.0.0.1/", "enabled_events[]": "Everything!"}, "enabled_events[0]"),
    ],
)
def test_an_endpoint_that_is_refused(
    box: Sandbox, call: Call, params: dict[str, str], param: str
) -> None:
    reply = call(box, "POST", "/v1/webhook_endpoints", params)
    assert (reply.status, reply.error["param"]) == (400, param)


def test_connected_accounts(start: Start, receiver: Receiver, call: Call) -> None:
    hooks = [Webhook(receiver.url + "/platform"), Webhook(receiver.url + "/all", connect=True)]
    box = start(lock_wait=0, hold=0, webhooks=hooks)
    call(box, "POST", "/v1/customers", {}, headers={"Stripe-Account": "acct_1"})
    call(box, "POST", "/v1/customers", {})
    got = receiver.wait_for(3)
    by_path = {
        path: [each for each in got if each.path == path]
        for path in ("/hooks/platform", "/hooks/all")
    }
    assert ["account" in each.event for each in by_path["/hooks/platform"]] == [False]
    accounts = {each.event.get("account") for each in by_path["/hooks/all"]}
    assert accounts == {None, "acct_1"}


def test_a_stop_does_not_wait_for_receivers(start: Start, call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        box = start(
            lock_wait=0,
            hold=0,
            webhooks=[f"http://127.0.0.1:{silent.getsockname()[1]}/"],
            webhook_timeout=3600,
        )
        for _ in range(20):
            call(box, "POST", "/v1/customers", {})
        connection, _ = silent.accept()
        with connection:
            box.stop()
    assert box.webhooks()["counts"]["pending"] == 20


def test_every_event_of_a_flood_comes(
    start: Start, receiver: Receiver, call: Call, until: Callable[..., None]
) -> None:
    box = start(lock_wait=0, hold=0, webhooks=[receiver.url])
    for number in range(50):
        call(box, "POST", "/v1/customers", {"name": str(number)})
    got = receiver.wait_until(lambda all_: len({each.event["id"] for each in all_}) == 50)
    names = {each.event["data"]["object"]["name"] for each in got}
    assert names == {str(number) for number in range(50)}
    until(lambda: box.webhooks()["counts"]["delivered"] == 50)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"webhooks": ["127.0.0.1:80"]}, "is no URL of a webhook"),
        ({"webhooks": [("http://127.0.0.1/")] * 2}, "give each once"),
        ({"webhook_waits": [-1]}, "webhook_waits"),
        ({"webhook_timeout": 0}, "webhook_timeout is 0"),
    ],
)
def test_options_that_are_no_good(options: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Sandbox(**options)


def test_events_that_are_no_good() -> None:
    with pytest.raises(ValueError, match="is no type of an event"):
        Webhook("http://127.0.0.1/", ("Customer Created",))
    with pytest.raises(ValueError, match="wants no events"):
        Webhook("http://127.0.0.1/", ())


def test_what_was_not_delivered_is_delivered_after_a_restart(
    tmp_path: Path, start: Start, receiver: Receiver, call: Call, until: Callable[..., None]
) -> None:
    options: dict[str, Any] = {"lock_wait": 0, "hold": 0, "store": tmp_path / "state.db"}
    first = start(**options, webhooks=[receiver.url], webhook_waits=[3600])
    receiver.answer = lambda _delivered, _before: 503
    made = call(first, "POST", "/v1/customers", {"email": "jo@example.com"}).json
    before = receiver.wait_for(1)[0].event
    first.stop()
    receiver.answer = lambda _delivered, _before: 200
    second = start(**options, webhooks=[receiver.url])
    again = receiver.wait_for(2)[1]
    assert again.event == before
    assert again.event["data"]["object"] == made
    stripe.Webhook.construct_event(
        again.body, again.headers["Stripe-Signature"], Webhook(receiver.url).secret
    )
    until(lambda: second.webhooks()["counts"]["delivered"] == 1)
    second.stop()
    third = start(**options, webhooks=[receiver.url])
    call(third, "POST", "/v1/customers", {"email": "ada@example.com"})
    receiver.wait_until(lambda got: got[-1].event["data"]["object"]["email"] == "ada@example.com")
    assert len(receiver.got) == 3


def test_a_change_that_could_not_be_stored_has_no_event(
    tmp_path: Path, start: Start, receiver: Receiver, call: Call
) -> None:
    path = tmp_path / "state.db"
    box = start(lock_wait=0, hold=0, store=path, webhooks=[receiver.url])
    with closing(sqlite3.connect(path)) as other:
        other.execute("ALTER TABLE deliveries RENAME TO elsewhere")
        assert call(box, "POST", "/v1/customers", {"name": "lost"}).status == 500
        other.execute("ALTER TABLE elsewhere RENAME TO deliveries")
    call(box, "POST", "/v1/customers", {"name": "kept"})
    assert receiver.wait_for(1)[0].event["data"]["object"]["name"] == "kept"
    assert len(call(box, "GET", "/v1/events").json["data"]) == 1


def test_too_many_are_dropped_and_shown(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    state = State(lambda: 1_750_000_000.0, Random(1))
    deliveries = Deliveries(state, "acct_sandbox", DeliverySettings(most_open=2, shown=2))
    tx = state.begin("acct_sandbox", livemode=False)
    hook = Webhook("http://127.0.0.1:9/")
    tx.put(hook.endpoint(tx.now))
    state.apply(tx)
    with caplog.at_level(logging.WARNING):
        for number in range(5):
            tx = state.begin("acct_sandbox", livemode=False)
            save(tx, "create", {"object": "customer", "id": f"cus_{number}"})
            deliveries.begin(deliveries.due("acct_sandbox", state.note(tx)))
            state.apply(tx)
    shown = deliveries.as_dict()
    assert (shown["counts"]["pending"], shown["counts"]["dropped"]) == (2, 3)
    assert len(shown["deliveries"]) == 4
    assert "more than 2 deliveries were open" in caplog.text
    deliveries.clear()
    assert deliveries.as_dict()["deliveries"] == []


def test_a_reset_forgets_deliveries_and_keeps_the_receivers(
    listening: Sandbox, receiver: Receiver, call: Call
) -> None:
    call(listening, "POST", "/v1/customers", {"name": "before"})
    receiver.wait_for(1)
    listening.reset()
    assert call(listening, "GET", "/v1/events").json["data"] == []
    assert listening.webhooks()["counts"]["pending"] == 0
    call(listening, "POST", "/v1/customers", {"name": "after"})
    got = receiver.wait_until(lambda all_: all_[-1].event["data"]["object"]["name"] == "after")
    assert len({each.event["id"] for each in got}) == 2


def test_a_failure_of_the_sandboxs_own_is_logged(
    listening: Sandbox,
    call: Call,
    until: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("holdfast.sandbox.webhooks.deliveries.post", broken)
    call(listening, "POST", "/v1/customers", {})
    until(lambda: "webhooks are not delivered any more" in caplog.text)
    assert call(listening, "POST", "/v1/customers", {}).status == 200


def test_a_stop_does_not_wait_for_a_receiver_that_says_nothing_in_tls(
    start: Start, call: Call
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        box = start(lock_wait=0, hold=0, webhooks=[url], webhook_timeout=3600)
        call(box, "POST", "/v1/customers", {})
        connection, _ = silent.accept()
        with connection:
            connection.recv(1)
            box.stop()
    assert not box.running
