"""Lines of JSON -> requests. What is wrong with a line is found here, before anything is sent."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn

from holdfast.redaction import redact_text

METHODS = ("GET", "POST", "DELETE")
FIELDS = ("id", "method", "path", "params", "idempotency_key", "account")
REQUIRED = ("id", "method", "path")

# `StripeClient.raw_request(method_, url_, **params)` takes its options out of the same keywords
# (stripe/_stripe_client.py, stripe/_request_options.py), so parameters of these names would never
# be sent as parameters.
OPTION_NAMES = frozenset(
    (
        "api_key idempotency_key stripe_account stripe_version stripe_context"
        " max_network_retries headers content_type base usage self method_ url_"
    ).split()
)

LINE_LIMIT = 1 << 20
KEY_LIMIT = 255  # docs.stripe.com/api/idempotent_requests

_PATH = re.compile(r"/v[12]/[!-~]*")
_WORD = re.compile(r"[!-~]+")
_HEADER_TEXT = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the file.

    Attributes:
        id: the file's own name for it.
        method: GET, POST or DELETE.
        path: begins with `/v1/` or `/v2/`; may carry a query.
        params: the parameters, nested as Stripe nests them.
        account: the connected account to act for, if any.
        idempotency_key: the file's own key, or in a journal the one made for it.
    """

    id: str
    method: str
    path: str
    params: dict[str, Any]
    account: str | None = None
    idempotency_key: str | None = None

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"

    @property
    def shown_path(self) -> str:
        """The path without its query, which can hold what belongs to a person, such as an
        address to search for."""
        return self.path.partition("?")[0]

    @property
    def keyed(self) -> bool:
        """Whether an idempotency key makes it safe to repeat: v1 POST, v2 POST and DELETE."""
        return self.method == "POST" or (self.method == "DELETE" and self.path.startswith("/v2/"))


@dataclass(frozen=True, slots=True)
class Line:
    """What one line holds.

    Attributes:
        number: counted from 1.
        id: the request's id, also of a line that is bad otherwise, if it could be read.
        request: the request, unless there are problems.
        problems: sentences about what is wrong.
    """

    number: int
    id: str | None
    request: Request | None
    problems: tuple[str, ...]


class Reader:
    """Reads a file of requests line by line, in bounded memory.

    Args:
        stream: the file, opened in binary.

    After the last line `fingerprint` is the SHA-256 of all that was read.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of what was read so far."""
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[Line]:
        """Every line that is not blank."""
        number = 0
        while raw := self._stream.readline(LINE_LIMIT + 1):
            number += 1
            self._hash.update(raw)
            if len(raw) > LINE_LIMIT:
                self._skip_rest(raw)
                yield Line(number, None, None, (f"the line is longer than {LINE_LIMIT} bytes",))
                continue
            if number == 1:
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            if raw.strip():
                yield parse(number, raw)

    def _skip_rest(self, raw: bytes) -> None:
        while raw and not raw.endswith(b"\n"):
            raw = self._stream.readline(LINE_LIMIT)
            self._hash.update(raw)


def fingerprint(stream: BinaryIO) -> str:
    """SHA-256, in hex, of a whole file."""
    digest = hashlib.sha256()
    while chunk := stream.read(LINE_LIMIT):
        digest.update(chunk)
    return digest.hexdigest()


def parse(number: int, raw: bytes) -> Line:
    """Read one line.

    Args:
        number: the line's number, counted from 1.
        raw: its bytes.
    """
    try:
        fields = _decode(raw)
    except _Unreadable as error:
        return Line(number, None, None, (str(error),))
    problems = list(_problems(fields))
    id_ = fields.get("id")
    known = id_ if isinstance(id_, str) and id_ else None
    if problems or known is None:
        return Line(number, known, None, tuple(problems))
    request = Request(
        known,
        fields["method"],
        fields["path"],
        fields.get("params") or {},
        fields.get("account"),
        fields.get("idempotency_key"),
    )
    return Line(number, known, request, ())


class _Unreadable(ValueError):
    """The line is no JSON object."""


def _decode(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
        if _SURROGATE.search(raw):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise _Unreadable(f"not UTF-8 (byte {error.start + 1} of the line)") from None
    except UnicodeEncodeError:
        raise _Unreadable(r"a \u escape is half of a surrogate pair, which is no text") from None
    except json.JSONDecodeError as error:
        raise _Unreadable(f"not JSON: {error.msg} (column {error.colno})") from None
    except RecursionError:
        raise _Unreadable("not JSON that can be read: nested too deeply") from None
    except ValueError as error:
        raise _Unreadable(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise _Unreadable(f"not a JSON object but {_kind(value)}: write {{...}} on each line")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'the name "{twice}" stands twice in one object')
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _problems(fields: dict[str, Any]) -> Iterator[str]:
    for name in fields:
        if name not in FIELDS:
            yield f'unknown field "{name}": the fields are {", ".join(FIELDS)}'
    for name in REQUIRED:
        if name not in fields:
            yield f'"{name}" is missing'
    for name, check in _CHECKS.items():
        if name in fields:
            yield from check(fields[name])
    if "idempotency_key" in fields and fields.get("method") == "GET":
        yield '"idempotency_key" has no effect on a GET: leave it out'


def _check_id(value: object) -> Iterator[str]:
    if not isinstance(value, str) or not value:
        yield f'"id" is {_shown(value)}: it must be a text that is not empty'


def _check_method(value: object) -> Iterator[str]:
    if value not in METHODS:
        yield f'"method" is {_shown(value)}: it must be {", ".join(METHODS[:-1])} or {METHODS[-1]}'


def _check_path(value: object) -> Iterator[str]:
    if not isinstance(value, str) or not value.startswith(("/v1/", "/v2/")):
        yield f'"path" is {_shown(value)}: it must begin with /v1/ or /v2/'
    elif not _PATH.fullmatch(value) or "#" in value:
        yield (
            f'"path" is {_shown(value)}: spaces, "#" and letters beyond ASCII must be '
            "percent-encoded"
        )


def _check_params(value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f'"params" is {_shown(value)}: it must be an object'
        return
    for name in value:
        if name in OPTION_NAMES:
            yield (
                f'"params" has "{name}", which is an option of the client and no parameter of '
                "Stripe: it would not be sent"
            )


def _check_key(value: object) -> Iterator[str]:
    if not isinstance(value, str) or not _HEADER_TEXT.fullmatch(value):
        yield (
            f'"idempotency_key" is {_shown(value)}: it must be a text of ASCII letters, digits '
            "and signs, without spaces around it"
        )
    elif len(value) > KEY_LIMIT:
        yield f'"idempotency_key" has {len(value)} characters: at most {KEY_LIMIT} are allowed'


def _check_account(value: object) -> Iterator[str]:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        yield f'"account" is {_shown(value)}: it must be the id of a connected account (acct_...)'


_CHECKS: dict[str, Callable[[object], Iterator[str]]] = {
    "id": _check_id,
    "method": _check_method,
    "path": _check_path,
    "params": _check_params,
    "idempotency_key": _check_key,
    "account": _check_account,
}

_KINDS: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def _kind(value: object) -> str:
    return _KINDS[type(value)]


def _shown(value: object) -> str:
    text = redact_text(json.dumps(value))
    return text if len(text) <= 60 else f"{text[:57]}..."
