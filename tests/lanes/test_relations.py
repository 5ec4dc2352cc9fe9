"""What answers teach of what belongs to what."""

import json
from typing import Any

import pytest

from holdfast.lanes.relations import Relations


def stripes(obj: dict[str, Any]) -> bytes:
    """An answer as Stripe writes it."""
    return json.dumps(obj, indent=2).encode()


def compact(obj: dict[str, Any]) -> bytes:
    return json.dumps(obj, separators=(",", ":")).encode()


FORMS = pytest.mark.parametrize("write", [stripes, compact])
SUBSCRIPTION = {"id": "sub_1", "object": "subscription", "customer": "cus_1", "metadata": {}}


@FORMS
def test_an_answer_names_the_parent(write: Any) -> None:
    relations = Relations()
    relations.learn(write(SUBSCRIPTION))
    assert relations.with_parents(("sub_1",)) == ("sub_1", "cus_1")
    assert relations.with_parents(("sub_2",)) == ("sub_2",)


@FORMS
def test_an_expanded_parent_counts_too(write: Any) -> None:
    relations = Relations()
    customer = {"id": "cus_2", "object": "customer"}
    relations.learn(write({"object": "payment_intent", "id": "pi_1", "customer": customer}))
    assert relations.with_parents(("pi_1",)) == ("pi_1", "cus_2")


@FORMS
def test_relations_are_followed(write: Any) -> None:
    relations = Relations()
    relations.learn(write({"id": "si_1", "object": "subscription_item", "subscription": "sub_1"}))
    relations.learn(write(SUBSCRIPTION))
    relations.learn(write({"id": "re_1", "charge": "ch_1", "payment_intent": "pi_1"}))
    assert relations.with_parents(("si_1",)) == ("si_1", "sub_1", "cus_1")
    assert relations.with_parents(("re_1",)) == ("re_1", "ch_1", "pi_1")


def test_what_is_nested_is_not_taken_for_the_objects_own() -> None:
    relations = Relations()
    nested = {"id": "pi_1", "last_error": {"customer": "cus_9"}, "customer": None}
    relations.learn(stripes(nested))
    assert len(relations) == 0


@FORMS
def test_the_newest_answer_counts(write: Any) -> None:
    relations = Relations()
    for customer in ("cus_1", "cus_2"):
        relations.learn(write({"id": "pm_1", "object": "payment_method", "customer": customer}))
    assert relations.with_parents(("pm_1",)) == ("pm_1", "cus_2")
    relations.learn(write({"id": "pm_1", "object": "payment_method", "customer": None}))
    assert relations.with_parents(("pm_1",)) == ("pm_1",)
    assert len(relations) == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe{",
        b'{"id": "sub_1"',
        b'{"id": "sub_1", "customer": "sub_2"}',
        b'{"id": "sub_1", "customer": 7}',
        b'{"id": 7, "customer": "cus_1"}',
        b'{"id": "cus_1", "customer": "cus_2"}',
        b'{"object": "list", "data": [{"id": "sub_1", "customer": "cus_1"}]}',
        "no JSON at all",
        None,
        [b"a stream"],
    ],
)
def test_anything_else_teaches_nothing(body: object) -> None:
    relations = Relations()
    relations.learn(body)
    assert len(relations) == 0


def test_a_text_will_do() -> None:
    relations = Relations()
    relations.learn('{"id": "sub_1", "customer": "cus_1"}')
    assert relations.with_parents(("sub_1",)) == ("sub_1", "cus_1")


def test_a_circle_ends() -> None:
    relations = Relations()
    for child, parent in (("in_1", "cus_1"), ("ii_1", "cus_1")):
        relations.learn(f'{{"id": "{child}", "customer": "{parent}", "invoice": "in_1"}}')
    relations._parents["cus_1"] = ("in_1",)
    assert relations.with_parents(("ii_1",)) == ("ii_1", "cus_1", "in_1")


def test_the_oldest_go_when_there_are_too_many() -> None:
    relations = Relations(limit=2)
    for number in (1, 2, 1, 3):
        relations.learn(f'{{"id": "sub_{number}", "customer": "cus_{number}"}}')
    assert len(relations) == 2
    assert relations.with_parents(("sub_1", "sub_2")) == ("sub_1", "sub_2", "cus_1")
