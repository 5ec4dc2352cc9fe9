"""The pages of docs/reference on log lines and on what is redacted."""

import inspect
import logging

from docs_markdown import page, table

from holdfast.engine import CallEnded
from holdfast.observe.lines import END_LEVELS, ENDS, FIELDS, LEVELS, RUN_LEVELS, event_names
from holdfast.redaction import PATTERNS
from holdfast.redaction.fields import OBJECT_FIELDS, PERSONAL_GROUPS, SECRET_GROUPS, THINGS


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
