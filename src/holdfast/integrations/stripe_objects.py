"""From an answer to the SDK's object, the same one that the SDK makes, for a fifth of its cost.

`stripe._util._convert_to_stripe_object` takes every text and every number of an object through
four calls that return it as it was, and fills each object by a method for its every field: more
than half of what the SDK costs in all. The tests hold what is made here against what the SDK makes,
for each of its classes; a class that goes its own way is left to the SDK.
"""

from functools import lru_cache
from typing import Any

from stripe import StripeObject, _util
from stripe._object_classes import get_object_class
from stripe._stripe_response import StripeResponse

_PAGES = ("list", "search_result", "v2.search_result")
_NESTED = (dict, list)  # `dict | list` would be made anew for each field
_OWN_WAYS = ("__init__", "_construct_from", "_refresh_from", "__setattr__", "__new__")

_convert: Any = _util._convert_to_stripe_object

# The SDK imports the class's module each time.
_class_of = lru_cache(maxsize=512)(get_object_class)

# Which classes are made in the usual way, as far as they have been asked for.
_usual: dict[type[StripeObject], bool] = {}


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
    if api_mode == "V1" and isinstance(data, dict):
        made = _object(data, None, requestor, response)
        if params is not None and made._data.get("object") in _PAGES:
            made._retrieve_params = params  # the next page is asked for with them, too
        return made
    return _convert(
        resp=response,
        params=params,
        requestor=requestor,
        api_mode=api_mode,
        is_v2_deleted_object=v2_deleted,
    )


def _object(values: dict[str, Any], hint: Any, requestor: Any, response: Any = None) -> Any:
    kind = values.get("object")
    if isinstance(kind, str):
        cls: Any = _class_of("V1", kind)
    else:
        cls = StripeObject if hint is None else hint
    usual = _usual.get(cls)
    if usual is None:
        usual = _usual[cls] = _is_usual(cls)
    if not usual or cls._inner_class_dicts or cls._inner_class_union_variant_types:
        return _by_the_sdk(values, cls, requestor, response)
    hints = cls._inner_class_types
    data = {
        name: _value(value, hints.get(name), requestor) if isinstance(value, _NESTED) else value
        for name, value in values.items()
    }
    made = cls.__new__(cls)
    for name in cls._field_encodings:
        if name in data:
            data[name] = made._coerce_field_value(name, data[name])
    # Past the class's own way of setting attributes, which is for its users.
    made.__dict__.update(
        _data=data,
        _unsaved_values=set(),
        _transient_values=set(),
        _last_response=response,
        _retrieve_params={},
        _previous=values.copy(),
        _requestor=requestor,
    )
    return made


def _value(value: Any, hint: Any, requestor: Any) -> Any:
    if isinstance(value, dict):
        return _object(value, hint, requestor)
    if isinstance(value, list):
        return [_value(each, hint, requestor) for each in value]
    return value


def _by_the_sdk(values: dict[str, Any], cls: Any, requestor: Any, response: Any) -> Any:
    return cls._construct_from(
        values=values.copy(), last_response=response, requestor=requestor, api_mode="V1"
    )


def _is_usual(cls: Any) -> bool:
    return all(
        getattr(getattr(cls, name), "__func__", getattr(cls, name))
        is getattr(getattr(StripeObject, name), "__func__", getattr(StripeObject, name))
        for name in _OWN_WAYS
    )
