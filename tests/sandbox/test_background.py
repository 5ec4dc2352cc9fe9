"""Background processes: how often and for how long they hold what."""

from collections import defaultdict
from collections.abc import Callable
from random import Random
from typing import Any, cast

import pytest

from holdfast.sandbox import Background, Fixed, LogNormal, Sampled, Sandbox
from holdfast.sandbox.background import MOST_HELD, BackgroundProcess, parse_background
from holdfast.sandbox.lock_trace import LockTrace
from holdfast.sandbox.locks import LockTable
from holdfast.sandbox.state import State

Call = Callable[..., Any]
ACCOUNT = "acct_sandbox"


class Scene:
    """A process at work on a fake loop, and the trace of its holds."""

    def __init__(self, loop: Any, what: Background, objects: dict[str, int]) -> None:
        self.loop = loop
        self.trace = LockTrace()
        self.table = LockTable(loop, self.trace)
        state = State(lambda: 0, Random(1))
        state.load(
            ACCOUNT,
            [
                {"object": kind, "id": f"{kind}_{number}"}
                for kind, count in objects.items()
                for number in range(count)
            ],
        )
        BackgroundProcess(what, self.table, loop, state, Random(7)).start()

    def held(self) -> dict[str, float]:
        """How long each object was held, in seconds, of the holds that have ended."""
        since: dict[str, float] = {}
        held: defaultdict[str, float] = defaultdict(float)
        for step in self.trace.after():
            if step["event"] == "granted":
                since[step["object"]] = step["at"]
            elif step["event"] == "released":
                held[step["object"]] += step["at"] - since[step["object"]]
        return held

    def count(self, event: str) -> int:
        return sum(step["event"] == event for step in self.trace.after())


@pytest.fixture
def scene(loop: Any) -> Callable[..., Scene]:
    def make(what: Background, **objects: int) -> Scene:
        return Scene(loop, what, objects)

    return make


def test_it_takes_locks_at_its_rate(loop: Any, scene: Callable[..., Scene]) -> None:
    it = scene(Background(0.01, rate=20), customer=50)
    loop.run_until(100)
    assert it.count("granted") == pytest.approx(2000, rel=0.1)
    assert len(it.held()) == 50


@pytest.mark.parametrize("hold", [Fixed(0.05), LogNormal(0.05, 0.5), Sampled([0.01, 0.09])])
@pytest.mark.parametrize("objects", [1, 5])
def test_each_object_is_held_for_its_share_of_the_time(
    loop: Any, scene: Callable[..., Scene], hold: Any, objects: int
) -> None:
    it = scene(Background(hold, share=0.1), customer=objects)
    loop.run_until(1000)
    held = it.held()
    assert len(held) == objects
    for seconds in held.values():
        assert seconds / 1000 == pytest.approx(0.1, rel=0.25)


def test_one_object_can_be_named(loop: Any, scene: Callable[..., Scene]) -> None:
    it = scene(Background(0.05, share=0.5, id="customer_1"), customer=3)
    loop.run_until(100)
    assert set(it.held()) == {"customer_1"}
    assert it.held()["customer_1"] / 100 == pytest.approx(0.5, rel=0.2)


def test_kinds_can_be_named(loop: Any, scene: Callable[..., Scene]) -> None:
    it = scene(
        Background(0.01, rate=20, kinds=("charge", "refund")), charge=1, refund=1, customer=9
    )
    loop.run_until(20)
    assert set(it.held()) == {"charge_0", "refund_0"}


def test_without_objects_it_holds_nothing_and_goes_on(
    loop: Any, scene: Callable[..., Scene]
) -> None:
    it = scene(Background(0.01, rate=20), charge=3)
    loop.run_until(10)
    assert it.count("claimed") == 0
    assert len(loop.timers) == 1


def test_what_waits_behind_a_long_hold_is_bounded(loop: Any, scene: Callable[..., Scene]) -> None:
    it = scene(Background(3600, rate=1000), customer=1)
    loop.run_until(5)
    assert it.count("claimed") == MOST_HELD


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("2/s 50ms", Background(Fixed(0.05), rate=2)),
        ("0.5/s lognormal:20ms,0.5", Background(LogNormal(0.02, 0.5), rate=0.5)),
        ("5% 50ms customer", Background(Fixed(0.05), share=0.05, kinds=("customer",))),
        ("1/s 1s charge,refund", Background(Fixed(1), rate=1, kinds=("charge", "refund"))),
        ("5% 10ms,20ms id=cus_1", Background(Sampled([0.01, 0.02]), share=0.05, id="cus_1")),
    ],
)
def test_text_says_the_same(text: str, what: Background) -> None:
    assert parse_background(text) == what


def test_what_is_held_without_a_word_are_customers_and_subscriptions() -> None:
    assert Background(1, rate=1).kinds == ("customer", "subscription")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Background(1), "give one of rate and share"),
        (lambda: Background(1, rate=1, share=0.5), "give one of rate and share"),
        (lambda: Background(1, rate=0), "rate is 0: give locks a second"),
        (lambda: Background(1, rate=1001), "rate is 1001"),
        (lambda: Background(1, share=1), "share is 1: give a part of the time"),
        (lambda: Background(0, share=0.5), "hold is 0, which no share of the time is"),
        (lambda: Background(-1, rate=1), "background: hold is -1"),
        (lambda: Background(1, rate=1, id="a", kinds=("b",)), "give one of id and kinds"),
        (lambda: parse_background("2/s"), "'2/s' is no background process: write"),
        (lambda: parse_background("often 50ms"), "'often 50ms' is no background process"),
        (lambda: parse_background("2/s 50ms a b"), "is no background process"),
        (lambda: parse_background("2/s soon"), "'soon' is no duration"),
        (lambda: parse_background("2/s 1s id="), "names no id"),
        (lambda: Sandbox(background="often"), "'often' is no background process"),
        (lambda: Sandbox(background=cast("Any", [5])), "background is 5: give a Background or"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[], object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_a_request_meets_it(
    start: Callable[..., Sandbox],
    call: Call,
    customer: Callable[[Sandbox], str],
    until: Callable[[Callable[[], bool]], None],
) -> None:
    box = start(lock_wait=0, hold=0, background=["500/s 1h customer", Background(1, rate=1)])
    path = f"/v1/customers/{customer(box)}"
    until(lambda: call(box, "POST", path, {"name": "x"}).status == 429)
    held = call(box, "GET", "/_sandbox/locks").json["held"]
    assert {one["by"] for one in held} == {"a background process"}


def test_a_random_seed_makes_it_repeatable(loop: Any, scene: Callable[..., Scene]) -> None:
    traces = []
    for _ in range(2):
        loop.now, loop.timers = 0.0, []
        it = scene(Background(LogNormal(0.01, 0.5), rate=20), customer=5)
        loop.run_until(5)
        traces.append(list(it.trace.after()))
    assert traces[0] == traces[1]
