"""Events: what Stripe tells of every change, made from the changes only when somebody asks."""

from holdfast.sandbox.events.kinds import EVENT_TYPES, types_of
from holdfast.sandbox.events.log import EventLog

__all__ = ["EVENT_TYPES", "EventLog", "types_of"]
