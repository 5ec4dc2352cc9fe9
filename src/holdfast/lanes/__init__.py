"""Lanes: one call at a time on an object, first come first served.

`keys_for` tells which objects a request touches, `MemoryLanes` queues the calls of one process
(its threads and its event loops alike). Lanes are an optimisation, never a safety property:
Stripe's own lock is the arbiter.
"""

from holdfast.errors import LaneFull
from holdfast.lanes.keys import keys_for, keys_for_body
from holdfast.lanes.memory import MemoryLanes, Ticket, process_lanes

__all__ = ["LaneFull", "MemoryLanes", "Ticket", "keys_for", "keys_for_body", "process_lanes"]
