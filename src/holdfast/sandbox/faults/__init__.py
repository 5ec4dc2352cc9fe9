"""Faults by script: what the next requests are to suffer."""

from holdfast.sandbox.faults.answers import ending_of, error_of, replaced
from holdfast.sandbox.faults.fault import UNSET, Fault, Outage, ShouldRetry, Unset
from holdfast.sandbox.faults.kinds import FaultKind, Moment
from holdfast.sandbox.faults.reading import FaultFields, read_fault
from holdfast.sandbox.faults.scenario import read_scenario
from holdfast.sandbox.faults.script import MOST_FAULTS, FaultScript, Scenario

__all__ = [
    "MOST_FAULTS",
    "UNSET",
    "Fault",
    "FaultFields",
    "FaultKind",
    "FaultScript",
    "Moment",
    "Outage",
    "Scenario",
    "ShouldRetry",
    "Unset",
    "ending_of",
    "error_of",
    "read_fault",
    "read_scenario",
    "replaced",
]
