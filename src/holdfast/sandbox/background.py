"""Processes inside Stripe that take locks now and then, whatever the requests do.

Stripe says that its own processes lock objects too
(https://docs.stripe.com/rate-limits#object-lock-timeouts), and nothing about which, how often or
for how long. All numbers are the user's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from holdfast.sandbox.holds import Fixed, Hold, as_hold, parse_hold
from holdfast.sandbox.locks import LockTable, Timers
from holdfast.sandbox.state import State

DEFAULT_KINDS = ("customer", "subscription")
"""What is held when nothing is named: the kinds of which lock timeouts have been reported."""
FASTEST = 1000.0
MOST_HELD = 256
"""How many holds of one process may be under way, waiting ones included; more are left out."""

_SHORTEST_GAP = 0.001
_RATE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(/s|%)", re.ASCII)
_FORM = 'write "2/s 50ms", "5% 50ms", or "2/s 50ms customer,subscription" or "5% 50ms id=cus_1"'


@dataclass(frozen=True, slots=True)
class Background:
    """A process that takes locks at random instants.

    Attributes:
        hold: how long it holds one: seconds, 0 to 3600, or a distribution.
        rate: how many locks it takes a second, above 0 and at most 1000; or give `share`.
        share: for how much of the time each of its objects is held, above 0 and below 1.
        kinds: it holds random objects of these kinds; `DEFAULT_KINDS` unless given.
        id: the one object that it holds, instead of objects of some kinds.
        account: whose objects they are.

    Raises:
        ValueError: a value is out of its range, or not both of rate and share, or of id and kinds,
            may be given.
    """

    hold: float | Hold
    rate: float | None = None
    share: float | None = None
    kinds: tuple[str, ...] = ()
    id: str | None = None
    account: str = "acct_sandbox"

    def __post_init__(self) -> None:
        if (self.rate is None) == (self.share is None):
            raise ValueError("background: give one of rate and share")
        if self.rate is not None and not 0 < self.rate <= FASTEST:
            raise ValueError(
                f"background: rate is {self.rate!r}: give locks a second, above 0 and at most 1000"
            )
        if self.share is not None and not 0 < self.share < 1:
            raise ValueError(
                f"background: share is {self.share!r}: give a part of the time, above 0 and below 1"
            )
        if self.id is not None and self.kinds:
            raise ValueError("background: give one of id and kinds")
        hold = as_hold(self.hold, "background: hold")
        if self.share is not None and hold == Fixed(0):
            raise ValueError("background: hold is 0, which no share of the time is: give a longer")
        object.__setattr__(self, "hold", hold)
        kinds = self.kinds if self.kinds or self.id is not None else DEFAULT_KINDS
        object.__setattr__(self, "kinds", tuple(kinds))

    def sample(self, random: Random) -> float:
        """Draw one hold, in seconds."""
        return as_hold(self.hold).sample(random)

    def gap(self, held: float, objects: int, random: Random) -> float:
        """Draw the time from one lock to the next, in seconds.

        Args:
            held: how long the one is held.
            objects: how many there are to hold.
            random: the source of randomness.
        """
        if self.share is None:
            return random.expovariate(self.rate or FASTEST)
        mean = held / (self.share * max(objects, 1))
        return max(random.expovariate(1.0) * mean, _SHORTEST_GAP)


def parse_background(text: str) -> Background:
    """Read a background process as the command line is given it.

    Args:
        text: a rate (`2/s`) or a share of time (`5%`), a hold as `--hold` takes it, and perhaps
            kinds (`customer,subscription`) or one id (`id=cus_1`), with blanks between.

    Raises:
        ValueError: another form, or a value out of its range.
    """
    words = text.split()
    match = _RATE.fullmatch(words[0]) if 2 <= len(words) <= 3 else None
    if match is None:
        raise ValueError(f"{text!r} is no background process: {_FORM}")
    hold = parse_hold(words[1])
    number = float(match[1])
    rate, share = (number, None) if match[2] == "/s" else (None, number / 100)
    target = words[2] if len(words) == 3 else ""
    if target.startswith("id="):
        if target == "id=":
            raise ValueError(f"{text!r} names no id: {_FORM}")
        return Background(hold, rate, share, id=target.removeprefix("id="))
    kinds = tuple(kind for kind in target.split(",") if kind)
    return Background(hold, rate, share, kinds)


def as_backgrounds(
    given: str | Background | Sequence[str | Background] | None,
) -> tuple[Background, ...]:
    """Read the option `background`: one or several, each structured or as text.

    Raises:
        ValueError: one of them is neither, or has another form.
    """
    if given is None:
        return ()
    several = (given,) if isinstance(given, str | Background) else tuple(given)
    return tuple(_as_background(one) for one in several)


def _as_background(one: object) -> Background:
    if isinstance(one, Background):
        return one
    if isinstance(one, str):
        return parse_background(one)
    raise ValueError(f"background is {one!r}: give a Background or text, {_FORM}")


class BackgroundProcess:
    """One of them at work, from `start` until the event loop ends.

    Args:
        what: what it does.
        locks: the locks it takes.
        timers: the event loop.
        state: where the objects are.
        random: when, which object, and for how long.
    """

    def __init__(
        self, what: Background, locks: LockTable, timers: Timers, state: State, random: Random
    ) -> None:
        self._what = what
        self._locks = locks
        self._timers = timers
        self._state = state
        self._random = random
        self._under_way = 0

    def start(self) -> None:
        """Begin, after a first gap."""
        self._schedule(self._timers.time(), self._what.sample(self._random))

    def _schedule(self, now: float, held: float) -> None:
        gap = self._what.gap(held, self._count(), self._random)
        self._timers.call_at(now + gap, self._tick, now + gap)

    def _tick(self, at: float) -> None:
        seconds = self._what.sample(self._random)
        named = self._choose()
        if named is not None and self._under_way < MOST_HELD:
            self._under_way += 1
            key = (self._what.account, named)
            self._locks.hold(key, seconds, "a background process", left=self._left)
        self._schedule(at, seconds)

    def _left(self) -> None:
        self._under_way -= 1

    def _count(self) -> int:
        what = self._what
        return 1 if what.id is not None else self._state.count_of(what.kinds, what.account)

    def _choose(self) -> str | None:
        what = self._what
        if what.id is not None:
            return what.id
        objects = self._count()
        if not objects:
            return None
        return self._state.id_at(what.kinds, what.account, self._random.randrange(objects))
