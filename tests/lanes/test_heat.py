"""Objects that were seen locked stay hot for a while."""

from holdfast.lanes.heat import Heat


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_object_cools() -> None:
    clock = Clock()
    heat = Heat(seconds=60, clock=clock)
    heat.mark(["a", "b"])
    clock.now = 40
    heat.mark(["a"])
    assert heat.hot(["c", "b", "a"]) == ("b", "a")
    clock.now = 60
    assert heat.hot(["b", "a"]) == ("a",)
    assert len(heat) == 1
    clock.now = 100
    assert heat.hot(["a"]) == ()
    assert len(heat) == 0


def test_the_object_seen_longest_ago_goes_first() -> None:
    heat = Heat(limit=2, clock=Clock())
    heat.mark(["a", "b"])
    heat.mark(["a", "c"])
    assert heat.hot(["a", "b", "c"]) == ("a", "c")
