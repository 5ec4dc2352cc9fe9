"""What the spans tell: THE table of their attributes, and the values of it.

After OpenTelemetry's conventions for HTTP clients (opentelemetry.io/docs/specs/semconv/http/
http-spans), of the version that `SCHEMA` names. What these have no name for begins with
`holdfast.`. The names stand here because the package with the conventions comes with the SDK, not
with the API.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from opentelemetry.util.types import AttributeValue

from holdfast.engine import Attempt, FaultClass, Receipt, StopReason
from holdfast.observe.labels import MOST_ENDPOINTS
from holdfast.redaction import redact_text

SCHEMA = "https://opentelemetry.io/schemas/1.44.0"

METHOD = "http.request.method"
METHOD_ORIGINAL = "http.request.method_original"
RESEND_COUNT = "http.request.resend_count"
STATUS_CODE = "http.response.status_code"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
URL_FULL = "url.full"
URL_TEMPLATE = "url.template"
ERROR_TYPE = "error.type"
BLOCK = "holdfast.block"
STOP = "holdfast.stop"
ATTEMPTS = "holdfast.attempts"
FAULT = "holdfast.fault"
FAULTS = "holdfast.faults"
IN_DOUBT = "holdfast.in_doubt"
LANES = "holdfast.lanes"
REQUEST_ID = "holdfast.request_id"
ERROR_CODE = "holdfast.error_code"
REPLAYED = "holdfast.replayed"
KEY_FINGERPRINT = "holdfast.idempotency_key.fingerprint"
WAIT = "holdfast.wait."
WAIT_CAUSE = "holdfast.wait.cause"
WAITED = "holdfast.waited"
RETRY_DELAY = "holdfast.retry.delay"

# RFC 9110 and RFC 5789: what the conventions call known.
_KNOWN_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Attribute:
    """A row of the table.

    Attributes:
        name: as it is exported.
        of: the spans or events that it is on.
        type: of its value.
        about: what it says, and when it is there.
    """

    name: str
    of: str
    type: str
    about: str


_CALL, _ATTEMPT, _BOTH = "call", "attempt", "call, attempt"

ATTRIBUTES = (
    Attribute(METHOD, _BOTH, "string", "the HTTP method; `_OTHER` for one that HTTP does not know"),
    Attribute(METHOD_ORIGINAL, _BOTH, "string", "the method as it was, where that is `_OTHER`"),
    Attribute(SERVER_ADDRESS, _BOTH, "string", "the server's name, such as `api.stripe.com`"),
    Attribute(SERVER_PORT, _BOTH, "int", "the server's port"),
    Attribute(
        URL_TEMPLATE,
        _BOTH,
        "string",
        "the path with `{id}` in the place of each id; left out, of the span's name too, for a "
        f"path that is none of an API's, and beyond {MOST_ENDPOINTS} of them in a process",
    ),
    Attribute(URL_FULL, _ATTEMPT, "string", "the URL without its query, user and password"),
    Attribute(RESEND_COUNT, _ATTEMPT, "int", "1 for the first retry, and so on"),
    Attribute(STATUS_CODE, _ATTEMPT, "int", "the HTTP status, if an answer came"),
    Attribute(
        ERROR_TYPE,
        _BOTH,
        "string",
        "of an attempt that failed: the status of its answer, or [the fault class](classification"
        ".md) if none came; of a call: the fault class of its last attempt, or [the stop "
        "reason](stop-reasons.md) if there was none",
    ),
    Attribute(FAULT, _ATTEMPT, "string", "[what the outcome meant](classification.md)"),
    Attribute(ERROR_CODE, _ATTEMPT, "string", "the server's error code, such as `lock_timeout`"),
    Attribute(REPLAYED, _ATTEMPT, "boolean", "true if the answer is an earlier attempt's"),
    Attribute(REQUEST_ID, _BOTH, "string", "the server's `Request-Id`; of a call: the last one"),
    Attribute(STOP, _CALL, "string", "[why it ended](stop-reasons.md)"),
    Attribute(ATTEMPTS, _CALL, "int", "how many attempts were made"),
    Attribute(FAULTS, _CALL, "string[]", "the fault class of each attempt, in order"),
    Attribute(IN_DOUBT, _CALL, "boolean", "true if it did not succeed and may have been executed"),
    Attribute(LANES, _CALL, "string[]", "the objects whose lanes it entered"),
    Attribute(
        KEY_FINGERPRINT, _CALL, "string", "the first 12 hex digits of the idempotency key's SHA-256"
    ),
    Attribute(WAIT + "lane", _CALL, "double", "seconds that it waited for lanes"),
    Attribute(WAIT + "limiter", _CALL, "double", "seconds that it waited for the rate limit"),
    Attribute(WAIT + "backoff", _CALL, "double", "seconds that it waited before retries"),
    Attribute(BLOCK, _CALL, "string", "the name of the block, of a call that is one"),
    Attribute(WAIT_CAUSE, "event", "string", "what the wait is for: `lane` or `limiter`"),
    Attribute(WAITED, "event", "double", "how long it took, in seconds"),
    Attribute(FAULT, "event", "string", "why there is a retry"),
    Attribute(RETRY_DELAY, "event", "double", "how long it waits before, in seconds"),
)

EVENTS = {
    "holdfast.waiting": f"the call has to wait (`{WAIT_CAUSE}`)",
    "holdfast.lanes_entered": f"it is first in its lanes, after a wait (`{WAITED}`)",
    "holdfast.admitted": f"it has its token of the rate limit, after a wait (`{WAITED}`)",
    "holdfast.retry_scheduled": f"another attempt follows (`{FAULT}`, `{RETRY_DELAY}`)",
}
"""The events of a call's span, and what they say."""


