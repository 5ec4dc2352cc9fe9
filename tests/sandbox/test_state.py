"""A request's view of the state: its own writes, and nothing of them for others before the end."""

from random import Random
from typing import Any

import pytest

from holdfast.sandbox.state import State, Transaction


def thing(object_id: str, **fields: Any) -> dict[str, Any]:
    return {"object": "thing", "id": object_id, **fields}


@pytest.fixture
def state() -> State:
    made = State(lambda: 1000.5, Random(1))
    made.load("acct", [thing("a"), thing("b"), thing("c")])
    return made


def begin(state: State, account: str = "acct") -> Transaction:
    return state.begin(account, livemode=False)


def names(tx: Transaction) -> list[str]:
    return [obj["id"] for obj in tx.newest_first("thing")]


def test_staged_writes_are_seen_by_the_transaction_alone(state: State) -> None:
    tx = begin(state)
    tx.put(thing("b", name="new"))
    tx.put(thing("d"))
    tx.remove("thing", "a")
    assert names(tx) == ["d", "c", "b"]
    assert tx.get("thing", "b") == thing("b", name="new")
    assert tx.find("a") is None
    assert names(begin(state)) == ["c", "b", "a"]
    state.apply(tx)
    assert names(begin(state)) == ["d", "c", "b"]
    assert state.objects("thing", "acct")[0] == thing("b", name="new")
    assert state.count() == 3


def test_an_object_is_found_by_its_kind_or_by_its_id_alone(state: State) -> None:
    tx = begin(state)
    assert tx.get("other", "a") is None
    assert tx.find("a") == thing("a")
    assert tx.find("z") is None


def test_what_is_not_there_cannot_be_removed(state: State) -> None:
    with pytest.raises(KeyError, match="no thing z to remove"):
        begin(state).remove("thing", "z")


def test_an_object_that_came_and_went_leaves_nothing(state: State) -> None:
    tx = begin(state)
    tx.put(thing("d"))
    tx.remove("thing", "d")
    assert names(tx) == ["c", "b", "a"]
    state.apply(tx)
    assert state.count() == 3


def test_what_is_undone_leaves_nothing(state: State) -> None:
    tx = begin(state)
    tx.put(thing("d"))
    tx.record("create", thing("d"))
    tx.milestone()
    tx.on("other").put(thing("e"))
    tx.undo()
    assert (tx.find("d"), tx.effects, tx.changes()) == (None, [], [])
    state.apply(tx)
    assert state.objects("thing", "other") == []
    assert len(state.objects("thing", "acct")) == 3


def test_accounts_do_not_see_each_other(state: State) -> None:
    assert names(begin(state, "other")) == []
    assert state.objects("thing", "other") == []


def test_ids_have_the_prefix_the_length_and_no_twin(state: State) -> None:
    tx = begin(state)
    made = {tx.new_id("cus", 1) for _ in range(1)}
    tx.put(thing(next(iter(made))))
    for _ in range(40):
        new = tx.new_id("cus", 1)
        assert new not in made
        made.add(new)
        tx.put(thing(new))
    long = tx.new_id("pi")
    assert long.startswith("pi_")
    assert len(long) == len("pi_") + 24


def test_time_never_runs_backwards() -> None:
    times = iter([1000.9, 900.0, 1001.0])
    state = State(lambda: next(times), Random(1))
    assert [begin(state).now for _ in range(3)] == [1000, 1000, 1001]


def test_effects_are_noted_in_order(state: State) -> None:
    tx = begin(state)
    tx.record("create", thing("d"))
    tx.record("update", thing("a"))
    assert [(effect.name, effect.object_id) for effect in tx.effects] == [
        ("create", "d"),
        ("update", "a"),
    ]
