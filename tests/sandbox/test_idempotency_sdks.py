"""Idempotency keys of both versions of the API: every case, through both official packages."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from sdks.clients import SDKS, TIMEOUT, Call, Sdk, Seen

from holdfast.sandbox import Sandbox
from holdfast.sandbox.resources import customers, event_destinations

if TYPE_CHECKING:
    from concurrent.futures import Future

DAY = 24 * 3600.0
CREATE, UPDATE, DELETE = "customers.create", "customers.update", "customers.delete"
V2_CREATE, V2_UPDATE, V2_DELETE = (
    f"destinations.{verb}" for verb in ("create", "update", "delete")
)
DECLINED = {
    "amount": 500,
    "currency": "usd",
    "payment_method": "pm_card_chargeDeclined",
    "confirm": True,
    "return_url": "https://example.com",
}
UNCONFIRMABLE = {"amount": 500, "currency": "usd"}


@dataclass
class Scene:
    """A sandbox, a package that talks to it, and what came of its calls so far."""

    box: Sandbox
    sdk: Sdk
    stack: ExitStack
    seen: list[Seen] = field(default_factory=list)
    pending: list[tuple["Send", "Future[Seen]"]] = field(default_factory=list)

    def begin(self, call: Call) -> "Future[Seen]":
        return self.sdk.begin(self.box.port, call)

    @property
    def first_id(self) -> str:
        """The id of the object that the first call made."""
        made: str = self.seen[0].body["id"]
        return made


class Step(Protocol):
    """One line of a case."""

    def __call__(self, scene: Scene) -> None: ...


@dataclass(frozen=True)
class Send:
    """Make a call, and look at its answer.

    Attributes:
        call: the operation.
        name: what it sends as the name; None sends none.
        key: the idempotency key.
        status: that it answers with.
        shows: the name in the answer.
        code: of the error.
        kind: of the error, as the package names it.
        says: a part of the error's message.
        replayed: whether it is the answer to the first call of that number, counted from 0.
        effects: how many rows the ledger has afterwards.
        word: what `Stripe-Should-Retry` says.
        params: what it sends besides the name.
        account: whose request it is.
    """

    call: str
    name: str | None = "a"
    key: str | None = "k"
    status: int = 200
    shows: str | None = None
    code: str | None = None
    kind: str | None = None
    says: str = ""
    replayed: int | None = None
    effects: int | None = None
    word: str | None = "false"
    params: Mapping[str, Any] = field(default_factory=dict)
    account: str | None = None

    def __call__(self, scene: Scene) -> None:
        seen = scene.begin(self.made(scene)).result(TIMEOUT)
        scene.seen.append(seen)
        self.check(scene, seen)

    def made(self, scene: Scene) -> Call:
        params = {**({} if self.name is None else {"name": self.name}), **self.params}
        id_ = "" if self.call.endswith(".create") else scene.first_id
        return Call(self.call, params, id_, self.key, self.account)

    def check(self, scene: Scene, seen: Seen) -> None:
        assert seen.status == self.status, seen
        assert seen.headers.get("stripe-should-retry") == self.word
        if self.shows is not None:
            assert seen.body["name"] == self.shows
        if self.status >= 400:
            assert (seen.code, self.says in seen.message) == (self.code, True), seen
        if self.kind is not None:
            assert seen.kind == self.kind
        if self.effects is not None:
            assert len(scene.box.ledger()) == self.effects
        self.check_replay(scene, seen.headers)

    def check_replay(self, scene: Scene, headers: Mapping[str, str]) -> None:
        original = headers.get("original-request")
        if self.replayed is None:
            assert "idempotent-replayed" not in headers
            assert original in {None, headers.get("request-id")}
            return
        assert headers["idempotent-replayed"] == "true"
        assert headers["idempotency-key"] == self.key
        assert original == scene.seen[self.replayed].headers["request-id"]
        assert headers["request-id"] != original


@dataclass(frozen=True)
class Begin:
    """Start a call that has to wait for the lock of the first call's object."""

    send: Send

    def __call__(self, scene: Scene) -> None:
        waiting = scene.box.stats()["locks_waiting"]
        scene.pending.append((self.send, scene.begin(self.send.made(scene))))
        while scene.box.stats()["locks_waiting"] == waiting:
            pass


