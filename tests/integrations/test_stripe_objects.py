"""Objects are built as the SDK builds them: held against its own conversion, class by class."""

import json
from typing import Any

import pytest
import stripe
from stripe._api_requestor import _APIRequestor
from stripe._object_classes import OBJECT_CLASSES, get_object_class
from stripe._requestor_options import RequestorOptions
from stripe._stripe_response import StripeResponse
from stripe._util import _convert_to_stripe_object

from holdfast.integrations.stripe_objects import build

REQUESTOR = _APIRequestor(RequestorOptions(api_key="sk_test_x"))
VALUES = {"int64_string": "9007199254740993", "decimal_string": "0.125"}


def sample(kind: str) -> dict[str, Any]:
    """An answer with everything that an object of the kind may be made of."""
    made: type[stripe.StripeObject] = get_object_class("V1", kind)
    nested = {"b": 1, "list": [1, None, {"object": "customer", "id": "cus_9", "name": "Ada"}]}
    data: dict[str, Any] = {
        "id": "x_1",
        "object": kind,
        "text": "a",
        "nothing": None,
        "number": 1.5,
        "truth": True,
        "metadata": {"order": "6735"},
        "unknown": nested,
        "page": {"object": "list", "data": [{"object": "charge", "id": "ch_1"}], "url": "/v1/x"},
    }
    for name in made._inner_class_types:
        data[name] = {"first": nested} if name in made._inner_class_dicts else {**nested, "id": "i"}
    for name, (key, variants) in made._inner_class_union_variant_types.items():
        data[name] = {key: next(iter(variants)), "amount": 1}
    for name, encoding in made._field_encodings.items():
        data[name] = VALUES.get(encoding, "1")
    return data


def anatomy(value: Any) -> Any:
    """All that an object is made of, in order."""
    if isinstance(value, list):
        return [anatomy(each) for each in value]
    if isinstance(value, StripeResponse):
        return type(value), value.code, value.body, value.headers, value.data
    if not isinstance(value, stripe.StripeObject):
        return type(value), value
    data = [(name, anatomy(each)) for name, each in value._data.items()]
    rest = {
        name: anatomy(each) if name != "_requestor" else id(each)
        for name, each in vars(value).items()
        if name != "_data"
    }
    return type(value), data, rest


def both(data: Any, params: Any = None, mode: Any = "V1") -> tuple[Any, Any]:
    response = StripeResponse(json.dumps(data), 200, {"request-id": "req_1"})
    ours = build(response, params, REQUESTOR, mode, v2_deleted=False)
    theirs = _convert_to_stripe_object(
        resp=response, params=params, requestor=REQUESTOR, api_mode=mode
    )
    return ours, theirs


@pytest.mark.parametrize("kind", [*OBJECT_CLASSES, "never_heard_of"])
def test_an_object_of_any_class_is_just_the_sdks(kind: str) -> None:
    ours, theirs = both(sample(kind), {"limit": 2})
    assert anatomy(ours) == anatomy(theirs)
    assert str(ours) == str(theirs)


@pytest.mark.parametrize(
    "data",
    [
        {"id": "cus_1", "object": "customer", "deleted": True},
        {"deleted": True},
        {"id": "x", "object": None},
        {"id": None, "object": "customer", "name": "Ada"},
        {"object": "balance", "available": [{"amount": 1, "currency": "usd"}]},
        {"object": "list", "data": [{"id": "cus_1", "object": "customer"}], "url": "/v1/customers"},
        {"object": "search_result", "data": [], "next_page": "x", "url": "/v1/customers/search"},
        {"object": 5, "id": "odd"},
        {"object": {"object": "customer"}, "id": "odd"},
        [],
        [{"object": "customer", "id": "cus_1"}],
    ],
)
def test_odd_answers_too(data: Any) -> None:
    ours, theirs = both(data, {"limit": 2})
    assert anatomy(ours) == anatomy(theirs)


def test_those_of_version_2_too() -> None:
    ours, theirs = both({"object": "v2.core.account", "id": "acct_1", "name": "a"}, mode="V2")
    assert anatomy(ours) == anatomy(theirs)
    ours, theirs = both({"data": [{"id": "acct_1", "object": "v2.core.account"}]}, mode="V2")
    assert anatomy(ours) == anatomy(theirs)


def test_the_object_can_be_changed_without_its_answer() -> None:
    ours, theirs = both(sample("customer"))
    ours["name"] = theirs["name"] = "Grace"
    ours.metadata["order"] = theirs.metadata["order"] = "1"
    assert anatomy(ours) == anatomy(theirs)
    assert ours.last_response.data["metadata"] == {"order": "6735"}
