"""What to look at first, in plain words: the answer to «what is wrong?» at three in the morning.

Each rule looks at a snapshot and says at most one sentence. The first rule is the gravest.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from holdfast.durations import format_duration
from holdfast.engine import FaultClass

Snapshot = Mapping[str, Any]

RECENT = 30
"""Seconds of the series that count as now."""
FEW = 5
"""Attempts of which no share is taken."""
FAILING = 0.1
"""The share of attempts that fail, from which on it is said."""
QUEUE = 3
"""Calls that wait for an object, from which on it is called hot."""
LONG = 1.0
"""Seconds of wait, from which on a single one that waits is enough."""

_FAILURES = (FaultClass.SERVER_ERROR, FaultClass.UNREACHABLE, FaultClass.INTERRUPTED)


class Level(StrEnum):
    """How grave it is."""

    ALARM = "alarm"
    TROUBLE = "trouble"
    BUSY = "busy"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One sentence.

    Attributes:
        level: how grave it is.
        about: the part of the page that shows more.
        text: the sentence.
    """

    level: Level
    about: str
    text: str

    def as_dict(self) -> dict[str, str]:
        """The verdict as plain values."""
        return asdict(self)


def verdicts(snapshot: Snapshot) -> list[Verdict]:
    """What a snapshot shows, the gravest first; one sentence at least."""
    found = [verdict for rule in _RULES for verdict in rule(snapshot)]
    return found or [_quiet(snapshot)]


def _unsure(snapshot: Snapshot) -> Iterator[Verdict]:
    number = snapshot["totals"]["unsure"]
    if number == 1:
        yield Verdict(Level.ALARM, "unsure", "1 call may have been executed: look at it first.")
    elif number:
        text = f"{number:,} calls may have been executed: look at them first."
        yield Verdict(Level.ALARM, "unsure", text)


def _dropped(snapshot: Snapshot) -> Iterator[Verdict]:
    number = snapshot["totals"]["dropped"]
    if number:
        were = "was" if number == 1 else "were"
        text = f"{_count(number, 'event')} {were} dropped: the figures are too low."
        yield Verdict(Level.TROUBLE, "figures", text)


def _failing(snapshot: Snapshot) -> Iterator[Verdict]:
    classes: Mapping[str, list[int]] = snapshot["series"]["classes"]
    recent = {fault: sum(counts[-RECENT:]) for fault, counts in classes.items()}
    failed = {fault: recent[fault] for fault in _FAILURES if recent.get(fault)}
    attempts, number = sum(recent.values()), sum(failed.values())
    if attempts >= FEW and number >= FAILING * attempts:
        most = max(failed, key=lambda fault: failed[fault])
        text = (
            f"The server fails: {number:,} of {attempts:,} attempts in the last {RECENT} s, "
            f"most of them {most}."
        )
        yield Verdict(Level.TROUBLE, "classes", text)


def _hot(snapshot: Snapshot) -> Iterator[Verdict]:
    for each in snapshot["hot"][:1]:
        waiting, wait = each["waiting"], each["wait_p50"] or 0.0
        if waiting >= QUEUE or (waiting and wait >= LONG):
            text = f"{each['object']} is hot: {_waits(waiting)}, {format_duration(wait)} each."
            yield Verdict(Level.BUSY, "hot", text)


def _limited(snapshot: Snapshot) -> Iterator[Verdict]:
    cut = [each for each in snapshot["limits"] if each["cut"]]
    waiting = sum(each["waiting"] for each in snapshot["limits"])
    if cut:
        text = f"The rate limit refused calls: {_scopes(cut)} slowed down, {_waits(waiting)}."
        yield Verdict(Level.BUSY, "limits", text)
    elif waiting >= QUEUE:
        text = f"The rate is at its limit: {_waits(waiting)}."
        yield Verdict(Level.BUSY, "limits", text)


def _runs(snapshot: Snapshot) -> Iterator[Verdict]:
    for run in snapshot["runs"]:
        if run["failed"]:
            text = f"The run {run['name']} has {_count(run['failed'], 'failed request')}."
            yield Verdict(Level.TROUBLE, "runs", text)


_RULES: tuple[Callable[[Snapshot], Iterator[Verdict]], ...] = (
    _unsure,
    _dropped,
    _failing,
    _runs,
    _hot,
    _limited,
)


def _quiet(snapshot: Snapshot) -> Verdict:
    totals, runs = snapshot["totals"], snapshot["runs"]
    if runs and all(run["finished"] for run in runs):
        done = sum(run["ok"] for run in runs)
        return Verdict(Level.QUIET, "runs", f"The run is over: {_count(done, 'request')} ok.")
    if not totals["calls"] and not totals["in_flight"]:
        return Verdict(Level.QUIET, "figures", "All quiet: no call was made yet.")
    way = _count(totals["in_flight"], "call")
    text = f"All quiet: {way} under way, none waits long."
    return Verdict(Level.QUIET, "figures", text)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _scopes(limits: list[Mapping[str, Any]]) -> str:
    if len(limits) > 1:
        return f"{len(limits):,} scopes are"
    return "the account is" if limits[0]["scope"] == "account" else f"{limits[0]['scope']} is"


def _waits(number: int) -> str:
    if number == 0:
        return "no call waits"
    return "1 call waits" if number == 1 else f"{number:,} calls wait"
