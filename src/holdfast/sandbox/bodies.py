"""Bodies that are no forms, as parameters whose leaves are text all the same: JSON and files."""

from hashlib import sha256
from json import loads
from typing import Any

from holdfast.sandbox.errors import ApiError

_DEEPEST = 32


def read_json(body: bytes) -> dict[str, Any]:
    """Read the parameters of a v2 request.

    Args:
        body: a JSON object.

    Returns:
        The object with text for its leaves, as a form would carry them; null is "".

    Raises:
        ApiError: 400, the body is no JSON object.
    """
    try:
        content = loads(body)
    except (ValueError, RecursionError):
        raise ApiError(400, "Invalid request: the body is no JSON.") from None
    if not isinstance(content, dict):
        raise ApiError(400, "Invalid request: the body is no JSON object.")
    return {name: _as_text(value, 1) for name, value in content.items()}


def described(name: str, filename: str, content: bytes) -> list[tuple[str, str]]:
    """Return what is told of a file in a form: its name, size in bytes, and SHA-256 digest.

    The digest lets an idempotency key see another file under the same name.
    """
    return [
        (f"{name}[filename]", filename),
        (f"{name}[size]", str(len(content))),
        (f"{name}[digest]", sha256(content).hexdigest()),
    ]


def _as_text(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ApiError(400, "Invalid request: the body is nested too deeply.")
    match value:
        case dict():
            return {name: _as_text(inner, depth + 1) for name, inner in value.items()}
        case list():
            return [_as_text(inner, depth + 1) for inner in value]
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)
