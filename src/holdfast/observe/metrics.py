"""THE table: every metric, its unit, its labels and its buckets. docs/reference/metrics.md is it.

Names follow Prometheus' own rules (prometheus.io/docs/practices/naming) and, for OpenTelemetry, its
semantic conventions (opentelemetry.io/docs/specs/semconv/http/http-metrics); what these have no
name for begins with `holdfast.`. Units are of UCUM, as OpenTelemetry wants them.
"""

from dataclasses import dataclass
from enum import StrEnum

from holdfast.observe.labels import CAUSES, CUTS, FAILURES, LABELS, NONE


class Instrument(StrEnum):
    """What a metric is made of."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric.

    Attributes:
        name: in Prometheus, without the suffixes of its samples but `_total`.
        otel: in OpenTelemetry.
        instrument: what it is made of.
        unit: in UCUM: seconds are `s`, counted things stand in braces.
        about: what it counts or measures, in a sentence.
        labels: the names of its labels, in the order in which their values are given.
        buckets: the upper bounds of a histogram, in its unit, without infinity.
        known: values of the labels that are there from the start, as 0: all of them, where they
            are a closed set, so that the first count is seen as an increase.
    """

    name: str
    otel: str
    instrument: Instrument
    unit: str
    about: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    known: tuple[tuple[str, ...], ...] = ()

    @property
    def attributes(self) -> tuple[str, ...]:
        """Its labels as OpenTelemetry calls them."""
        return tuple(LABELS[label].attribute for label in self.labels)


# The conventions' own bounds for http.client.request.duration.
ATTEMPT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
# A call may last until its deadline, which is 120 s by default.
CALL_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
WAIT_BUCKETS = (0.0025, 0.005, *CALL_BUCKETS)

_COUNTER, _HISTOGRAM, _GAUGE = Instrument
_WHERE = ("method", "endpoint")


