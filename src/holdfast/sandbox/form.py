"""Reading the parameters of a request: the query, and a form or multipart body.

Names nest as Stripe's do: `items[0][price]=x` is `{"items": [{"price": "x"}]}`. Values stay text.
"""

import re
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from holdfast.sandbox.bodies import described, read_json
from holdfast.sandbox.errors import ApiError

Params = dict[str, Any]

_PAIRS = 20_000
_DEPTH = 16
_LONGEST_NAME = 2048
_HEADER_PARAM = re.compile(r';[ \t]*([\w*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;" \t]+))')
_FORM = "application/x-www-form-urlencoded"


def read_params(query: str, content_type: str, body: bytes, *, json: bool = False) -> Params:
    """Read a request's parameters, those of the query first.

    Args:
        query: the part of the target behind the question mark.
        content_type: the header, empty when absent.
        body: the request's body.
        json: whether the body may be JSON, as those of v2 are.

    Returns:
        Nested dicts and lists of text.

    Raises:
        ApiError: 400, the parameters cannot be read.
    """
    if not body:
        return nest(_pairs(query)) if query else {}
    kind = content_type.partition(";")[0].strip().lower()
    if kind in {_FORM, ""}:
        try:
            pairs = _pairs(body.decode("ascii"))
        except UnicodeDecodeError as error:
            raise _bad(f"Byte {error.start} of the form is not percent-encoded.") from None
    elif kind == "multipart/form-data":
        pairs = _multipart(content_type, body)
    elif json and kind == "application/json":
        return {**nest(_pairs(query)), **read_json(body)}
    else:
        raise _bad(
            f"The content type is {kind}. Check that your POST content type is {_FORM} or "
            "multipart/form-data."
        )
    return nest(_pairs(query) + pairs if query else pairs)


def nest(pairs: list[tuple[str, str]]) -> Params:
    """Nest flat parameters.

    Args:
        pairs: names such as `a[b][0]` or `a[]`, with their values; the last of two equal ones wins.

    Raises:
        ApiError: 400, a name is used both for a value and for what it contains.
    """
    params: Params = {}
    nested = False
    for name, value in pairs:
        path = _path(name)
        if len(path) == 1:
            if isinstance(params.get(name), dict):
                raise _mixed(name)
            params[name] = value
        else:
            nested = True
            _put(params, path, value)
    return {name: _listed(name, value) for name, value in params.items()} if nested else params


def _put(params: Params, path: tuple[str, ...], value: str) -> None:
    into = params
    for step in path[:-1]:
        inner = into.setdefault(step or str(len(into)), {})
        if not isinstance(inner, dict):
            raise _mixed(path[0])
        into = inner
    last = path[-1] or str(len(into))
    if isinstance(into.get(last), dict):
        raise _mixed(path[0])
    into[last] = value


def _listed(name: str, value: Any) -> Any:
    """Turn dicts whose keys are indices into lists; metadata may have any keys."""
    if not isinstance(value, dict) or name == "metadata":
        return value
    inner = {key: _listed(key, one) for key, one in value.items()}
    if all(key.isascii() and key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner


@lru_cache(maxsize=4096)
def _path(name: str) -> tuple[str, ...]:
    """Split `a[b][]` into `a`, `b` and an empty step. A name of another form is left whole."""
    if len(name) > _LONGEST_NAME:
        raise _bad(f"The name of a parameter is longer than {_LONGEST_NAME} characters.")
    head, bracket, rest = name.partition("[")
    if not bracket or not head or not rest.endswith("]"):
        return (name,)
    steps = rest[:-1].split("][")
    if any("[" in step or "]" in step for step in steps):
        return (name,)
    if len(steps) > _DEPTH:
        raise _bad(f"The parameter {head} is nested too deeply.")
    return (head, *steps)


def _pairs(text: str) -> list[tuple[str, str]]:
    if text.count("&") >= _PAIRS:
        raise _bad(f"There are more than {_PAIRS} parameters.")
    pairs = []
    for part in text.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((_unquote(name), _unquote(value)))
    return pairs


def _unquote(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text
    return _text(unquote_to_bytes(text.replace("+", " ")))


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _bad("The parameters are not UTF-8.") from None


def _multipart(content_type: str, body: bytes) -> list[tuple[str, str]]:
    boundary = _header_param(content_type, "boundary")
    if not boundary:
        raise _bad("The multipart content type names no boundary.")
    mark = b"--" + boundary.encode("latin-1")
    if body.count(mark) > _PAIRS:
        raise _bad(f"There are more than {_PAIRS} parts.")
    parts = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise _bad("The multipart body does not end with its boundary.")
    return [pair for part in parts[1:-1] for pair in _part(part)]


def _part(part: bytes) -> list[tuple[str, str]]:
    head, found, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    disposition = ""
    for line in head.decode("latin-1").split("\r\n"):
        name, _, text = line.partition(":")
        if name.strip().lower() == "content-disposition":
            disposition = text.strip()
    name = _header_param(disposition, "name")
    if not found or not name:
        raise _bad("A part of the multipart body has no name.")
    name = _text(name.encode("latin-1"))
    filename = _header_param(disposition, "filename")
    return described(name, filename, value) if filename else [(name, _text(value))]


def _header_param(header: str, name: str) -> str:
    """A parameter of a header, such as the boundary; empty when it is absent."""
    for found in _HEADER_PARAM.finditer(header):
        if found[1].lower() == name:
            return found[2].replace('\\"', '"') if found[3] is None else found[3]
    return ""


def _mixed(name: str) -> ApiError:
    return ApiError(400, f"Invalid parameter: {name} is both a value and a collection.", param=name)


def _bad(sentence: str) -> ApiError:
    return ApiError(400, f"Invalid request: {sentence}")
