"""The resources of the sandbox: what each of Stripe's operations does.

`ROUTES` finds the operation of a request, `locked_objects` says which objects a write locks, and
`completed` fills in an object that was written by hand.
"""

from holdfast.sandbox.resources.catalogue import KINDS, ROUTES, completed
from holdfast.sandbox.resources.locking import PARENTS, locked_objects
from holdfast.sandbox.resources.params import Params
from holdfast.sandbox.resources.routing import Match, Operation, Request, Routes

__all__ = [
    "KINDS",
    "PARENTS",
    "ROUTES",
    "Match",
    "Operation",
    "Params",
    "Request",
    "Routes",
    "completed",
    "locked_objects",
]
