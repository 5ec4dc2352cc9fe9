"""From an event to numbers: what it adds to which metric, under which labels."""

import re
from typing import TYPE_CHECKING

from holdfast.engine.classify import FaultClass
from holdfast.engine.receipt import Cause, StopReason
from holdfast.observe import metrics as table
from holdfast.observe.labels import METHODS, MOST_BLOCKS, MOST_ENDPOINTS, NONE, OTHER, STATUSES
from holdfast.observe.metrics import Metric
from holdfast.ratelimit.reasons import REFUSALS, refusal_for

if TYPE_CHECKING:
    from holdfast.engine.receipt import Receipt

Measure = tuple[Metric, tuple[str, ...], float, str | None]
"""A metric, the values of its labels, and what is added (a counter) or observed (a histogram).

Last the id of the request that is an example of it ("" if nobody knows the id), or None where the
metric has no examples.
"""

BLOCK = "RUN"
"""The method in the receipts of application-level blocks, which are no requests."""

# To enter a lane that is free takes time, too, but nobody would call that a wait.
SHORTEST_WAIT = 0.001

_LANE = Cause.LANE
_LOCKED, _DONE, _CANCELLED = FaultClass.LOCKED, StopReason.OK, StopReason.CANCELLED
_METHODS = frozenset(METHODS)
_STATUSES = {status: str(status) for status in STATUSES}

# What a path's template looks like. Others may carry what is no word of an API, such as an address.
_TEMPLATE = re.compile(r"(?:/(?:\{id\}|v\d+|[a-z_.:~-]+))+/?")
_LONGEST = 150


class Bounded:
    """Lets through so many different values, and calls all others `other`.

    Args:
        most: how many.
    """

    __slots__ = ("_most", "_values")

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: set[str] = set()

    def __call__(self, value: str) -> str:
        """The value, or `other`."""
        values = self._values
        if value not in values:
            if len(values) >= self._most:
                return OTHER
            values.add(value)
        return value


class Measurer:
    """Gives the measures of events; the labels that it makes are bounded."""

    __slots__ = ("_block", "_endpoint", "_places")

    def __init__(self) -> None:
        self._endpoint = Bounded(MOST_ENDPOINTS)
        self._block = Bounded(MOST_BLOCKS)
        self._places: dict[tuple[str, str], tuple[str, str]] = {}

    def of_call(self, receipt: "Receipt") -> list[Measure]:
        """What the end of a call adds."""
        if receipt.method == BLOCK:
            return self._of_block(receipt)
        where = self.place(receipt.method, receipt.endpoint)
        stop, attempts = receipt.stop, receipt.attempts
        measures = self._times(receipt, where)
        measures.append((table.CALLS, (*where, _value(stop)), 1, None))
        request, before = "", None
        for attempt in attempts:
            fault, request = attempt.fault, attempt.request_id or ""
            labels = (*where, fault._value_, status_label(attempt.status))
            measures.append((table.ATTEMPTS, labels, 1, None))
            if before is not None:
                measures.append((table.RETRIES, (before._value_,), 1, None))
            if fault is _LOCKED:
                measures.append((table.LOCK_TIMEOUTS, (), 1, request))
            if attempt.replayed:
                measures.append((table.REPLAYS, (), 1, request))
            before = fault
        if stop is not _DONE:
            if stop is not _CANCELLED:
                last = NONE if before is None else before._value_
                measures.append((table.FAILED_CALLS, (last,), 1, request))
            if receipt.in_doubt:
                measures.append((table.UNSURE_CALLS, where, 1, request))
        elif len(attempts) > 1:
            measures.append((table.MENDED_CALLS, (attempts[-2].fault._value_,), 1, request))
        return measures

    def times_of_call(self, receipt: "Receipt") -> list[Measure]:
        """What of it goes into histograms: the time of each attempt in their order first."""
        if receipt.method == BLOCK:
            return []
        return self._times(receipt, self.place(receipt.method, receipt.endpoint))

    def _times(self, receipt: "Receipt", where: tuple[str, str]) -> list[Measure]:
        request = ""
        measures: list[Measure] = []
        for attempt in receipt.attempts:
            request = attempt.request_id or ""
            measures.append((table.ATTEMPT_DURATION, where, attempt.seconds, request))
        measures.append((table.CALL_DURATION, where, receipt.seconds, request))
        for cause, seconds in receipt.waits.items():
            if cause is not _LANE or seconds >= SHORTEST_WAIT:
                measures.append((table.WAITS, (cause._value_,), seconds, None))
        return measures

    def place(self, method: str, endpoint: str) -> tuple[str, str]:
        """The labels of a method and of an endpoint."""
        return self._places.get((method, endpoint)) or self._place(method, endpoint)

    def of_cut(self, reason: str | None) -> list[Measure]:
        """What a refusal adds that made the limiter slower."""
        return [(table.LIMIT_CUTS, (refusal_for(reason).level.value, _reason(reason)), 1, None)]

    def _of_block(self, receipt: "Receipt") -> list[Measure]:
        block = self._block(receipt.path)
        return [
            (table.BLOCKS, (block, _value(receipt.stop)), 1, None),
            (table.BLOCK_ATTEMPTS, (block,), len(receipt.attempts), None),
        ]

    def _place(self, method: str, endpoint: str) -> tuple[str, str]:
        known = OTHER
        if len(endpoint) <= _LONGEST and _TEMPLATE.fullmatch(endpoint):
            known = self._endpoint(endpoint)
        where = (method_label(method), known)
        if where == (method, endpoint):  # as many as there are labels, and no more
            self._places[where] = where
        return where


def method_label(method: str) -> str:
    """The label of an HTTP method."""
    return method if method in _METHODS else OTHER


def status_label(status: int | None) -> str:
    """The label of an HTTP status, or of none."""
    if status is None:
        return NONE
    known = _STATUSES.get(status)
    if known is not None:
        return known
    return f"{status // 100}xx" if 100 <= status < 600 else OTHER


def _value(stop: StopReason | None) -> str:
    return NONE if stop is None else stop._value_


def _reason(reason: str | None) -> str:
    if reason is None:
        return NONE
    known = reason.strip().lower()
    return known if known in REFUSALS else OTHER
