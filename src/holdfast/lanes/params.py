"""The parameters of an encoded request, as its caller wrote them: mappings, lists and texts."""

import json
from typing import Any
from urllib.parse import parse_qsl

# Nobody nests deeper; what does is left out.
_DEEPEST = 50


def decode(path: str, body: str | bytes | None, content_type: str = "") -> dict[str, Any]:
    """Decode the parameters of a request, from its query and its body.

    Args:
        path: the path, with its query if it has one.
        body: a form-encoded body, or JSON when `content_type` says so; a multipart one is left out.
        content_type: the request's `Content-Type`.

    Returns:
        The parameters. `a[b]=1` is `{"a": {"b": "1"}}`, `a[0]=1` and `a[]=1` are `{"a": ["1"]}`.
    """
    params = _form(path.partition("?")[2])
    if not body or content_type.startswith("multipart/"):
        return params
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    params.update(_json(text) if "json" in content_type else _form(text))
    return params


def _json(text: str) -> dict[str, Any]:
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _form(text: str) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True) if text else ():
        steps = name.replace("]", "").split("[")
        if len(steps) <= _DEEPEST:
            _put(tree, steps, value)
    return {name: _with_lists(value) for name, value in tree.items()}


def _put(tree: dict[str, Any], steps: list[str], value: str) -> None:
    *outer, last = steps
    for step in outer:
        inner = tree.setdefault(step or str(len(tree)), {})
        if not isinstance(inner, dict):
            return  # `a=1&a[b]=2`: the first one counts
        tree = inner
    tree[last or str(len(tree))] = value


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _with_lists(one) for name, one in value.items()}
    if inner and all(name.isascii() and name.isdigit() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner
