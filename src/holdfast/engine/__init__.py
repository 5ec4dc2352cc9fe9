"""The retry decision. No I/O: no socket, no clock, no randomness, no sleep of its own."""

from holdfast.engine.backoff import Backoff, Growth, Jitter, Progressive, Wait
from holdfast.engine.budget import Budget, RetryBudget
from holdfast.engine.call import Call, Queued, Request
from holdfast.engine.classify import FaultClass, classify
from holdfast.engine.commands import Admit, Command, Enter, Refused, Send, Sleep, Tokens
from holdfast.engine.events import (
    Admitted,
    AttemptEnded,
    AttemptStarted,
    CallEnded,
    CallStarted,
    Event,
    LanesEntered,
    RetryScheduled,
    Waiting,
)
from holdfast.engine.outcome import Failure, Outcome, Phase, Response
from holdfast.engine.receipt import Attempt, Cause, Receipt, StopReason
from holdfast.engine.rules import Answers, Rules
from holdfast.engine.verdict import SAFE_METHODS, Purse, Rule, Situation, Verdict, decide

__all__ = [
    "SAFE_METHODS",
    "Admit",
    "Admitted",
    "Answers",
    "Attempt",
    "AttemptEnded",
    "AttemptStarted",
    "Backoff",
    "Budget",
    "Call",
    "CallEnded",
    "CallStarted",
    "Cause",
    "Command",
    "Enter",
    "Event",
    "Failure",
    "FaultClass",
    "Growth",
    "Jitter",
    "LanesEntered",
    "Outcome",
    "Phase",
    "Progressive",
    "Purse",
    "Queued",
    "Receipt",
    "Refused",
    "Request",
    "Response",
    "RetryBudget",
    "RetryScheduled",
    "Rule",
    "Rules",
    "Send",
    "Situation",
    "Sleep",
    "StopReason",
    "Tokens",
    "Verdict",
    "Wait",
    "Waiting",
    "classify",
    "decide",
]
