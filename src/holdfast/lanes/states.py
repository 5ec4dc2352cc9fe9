"""How lanes stand, for those who look from outside."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Crowd:
    """How full lanes are.

    Attributes:
        lanes: how many somebody is in or waits for.
        waiting: how many calls wait for theirs.
        longest: how many wait in the lane that has most of them.
    """

    lanes: int
    waiting: int
    longest: int


@dataclass(frozen=True, slots=True)
class LaneState:
    """How a lane stands.

    Attributes:
        key: the object.
        inside: how many calls are in it.
        waiting: how many wait for it.
    """

    key: str
    inside: int
    waiting: int
