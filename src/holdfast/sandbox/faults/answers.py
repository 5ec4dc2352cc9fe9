"""What a fault makes of an answer."""

from holdfast.sandbox import errors
from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.faults.fault import Fault
from holdfast.sandbox.faults.kinds import FaultKind
from holdfast.sandbox.http import Answer, Ending

_HTML = {
    FaultKind.HTML_500: (500, "500 Internal Server Error"),
    FaultKind.HTML_502: (502, "502 Bad Gateway"),
    FaultKind.HTML_503: (503, "503 Service Temporarily Unavailable"),
    FaultKind.HTML_504: (504, "504 Gateway Timeout"),
}
_ENDINGS = {
    FaultKind.RESET_BEFORE: Ending.RESET,
    FaultKind.RESET_AFTER: Ending.RESET,
    FaultKind.CLOSE_BEFORE: Ending.CLOSED,
    FaultKind.CLOSE_AFTER: Ending.CLOSED,
    FaultKind.HANG: Ending.HANGING,
    FaultKind.TRUNCATED: Ending.TRUNCATED,
    FaultKind.SLOW_BODY: Ending.SLOW,
}


def error_of(fault: Fault) -> ApiError | None:
    """The error of Stripe's shape that a fault answers with; None when it answers with none."""
    match fault.kind:
        case FaultKind.RATE_LIMIT:
            return errors.rate_limited(fault.reason or "")
        case FaultKind.ACCOUNTS_400:
            return errors.too_quickly()
        case FaultKind.LOCK_TIMEOUT:
            return errors.lock_timeout()
        case FaultKind.CONFLICT_409:
            return ApiError(409, "The request conflicts with another request. Try it again.")
        case FaultKind.DEPENDENCY_424:
            return ApiError(424, "A system that Stripe depends on failed.", type="api_error")
        case FaultKind.ERROR_500:
            return errors.internal_error()
        case FaultKind.ERROR_500_RETRY:
            return errors.internal_error(should_retry=True)
        case FaultKind.ERROR_500_NO_RETRY:
            return errors.internal_error(should_retry=False)
        case _:
            return None


def replaced(fault: Fault) -> Answer | None:
    """The answer without Stripe's shape that stands instead of the true one, if any."""
    if fault.kind in _HTML:
        status, title = _HTML[fault.kind]
        page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
        return Answer(status, page.encode(), content_type="text/html")
    if fault.kind is FaultKind.NO_ERROR_JSON:
        return Answer(fault.status or 0, b'{"message":"The service is unavailable."}')
    return None


def ending_of(fault: Fault) -> Ending:
    """How the answer ends, and the connection with it."""
    return _ENDINGS.get(fault.kind, Ending.SENT)
