"""The way of a request through the server, in Stripe's order.

Authentication, scripted faults, route, limiters, idempotency, validation, locks, hold, execution,
headers.
"""

import logging
from collections.abc import Callable
from json import JSONEncoder

from holdfast.sandbox import errors, faults
from holdfast.sandbox.authentication import authenticate, read_account
from holdfast.sandbox.core import DEFAULT_ACCOUNT, Core
from holdfast.sandbox.errors import ApiError, Declined
from holdfast.sandbox.faults import Fault, FaultKind, Moment
from holdfast.sandbox.form import Params, read_params
from holdfast.sandbox.holds import Hold
from holdfast.sandbox.http import UNANSWERED, Answer, HttpRequest
from holdfast.sandbox.idempotency import Record, replayed, rules_of
from holdfast.sandbox.limits import Pass
from holdfast.sandbox.locks import Claim
from holdfast.sandbox.recent import Entry
from holdfast.sandbox.resources import Document, Match, Request
from holdfast.sandbox.state import API_VERSION, JsonObject, Transaction

Respond = Callable[[Answer], None]

_logger = logging.getLogger("holdfast.sandbox")
_encode = JSONEncoder(separators=(",", ":")).encode
_DECLINED = 402
_KEPT = {400, _DECLINED}
"""Statuses of executed requests that a key remembers, besides 200 and 500: "success or failure"
once the execution has begun (https://docs.stripe.com/api/idempotent_requests)."""
_FINAL = {400, 402, 404}
"""Statuses of a POST after which Stripe says that a retry has no further effect."""


