"""Learned widths: slow growth, quick retreat, and no memory of lanes that learned nothing."""

from holdfast.lanes.width import WIDEST, Widths


def clean(widths: Widths, times: int, key: str = "a") -> None:
    for _ in range(times):
        widths.clean(key)


def calls_until(widths: Widths, width: int) -> int:
    for calls in range(100_000):
        if widths.of("a") == width:
            return calls
        widths.clean("a")
    raise AssertionError(f"it never grew to {width}")


def test_it_grows_by_one_and_stops_at_the_widest() -> None:
    widths = Widths()
    assert [calls_until(widths, width) for width in (1, 2, 3, 4)] == [0, 4, 100, 100]
    clean(widths, 10_000)
    assert widths.of("a") == WIDEST == 4


def test_a_lock_timeout_halves_it() -> None:
    widths = Widths()
    calls_until(widths, 4)
    widths.locked("a")
    assert widths.of("a") == 2
    widths.clean("a")
    widths.locked("a")
    assert widths.of("a") == 1


def test_a_burst_of_lock_timeouts_counts_once() -> None:
    widths = Widths()
    calls_until(widths, 4)
    for _ in range(3):
        widths.locked("a")
    assert widths.of("a") == 2


def test_after_a_lock_timeout_it_grows_more_slowly_each_time() -> None:
    widths = Widths()
    calls_until(widths, 2)
    taken = []
    for _ in range(3):
        widths.clean("a")
        widths.locked("a")
        assert widths.of("a") == 1
        taken.append(calls_until(widths, 2))
    assert taken == [200, 200, 200]  # twice the step before, which the growth itself had halved


def test_lock_timeouts_at_every_width_slow_it_down_further() -> None:
    widths = Widths()
    calls_until(widths, 4)
    for _ in range(2):
        widths.clean("a")
        widths.locked("a")
    assert calls_until(widths, 2) == 400


def test_a_lock_timeout_of_a_call_that_was_alone_is_not_the_lanes_doing() -> None:
    widths = Widths()
    widths.clean("a")
    for _ in range(10):
        widths.locked("a")
    assert calls_until(widths, 2) == 3
    widths.locked("unknown")
    assert len(widths) == 1


def test_what_learned_nothing_is_forgotten_when_idle() -> None:
    widths = Widths()
    clean(widths, 3)
    widths.idle("a")
    widths.idle("unknown")
    assert len(widths) == 0
    calls_until(widths, 2)
    widths.idle("a")
    assert widths.of("a") == 2


def test_the_lane_that_learned_longest_ago_goes_first() -> None:
    widths = Widths(limit=2)
    for key in ("a", "b"):
        clean(widths, 4, key)
    widths.locked("a")
    clean(widths, 1, "c")
    assert (widths.of("a"), widths.of("b"), len(widths)) == (1, 1, 2)
    clean(widths, 200, "a")
    assert widths.of("a") == 2
