"""What a test asks and tells the sandbox itself, under `/_sandbox`. No API key is needed there."""

import sqlite3
from collections.abc import Callable, Mapping
from json import JSONEncoder, loads
from typing import Any
from urllib.parse import parse_qsl

from holdfast.sandbox.admin_state import StateAdmin
from holdfast.sandbox.core import DEFAULT_ACCOUNT, Core
from holdfast.sandbox.faults import read_fault
from holdfast.sandbox.holds import check_seconds
from holdfast.sandbox.http import Answer, HttpRequest

Respond = Callable[[Answer], None]
ROOT = "/_sandbox"

_encode = JSONEncoder(separators=(",", ":")).encode
_LONGEST_ID = 255


class Admin:
    """Answers the requests of the administration.

    Args:
        core: the sandbox's parts.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._state = StateAdmin(core, ROOT)
        self._paths: dict[str, dict[str, Callable[[HttpRequest], Answer]]] = {
            f"{ROOT}/ledger": {"GET": self._ledger},
            f"{ROOT}/stats": {"GET": self._stats},
            f"{ROOT}/objects": {"GET": self._objects},
            f"{ROOT}/locks": {"GET": self._locks},
            f"{ROOT}/faults": {
                "GET": self._faults,
                "POST": self._add_fault,
                "DELETE": self._clear_faults,
            },
        }

    def handle(self, request: HttpRequest, respond: Respond) -> None:
        """Answer a request. Only the answer to a hold may come later, once the lock is held."""
        method = "GET" if request.method == "HEAD" else request.method
        methods = self._paths.get(request.path)
        try:
            if request.path == f"{ROOT}/locks" and method == "POST":
                self._hold(request, respond)
            elif method in self._state.methods(request.path):
                respond(_answer(self._state.handle(method, request.path, _given(request))))
            elif methods is None and not self._state.methods(request.path):
                paths = ", ".join([*self._paths, *self._state.paths])
                respond(_refusal(404, f"There are {paths}."))
            elif methods is None or method not in methods:
                respond(_refusal(405, f"{request.path} has no {method}."))
            else:
                respond(methods[method](request))
        except ValueError as error:
            respond(_refusal(400, str(error)))
        except sqlite3.Error as error:
            respond(_refusal(500, f"the store cannot be written: {error}"))

    def _ledger(self, request: HttpRequest) -> Answer:
        after = _query(request).get("after", "0")
        if not after.isascii() or not after.isdigit():
            raise ValueError(f"after is {after!r}: give the seq of a row")
        return _answer(list(self._core.ledger.after(int(after))))

    def _stats(self, request: HttpRequest) -> Answer:  # noqa: ARG002 -- a handler's signature
        return _answer(self._core.stats_as_dict())

    def _objects(self, request: HttpRequest) -> Answer:
        query = _query(request)
        kind = query.get("kind")
        if not kind:
            raise ValueError("kind is missing: give one such as customer or payment_intent")
        return _answer(self._core.state.objects(kind, query.get("account", DEFAULT_ACCOUNT)))

    def _locks(self, request: HttpRequest) -> Answer:  # noqa: ARG002 -- a handler's signature
        locks = self._core.locks
        now = self._core.timers.time()
        held = [_shown(key, claim.owner, now - since) for key, claim, since in locks.held()]
        waiting = [
            _shown(key, claim.owner, now - (claim.waiting_since or now))
            for key, claim in locks.waiting()
        ]
        return _answer({"held": held, "waiting": waiting})

    def _hold(self, request: HttpRequest, respond: Respond) -> None:
        fields = _fields(request, {"object", "seconds", "account"})
        object_id = _text("object", fields.get("object"))
        seconds = check_hold(fields.get("seconds"))
        account = _text("account", fields.get("account", DEFAULT_ACCOUNT))
        held = _answer({"object": object_id, "held_for": seconds})
        self._core.hold_from_outside(account, object_id, seconds, lambda: respond(held))

    def _faults(self, request: HttpRequest) -> Answer:  # noqa: ARG002 -- a handler's signature
        return _answer(self._core.faults.as_list())

    def _add_fault(self, request: HttpRequest) -> Answer:
        fault = read_fault(_fields(request))
        self._core.faults.add(fault)
        return _answer(fault.as_dict())

    def _clear_faults(self, request: HttpRequest) -> Answer:
        self._core.faults.clear()
        return self._faults(request)


def check_hold(value: object) -> float:
    """Check how long an object is to be held from outside.

    Raises:
        ValueError: no number above 0 and at most 3600.
    """
    seconds = check_seconds("seconds", value)
    if seconds == 0:
        raise ValueError("seconds is 0: give a number above 0 and at most 3600")
    return seconds


def _answer(content: object) -> Answer:
    return Answer(200, _encode(content).encode())


def _refusal(status: int, sentence: str) -> Answer:
    error = {"type": "invalid_request_error", "message": sentence}
    return Answer(status, _encode({"error": error}).encode())


def _shown(key: tuple[str, str], owner: str, seconds: float) -> dict[str, Any]:
    account, object_id = key
    return {
        "object": object_id,
        "account": account,
        "by": owner,
        "seconds": round(max(seconds, 0.0), 6),
    }


def _given(request: HttpRequest) -> Mapping[str, object]:
    """The fields of a request that may go without a body."""
    return _fields(request) if request.body else _query(request)


def _query(request: HttpRequest) -> dict[str, str]:
    return dict(parse_qsl(request.query))


def _fields(request: HttpRequest, known: set[str] | None = None) -> dict[str, object]:
    """The JSON object that a request carries."""
    try:
        fields = loads(request.body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the body is no JSON: {error}") from None
    if isinstance(fields, dict):
        _check_names(fields, known)
        return fields
    raise ValueError("the body is no JSON object")


def _check_names(fields: Mapping[str, object], known: set[str] | None) -> None:
    for name in fields:
        if known is not None and name not in known:
            raise ValueError(f"{name} is no field here: the fields are {', '.join(sorted(known))}")


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID:
        raise ValueError(f"{name} is {value!r}: give an id, such as cus_123")
    return value
