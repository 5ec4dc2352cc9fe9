"""From an answer to the SDK's object, the same one that the SDK makes, for half of its cost.

`stripe._util._convert_to_stripe_object` takes every text and every number of an object through
four calls that return it as it was: half of what the SDK costs in all. Here they are put in
directly, and the SDK converts what has a structure of its own.
"""

from typing import Any

from stripe import _util
from stripe._stripe_response import StripeResponse

# Pages: the SDK gives them the parameters that they were asked for with.
_PAGES = frozenset({"list", "search_result"})

_convert: Any = _util._convert_to_stripe_object


def build(
    response: StripeResponse, params: Any, requestor: Any, api_mode: str, *, v2_deleted: bool
) -> Any:
    """Make the object of a successful answer.

    Args:
        response: the answer, parsed.
        params: the request's parameters.
        requestor: by which the object sends its own requests.
        api_mode: `V1` or `V2`.
        v2_deleted: whether it answers the deletion of a v2 object.

    Returns:
        What `_convert_to_stripe_object` returns.
    """
    data: Any = response.data
    kind = data.get("object") if isinstance(data, dict) else None
    if api_mode == "V1" and isinstance(kind, str) and kind not in _PAGES:
        structured = {
            name: value
            for name, value in data.items()
            if isinstance(value, dict | list) or name in ("id", "object")
        }
        obj: Any = _convert(resp=structured, requestor=requestor, api_mode=api_mode)
        if not obj._field_encodings:
            converted = obj._data
            obj._data = {name: converted.get(name, value) for name, value in data.items()}
            obj._previous = data.copy()
            obj._last_response = response
            return obj
    return _convert(
        resp=response,
        params=params,
        requestor=requestor,
        api_mode=api_mode,
        is_v2_deleted_object=v2_deleted,
    )
