"""The application-level retry: around any code, over several calls."""

from holdfast.application.decorator import retrying
from holdfast.application.loop import Attempt, Attempts, attempts
from holdfast.application.matching import On, UnwantedResult

__all__ = ["Attempt", "Attempts", "On", "UnwantedResult", "attempts", "retrying"]