def join(scene: Scene) -> None:
    """Let the calls end that were begun."""
    for send, future in scene.pending:
        seen = future.result(TIMEOUT)
        scene.seen.append(seen)
        send.check(scene, seen)


@dataclass(frozen=True)
class Advance:
    """Move the sandbox's clock ahead, in seconds."""

    seconds: float

    def __call__(self, scene: Scene) -> None:
        scene.box.clock.advance(self.seconds)


@dataclass(frozen=True)
class Fault:
    """Let the next call of a method and path suffer."""

    path: str
    kind: str
    method: str = "POST"

    def __call__(self, scene: Scene) -> None:
        scene.box.fault(self.method, self.path, self.kind)


@dataclass(frozen=True)
class Hold:
    """Hold the lock of the first call's object."""

    seconds: float

    def __call__(self, scene: Scene) -> None:
        scene.box.hold_lock(scene.first_id, self.seconds)


def break_down(scene: Scene) -> None:
    """From here on, saving customers and event destinations fails."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    patch = scene.stack.enter_context(pytest.MonkeyPatch.context())
    patch.setattr(customers, "save", fail)
    patch.setattr(event_destinations, "save", fail)


def mend(scene: Scene) -> None:
    """Undo `break_down`."""
    scene.stack.close()


EXECUTED_500: dict[str, Any] = {"status": 500, "kind": "APIError", "says": "unknown error"}
MISMATCH: dict[str, Any] = {"status": 400, "kind": "IdempotencyError", "word": "false"}
IN_USE: dict[str, Any] = {
    "status": 409,
    "kind": "APIError",
    "code": "idempotency_key_in_use",
    "word": None,
    "says": "in-progress request using this Idempotent Key",
}
LOCKED: dict[str, Any] = {
    "status": 429,
    "kind": "RateLimitError",
    "code": "lock_timeout",
    "word": "true",
}
CASES: Mapping[str, tuple[Step, ...]] = {
    "v1: a success is replayed": (
        Send(CREATE, effects=1),
        Send(CREATE, shows="a", replayed=0, effects=1),
    ),
    "v1: a replay is what was answered, not what the object is by then": (
        Send(CREATE),
        Send(UPDATE, name="b", key="other", effects=2),
        Send(CREATE, shows="a", replayed=0, effects=2),
    ),
    "v1: a replay works for a day": (
        Send(CREATE),
        Advance(DAY - 60),
        Send(CREATE, replayed=0, effects=1),
    ),
    "v1: after a day the key is free": (
        Send(CREATE),
        Advance(DAY),
        Send(CREATE, name="b", shows="b", effects=2),
    ),
    "v1: a day is not thirty": (
        Send(CREATE),
        Advance(30 * DAY - 60),
        Send(CREATE, effects=2),
    ),
    "v1: a decline is replayed": (
        Send("payment_intents.create", None, params=DECLINED, status=402, code="card_declined"),
        Send(
            "payment_intents.create",
            None,
            params=DECLINED,
            status=402,
            code="card_declined",
            kind="CardError",
            replayed=0,
        ),
    ),
    "v1: a refusal by the execution is replayed": (
        Send("payment_intents.create", None, key="made", params=UNCONFIRMABLE),
        Send(
            "payment_intents.confirm",
            None,
            status=400,
            code="payment_intent_unexpected_state",
            effects=1,
        ),
        Send(
            "payment_intents.confirm",
            None,
            status=400,
            code="payment_intent_unexpected_state",
            replayed=1,
            effects=1,
        ),
    ),
    "v1: a failure of the server is replayed, even once it is mended": (
        break_down,
        Send(CREATE, **EXECUTED_500),
        mend,
        Send(CREATE, **EXECUTED_500, replayed=0, effects=0),
    ),
    "v1: other parameters are refused": (
        Send(CREATE),
        Send(CREATE, name="b", says="same parameters", effects=1, **MISMATCH),
    ),
    "v1: another endpoint is refused": (
        Send(CREATE),
        Send(UPDATE, says="('/v1/customers' vs '/v1/customers/cus_", effects=1, **MISMATCH),
    ),
    "v1: a key is in use while its first request runs": (
        Send(CREATE, key="made"),
        Hold(0.5),
        Begin(Send(UPDATE, name="b", shows="b")),
        Send(UPDATE, name="b", effects=1, **IN_USE),
        Send(UPDATE, name="c", says="same parameters", effects=1, **MISMATCH),
        join,
        Send(UPDATE, name="b", shows="b", replayed=3, effects=2),
    ),
    "v1: parameters that are refused leave the key free": (
        Send(CREATE, params={"nonsense": "x"}, status=400, code="parameter_unknown"),
        Send(CREATE, name="b", shows="b", effects=1),
    ),
    "v1: an object that is not there leaves the key free": (
        Send(CREATE, key="made"),
        Send(DELETE, None, key=None, word=None),
        Send(UPDATE, status=404, code="resource_missing"),
        Send(CREATE, effects=3),
    ),
    "v1: a lock timeout leaves the key free": (
        Send(CREATE, key="made"),
        Fault("/v1/customers/*", "lock_timeout"),
        Send(UPDATE, effects=1, **LOCKED),
        Send(UPDATE, name="b", shows="b", effects=2),
    ),
    "v1: a limiter's refusal leaves the key free": (
        Fault("/v1/customers", "rate_limit"),
        Send(CREATE, status=429, code="rate_limit", kind="RateLimitError", word=None, effects=0),
        Send(CREATE, name="b", shows="b", effects=1),
    ),
    "v1: a conflict leaves the key free": (
        Fault("/v1/customers", "conflict_409"),
        Send(CREATE, status=409, kind="APIError", word=None, effects=0),
        Send(CREATE, name="b", shows="b", effects=1),
    ),
    "v1: a key on DELETE does nothing": (
        Send(CREATE, key="made"),
        Send(DELETE, None, word=None, effects=2),
        Send(DELETE, None, status=404, code="resource_missing", word=None, effects=2),
    ),
    "v1: a key on GET does nothing": (
        Send(CREATE),
        Send("customers.retrieve", None, shows="a", word=None),
        Send(UPDATE, name="b", key="other"),
        Send("customers.retrieve", None, shows="b", word=None, effects=2),
    ),
    "v1: accounts have keys of their own": (
        Send(CREATE),
        Send(CREATE, account="acct_other", name="b", shows="b", effects=2),
        Send(CREATE, replayed=0, effects=2),
    ),
    "v1 and v2 have keys of their own": (
        Send(CREATE),
        Send(V2_CREATE, name="b", shows="b", effects=2),
        Send(CREATE, replayed=0, effects=2),
        Send(V2_CREATE, name="b", replayed=1, effects=2),
    ),
    "v2: a success is not repeated, and answered with the object as it is by then": (
        Send(V2_CREATE, effects=1),
        Send(V2_UPDATE, name="b", key="other", shows="b", effects=2),
        Send(V2_CREATE, shows="b", replayed=0, effects=2),
    ),
    "v2: a success is not repeated for thirty days": (
        Send(V2_CREATE),
        Advance(30 * DAY - 60),
        Send(V2_CREATE, replayed=0, effects=1),
    ),
    "v2: after thirty days the key is free": (
        Send(V2_CREATE),
        Advance(30 * DAY),
        Send(V2_CREATE, name="b", shows="b", effects=2),
    ),
    "v2: DELETE takes keys": (
        Send(V2_CREATE, key="made"),
        Send(V2_DELETE, None, effects=2),
        Send(V2_DELETE, None, replayed=1, effects=2),
        Send(V2_DELETE, None, key="new", status=404, code="resource_missing", effects=2),
    ),
    "v2: a failure is executed again, and then remembered": (
        break_down,
        Send(V2_CREATE, **EXECUTED_500),
        Send(V2_CREATE, **EXECUTED_500),
        mend,
        Send(V2_CREATE, shows="a", effects=1),
        Send(V2_CREATE, shows="a", replayed=2, effects=1),
    ),
    "v2: a failure is executed again with the same parameters only": (
        break_down,
        Send(V2_CREATE, **EXECUTED_500),
        mend,
        Send(V2_CREATE, name="b", says="same parameters", effects=0, **MISMATCH),
        Send(V2_CREATE, shows="a", effects=1),
    ),
    "v2: other parameters are refused": (
        Send(V2_CREATE),
        Send(V2_CREATE, name="b", says="same parameters", effects=1, **MISMATCH),
    ),
    "v2: another endpoint is refused": (
        Send(V2_CREATE),
        Send(V2_UPDATE, says="('/v2/core/event_destinations' vs", effects=1, **MISMATCH),
        Send(V2_DELETE, None, says="same endpoint", effects=1, **MISMATCH),
    ),
    "v2: a key is in use while its first request runs": (
        Send(V2_CREATE, key="made"),
        Hold(0.5),
        Begin(Send(V2_UPDATE, name="b", shows="b")),
        Send(V2_UPDATE, name="b", effects=1, **{**IN_USE, "kind": None}),
        join,
        Send(V2_UPDATE, name="b", shows="b", replayed=2, effects=2),
    ),
    "v2: parameters that are refused leave the key free": (
        Send(V2_CREATE, params={"nonsense": "x"}, status=400, code="parameter_unknown"),
        Send(V2_CREATE, name="b", shows="b", effects=1),
    ),
    "v2: a lock timeout leaves the key as it was": (
        Send(V2_CREATE, key="made"),
        Fault("/v2/core/event_destinations/*", "lock_timeout", "DELETE"),
        Send(V2_DELETE, None, effects=1, **{**LOCKED, "kind": None}),
        Send(V2_DELETE, None, effects=2),
    ),
    "v2: a limiter's refusal leaves the key free": (
        Fault("/v2/core/event_destinations", "rate_limit"),
        Send(V2_CREATE, status=429, code="rate_limit", word=None, effects=0),
        Send(V2_CREATE, name="b", shows="b", effects=1),
    ),
    "v2: accounts have keys of their own": (
        Send(V2_CREATE),
        Send(V2_CREATE, account="acct_other", name="b", shows="b", effects=2),
        Send(V2_CREATE, replayed=0, effects=2),
    ),
}


@pytest.fixture(scope="module", params=SDKS)
def sdk(request: pytest.FixtureRequest) -> Iterator[Sdk]:
    with closing(SDKS[request.param]()) as package:
        yield package


@pytest.fixture
def scene(sdk: Sdk, start: Callable[..., Sandbox]) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(start(hold=0, lock_wait=30), sdk, stack)


@pytest.mark.parametrize("case", CASES)
def test_a_key_does_what_stripe_documents(scene: Scene, case: str) -> None:
    for step in CASES[case]:
        step(scene)


def test_the_package_makes_keys_where_stripe_takes_them(scene: Scene) -> None:
    """POST always, DELETE in version 2 only; an executed request tells its key."""
    for call, name, takes in (
        (CREATE, "a", True),
        (DELETE, None, False),
        (V2_CREATE, "a", True),
        (V2_DELETE, None, True),
    ):
        if call.endswith("create"):
            scene.seen.clear()
        Send(call, name, key=None, word="false" if takes else None)(scene)
        assert bool(scene.box.ledger()[-1]["idempotency_key"]) is takes
        assert ("idempotency-key" in scene.seen[-1].headers) is takes
