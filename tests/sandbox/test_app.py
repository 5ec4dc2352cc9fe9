"""The order in which a request is handled, on an event loop whose time the test moves."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from holdfast.sandbox.app import Exchange
from holdfast.sandbox.core import Behaviour, Core
from holdfast.sandbox.errors import Declined
from holdfast.sandbox.faults import read_fault
from holdfast.sandbox.holds import Fixed
from holdfast.sandbox.http import Answer, Ending, HttpRequest
from holdfast.sandbox.resources import Match, Operation, Params, Request, Routes
from holdfast.sandbox.state import JsonObject, Transaction

AUTHORIZED = {"authorization": "Bearer sk_test_1"}


def touch(request: Request) -> JsonObject:
    """Put an object under the path's id and record it."""
    obj = {"object": "thing", "id": request.ids["thing"], "livemode": request.tx.livemode}
    request.tx.put(obj)
    request.tx.record("touch", obj)
    return obj


def break_down(request: Request) -> JsonObject:
    touch(request)
    raise ZeroDivisionError


def decline(request: Request) -> JsonObject:
    touch(request)
    raise Declined("Your card was declined.")


def read(request: Request) -> JsonObject:
    return {"object": "thing", "id": request.ids["thing"]}


def operation(name: str, execute: Callable[[Request], JsonObject], method: str) -> Operation:
    template = "/v1/things/{thing}" + name
    writes = method != "GET"
    return Operation(name or "things", method, template, Params(), execute, writes=writes)


ROUTES = Routes(
    [
        operation("", touch, "POST"),
        operation("", touch, "DELETE"),
        operation("", read, "GET"),
        operation("/break", break_down, "POST"),
        operation("/decline", decline, "POST"),
    ]
)


def own_lock(match: Match, params: dict[str, Any], tx: Transaction) -> list[str]:
    return [match.ids["thing"]] if match.operation.writes else []


class Scene:
    """A core on a fake loop, and the answers of the requests sent to it."""

    def __init__(self, loop: Any, **behaviour: Any) -> None:
        self.loop = loop
        self.core = Core(
            Behaviour(routes=ROUTES, locked_objects=own_lock, **behaviour),
            loop,
            clock=lambda: 1_700_000_000 + loop.time(),
            random_seed=1,
        )
        self.answers: list[tuple[float, Answer]] = []

    def send(self, method: str = "POST", path: str = "/v1/things/t", **headers: str) -> None:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = HttpRequest(method, path, "", {**AUTHORIZED, **names}, keep_alive=True)
        Exchange(self.core, request, self._answered).start()

    def fault(self, path: str, kind: str, **fields: Any) -> None:
        line = read_fault({"method": "POST", "path": path, "fault": kind, **fields})
        self.core.faults.add(line)

    def _answered(self, answer: Answer) -> None:
        self.answers.append((round(self.loop.time(), 6), answer))

    @property
    def last(self) -> Answer:
        return self.answers[-1][1]

    @property
    def effects(self) -> list[str]:
        return [row["effect"] for row in self.core.ledger.after()]


@pytest.fixture
def scene(loop: Any) -> Callable[..., Scene]:
    def make(hold: float = 0.02, lock_wait: float = 0.1, **behaviour: Any) -> Scene:
        return Scene(loop, hold=Fixed(hold), lock_wait=lock_wait, **behaviour)

    return make


def test_a_write_holds_its_lock_then_executes_then_answers(
    loop: Any, scene: Callable[..., Scene]
) -> None:
    it = scene()
    it.send()
    it.send()
    assert it.answers == []
    assert it.effects == []
    loop.run_until(0.03)
    assert it.effects == ["touch"]
    loop.run_until(1)
    assert [(at, answer.status) for at, answer in it.answers] == [(0.02, 200), (0.04, 200)]


