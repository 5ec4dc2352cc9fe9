"""What a test asks and tells the sandbox itself, under `/_sandbox`. No API key is needed there."""

import sqlite3
from collections.abc import Callable, Mapping
from json import JSONEncoder, loads
from urllib.parse import parse_qsl

from holdfast.sandbox import guard, page
from holdfast.sandbox.admin_state import StateAdmin
from holdfast.sandbox.core import DEFAULT_ACCOUNT, Core
from holdfast.sandbox.faults import read_fault
from holdfast.sandbox.holds import check_seconds
from holdfast.sandbox.http import Answer, HttpRequest
from holdfast.sandbox.lockview import locks_as_dict

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
        self._feed = page.Feed(core)
        self._paths: dict[str, dict[str, Callable[[HttpRequest], Answer]]] = {
            f"{ROOT}/ledger": {"GET": self._ledger},
            f"{ROOT}/stats": {"GET": self._stats},
            f"{ROOT}/requests": {"GET": self._requests},
            f"{ROOT}/live": {"GET": self._live},
            f"{ROOT}/objects": {"GET": self._objects},
            f"{ROOT}/object": {"GET": self._object},
            f"{ROOT}/locks": {"GET": self._locks},
            f"{ROOT}/webhooks": {"GET": self._webhooks},
            f"{ROOT}/faults": {
                "GET": self._faults,
                "POST": self._add_fault,
                "DELETE": self._clear_faults,
            },
        }

    def handle(self, request: HttpRequest, respond: Respond) -> None:
        """Answer a request. Only the answer to a hold may come later, once the lock is held."""

        def respond_guarded(answer: Answer) -> None:
            answer.headers |= guard.HEADERS
            respond(answer)

        try:
            guard.check(request, allow_remote=self._core.behaviour.allow_remote)
        except guard.Forbidden as problem:
            respond_guarded(_refusal(403, problem.sentence))
            return
        self._dispatch(request, respond_guarded)

    def _dispatch(self, request: HttpRequest, respond: Respond) -> None:
        method = "GET" if request.method == "HEAD" else request.method
        methods = self._paths.get(request.path)
        if methods is None and method == "GET" and (file := page.file_at(request.path)):
            respond(file)
            return
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
        after = _place("after", _query(request))
        return _answer(list(self._core.ledger.after(after)))

    def _requests(self, request: HttpRequest) -> Answer:
        after = _place("after", _query(request))
        return _answer([one for one in self._core.recent.after() if one["seq"] > after])

    def _live(self, request: HttpRequest) -> Answer:
        query = _query(request)
        return _answer(self._feed.since(_place("after", query), _place("row", query)))

    def _stats(self, request: HttpRequest) -> Answer:  # noqa: ARG002 -- a handler's signature
        return _answer(self._core.stats_as_dict())

    def _objects(self, request: HttpRequest) -> Answer:
        query = _query(request)
        kind = query.get("kind")
        if not kind:
            raise ValueError("kind is missing: give one such as customer or payment_intent")
        objects = self._core.state.objects(kind, query.get("account", DEFAULT_ACCOUNT))
        newest = _place("newest", query)
        return _answer(objects[: -newest - 1 : -1] if newest else objects)

    def _object(self, request: HttpRequest) -> Answer:
        query = _query(request)
        object_id = _text("id", query.get("id"))
        found = self._core.state.find(object_id, query.get("account", DEFAULT_ACCOUNT))
        if found is None:
            return _refusal(404, f"There is no object {object_id}.")
        return _answer(found)

    def _locks(self, request: HttpRequest) -> Answer:  # noqa: ARG002 -- a handler's signature
        return _answer(locks_as_dict(self._core.locks, self._core.timers.time()))

    def _webhooks(self, request: HttpRequest) -> Answer:  # noqa: ARG002 -- a handler's signature
        return _answer(self._core.webhooks.as_dict())

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
        shown = fault.as_dict()
        self._core.faults.add(fault)
        return _answer(shown)

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


def _given(request: HttpRequest) -> Mapping[str, object]:
    """The fields of a request that may go without a body."""
    return _fields(request) if request.body else _query(request)


def _query(request: HttpRequest) -> dict[str, str]:
    return dict(parse_qsl(request.query))


def _place(name: str, query: Mapping[str, str]) -> int:
    """A parameter that is a place in an order, such as the `seq` of a row; 0 when it is not given.

    Raises:
        ValueError: it is no number.
    """
    text = query.get(name, "0")
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ValueError(f"{name} is {text!r}: give a whole number, such as the seq of a row")
    return int(text)


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
