"""What one attempt came back with: an answer, or a transport failure and how far it had got."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from holdfast.engine.causes import causes


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
        headers = self.headers
        found = headers.get(name)
        if found is not None or not isinstance(headers, dict):
            return found
        for key, value in headers.items():
            if key.lower() == name:
                return str(value)
        return None


@dataclass(slots=True)
class Failure:
    """A transport failure.

    Attributes:
        phase: how far the attempt had got.
        error: the transport's exception.
        retryable: False for what no repetition mends: a certificate that does not verify.
        head: status and headers of the answer, if its body is all that was not read.
    """

    phase: Phase
    error: Exception
    retryable: bool = True
    head: Response | None = None

    @property
    def timed_out(self) -> bool:
        """Whether nothing came for too long."""
        return any(isinstance(cause, TimeoutError) for cause in causes(self.error))

    @property
    def closed(self) -> bool:
        """Whether the other side closed or reset the connection instead of answering."""
        if self.phase is Phase.SENT:
            return not self.timed_out
        # Not every transport has a word of its own for it, and it can happen while connecting.
        closing = (ConnectionResetError, BrokenPipeError)
        return self.phase is Phase.CONNECT and any(
            isinstance(cause, closing) for cause in causes(self.error)
        )


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