def test_only_as_many_as_fit_into_the_wait_get_the_lock(
    loop: Any, scene: Callable[..., Scene]
) -> None:
    it = scene(hold=0.04, lock_wait=0.1)
    for _ in range(6):
        it.send()
    loop.run_until(1)
    assert [answer.status for _, answer in it.answers] == [200, 200, 429, 429, 429, 200]
    assert it.effects == ["touch"] * 3
    assert it.core.stats_as_dict()["lock_timeouts"] == 3


def test_a_lock_timeout_is_answered_as_stripe_does(scene: Callable[..., Scene]) -> None:
    it = scene(hold=1, lock_wait=0)
    it.send()
    it.send()
    assert it.last.status == 429
    assert b'"code":"lock_timeout"' in it.last.body
    assert it.last.headers["Stripe-Should-Retry"] == "true"
    assert "Request-Id" not in it.last.headers
    assert "Stripe-Rate-Limited-Reason" not in it.last.headers


def test_the_should_retry_header_can_be_left_out(scene: Callable[..., Scene]) -> None:
    it = scene(hold=1, lock_wait=0, should_retry_header=False)
    it.send()
    it.send()
    assert it.last.status == 429
    assert "Stripe-Should-Retry" not in it.last.headers


def test_a_queue_of_any_length_behind_one_holder_is_served_without_holds(
    loop: Any, scene: Callable[..., Scene]
) -> None:
    it = scene(hold=0, lock_wait=10)
    it.core.hold_from_outside("acct_sandbox", "t", 1.0, lambda: None)
    for _ in range(1500):
        it.send()
    loop.run_until(1.0)
    assert len(it.effects) == 1500
    assert len(it.core.locks) == 0


def test_a_bug_in_an_operation_is_a_500_that_changes_nothing(
    loop: Any, scene: Callable[..., Scene], caplog: pytest.LogCaptureFixture
) -> None:
    it = scene()
    with caplog.at_level(logging.ERROR, "holdfast.sandbox"):
        it.send(path="/v1/things/t/break", idempotency_key="k")
        loop.run_until(1)
    assert it.last.status == 500
    assert b'"type":"api_error"' in it.last.body
    assert it.effects == []
    assert it.core.state.count() == 0
    assert len(it.core.locks) == 0
    assert "ZeroDivisionError" in caplog.text
    caplog.clear()
    it.send(path="/v1/things/t/break", idempotency_key="k")
    assert it.last.status == 500
    assert it.last.headers["Idempotent-Replayed"] == "true"
    assert caplog.text == ""


def test_a_decline_keeps_what_it_changed_and_is_replayed(
    loop: Any, scene: Callable[..., Scene]
) -> None:
    it = scene()
    it.send(path="/v1/things/t/decline", idempotency_key="k")
    loop.run_until(1)
    assert it.last.status == 402
    assert it.effects == ["touch"]
    it.send(path="/v1/things/t/decline", idempotency_key="k")
    assert it.last.status == 402
    assert it.last.headers["Idempotent-Replayed"] == "true"
    assert it.effects == ["touch"]


def test_a_key_is_in_use_while_its_request_waits_and_while_it_holds(
    loop: Any, scene: Callable[..., Scene]
) -> None:
    it = scene(hold=0.02, lock_wait=0.1)
    it.send()
    it.send(idempotency_key="k")
    for moment, in_use in [(0.01, True), (0.03, True), (0.05, False)]:
        loop.run_until(moment)
        it.send(idempotency_key="k")
        assert (it.last.status == 409) is in_use
    assert it.last.headers["Idempotent-Replayed"] == "true"
    assert it.effects == ["touch"] * 2


def test_a_lock_timeout_leaves_the_key_free(loop: Any, scene: Callable[..., Scene]) -> None:
    it = scene(hold=1, lock_wait=0.1)
    it.send()
    it.send(idempotency_key="k")
    loop.run_until(0.5)
    assert it.last.status == 429
    assert "Idempotency-Key" not in it.last.headers
    loop.run_until(1.5)
    it.send(idempotency_key="k")
    loop.run_until(3)
    assert it.last.status == 200
    assert "Idempotent-Replayed" not in it.last.headers
    assert it.effects == ["touch"] * 2


