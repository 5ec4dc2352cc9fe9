"""Reading lock rules: what is taken over, and what is said of a slip."""

import json
from pathlib import Path
from typing import Any

import pytest

from holdfast.sandbox import LockRulesError, Sandbox
from holdfast.sandbox.lock_rules import default_rules, read_rules
from holdfast.sandbox.resources import KINDS, ROUTES


def read(content: Any) -> Any:
    return read_rules(content, ROUTES.match)


def test_ours_are_marked_as_an_assumption_with_their_evidence() -> None:
    file = Path(read_rules.__globals__["__file__"]).with_name("default.json")
    told = json.loads(file.read_text("utf-8"))
    assert "assumption" in told["about"]
    assert {note["bears_on"].split(".")[0] for note in told["notes"]} >= {"path", "reads"}
    assert all(note["says"] and note["source"] for note in told["notes"])


def test_ours_speak_of_objects_that_there_are() -> None:
    assert default_rules().parents.keys() <= KINDS
    assert not default_rules().operations


def test_what_is_left_out_stays(tmp_path: Path) -> None:
    file = tmp_path / "locks.json"
    file.write_text('{"notes": "mine", "parents": {"price": ["product"], "card": []}}')
    ours, theirs = default_rules(), read(file)
    assert theirs.parents == {**ours.parents, "price": ("product",), "card": ()}
    assert (theirs.path, theirs.reads) == (ours.path, ours.reads)
    assert theirs.parameters == ours.parameters


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"parent": {}}, "locks: parent is no field of lock rules: give path, reads, parameters"),
        ({"path": 1}, "locks: path is 1: write true or false"),
        ({"reads": "yes"}, "locks: reads is 'yes': write true or false"),
        ({"parameters": "customer"}, "locks: parameters is 'customer': write a list"),
        ({"parameters": ["a b"]}, r"locks: parameters is \['a b'\]: write a list"),
        ({"parents": []}, r"locks: parents is \[\]: write an object"),
        ({"parents": {"Charge!": []}}, "locks: parents.Charge! is no kind of object"),
        ({"parents": {"charge": "customer"}}, "locks: parents.charge is 'customer': write a list"),
        ({"parents": {"charge": ["a..b"]}}, "locks: parents.charge is"),
        ({"operations": []}, r"locks: operations is \[\]: write an object"),
        ({"operations": {"/v1/x": "none"}}, "'/v1/x' is no operation: write a method and a path"),
        (
            {"operations": {"POST /v1/unicorns": "none"}},
            r"operations\['POST /v1/unicorns'\] is no operation that the sandbox has",
        ),
        (
            {"operations": {"POST /v1/customers": "all"}},
            r"operations\['POST /v1/customers'\] is 'all': write \"none\", or",
        ),
        (
            {"operations": {"POST /v1/customers": {"exclusive": [], "shared": []}}},
            "shared is no field here: give exclusive and parents",
        ),
        (
            {"operations": {"POST /v1/customers": {"exclusive": "customer"}}},
            "exclusive is 'customer': write a list",
        ),
        (
            {"operations": {"POST /v1/customers/{a}": {"exclusive": ["{b}"]}}},
            r"exclusive\[0\] is '\{b\}': write an id of the path \(there is \{a\}\)",
        ),
        (
            {"operations": {"POST /v1/customers": {"exclusive": [], "parents": 1}}},
            "parents is 1: write true or false",
        ),
    ],
)
def test_a_slip_is_told_with_its_place_and_what_to_write(content: Any, says: str) -> None:
    with pytest.raises(LockRulesError, match=says):
        read(content)
    with pytest.raises(LockRulesError, match=says):
        Sandbox(locks=content)


@pytest.mark.parametrize(
    ("text", "says"), [("[]", "is no JSON object"), ("{", "is no JSON"), ("[" * 10**5, "no JSON")]
)
def test_a_file_that_holds_no_rules_is_named(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "locks.json"
    file.write_text(text)
    with pytest.raises(LockRulesError, match=says):
        read(file)


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Sandbox(locks=tmp_path / "none.json")