class Exchange:
    """One request on its way to its answer.

    Args:
        core: the sandbox's parts.
        request: the request.
        respond: takes the answer, at once or later; called exactly once.
    """

    __slots__ = (
        "_account",
        "_at_once",
        "_claim",
        "_core",
        "_entry",
        "_executed",
        "_fault",
        "_key",
        "_livemode",
        "_match",
        "_method",
        "_params",
        "_passed",
        "_record",
        "_request",
        "_request_id",
        "_respond",
    )

    _match: Match
    _claim: Claim
    _entry: Entry
    _passed: Pass

    def __init__(self, core: Core, request: HttpRequest, respond: Respond) -> None:
        self._core = core
        self._request = request
        self._respond = respond
        self._method = "GET" if request.method == "HEAD" else request.method
        self._request_id = core.state.request_id()
        self._account = DEFAULT_ACCOUNT
        self._livemode = False
        self._fault: Fault | None = None
        self._executed = False
        self._params: Params = {}
        self._key: str | None = None
        self._record: Record | None = None
        self._at_once = False
        self._passed = ()

    def start(self) -> None:
        """Go as far as possible without waiting; what waits goes on by the event loop."""
        self._core.stats.requests += 1
        self._entry = self._core.recent.begin(self._method, self._request.path)
        self._step(self._arrive)

    def _step(self, step: Callable[[], Answer | None]) -> None:
        """Take a step that may end in the answer."""
        answer = self._attempt(step)
        if answer is not None:
            self._send(answer)

    def _attempt(self, step: Callable[[], Answer | None]) -> Answer | None:
        try:
            return step()
        except ApiError as error:
            return self._refusal(error)
        except Exception:
            _logger.exception("%s %s failed in the sandbox", self._method, self._request.path)
            return self._refusal(errors.internal_error())

    def _arrive(self) -> Answer | None:
        headers = self._request.headers
        self._livemode = authenticate(headers.get("authorization"))
        self._account = read_account(headers.get("stripe-account"), DEFAULT_ACCOUNT)
        if self._core.faults:
            self._fault = self._core.faults.take(self._method, self._request.path)
            if self._fault is not None and self._fault.moment is Moment.ARRIVAL:
                return self._meet(self._fault)
        return self._route()

    def _meet(self, fault: Fault) -> Answer | None:
        """Suffer a fault instead of being executed, or before."""
        core = self._core
        if fault.kind is not FaultKind.LATENCY:
            return self._spoilt(fault, Answer(0, b""))
        core.stats.injected[fault.kind] += 1
        delay = fault.draw_seconds(core.faults.random)
        core.timers.call_at(core.timers.time() + delay, self._step, self._route)
        return None

    def _route(self) -> Answer | None:
        request = self._request
        match = self._core.behaviour.routes.match(self._method, request.path)
        unreadable = self._read()
        self._pass_limiters(None if match is None else match.operation.template)
        if match is None:
            raise errors.unrecognized_url(self._method, request.path)
        if unreadable is not None:
            raise unreadable
        self._match = match
        return self._write() if match.operation.writes else self._retrieve()

    def _retrieve(self) -> Answer | None:
        self._match.operation.params.check(self._params)
        return self._lock()

    def _read(self) -> ApiError | None:
        """Read the parameters. The limiters come before what is wrong with them."""
        request = self._request
        kind = request.headers.get("content-type", "")
        json = request.path.startswith("/v2/")
        try:
            self._params = read_params(request.query, kind, request.body, json=json)
        except ApiError as error:
            return error
        return None

    def _pass_limiters(self, template: str | None) -> None:
        limiter = self._core.limiter
        if limiter is not None:
            owner = (self._account, self._livemode)
            path = self._request.path
            self._passed = limiter.enter(owner, self._method, path, template, self._params)

    def _write(self) -> Answer | None:
        rules = rules_of(self._request.path)
        if self._method in rules.methods:
            self._key = self._request.headers.get("idempotency-key") or None
            if self._key is None and rules.makes_keys:
                self._key = self._core.state.idempotency_key()
        if self._key is not None:
            record = self._core.keys.begin(
                self._account,
                self._key,
                self._method,
                self._request.path,
                self._params,
                self._request_id,
            )
            if record.status:
                return self._replay(record)
            self._record = record
        self._match.operation.params.check(self._params)
        return self._lock()

    def _lock(self) -> Answer | None:
        behaviour = self._core.behaviour
        objects = behaviour.locked_objects(self._match, self._params, self._begin())
        if not objects:
            return self._execute()
        self._at_once = True
        self._entry.locking(self._core.timers.time())
        self._core.locks.claim(
            tuple((self._account, object_id) for object_id in objects),
            behaviour.lock_wait,
            self._granted,
            self._lock_timeout,
            f"{self._method} {self._request.path}",
            self._request_id,
        )
        self._at_once = False
        return None

    def _granted(self, claim: Claim, at: float) -> None:
        """All locks are held: keep them for the hold, timed from the grant."""
        core = self._core
        self._entry.locked(None if self._at_once else at)
        self._claim = claim
        until = at + self._drawn(core.behaviour.hold)
        if until <= at and self._at_once:
            self._leave(at)
        else:
            core.timers.call_at(until, self._leave, until)

    def _leave(self, at: float) -> None:
        """Execute, let go of the locks, answer: whoever sees the answer finds the locks free.

        Unless they are to linger: then they are let go of later than the answer.
        """
        core = self._core
        answer = self._attempt(self._execute)
        until = at + self._drawn(core.behaviour.linger)
        if until > at:
            core.timers.call_at(until, core.locks.release, self._claim, until)
        else:
            core.locks.release(self._claim, at)
        if answer is not None:
            self._send(answer)

    def _drawn(self, hold: Hold) -> float:
        """How long a write holds its locks, in seconds. A read lets go as soon as it had its turn,
        so that no read waits for another, nor a write for a read."""
        if not self._match.operation.writes:
            return 0.0
        return hold.sample(self._core.hold_random)

    def _lock_timeout(self, object_id: str) -> None:  # noqa: ARG002 -- the answer names no object
        self._entry.locked(None if self._at_once else self._core.timers.time())
        self._send(self._refusal(errors.lock_timeout()))

    def _execute(self) -> Answer:
        tx = self._begin()
        if not self._match.operation.writes:
            content = self._run(tx)
            self._executed = True
            if isinstance(content, Document):
                return Answer(200, content.body, self._headers(None), content.content_type)
            return self._answer(200, _encode(content).encode())
        try:
            status, body = 200, self._run(tx)
        except ApiError as error:
            if error.status not in _KEPT or (error.code or "").startswith("parameter_"):
                raise  # validation, though late: nothing is kept under the key
            declined = error.status == _DECLINED
            self._core.stats.by_fault["declined" if declined else "rejected"] += 1
            if not isinstance(error, Declined):
                tx = self._begin()  # of what it had begun, nothing comes to pass
            status, body = error.status, error.body()
        except Exception:
            _logger.exception("%s %s failed in the sandbox", self._method, self._request.path)
            self._core.stats.by_fault["server_error"] += 1
            tx = self._begin()
            status, body = 500, errors.internal_error().body()
        return self._commit(tx, status, _encode(body).encode())

    def _commit(self, tx: Transaction, status: int, body: bytes) -> Answer:
        record = self._record
        if record is not None:
            self._core.keys.finish(record, status, body)
        committed = False
        try:
            self._core.commit(
                tx,
                method=self._method,
                path=self._request.path,
                key=self._key,
                request_id=self._request_id,
                record=record,
            )
            committed = True
        finally:
            if record is not None and not committed:
                record.status = 0
        self._record = None
        self._executed = True
        answer = self._answer(status, body, should_retry=False if self._takes_keys() else None)
        if record is not None:
            answer.headers["Idempotency-Key"] = record.key
            answer.headers["Original-Request"] = record.request_id
        return answer

    def _takes_keys(self) -> bool:
        return self._method in rules_of(self._request.path).methods

    def _begin(self) -> Transaction:
        return self._core.state.begin(self._account, livemode=self._livemode)

    def _run(self, tx: Transaction) -> JsonObject | Document:
        return self._match.operation.execute(Request(tx, self._match.ids, self._params))

    def _replay(self, record: Record) -> Answer:
        self._core.stats.by_fault["idempotent_replays"] += 1
        self._executed = True
        body = replayed(record, self._begin().find)
        answer = self._answer(record.status, body, should_retry=False)
        answer.headers["Idempotency-Key"] = record.key
        answer.headers["Original-Request"] = record.request_id
        answer.headers["Idempotent-Replayed"] = "true"
        return answer

    def _refusal(self, error: ApiError) -> Answer:
        """The answer to a request that was not executed. Its key is free again."""
        if self._record is not None:
            self._core.keys.forget(self._record)
            self._record = None
        self._core.stats.by_fault[_fault_class(error)] += 1
        should_retry = error.should_retry
        if should_retry is None and self._takes_keys() and error.status in _FINAL:
            should_retry = False
        locked = error.code == "lock_timeout"
        if locked and not self._core.behaviour.should_retry_header:
            should_retry = None
        answer = self._answer(
            error.status, _encode(error.body()).encode(), should_retry=should_retry
        )
        if locked:
            # Stripe does not process these and gives them no request id:
            # https://docs.stripe.com/rate-limits#object-lock-timeouts
            del answer.headers["Request-Id"]
        if error.rate_limited_reason is not None:
            answer.headers["Stripe-Rate-Limited-Reason"] = error.rate_limited_reason
        return answer

    def _answer(self, status: int, body: bytes, should_retry: bool | None = None) -> Answer:
        return Answer(status, body, self._headers(should_retry))

    def _headers(self, should_retry: bool | None) -> dict[str, str]:
        headers = {
            "Request-Id": self._request_id,
            "Stripe-Version": self._request.headers.get("stripe-version", API_VERSION),
        }
        if should_retry is not None:
            headers["Stripe-Should-Retry"] = "true" if should_retry else "false"
        return headers

    def _send(self, answer: Answer) -> None:
        fault, core = self._fault, self._core
        if fault is None:
            self._deliver(answer)
            return
        if fault.moment is not Moment.ARRIVAL:
            struck = self._executed or fault.moment is Moment.ANSWER
            core.faults.settle(fault, struck=struck)
            if not struck:
                self._fault = None
                self._deliver(answer)
                return
            answer = self._spoilt(fault, answer)
        fault.alteration.apply(answer)
        if fault.after_execution and fault.kind is FaultKind.LATENCY:
            core.timers.call_at(core.timers.time() + answer.seconds, self._deliver, answer)
        else:
            self._deliver(answer)

    def _spoilt(self, fault: Fault, answer: Answer) -> Answer:
        """What a fault makes of an answer."""
        core = self._core
        core.stats.injected[fault.kind] += 1
        error, other = faults.error_of(fault), faults.replaced(fault)
        if error is not None:
            answer = self._refusal(error)
        elif other is not None:
            core.stats.by_fault["server_error"] += 1
            answer = other
            answer.headers = self._headers(None)
        answer.ending = faults.ending_of(fault)
        answer.seconds = fault.draw_seconds(core.faults.random)
        return answer

    def _deliver(self, answer: Answer) -> None:
        core = self._core
        if core.limiter is not None:
            core.limiter.leave(self._passed)
        if answer.ending not in UNANSWERED:
            core.stats.by_status[answer.status] += 1
        fault = None if self._fault is None else self._fault.kind
        core.recent.end(self._entry, answer, fault)
        self._respond(answer)


def _fault_class(error: ApiError) -> str:
    by_code = {
        "lock_timeout": "lock_timeout",
        "rate_limit": "rate_limit",
        "idempotency_key_in_use": "key_in_use",
    }
    if error.code in by_code:
        return by_code[error.code]
    if error.type == "idempotency_error":
        return "key_mismatch"
    if error.status == 409:
        return "conflict"
    return "server_error" if error.status >= 500 else "rejected"
