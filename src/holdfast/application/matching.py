"""Which errors are retried, and what an error tells the engine."""

from collections.abc import Callable, Mapping
from typing import Any

from holdfast.engine import Failure, Outcome, Phase, Response

On = str | type[Exception] | Callable[[Exception], bool] | tuple["On", ...]
"""An error code, an exception type, a predicate, or a tuple of these."""


class UnwantedResult(Exception):
    """Stands in a receipt for a result that was asked for again."""


def matcher(on: On) -> Callable[[Exception], bool]:
    """Make one predicate of what is to be retried.

    Args:
        on: an error code such as `"lock_timeout"`, an exception type, a predicate, or a tuple.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(on, tuple):
        tests = [matcher(one) for one in on]
        return lambda error: any(test(error) for test in tests)
    if isinstance(on, str):
        return lambda error: error_code(error) == on
    if isinstance(on, type):
        if not issubclass(on, Exception):
            raise TypeError(f"on is {on.__name__}: an exception type must be a kind of Exception")
        return lambda error: isinstance(error, on)
    if callable(on):
        return on
    raise TypeError(
        f"on is {on!r}: give an error code, an exception type, a predicate, or a tuple of these"
    )


def error_code(error: Exception) -> str | None:
    """The API's error code that an exception carries, if it does.

    Of an error of `stripe`, by `e.error.code`: the SDK leaves `e.code` empty on a 429. Of one with
    a `response` (httpx, httpx2, requests), by the body.
    """
    outcome = outcome_of(error)
    return outcome.error_code if isinstance(outcome, Response) else None


def outcome_of(error: Exception) -> Outcome:
    """What an exception means to the engine: the answer that it stands for, or a failure."""
    status = getattr(error, "http_status", None)
    if isinstance(status, int):
        inner = getattr(error, "error", None)
        code = getattr(inner, "code", None) or getattr(error, "code", None)
        return Response(status, _headers(error), _text(code), value=error)
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if isinstance(status, int):
        return Response.read(status, _headers(response), _content(response), value=error)
    return Failure(Phase.SENT, error)


def _headers(source: Any) -> Mapping[str, str]:
    headers = getattr(source, "headers", None)
    return headers if isinstance(headers, Mapping) else {}


def _content(response: Any) -> bytes | None:
    try:
        content = response.content
    except Exception:  # noqa: BLE001 - a streamed answer that nobody has read: it has no code
        return None
    return content if isinstance(content, bytes) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
