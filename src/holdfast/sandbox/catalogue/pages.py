"""Pages of generic lists: v1's with cursors by id, v2's with addresses of the next and previous.

Sources of the rules: https://docs.stripe.com/api/pagination and
https://docs.stripe.com/api-v2-overview#list-pagination.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from holdfast.sandbox.resources.listing import DEFAULT_LIMIT, Predicate, page
from holdfast.sandbox.resources.params import invalid
from holdfast.sandbox.state import JsonObject

_DIRECTIONS = {"a": "starting_after", "b": "ending_before"}


def page_v1(
    kind: str, objects: Iterable[JsonObject], params: Mapping[str, Any], url: str, keeps: Predicate
) -> JsonObject:
    """Return one page of a v1 list; see `listing.page`."""
    return page(kind, objects, params, url, keeps)


def page_v2(
    kind: str, objects: Iterable[JsonObject], params: Mapping[str, Any], url: str, keeps: Predicate
) -> JsonObject:
    """Return one page of a v2 list.

    Args:
        kind: what the list holds.
        objects: all objects in the list's order.
        params: the checked parameters; `limit` and `page`, a token of an earlier answer, are read.
        url: where the list is found.
        keeps: which objects belong to the list.

    Raises:
        ApiError: 400, the token is none of this list's.
    """
    asked: dict[str, Any] = {"limit": params.get("limit", str(DEFAULT_LIMIT))}
    direction, cursor = _read_token(params["page"]) if params.get("page") else ("", "")
    if direction:
        asked[_DIRECTIONS[direction]] = cursor
    found = page(kind, objects, asked, url, keeps)
    data = found["data"]
    more_after = bool(data) and (found["has_more"] or direction == "b")
    more_before = bool(data) and (direction == "a" or (direction == "b" and found["has_more"]))
    others = {name: value for name, value in params.items() if name != "page"}
    return {
        "data": data,
        "next_page_url": _address(url, others, "a", data[-1]) if more_after else None,
        "previous_page_url": _address(url, others, "b", data[0]) if more_before else None,
    }


def _address(url: str, params: Mapping[str, Any], direction: str, at: JsonObject) -> str:
    token = urlsafe_b64encode(f"{direction}{at['id']}".encode()).decode().rstrip("=")
    return f"{url}?{urlencode([*_pairs(params), ('page', token)])}"


def _pairs(tree: Any, name: str = "") -> Iterable[tuple[str, str]]:
    """Flatten parameters as a query carries them."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _pairs(value, f"{name}[{key}]" if name else key)
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _pairs(value, f"{name}[{index}]")
    else:
        yield name, str(tree)


def _read_token(token: Any) -> tuple[str, str]:
    try:
        text = urlsafe_b64decode(str(token) + "=" * (-len(str(token)) % 4)).decode()
    except (Base64Error, UnicodeError):
        text = ""
    if text[:1] not in _DIRECTIONS:
        raise invalid("The page is none that this list has given.", "page")
    return text[0], text[1:]
