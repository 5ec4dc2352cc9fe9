"""The order of handling: of two troubles of one request, the earlier one is answered.

Authentication, limiters, the URL and the form, idempotency, validation, locks, execution.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pytest

from holdfast.sandbox import Sandbox

Call = Callable[..., Any]
CUSTOMER = {"object": "customer", "id": "cus_1"}
PATH = "/v1/customers/cus_1"
IN_USE = (
    b"POST /v1/customers/cus_1 HTTP/1.1\r\nAuthorization: Bearer sk_test_1\r\nIdempotency-Key: k"
    b"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n\r\nname=x"
)


@dataclass
class Scene:
    """A sandbox, and the request that is to be sent to it."""

    box: Sandbox
    call: Call
    stack: ExitStack
    path: str = PATH
    params: dict[str, str] = field(default_factory=lambda: {"name": "x"})
    headers: dict[str, str] = field(default_factory=dict)

    def send(self) -> Any:
        return self.call(self.box, "POST", self.path, self.params, key="k", headers=self.headers)


def bad_key(scene: Scene) -> None:
    scene.headers["Authorization"] = "Bearer pk_test_1"


def over_limit(scene: Scene) -> None:
    while scene.call(scene.box, "GET", "/v1/customers").status == 200:
        pass


def unknown_url(scene: Scene) -> None:
    scene.path = scene.path.replace("customers", "nothing")


def unreadable(scene: Scene) -> None:
    scene.headers["Content-Type"] = "text/plain"


def in_use(scene: Scene) -> None:
    scene.box.hold_lock("cus_1", 60)
    connection = socket.create_connection(("127.0.0.1", scene.box.port), timeout=30)
    scene.stack.enter_context(connection)
    connection.sendall(IN_USE)
    while not scene.box.stats()["locks_waiting"]:
        pass


def replay(scene: Scene) -> None:
    assert scene.send().status == 200


def mismatch(scene: Scene) -> None:
    first = scene.call(scene.box, "POST", PATH, {"name": "first"}, key="k")
    assert first.status == 200


def invalid(scene: Scene) -> None:
    scene.path += "?nonsense=1"


def locked(scene: Scene) -> None:
    if not scene.box.stats()["locks_held"]:
        scene.box.hold_lock("cus_1", 60)


def missing(scene: Scene) -> None:
    scene.path = scene.path.replace("cus_1", "cus_none")


def gone(scene: Scene) -> None:
    assert scene.call(scene.box, "DELETE", PATH).status == 200


@dataclass(frozen=True)
class Trouble:
    """Something wrong with a request, where it is found out, and how it is answered."""

    stage: int
    prepare: Callable[[Scene], None]
    status: int
    says: str


TROUBLES = {
    trouble.prepare.__name__: trouble
    for trouble in [
        Trouble(1, bad_key, 401, "Invalid API Key"),
        Trouble(2, over_limit, 429, '"code":"rate_limit"'),
        Trouble(3, unknown_url, 404, "Unrecognized request URL"),
        Trouble(4, unreadable, 400, "content type"),
        Trouble(5, in_use, 409, '"code":"idempotency_key_in_use"'),
        Trouble(5, replay, 200, '"name":"x"'),
        Trouble(5, mismatch, 400, '"type":"idempotency_error"'),
        Trouble(6, invalid, 400, '"code":"parameter_unknown"'),
        Trouble(7, locked, 429, '"code":"lock_timeout"'),
        Trouble(8, missing, 404, '"code":"resource_missing"'),
        Trouble(8, gone, 404, '"code":"resource_missing"'),
    ]
}
IMPOSSIBLE = {
    ("replay", "invalid"),  # the first request would have been refused, or have had other params
    ("replay", "missing"),
    ("in_use", "invalid"),
    ("in_use", "missing"),  # what is not there is not locked, so nothing would wait
    ("in_use", "gone"),
    ("locked", "missing"),
    ("locked", "gone"),
}
PREPARED = [
    "replay", "mismatch", "gone", "in_use", "locked", "bad_key", "unknown_url", "unreadable",
    "invalid", "missing", "over_limit",
]  # fmt: skip
"""In this order troubles are made, so that none stands in the way of another's making."""

PAIRS = [
    (first, second)
    for first, second in combinations(TROUBLES, 2)
    if TROUBLES[first].stage < TROUBLES[second].stage and (first, second) not in IMPOSSIBLE
]


Make = Callable[..., Scene]


@pytest.fixture
def scene(start: Callable[..., Sandbox], call: Call) -> Iterator[Make]:
    """Make the scene of a request with troubles."""
    with ExitStack() as stack:

        def make(*names: str) -> Scene:
            box = start(
                30 if "in_use" in names else 0,
                0,
                seed={"objects": [CUSTOMER]},
                limits={"global": {"rate": "9/day"}},
            )
            it = Scene(box, call, stack)
            for name in sorted(names, key=PREPARED.index):
                TROUBLES[name].prepare(it)
            return it

        yield make


def test_without_trouble_the_request_is_executed(scene: Make) -> None:
    it = scene()
    assert it.send().status == 200
    assert [row["effect"] for row in it.box.ledger()] == ["update"]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_earlier_trouble_is_answered(scene: Make, first: str, second: str) -> None:
    reply = scene(first, second).send()
    expected = TROUBLES[first]
    assert reply.status == expected.status
    assert expected.says in reply.body.decode()
    assert ("Idempotent-Replayed" in reply.headers) is (first == "replay")
    assert ("Stripe-Rate-Limited-Reason" in reply.headers) is (first == "over_limit")


@pytest.mark.parametrize("name", [one for one in TROUBLES if TROUBLES[one].stage != 5])
def test_a_refused_request_has_no_effect_and_leaves_its_key_free(scene: Make, name: str) -> None:
    it = scene(name)
    effects = len(it.box.ledger())
    reply = it.send()
    assert reply.status == TROUBLES[name].status
    assert "Idempotency-Key" not in reply.headers
    assert "Original-Request" not in reply.headers
    assert it.box.stats()["idempotency_keys"] == 0
    assert len(it.box.ledger()) == effects