def _each(values: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple((value,) for value in values)


CALLS = Metric(
    "holdfast_calls_total",
    "holdfast.calls",
    _COUNTER,
    "{call}",
    "Calls that have ended, by the reason why they stopped.",
    (*_WHERE, "stop"),
)
CALL_DURATION = Metric(
    "holdfast_call_duration_seconds",
    "holdfast.call.duration",
    _HISTOGRAM,
    "s",
    "Whole time of a call: its waits, its attempts and its retries.",
    _WHERE,
    CALL_BUCKETS,
)
ATTEMPTS = Metric(
    "holdfast_attempts_total",
    "holdfast.attempts",
    _COUNTER,
    "{attempt}",
    "HTTP exchanges of the calls that have ended, by what their outcome meant.",
    (*_WHERE, "fault", "status"),
)
ATTEMPT_DURATION = Metric(
    "holdfast_attempt_duration_seconds",
    "http.client.request.duration",
    _HISTOGRAM,
    "s",
    "Time of one HTTP exchange, from sending the request to the end of the answer.",
    _WHERE,
    ATTEMPT_BUCKETS,
)
RETRIES = Metric(
    "holdfast_retries_total",
    "holdfast.retries",
    _COUNTER,
    "{attempt}",
    "Attempts after a call's first, by the fault that they followed.",
    ("fault",),
    known=_each(FAILURES),
)
MENDED_CALLS = Metric(
    "holdfast_mended_calls_total",
    "holdfast.calls.mended",
    _COUNTER,
    "{call}",
    "Calls that succeeded after a retry, by the last fault before the success.",
    ("fault",),
    known=_each(FAILURES),
)
FAILED_CALLS = Metric(
    "holdfast_failed_calls_total",
    "holdfast.calls.failed",
    _COUNTER,
    "{call}",
    "Calls that did not succeed and that nobody cancelled, by the fault of their last attempt; "
    "what the server rejected is among them.",
    ("fault",),
    known=_each((*FAILURES, NONE)),
)
UNSURE_CALLS = Metric(
    "holdfast_unsure_calls_total",
    "holdfast.calls.unsure",
    _COUNTER,
    "{call}",
    "Calls that did not succeed and may have been executed all the same: reconcile each of them.",
    _WHERE,
)
LOCK_TIMEOUTS = Metric(
    "holdfast_lock_timeouts_total",
    "holdfast.lock_timeouts",
    _COUNTER,
    "{attempt}",
    "Attempts that the server refused because the object was locked (lock_timeout).",
    known=((),),
)
REPLAYS = Metric(
    "holdfast_replayed_answers_total",
    "holdfast.answers.replayed",
    _COUNTER,
    "{attempt}",
    "Answers that were an earlier attempt's stored one (Idempotent-Replayed): what would have been "
    "done twice without an idempotency key.",
    known=((),),
)
WAITS = Metric(
    "holdfast_wait_seconds",
    "holdfast.wait.duration",
    _HISTOGRAM,
    "s",
    "Time that a call waited for one cause, all its waits for it together. A lane that is "
    "entered within a millisecond is none.",
    ("cause",),
    WAIT_BUCKETS,
    _each(CAUSES),
)
BLOCKS = Metric(
    "holdfast_blocks_total",
    "holdfast.blocks",
    _COUNTER,
    "{block}",
    "Runs of `@retrying` functions and `attempts()` loops that have ended, by the reason why they "
    "stopped. The calls inside count as calls, these do not.",
    ("block", "stop"),
)
BLOCK_ATTEMPTS = Metric(
    "holdfast_block_attempts_total",
    "holdfast.block.attempts",
    _COUNTER,
    "{attempt}",
    "Attempts of `@retrying` functions and `attempts()` loops.",
    ("block",),
)
LIMIT_CUTS = Metric(
    "holdfast_limit_cuts_total",
    "holdfast.limit.cuts",
    _COUNTER,
    "{cut}",
    "Times that a refusal made the limiter slower, by what the refused limit is about.",
    ("level", "reason"),
    known=CUTS,
)
LANES = Metric(
    "holdfast_lanes",
    "holdfast.lanes",
    _GAUGE,
    "{lane}",
    "Lanes that a call is in or waits for: objects that are being worked on.",
)
LANE_WAITING = Metric(
    "holdfast_lane_waiting_calls",
    "holdfast.lane.waiting",
    _GAUGE,
    "{call}",
    "Calls that wait for a lane.",
)
LANE_LONGEST = Metric(
    "holdfast_lane_longest_queue",
    "holdfast.lane.longest_queue",
    _GAUGE,
    "{call}",
    "Calls that wait in the lane that has most of them: the hottest object.",
)
LIMITER_WAITING = Metric(
    "holdfast_limiter_waiting_calls",
    "holdfast.limiter.waiting",
    _GAUGE,
    "{call}",
    "Calls that wait for a rate limit.",
)
LIMITER_RATE = Metric(
    "holdfast_limiter_rate",
    "holdfast.limiter.rate",
    _GAUGE,
    "{request}/s",
    "The lowest rate that a scope of the level is held to, in requests a second; not there while "
    "none is.",
    ("level",),
)
LIMITER_CONCURRENCY = Metric(
    "holdfast_limiter_concurrency",
    "holdfast.limiter.concurrency",
    _GAUGE,
    "{request}",
    "The lowest number of requests at once that a scope of the level is held to; not there while "
    "none is.",
    ("level",),
)
LIMITER_CUT = Metric(
    "holdfast_limiter_cut_scopes",
    "holdfast.limiter.cut_scopes",
    _GAUGE,
    "{scope}",
    "Accounts, endpoints and objects that a refusal still slows down.",
    ("level",),
)
IN_FLIGHT = Metric(
    "holdfast_attempts_in_flight",
    "holdfast.attempts.in_flight",
    _GAUGE,
    "{attempt}",
    "Attempts that a limiter let go and that have not come back.",
)
DROPPED_EVENTS = Metric(
    "holdfast_events_dropped_total",
    "holdfast.events.dropped",
    _COUNTER,
    "{event}",
    "Events that a subscriber was too slow for; these metrics lose nothing by that.",
    ("subscriber",),
)
FAILED_EVENTS = Metric(
    "holdfast_events_failed_total",
    "holdfast.events.failed",
    _COUNTER,
    "{event}",
    "Events at which a subscriber raised an error.",
    ("subscriber",),
)
BUILD = Metric(
    "holdfast_build_info",
    "holdfast.build",
    _GAUGE,
    "1",
    "Always 1; its label says which version of Holdfast runs.",
    ("version",),
)

COUNTED = (
    CALLS,
    CALL_DURATION,
    ATTEMPTS,
    ATTEMPT_DURATION,
    RETRIES,
    MENDED_CALLS,
    FAILED_CALLS,
    UNSURE_CALLS,
    LOCK_TIMEOUTS,
    REPLAYS,
    WAITS,
    BLOCKS,
    BLOCK_ATTEMPTS,
    LIMIT_CUTS,
)
"""What is added up as calls end; `holdfast.observe.tally` has the numbers."""

READ = (
    LANES,
    LANE_WAITING,
    LANE_LONGEST,
    LIMITER_WAITING,
    LIMITER_RATE,
    LIMITER_CONCURRENCY,
    LIMITER_CUT,
    IN_FLIGHT,
    DROPPED_EVENTS,
    FAILED_EVENTS,
    BUILD,
)
"""What is read when it is asked for; `holdfast.observe.levels` has the numbers."""

METRICS = (*COUNTED, *READ)
