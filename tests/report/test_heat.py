"""Hot objects, and what is forgotten of cold ones."""

import json
from typing import Any

from endings import exchange, line, old_line

from holdfast.report.ending import Ending, read_ending
from holdfast.report.heat import Heat


def _ending(**changed: Any) -> Ending:
    ending = read_ending(json.dumps(line(**changed)))
    assert ending is not None
    return ending


def test_the_hottest_is_what_requests_waited_longest_for() -> None:
    heat = Heat()
    for _ in range(5):
        heat.add(_ending(objects=["cus_many"], waits={"lane": 0.01}))
    attempts = [exchange(3.0, 0.1, "locked", 429), exchange(3.5, 0.1)]
    heat.add(_ending(objects=["cus_slow", "sub_1"], exchanges=attempts, waits={"lane": 3.0}))
    first, second, third = heat.hottest(5)
    assert {first.key, second.key} == {"cus_slow", "sub_1"}
    assert (first.requests, first.locked, first.retries, first.waits.longest) == (1, 1, 1, 3.0)
    assert (third.key, third.requests, third.locked) == ("cus_many", 5, 0)
    assert [hot.key for hot in heat.hottest(1)] == [first.key]


def test_an_object_that_a_request_names_twice_counts_once() -> None:
    heat = Heat()
    heat.add(_ending(objects=["cus_1", "cus_1"]))
    assert [hot.requests for hot in heat.hottest(5)] == [1]


def test_of_too_many_objects_the_coldest_are_forgotten_and_it_is_said() -> None:
    heat = Heat(remembered=10)
    for number in range(100):
        heat.add(_ending(objects=[f"cus_{number}"], waits={"lane": 0.0}))
        heat.add(_ending(objects=["cus_hot"], waits={"lane": 1.0}))
    assert heat.forgot
    [hottest, *_] = heat.hottest(20)
    assert (hottest.key, hottest.requests) == ("cus_hot", 100)
    assert len(heat.hottest(1000)) <= 21


def test_what_older_lines_touched_is_unknown() -> None:
    heat = Heat()
    ending = read_ending(json.dumps(old_line()))
    assert ending is not None
    heat.add(ending)
    assert (heat.unknown, heat.hottest(5)) == (1, [])