@dataclass(frozen=True, slots=True)
class Place:
    """What all calls of one endpoint have in common.

    Attributes:
        call: the name of a call's span.
        attempt: the name of an attempt's span.
        attributes: what both begin with.
        base: scheme, host and port of the server; "" for a block of code.
    """

    call: str
    attempt: str
    attributes: Mapping[str, AttributeValue]
    base: str


@lru_cache(maxsize=2048)
def place_of(method: str, endpoint: str, server: str) -> Place:
    """The place of a call.

    Args:
        method: its method.
        endpoint: its path's template, or "" where that is none; of a block of code, its name.
        server: its server; "" for a block of code.
    """
    if not server:
        name = redact_text(endpoint)
        return Place(f"holdfast {name}", "", {BLOCK: name}, "")
    verb = method if method in _KNOWN_METHODS else "HTTP"
    attributes: dict[str, AttributeValue] = {METHOD: method if verb == method else "_OTHER"}
    if verb != method:
        attributes[METHOD_ORIGINAL] = method
    address, port, base = server_of(server)
    attributes |= {SERVER_ADDRESS: address, SERVER_PORT: port}
    if not endpoint:
        return Place(f"holdfast {verb}", verb, attributes, base)
    attributes[URL_TEMPLATE] = endpoint
    return Place(f"holdfast {verb} {endpoint}", f"{verb} {endpoint}", attributes, base)


def first_attributes(place: Place, receipt: Receipt, number: int) -> Mapping[str, AttributeValue]:
    """What an attempt's span begins with; a sampler may go by it."""
    attributes = {**place.attributes, URL_FULL: f"{place.base}{receipt.path}"}
    if number > 1:
        attributes[RESEND_COUNT] = number - 1
    return attributes


def attempt_attributes(attempt: Attempt) -> dict[str, AttributeValue]:
    """What an attempt came to."""
    attributes: dict[str, AttributeValue] = {FAULT: attempt.fault.value}
    error = attempt_error(attempt)
    if error is not None:
        attributes[ERROR_TYPE] = error
    if attempt.status is not None:
        attributes[STATUS_CODE] = attempt.status
    if attempt.request_id is not None:
        attributes[REQUEST_ID] = redact_text(attempt.request_id)
    if attempt.error_code is not None:
        attributes[ERROR_CODE] = redact_text(attempt.error_code)
    if attempt.replayed:
        attributes[REPLAYED] = True
    return attributes


def attempt_error(attempt: Attempt) -> str | None:
    """The attempt's `error.type`; None if it was answered, and not with an error."""
    return error_type(attempt.status, attempt.fault)


def error_type(status: int | None, fault: FaultClass) -> str | None:
    """The `error.type` of an answer's status, or of what came instead of an answer."""
    if status is None:
        return fault.value
    return str(status) if status >= 400 else None


def call_attributes(receipt: Receipt) -> dict[str, AttributeValue]:
    """What a call came to."""
    attempts = receipt.attempts
    attributes: dict[str, AttributeValue] = {ATTEMPTS: len(attempts)}
    error = call_error(receipt)
    if error is not None:
        attributes[ERROR_TYPE] = error
    if receipt.stop is not None:
        attributes[STOP] = receipt.stop.value
    if attempts:
        attributes[FAULTS] = [fault.value for fault in receipt.fault_classes]
    if receipt.in_doubt:
        attributes[IN_DOUBT] = True
    if receipt.lanes:
        attributes[LANES] = [redact_text(lane) for lane in receipt.lanes]
    request_id = next((one.request_id for one in reversed(attempts) if one.request_id), None)
    if request_id is not None:
        attributes[REQUEST_ID] = redact_text(request_id)
    fingerprint = receipt.key_fingerprint
    if fingerprint is not None:
        attributes[KEY_FINGERPRINT] = fingerprint
    for cause, seconds in receipt.waits.items():
        attributes[WAIT + cause.value] = seconds
    return attributes


def call_error(receipt: Receipt) -> str | None:
    """The call's `error.type`; None if it succeeded."""
    if receipt.stop is StopReason.OK:
        return None
    last = receipt.attempts[-1].fault if receipt.attempts else FaultClass.OK
    # A call that is broken off after its success, or without any attempt, ends for its own reason.
    if last is FaultClass.OK:
        return str(receipt.stop or StopReason.ERROR)
    return last.value


@lru_cache(maxsize=256)
def server_of(server: str) -> tuple[str, int, str]:
    """Name, port and base of a server.

    Args:
        server: `scheme://host[:port]`; a login in it is in nothing that is returned.
    """
    parts = urlsplit(server)
    host = parts.hostname or ""
    try:
        port = parts.port
    except ValueError:
        port = None
    shown = f"[{host}]" if ":" in host else host
    base = f"{parts.scheme}://{shown}" + ("" if port is None else f":{port}")
    return host, port or _PORTS.get(parts.scheme, 0), base
