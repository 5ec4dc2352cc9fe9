"""A call of the tests, made by the official package for Python or by the one for Node.

Neither retries: what is looked at is one request and its answer.
"""

import json
import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any, Protocol, cast

import stripe
from sidebyside.clients import NODE_FOLDER
from sidebyside.runs import find_node

TIMEOUT = 60.0
DESTINATION: dict[str, Any] = {
    "enabled_events": ["customer.created"],
    "event_payload": "thin",
    "type": "webhook_endpoint",
    "webhook_endpoint": {"url": "https://example.com/hook"},
}


@dataclass(frozen=True)
class Call:
    """One call.

    Attributes:
        call: the operation, such as `customers.update`.
        params: what it sends, a mapping; the package has a type of its own for each operation.
        id: of the object in its path.
        key: the idempotency key; None leaves it to the package.
        account: sent as `Stripe-Account`.
    """

    call: str
    params: Any = field(default_factory=dict)
    id: str = ""
    key: str | None = None
    account: str | None = None


@dataclass(frozen=True)
class Seen:
    """What came of a call, as the package shows it.

    Attributes:
        status: the HTTP status.
        kind: the class of the error, without `Stripe` in front; None for a success.
        code: of the error.
        message: of the error.
        body: of a success.
        headers: of the answer, in lower case.
    """

    status: int
    kind: str | None
    code: str | None
    message: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]


class Sdk(Protocol):
    """An official package at work."""

    def begin(self, port: int, call: Call) -> "Future[Seen]":
        """Start a call to the server at a port."""

    def close(self) -> None:
        """End what was started."""


class PythonSdk:
    """The package for Python, a thread a call."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=8)

    def begin(self, port: int, call: Call) -> "Future[Seen]":
        return self._threads.submit(self._seen, port, call)

    def close(self) -> None:
        self._threads.shutdown()

    def _seen(self, port: int, call: Call) -> Seen:
        url = f"http://127.0.0.1:{port}"
        client = stripe.StripeClient("sk_test_scripted", base_addresses={"api": url})
        options: dict[str, str] = {}
        if call.key is not None:
            options["idempotency_key"] = call.key
        if call.account is not None:
            options["stripe_account"] = call.account
        try:
            found = _CALLS[call.call](client, call, options)
        except stripe.StripeError as error:
            return _seen_error(error)
        answer = found.last_response
        return Seen(answer.code, None, None, "", found.to_dict(), _lowered(answer.headers))


def _seen_error(error: stripe.StripeError) -> Seen:
    assert error.http_status is not None, error
    assert isinstance(error.json_body, dict)
    told = error.json_body["error"]
    kind = type(error).__name__.removeprefix("Stripe")
    headers = _lowered(error.headers or {})
    return Seen(error.http_status, kind, told.get("code"), told["message"], {}, headers)


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


_CALLS: dict[str, Callable[[Any, Call, Any], Any]] = {
    "customers.create": lambda on, call, options: on.v1.customers.create(call.params, options),
    "customers.retrieve": lambda on, call, options: on.v1.customers.retrieve(call.id, {}, options),
    "customers.update": lambda on, call, options: on.v1.customers.update(
        call.id, call.params, options
    ),
    "customers.delete": lambda on, call, options: on.v1.customers.delete(call.id, {}, options),
    "payment_intents.create": lambda on, call, options: on.v1.payment_intents.create(
        call.params, options
    ),
    "payment_intents.confirm": lambda on, call, options: on.v1.payment_intents.confirm(
        call.id, call.params, options
    ),
    "destinations.create": lambda on, call, options: on.v2.core.event_destinations.create(
        cast("Any", {**DESTINATION, **call.params}), options
    ),
    "destinations.update": lambda on, call, options: on.v2.core.event_destinations.update(
        call.id, call.params, options
    ),
    "destinations.delete": lambda on, call, options: on.v2.core.event_destinations.delete(
        call.id, {}, options
    ),
}


class NodeSdk:
    """The package for Node, in one process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [find_node(), str(NODE_FOLDER / "calls.cjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._numbers = count()
        self._waiting: dict[int, Future[Seen]] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def begin(self, port: int, call: Call) -> "Future[Seen]":
        number = next(self._numbers)
        future = self._waiting[number] = Future()
        self._write({"number": number, "port": port, **asdict(call)})
        return future

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            future = self._waiting.pop(told.pop("number"))
            if "broke" in told:
                future.set_exception(AssertionError(told["broke"]))
                continue
            future.set_result(
                Seen(
                    told["status"],
                    told["kind"].removeprefix("Stripe") if "kind" in told else None,
                    told.get("code"),
                    told.get("message", ""),
                    told.get("body", {}),
                    told["headers"],
                )
            )


SDKS: Mapping[str, Callable[[], Sdk]] = {"python": PythonSdk, "node": NodeSdk}
