"""What one attempt came back with: an answer, or a transport failure and how far it had got."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """How far an attempt had got when its transport failed."""

    CONNECT = "connect"
    """No connection was made: surely not processed."""
    SENT = "sent"
    """The request may have been processed: no answer came."""
    BODY = "body"
    """The answer began, and could not be read to its end."""


@dataclass(slots=True)
class Response:
    """An answer of the server.

    Attributes:
        status: the HTTP status.
        headers: the answer's headers; names are looked up without regard to case.
        error_code: `error.code` of the body, on anything but a success.
        error_type: `error.type` of the body, likewise.
        error_message: `error.message`, for the rules that have nothing else to go by. It may
            quote the request, so it is in no receipt and no event.
        value: what the transport wants handed back with it; the engine does not look at it.
    """

    status: int
    headers: Mapping[str, str]
    error_code: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    value: object = None

    @classmethod
    def read(
        cls,
        status: int,
        headers: Mapping[str, str],
        body: bytes | str | None,
        value: object = None,
    ) -> "Response":
        """Make a response of an HTTP answer; the body is parsed only when it is an error's.

        Any bytes will do: what is not JSON, or not of Stripe's form, has no error code.
        """
        if 200 <= status < 300:
            return cls(status, headers, value=value)
        code, type_, message = _read_error(body)
        return cls(status, headers, code, type_, message, value)

    def header(self, name: str) -> str | None:
        """The header called `name` (in lower case), also from a dictionary that minds the case."""
        found = self.headers.get(name)
        if found is not None or not isinstance(self.headers, dict):
            return found
        return next((value for key, value in self.headers.items() if key.lower() == name), None)


@dataclass(slots=True)
class Failure:
    """A transport failure.

    Attributes:
        phase: how far the attempt had got.
        error: the transport's exception.
        retryable: False for what no repetition mends: a certificate that does not verify.
    """

    phase: Phase
    error: Exception
    retryable: bool = True


Outcome = Response | Failure


def _read_error(body: bytes | str | None) -> tuple[str | None, str | None, str | None]:
    try:
        decoded = json.loads(body or b"")
    except (ValueError, RecursionError):
        return None, None, None
    error = decoded.get("error") if isinstance(decoded, dict) else None
    if not isinstance(error, dict):
        return None, None, None
    code, type_, message = (_text(error.get(name)) for name in ("code", "type", "message"))
    return code, type_, message


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
