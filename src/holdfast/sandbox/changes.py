"""What a request changed: the vocabulary that the state, the ledger and the events share."""

from dataclasses import dataclass
from typing import Any, NamedTuple

JsonObject = dict[str, Any]
"""A Stripe object. Treated as immutable once put: build a new dict and put that."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One object that a request changed, and how."""

    name: str
    kind: str
    object_id: str


class Change(NamedTuple):
    """One object before and after.

    Attributes:
        account: whose object it is.
        kind: Stripe's name of the object.
        old: the object as it was; None when it was made.
        new: the object as it is; None when it was removed.
        at: unix seconds.
        livemode: of the request.
    """

    account: str
    kind: str
    old: JsonObject | None
    new: JsonObject | None
    at: int
    livemode: bool
