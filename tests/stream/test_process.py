"""The stream: who is told what, and that nobody listening costs nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from holdfast import observe
from holdfast.stream import Stream, Subscription, Wanted, process_stream


@dataclass
class Step:
    is_detail: ClassVar[bool] = True


@dataclass
class End:
    is_detail: ClassVar[bool] = False


def test_who_wants_ends_gets_no_steps() -> None:
    stream = Stream()
    steps, ends = list[Any](), list[Any]()
    stream.subscribe(steps.append, inline=True)
    stream.subscribe(ends.append, inline=True, only=Wanted.ENDS)
    stream.publish(Step())
    stream.publish(End())
    assert steps == [Step(), End()]
    assert ends == [End()]


def test_what_is_wanted_is_the_most_that_anybody_wants() -> None:
    stream = Stream()
    seen = [stream.wanted]
    ends = stream.subscribe(print, only=Wanted.ENDS)
    seen.append(stream.wanted)
    with stream.subscribe(print):
        seen.append(stream.wanted)
    seen.append(stream.wanted)
    ends.close()
    ends.close()
    seen.append(stream.wanted)
    nothing, only_ends, everything = Wanted
    assert seen == [nothing, only_ends, everything, only_ends, nothing]


def test_a_closed_subscription_is_told_no_more_but_what_waits_still_comes() -> None:
    stream, seen = Stream(), list[Any]()
    subscription = stream.subscribe(seen.append)
    stream.publish(End())
    subscription.close()
    stream.publish(Step())
    assert subscription.flush()
    assert seen == [End()]
    assert stream.subscriptions == ()


def test_the_public_way_in() -> None:
    seen: list[Any] = []
    with observe.subscribe(seen.append) as subscription:
        assert isinstance(subscription, Subscription)
        assert subscription in process_stream().subscriptions
        process_stream().publish(End())
        assert observe.flush()
    assert subscription not in process_stream().subscriptions
    assert seen == [End()]
    assert "subscribe" in dir(observe)


def test_what_is_inline_for_a_whole_call_begins_before_all_others_and_ends_after_them() -> None:
    stream, told = Stream(), list[str]()

    def teller(name: str) -> Callable[[object], None]:
        return lambda event: told.append(f"{name} {type(event).__name__}")

    stream.subscribe(teller("count"), inline=True, only=Wanted.ENDS)
    first = stream.subscribe(lambda _: None)
    stream.subscribe(teller("outer"), inline=True)
    stream.subscribe(teller("inner"), inline=True)
    stream.publish(Step())
    stream.publish(End())
    assert told == ["outer Step", "inner Step", "count End", "inner End", "outer End"]
    assert first.flush()
