"""Lanes: one call at a time on an object, or a few, first come first served.

`keys_for` tells which objects a request touches, `Touched` which lanes it enters. `MemoryLanes`
queues the calls of one process (its threads and its event loops alike). Lanes are an optimisation,
never a safety property: Stripe's own lock is the arbiter.
"""

from holdfast.errors import LaneFull
from holdfast.lanes.changes import LaneLocked, LaneWidthChanged
from holdfast.lanes.keys import keys_for, keys_for_body, public
from holdfast.lanes.memory import MemoryLanes, lanes_in_use, process_lanes
from holdfast.lanes.states import LaneState
from holdfast.lanes.table import ADAPTIVE, Ticket
from holdfast.lanes.touched import Touched
from holdfast.lanes.width import WIDEST

__all__ = [
    "ADAPTIVE",
    "WIDEST",
    "LaneFull",
    "LaneLocked",
    "LaneState",
    "LaneWidthChanged",
    "MemoryLanes",
    "Ticket",
    "Touched",
    "keys_for",
    "keys_for_body",
    "lanes_in_use",
    "process_lanes",
    "public",
]
