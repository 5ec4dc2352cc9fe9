"""Objects made up, and parameters taken over, kind by kind."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sandbox.catalogue import Catalogue, catalogue
from holdfast.sandbox.catalogue.fitting import UNFIT, Fitter
from holdfast.sandbox.catalogue.making import Maker, Owner
from holdfast.sandbox.catalogue.shapes import (
    Choice,
    Either,
    Embedded,
    ListOf,
    MapOf,
    Nullable,
    Page,
    Primitive,
    Record,
    Reference,
    Shape,
)
from holdfast.sandbox.state import State, Transaction


def begin(livemode: bool = False) -> Transaction:
    return State(lambda: 1_700_000_000, Random(1)).begin("acct_1", livemode=livemode)


def fits(value: Any, shape: Shape) -> bool:
    """Whether JSON of a shape may be the value."""
    match shape:
        case Nullable(of):
            return value is None or fits(value, of)
        case Choice(values):
            return value in values
        case ListOf(of):
            return isinstance(value, list) and all(fits(one, of) for one in value)
        case MapOf(of):
            return isinstance(value, dict) and all(fits(one, of) for one in value.values())
        case Either(options):
            return any(fits(value, option) for option in options)
        case Reference():
            return isinstance(value, str)
        case Embedded(kind):
            return value is None or value["object"] == kind
        case Page(kinds):
            return value["object"] == "list" and all(o["object"] in kinds for o in value["data"])
        case Record(fields, required):
            return all(name in value for name in required) and all(
                fits(one, fields[name]) for name, one in value.items()
            )
        case Primitive():
            return isinstance(value, TYPES[shape])


TYPES: dict[Primitive, type] = {
    Primitive.TEXT: str,
    Primitive.INTEGER: int,
    Primitive.BIG_INTEGER: str,
    Primitive.NUMBER: float,
    Primitive.DECIMAL: str,
    Primitive.BOOLEAN: bool,
    Primitive.ANYTHING: object,
}


@pytest.mark.parametrize("examples", [False, True])
def test_every_kind_is_made_with_fields_that_fit(known: Catalogue, examples: bool) -> None:
    for kind in known.kinds:
        made = Maker(known, {}, begin(), examples=examples).object(kind)
        record = known.fields_of(kind)
        assert record is not None
        for name, value in made.items():
            assert fits(value, record.fields.get(name, Primitive.TEXT)), (kind, name, value)
        assert set(record.required) <= set(made), kind
        assert "deleted" not in made


def test_the_same_chance_makes_the_same_object(known: Catalogue) -> None:
    one, other = (Maker(known, {}, begin(), examples=True).object("invoice") for _ in range(2))
    assert one == other
    assert one["lines"]["data"][0]["object"] == "line_item"
    assert one["lines"]["data"][0]["invoice"] == one["id"]


def test_what_the_key_and_the_clock_say_is_in_the_object(known: Catalogue) -> None:
    made = Maker(known, {}, begin(livemode=True)).object("topup")
    assert (made["livemode"], made["created"], made["status"]) == (True, 1_700_000_000, "pending")
    second = Maker(known, {}, begin()).object("v2.core.account")
    assert second["created"] == "2023-11-14T22:13:20.000Z"


@pytest.mark.parametrize(
    ("shape", "value", "present", "fitted"),
    [
        (Primitive.INTEGER, "12", None, 12),
        (Primitive.INTEGER, "now", None, UNFIT),
        (Primitive.BIG_INTEGER, "12", None, "12"),
        (Primitive.NUMBER, "1.5", None, 1.5),
        (Primitive.DECIMAL, "1.50", None, "1.50"),
        (Primitive.DECIMAL, "much", None, UNFIT),
        (Primitive.BOOLEAN, "true", None, True),
        (Primitive.BOOLEAN, "maybe", None, UNFIT),
        (Primitive.TEXT, ["a"], None, UNFIT),
        (Primitive.ANYTHING, {"a": "b"}, None, {"a": "b"}),
        (Nullable(Primitive.INTEGER), "", 5, None),
        (Choice(("a", "b")), "b", None, "b"),
        (Choice(("a", "b")), "c", None, UNFIT),
        (Reference(("customer",)), "cus_1", None, "cus_1"),
        (Reference(("customer",)), {}, None, UNFIT),
        (Embedded("customer"), "cus_none", None, UNFIT),
        (ListOf(Primitive.INTEGER), ["1", "x", "2"], None, [1, 2]),
        (ListOf(Primitive.INTEGER), "", [1], []),
        (ListOf(Primitive.INTEGER), "1", [1], UNFIT),
        (MapOf(Primitive.TEXT), {"a": "", "b": "2"}, {"a": "1", "c": "3"}, {"b": "2", "c": "3"}),
        (MapOf(Primitive.TEXT), {"a": ["1"]}, {}, {}),
        (Nullable(MapOf(Primitive.TEXT)), "", {"a": "1"}, {}),
        (MapOf(Primitive.INTEGER), {"a": "5", "b": "x"}, {}, {"a": 5}),
        (MapOf(Primitive.TEXT), "x", {}, UNFIT),
        (Either((Primitive.INTEGER, Choice(("now",)))), "now", None, "now"),
        (Either((Primitive.INTEGER, Choice(("now",)))), "then", None, UNFIT),
        (Record({"a": Primitive.INTEGER}, ("a",)), {"a": "3", "z": "1"}, None, {"a": 3}),
        (Record({"a": Primitive.INTEGER, "b": Primitive.TEXT}), {"a": "3"}, {"a": 1, "b": "x"},
         {"a": 3, "b": "x"}),
        (Record({"a": Primitive.INTEGER}), "x", None, UNFIT),
        (Page(("item",)), "x", None, UNFIT),
        (Page(()), [], None, UNFIT),
    ],
)  # fmt: skip
def test_text_becomes_what_a_field_holds(
    known: Catalogue, shape: Shape, value: Any, present: Any, fitted: Any
) -> None:
    tx = begin()
    fitter = Fitter(tx, Maker(known, {}, tx))
    assert fitter.fitted(shape, value, present, "field", Owner("customer", "cus_1")) == fitted


leaves = st.one_of(st.sampled_from(["", "1", "true", "x", "-5", "1.5", "usd"]), st.text(max_size=5))
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "name", "data", "type"]), inner, max_size=3),
    ),
    max_leaves=8,
)


@given(
    kind=st.sampled_from(["topup", "quote", "payment_link", "v2.core.account", "tax.settings"]),
    data=st.data(),
)
def test_no_parameter_makes_an_object_that_does_not_fit(kind: str, data: st.DataObject) -> None:
    known = catalogue()
    record = known.fields_of(kind)
    assert record is not None
    names = st.sampled_from(sorted(record.fields))
    params = data.draw(st.dictionaries(names, trees, max_size=4))
    tx = begin()
    maker = Maker(known, {}, tx)
    changed = Fitter(tx, maker).changed(maker.object(kind), record, params)
    for name, value in changed.items():
        assert fits(value, record.fields.get(name, Primitive.TEXT)), (name, value)