def test_reads_neither_wait_nor_lock(scene: Callable[..., Scene]) -> None:
    it = scene(hold=1)
    it.send()
    it.send("GET")
    it.send("HEAD")
    assert [answer.status for _, answer in it.answers] == [200, 200]


def test_a_delete_locks_and_pays_no_heed_to_keys(loop: Any, scene: Callable[..., Scene]) -> None:
    it = scene()
    it.send("DELETE", idempotency_key="k")
    it.send("DELETE", idempotency_key="k")
    loop.run_until(1)
    assert [(at, answer.status) for at, answer in it.answers] == [(0.02, 200), (0.04, 200)]
    assert next(it.core.ledger.after())["idempotency_key"] is None
    assert "Stripe-Should-Retry" not in it.last.headers


@pytest.mark.parametrize(
    ("authorization", "live"),
    [
        ("Bearer sk_test_x", False),
        ("bearer rk_live_x", True),
        ("Basic c2tfbGl2ZV94Og==", True),  # sk_live_x:
    ],
)
def test_secret_and_restricted_keys_are_let_in(
    scene: Callable[..., Scene], authorization: str, live: bool
) -> None:
    it = scene(hold=0)
    it.send(authorization=authorization)
    assert it.last.status == 200
    assert (b'"livemode":true' in it.last.body) is live


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer pk_test_1234567890", "Digest sk_test_1", "Basic ***", "Basic YTpi"],
)
def test_other_keys_are_refused_before_anything_else(
    scene: Callable[..., Scene], authorization: str
) -> None:
    it = scene(hold=0)
    it.fault("/v1/things/t", "reset_before")
    it.send(authorization=authorization)
    assert it.last.status == 401
    assert it.core.faults
    assert it.effects == []


def test_a_refused_key_is_not_echoed(scene: Callable[..., Scene]) -> None:
    it = scene()
    it.send(authorization="Bearer pk_live_51secretsecretsecret1234")
    assert it.last.status == 401
    assert b"secret" not in it.last.body


def test_a_fault_comes_before_the_route_and_the_key(scene: Callable[..., Scene]) -> None:
    it = scene(hold=0)
    it.send(idempotency_key="k")
    it.fault("/v1/*/t", "rate_limit")
    it.send(idempotency_key="k")
    assert it.last.status == 429
    assert it.last.headers["Stripe-Rate-Limited-Reason"] == "global-rate"
    it.send(idempotency_key="k")
    assert it.last.headers["Idempotent-Replayed"] == "true"


def test_an_answer_is_spoilt_only_after_execution(scene: Callable[..., Scene]) -> None:
    it = scene(hold=0)
    it.fault("/v1/things/t", "reset_after")
    it.send()
    assert it.last.ending is Ending.RESET
    assert it.effects == ["touch"]


def test_latency_delays_the_whole_request(loop: Any, scene: Callable[..., Scene]) -> None:
    it = scene(hold=0)
    it.fault("/v1/things/t", "latency", seconds=0.5)
    it.send()
    loop.run_until(0.4)
    assert it.answers == []
    loop.run_until(0.6)
    assert [(at, answer.status) for at, answer in it.answers] == [(0.5, 200)]


def test_an_unknown_url_is_a_404(scene: Callable[..., Scene]) -> None:
    it = scene()
    it.send(path="/v1/nothing")
    assert it.last.status == 404
    assert b"Unrecognized request URL (POST: /v1/nothing)" in it.last.body


def test_answers_carry_an_id_and_the_version(scene: Callable[..., Scene]) -> None:
    it = scene(hold=0)
    it.send(stripe_version="2020-08-27")
    assert it.last.headers["Stripe-Version"] == "2020-08-27"
    assert len(it.last.headers["Request-Id"]) == len("req_") + 14
    assert it.last.headers["Stripe-Should-Retry"] == "false"
    row = next(it.core.ledger.after())
    assert row["request_id"] == it.last.headers["Request-Id"]
    assert row["at"] == 1_700_000_000
