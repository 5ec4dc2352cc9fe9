"""The parameters of operations: which are taken, and what they may hold."""

from typing import Any

import pytest

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources import params
from holdfast.sandbox.resources.params import Params

PARAMS = Params(
    {
        "amount": params.INTEGER,
        "capture": params.BOOLEAN,
        "fee": params.INTEGER_OR_UNSET,
        "items": params.LIST,
        "limit": params.at_least(1),
        "mode": params.one_of("fast", "slow"),
        "name": params.TEXT,
        "shipping": params.TREE,
    },
    required=("name",),
)


@pytest.mark.parametrize(
    ("values", "code", "param", "message"),
    [
        ({}, "parameter_missing", "name", "Missing required param: name."),
        ({"name": ""}, "parameter_invalid_empty", "name", "empty string for 'name'"),
        ({"nam": "x"}, "parameter_unknown", "nam", "Received unknown parameter: nam"),
        ({"amount": "x"}, "parameter_invalid_integer", "amount", "Invalid integer: x"),
        ({"amount": "1.5"}, "parameter_invalid_integer", "amount", "Invalid integer: 1.5"),
        ({"amount": "9" * 30}, "parameter_invalid_integer", "amount", "Invalid integer: 999"),
        ({"amount": "٣"}, "parameter_invalid_integer", "amount", "Invalid integer"),
        ({"amount": ["1"]}, "parameter_invalid_integer", "amount", "Invalid integer"),
        ({"amount": ""}, "parameter_invalid_empty", "amount", "empty string for 'amount'"),
        ({"fee": "x"}, "parameter_invalid_integer", "fee", "Invalid integer: x"),
        ({"limit": "0"}, "parameter_invalid_integer", "limit", "greater than or equal to 1"),
        ({"capture": "yes"}, None, "capture", "Invalid boolean: yes"),
        ({"capture": {"a": "b"}}, None, "capture", "Invalid boolean"),
        ({"capture": ""}, "parameter_invalid_empty", "capture", "empty string"),
        ({"mode": "loud"}, None, "mode", "Invalid mode: must be one of fast, or slow"),
        ({"mode": ["fast"]}, None, "mode", "Invalid mode"),
        ({"mode": ""}, "parameter_invalid_empty", "mode", "empty string"),
        ({"name": {"a": "b"}}, None, "name", "Invalid string"),
        ({"shipping": "home"}, None, "shipping", "Invalid object: home"),
        ({"items": "one"}, None, "items", "Invalid array: one"),
        ({"metadata": "x"}, None, "metadata", "Invalid object: x"),
        ({"metadata": {"a": ["b"]}}, None, "metadata[a]", "Invalid string"),
        ({"expand": "customer"}, None, "expand", "Invalid array: customer"),
    ],
)
def test_refused(values: dict[str, Any], code: str | None, param: str, message: str) -> None:
    given = values if "name" in values or not values else {"name": "x", **values}
    with pytest.raises(ApiError) as raised:
        PARAMS.check(given)
    assert raised.value.status == 400
    assert (raised.value.code, raised.value.param) == (code, param)
    assert message in raised.value.message


@pytest.mark.parametrize(
    "values",
    [
        {"amount": "-5"},
        {"fee": ""},
        {"capture": "true"},
        {"mode": "slow"},
        {"shipping": {"address": {"line1": "x"}}},
        {"shipping": ""},
        {"items": [{"price": "p"}]},
        {"items": ""},
        {"metadata": {"a": "b"}, "expand": ["customer"]},
        {"metadata": ""},
    ],
)
def test_taken(values: dict[str, Any]) -> None:
    PARAMS.check({"name": "x", **values})


@pytest.mark.parametrize(
    ("field", "sent", "present", "stored"),
    [
        (params.TEXT, "new", "old", "new"),
        (params.TEXT, "", "old", None),
        (params.INTEGER, "-7", 1, -7),
        (params.INTEGER_OR_UNSET, "", 1, None),
        (params.INTEGER_OR_UNSET, "4", None, 4),
        (params.BOOLEAN, "true", False, True),
        (params.BOOLEAN, "false", True, False),
        (params.LIST, ["a", "b"], [], ["a", "b"]),
        (params.LIST, "", ["a"], []),
        (params.TREE, {"a": {"b": ""}, "c": ["", "d"]}, None, {"a": {"b": None}, "c": [None, "d"]}),
        (params.TREE, "", {"a": "b"}, None),
        (params.tree_of("x", "y"), {"x": "1"}, None, {"x": "1", "y": None}),
        (params.tree_of("x"), "", {"x": "1"}, None),
        (params.MERGED_TREE, {"x": "2"}, {"x": "1", "y": "1"}, {"x": "2", "y": "1"}),
        (params.MERGED_TREE, "", {"x": "1"}, {"x": "1"}),
        (params.METADATA, {"b": "2"}, {"a": "1"}, {"a": "1", "b": "2"}),
        (params.METADATA, {"a": ""}, {"a": "1", "b": "2"}, {"b": "2"}),
        (params.METADATA, {"gone": ""}, {"a": "1"}, {"a": "1"}),
        (params.METADATA, "", {"a": "1"}, {}),
    ],
)
def test_read(field: params.Field, sent: Any, present: Any, stored: Any) -> None:
    assert field.read(sent, present) == stored


def test_numbers_and_flags_have_defaults() -> None:
    assert params.number({}, "n", 3) == 3
    assert params.number({"n": "4"}, "n", 3) == 4
    assert params.flag({}, "f") is False
    assert params.flag({}, "f", True) is True
    assert params.flag({"f": "false"}, "f", True) is False


def test_elements_are_named_by_their_place() -> None:
    assert list(params.named_elements([{"a": "1"}, {"b": "2"}], "items")) == [
        ({"a": "1"}, "items[0]"),
        ({"b": "2"}, "items[1]"),
    ]
    with pytest.raises(ApiError, match="Invalid object: x"):
        list(params.named_elements(["x"], "items"))
