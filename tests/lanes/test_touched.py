"""Which lanes a request enters, and what its refusals teach."""

from collections.abc import Mapping
from typing import Any

import pytest

from holdfast.lanes import MemoryLanes, Touched

PATH = "/v1/subscriptions/sub_1"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lanes(clock: Clock) -> MemoryLanes:
    return MemoryLanes(clock=clock)


def touched(lanes: MemoryLanes, method: str, path: str = PATH, body: Any = None) -> Touched:
    return Touched(lanes, method, path, body)


@pytest.mark.parametrize(
    ("rule", "method", "entered"),
    [
        ("writes", "POST", True),
        ("writes", "DELETE", True),
        ("writes", "GET", False),
        ("writes", "HEAD", False),
        ("all", "POST", True),
        ("all", "GET", True),
        ("hot", "POST", False),
        ("hot", "GET", False),
    ],
)
def test_which_calls_enter(lanes: MemoryLanes, rule: Any, method: str, entered: bool) -> None:
    assert touched(lanes, method).entering(rule) == (("sub_1",) if entered else ())


@pytest.mark.parametrize("rule", ["writes", "hot"])
def test_reads_of_what_was_seen_locked_enter_for_a_while(
    lanes: MemoryLanes, clock: Clock, rule: Any
) -> None:
    touched(lanes, "POST").was_locked()
    assert touched(lanes, "GET").entering(rule) == ("sub_1",)
    assert touched(lanes, "GET", "/v1/customers/cus_1").entering(rule) == ()
    clock.now += 59
    assert touched(lanes, "GET").entering(rule) == ("sub_1",)
    clock.now += 1
    assert touched(lanes, "GET").entering(rule) == ()


def test_only_the_hot_ones_of_several_objects_count_as_hot(lanes: MemoryLanes) -> None:
    lanes.seen_locked(["cus_1"])
    call = touched(lanes, "POST", "/v1/payment_intents/pi_1", "customer=cus_1")
    assert call.entering("hot") == ("cus_1",)


def test_a_read_in_conflict_with_a_write_under_way_makes_the_object_hot(
    lanes: MemoryLanes,
) -> None:
    touched(lanes, "GET").was_in_conflict()
    assert touched(lanes, "GET").entering("writes") == ()
    lanes.enter(["sub_1"])
    touched(lanes, "POST").was_in_conflict()
    assert touched(lanes, "GET").entering("writes") == ()
    touched(lanes, "GET").was_in_conflict()
    assert touched(lanes, "GET").entering("writes") == ("sub_1",)


def test_known_parents_are_entered_too(lanes: MemoryLanes) -> None:
    lanes.relations.learn(b'{"id": "sub_1", "customer": "cus_1"}')
    assert touched(lanes, "POST").entering("writes") == ("sub_1", "cus_1")


def test_objects_of_another_server_are_others(lanes: MemoryLanes) -> None:
    lanes.relations.learn(b'{"id": "sub_1", "customer": "cus_1"}')
    call = Touched(lanes, "POST", PATH, None, owner="api.example.com")
    assert call.entering("writes") == ("api.example.com/sub_1",)


def test_a_function_of_the_users_own_chooses(lanes: MemoryLanes) -> None:
    asked = []

    def choose(method: str, path: str, params: Mapping[str, object]) -> list[str]:
        asked.append((method, path, params))
        return ["tenant-7", "tenant-8"]

    lanes.relations.learn(b'{"id": "tenant-7", "customer": "cus_1"}')
    call = touched(lanes, "GET", f"{PATH}?a[b]=1", None)
    assert call.entering(choose) == ("tenant-7", "tenant-8")
    assert asked == [("GET", PATH, {"a": {"b": "1"}})]
    call.was_locked()
    assert lanes.heat.hot(["tenant-7", "sub_1"]) == ("tenant-7",)


def test_a_function_may_give_one_name_or_none(lanes: MemoryLanes) -> None:
    assert touched(lanes, "GET").entering(lambda *_: "tenant") == ("tenant",)
    assert touched(lanes, "GET").entering(lambda *_: ()) == ()


@pytest.mark.parametrize("given", [[None], ["", "a"], [b"a"]])
def test_a_function_that_gives_something_else_is_told_so(lanes: MemoryLanes, given: Any) -> None:
    with pytest.raises(TypeError, match=r"the policy's lanes gave .* for GET /v1/subscriptions"):
        touched(lanes, "GET").entering(lambda *_: given)
