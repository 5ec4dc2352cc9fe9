"""The pages on what is told: events, log lines, spans, and what is redacted in them."""

import inspect
import logging
from dataclasses import fields
from typing import get_args

from holdfast.batch import RunProgressed
from holdfast.engine import CallEnded, Event
from holdfast.lanes import LaneLocked, LaneWidthChanged
from holdfast.observe.lines import END_LEVELS, ENDS, FIELDS, LEVELS, RUN_LEVELS, event_names
from holdfast.observe.opentelemetry.spans import ATTRIBUTES, EVENTS, SCHEMA
from holdfast.ratelimit import LimitCut, LimitRecovered
from holdfast.redaction import PATTERNS
from holdfast.redaction.fields import OBJECT_FIELDS, PERSONAL_GROUPS, SECRET_GROUPS, THINGS
from reference.markdown import page, table

CHANGES = (LaneLocked, LaneWidthChanged, LimitCut, LimitRecovered, RunProgressed)


def events() -> str:
    """The table of events."""
    rows = []
    for event in get_args(Event) + CHANGES:
        about = " ".join((inspect.getdoc(event) or "").partition("Attributes:")[0].split())
        names = ", ".join(f"`{field.name}`" for field in fields(event))
        rows.append((f"`{event.__name__}`", names, "all" if event.is_detail else "ends", about))
    return page(
        "Events",
        "What a subscriber of `holdfast.observe.subscribe` is told, the steps of a call in their "
        "order first. `receipt` is the call's own and goes on as the call does; that of "
        "`CallEnded` is complete. Those marked `ends` are told with `only=Wanted.ENDS`, too.",
        table(("event", "fields", "wanted", "what it says"), rows),
    )


def spans() -> str:
    """The tables of what OpenTelemetry's spans tell."""
    rows = [(f"`{row.name}`", row.of, row.type, row.about) for row in ATTRIBUTES]
    events = [(f"`{name}`", about) for name, about in EVENTS.items()]
    return page(
        "Spans",
        "What the spans tell that `holdfast.observe.to_opentelemetry()` makes ([how to set it "
        "up](../how-to/traces.md)): that of a call, which is also that of a block of "
        "`holdfast.retrying`, and those of its attempts. Names without `holdfast.` are those of "
        "[OpenTelemetry's conventions](https://opentelemetry.io/docs/specs/semconv/http/http-spans/"
        f") for HTTP clients (schema `{SCHEMA}`).",
        table(("attribute", "of", "type", "what it says"), rows),
        "Events of a call's span:",
        table(("event", "when"), events),
    )


def log_lines() -> str:
    """The tables of log lines."""
    rows = []
    for name, kind in event_names():
        if kind is CallEnded:
            rows += [
                (
                    f"`{name}`",
                    f"`{logging.getLevelName(END_LEVELS[end])}`",
                    f"A call ended: {what}.",
                )
                for end, what in ENDS
            ]
        else:
            first = (inspect.getdoc(kind) or "").partition(".")[0].partition("; `at`")[0]
            about = " ".join(first.split())
            rows.append((f"`{name}`", f"`{logging.getLevelName(LEVELS[kind])}`", f"{about}."))
    when = ("A run is so far, several times a second.", "A run ended, or was stopped.")
    rows += [
        (f"`{name}`", f"`{logging.getLevelName(level)}`", about)
        for (name, level), about in zip(RUN_LEVELS.items(), when, strict=True)
    ]
    return page(
        "Log lines",
        "What `to_logging`, `to_structlog` and `to_sentry` of `holdfast.observe` say of each "
        "[event](events.md). At a level above `DEBUG` the end of a call tells its retries and "
        "waits.",
        table(("event", "level", "when"), rows),
        "The fields, in `key=value`, in JSON, as attributes of log records and as values of "
        "structlog. A field that has nothing to say is left out.",
        table(("field", "what it says"), [(f"`{name}`", said) for name, said in FIELDS.items()]),
    )


def redaction() -> str:
    """The tables of what is redacted."""
    fields_of = [
        table(
            (heading, "fields"),
            [(name, ", ".join(f"`{each}`" for each in sorted(names))) for name, names in groups],
        )
        for heading, groups in (
            ("always", SECRET_GROUPS.items()),
            ("personal: unless you say otherwise", PERSONAL_GROUPS.items()),
        )
    ]
    own = ", ".join(f"`{'`, `'.join(names)}` of `{kind}`" for kind, names in OBJECT_FIELDS.items())
    return page(
        "What is redacted",
        "Whatever Holdfast tells (receipts, notes on exceptions, events, logs, traces, metrics, "
        "pages, reports, results of a batch) has `[redacted]` in the place of these. Of keys and "
        "client secrets their kind stays: `sk_live_[redacted]`.",
        "## Fields",
        "By name, in any spelling (`Idempotency-Key`, `idempotencyKey`, `card[cvc]`), at any "
        "depth, with everything in them; also inside of texts that hold JSON, a form or headers.",
        *fields_of,
        f"Also: `number` of a card or beside `cvc` or `exp_month`; {own}. The `name` of a "
        f"{', '.join(sorted(THINGS))} is nobody's and stays.",
        "## Inside of texts",
        table(("what", "such as"), [(row.what, f"`{row.example}`") for row in PATTERNS]),
    )
