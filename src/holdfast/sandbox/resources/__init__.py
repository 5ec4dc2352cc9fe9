"""The resources of the sandbox: what each of Stripe's operations does.

`ROUTES` finds the operation of a request, and `completed` fills in an object that was
written by hand.
"""

from holdfast.sandbox.resources.catalogue import KINDS, ROUTES, completed
from holdfast.sandbox.resources.params import Params
from holdfast.sandbox.resources.routing import Document, Match, Operation, Request, Routes

__all__ = [
    "KINDS",
    "ROUTES",
    "Document",
    "Match",
    "Operation",
    "Params",
    "Request",
    "Routes",
    "completed",
]
