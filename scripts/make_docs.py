"""Write the pages of docs/reference that are tables of the code. `--check` only compares."""

import inspect
import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import get_args

from docs_markdown import page, table
from docs_of_logs import log_lines, redaction
from docs_of_metrics import metrics

from holdfast.batch import RunProgressed
from holdfast.doctor.catalogue import TABLE
from holdfast.engine import Event
from holdfast.engine.backoff import Backoff, Growth
from holdfast.engine.budget import Budget
from holdfast.engine.classify import PHASES, RULES, classify
from holdfast.engine.outcome import Failure, Outcome, Phase, Response
from holdfast.engine.receipt import STOP_REASONS
from holdfast.engine.rules import Rules
from holdfast.engine.verdict import Situation, decide
from holdfast.lanes import LaneLocked, LaneWidthChanged
from holdfast.observe.opentelemetry.spans import ATTRIBUTES, EVENTS, SCHEMA
from holdfast.policy import Policy
from holdfast.ratelimit import PUBLISHED, Limit, LimitCut, LimitRecovered

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
CHANGES = (LaneLocked, LaneWidthChanged, LimitCut, LimitRecovered, RunProgressed)


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with `--check` say which of them are out of date."""
    stale = []
    for name, make in PAGES.items():
        file, text = FOLDER / name, make()
        if arguments == ["--check"]:
            if not file.exists() or file.read_text() != text:
                stale.append(name)
        else:
            file.write_text(text)
    for name in stale:
        print(f"docs/reference/{name} is out of date: run python scripts/make_docs.py")
    return 1 if stale else 0


def classification() -> str:
    """The table of fault classes."""
    rows = [(f"`{rule.fault}`", rule.when) for rule in RULES]
    phases = [(f"`{phase}`", f"`{fault}`") for phase, fault in PHASES.items()]
    return page(
        "Fault classes",
        "What an attempt's outcome means. Of an answer, the first row that fits gives the class:",
        table(("class", "when"), rows),
        "Of a transport failure, the phase that it had got to does (`connect`: no connection was "
        "made; `sent`: no answer came; `body`: the answer could not be read to its end):",
        table(("phase", "class"), phases),
    )


def policy() -> str:
    """The table of options."""
    rows = []
    for option in fields(Policy):
        meta = option.metadata
        bounds = meta["bounds"]
        numbers = [f"{bounds[0]:,} to {bounds[1]:,}"] if bounds else []
        reach = ", ".join([*numbers, *(f"`{word}`" for word in meta["words"])])
        rows.append(
            (f"`{option.name}`", _value(option.default), meta["unit"], reach, meta["about"])
        )
    return page(
        "Options of `Policy`",
        "Every option, with its default and its unit. A value out of range is refused when the "
        "policy is made.",
        table(("option", "default", "unit", "range", "what it says"), rows),
        "A `Backoff` waits before retry *n* for a part of `min(base * factor^(n-1), cap)`: with "
        "`full` jitter any part of it, with `equal` jitter at least half, with `quarter` jitter at "
        'least three quarters, with `none` all of it. With `growth="quadratic"` the span is '
        "`min(base * (1 + (n-1)^2), cap)`. No wait is shorter than `floor`.",
        "A `Budget` allows `share` retries for each call or `per_second` retries a second, "
        "whichever is more, and saves unused ones up for `window` seconds. A retry after "
        "`locked`, `throttled` or `key_in_use` costs 5/14 of one.",
    )


def stop_reasons() -> str:
    """The table of stop reasons."""
    rows = [(f"`{reason}`", text) for reason, text in STOP_REASONS.items()]
    return page(
        "Stop reasons",
        "Why a call ended as it did: `Receipt.stop`, and `stop_reason` in the results of a batch.",
        table(("reason", "the call ended because"), rows),
    )


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


PRESETS = {
    "`Policy()`": Policy(),
    "`stripe_node()`": Policy.stripe_node(),
    "`stripe_python()`": Policy.stripe_python(),
    "`stripe_ruby()`": Policy.stripe_ruby(),
    "`stripe_go()`": Policy.stripe_go(),
}

PACKAGES = (
    ("`stripe_node()`", "`stripe` 23.1.0 of npm, default HTTP client", "run side by side"),
    ("`stripe_python()`", "`stripe` 16.1.0 of PyPI, over `requests`", "run side by side"),
    ("`stripe_ruby()`", "`stripe` 19.5.0 of RubyGems, `lib/stripe/api_requestor.rb`", "read"),
    ("`stripe_go()`", "`stripe-go` 86.2.0, `stripe.go` and `error.go`", "read"),
)

DIFFERENCES = (
    (
        "A success is returned at once. The packages for Node, Python and Go send a request again "
        "whose 2xx answer says `Stripe-Should-Retry: true`; nothing could be gained by that."
    ),
    (
        "The presets are about retries. The idempotency key is made by whatever sends the request: "
        "with the drop-in for Python a random one on every POST. Node's own begin with "
        "`stripe-node-retry-`; Ruby makes none with 0 retries; Ruby and Go send one with DELETE "
        "too, which Stripe ignores."
    ),
    (
        "`attempt_timeout` bounds a whole attempt, from connecting to the last byte. The packages "
        "for Node and Python bound each silence within it, and Ruby has 30 s to connect."
    ),
    (
        "A call ends after a day at the latest. The packages have no such bound, and with 100 "
        "retries need under three hours."
    ),
    (
        "A request that is unsafe to repeat (PUT or PATCH, or a POST without an idempotency key) "
        "is not sent again after an indeterminate failure without the server's word. The packages "
        "send keys with every POST that they repeat, so with the drop-in the case does not arise."
    ),
    (
        "Node with its `fetch` client has no free retry of a closed connection: "
        "`replace(policy, rules=replace(policy.rules, closed_once=False))`. Python over `httpx` "
        "sends everything again, a certificate failure included: "
        '`unread="again", certificates=True`.'
    ),
    (
        "Go's own HTTP library may repeat a request when a kept connection turns out to be dead, "
        "before the package is told. Go's package takes only an unknown authority for final among "
        "certificate failures; the preset, every one of them."
    ),
)

_STRIPE = ("invalid_request_error", "no")
_TRUE, _FALSE, _ODD = ({"Stripe-Should-Retry": word} for word in ("true", "false", "True"))
_BROKEN, _SILENCE = ConnectionResetError(), TimeoutError()
OUTCOMES: tuple[tuple[str, Outcome], ...] = (
    ("409", Response(409, {}, None, *_STRIPE)),
    ("409, `false`", Response(409, _FALSE, None, *_STRIPE)),
    ("429 `lock_timeout`", Response(429, {}, "lock_timeout", *_STRIPE)),
    ("429 `lock_timeout`, `true`", Response(429, _TRUE, "lock_timeout", *_STRIPE)),
    ("429 `lock_timeout`, `True`", Response(429, _ODD, "lock_timeout", *_STRIPE)),
    ("429 `rate_limit`", Response(429, {}, "rate_limit", *_STRIPE)),
    ("429 `rate_limit`, `true`", Response(429, _TRUE, "rate_limit", *_STRIPE)),
    ("400", Response(400, {}, None, *_STRIPE)),
    ("400, `true`", Response(400, _TRUE, None, *_STRIPE)),
    ("424", Response(424, {}, None, *_STRIPE)),
    ("500", Response(500, {}, None, *_STRIPE)),
    ("500, `false`", Response(500, _FALSE, None, *_STRIPE)),
    ("400, a proxy's page", Response(400, {})),
    ("503, a proxy's page", Response(503, {})),
    ("503, a proxy's page, `false`", Response(503, _FALSE)),
    ("connection refused", Failure(Phase.CONNECT, ConnectionRefusedError())),
    ("connection closed", Failure(Phase.SENT, _BROKEN)),
    ("no answer until the timeout", Failure(Phase.SENT, _SILENCE)),
    ("bad certificate", Failure(Phase.CONNECT, OSError(), retryable=False)),
    ("200, body broken off", Failure(Phase.BODY, _BROKEN, head=Response(200, {}))),
    ("500, body broken off", Failure(Phase.BODY, _BROKEN, head=Response(500, {}))),
    ("200, body stalled", Failure(Phase.BODY, _SILENCE, head=Response(200, {}))),
)


def presets() -> str:
    """The comparison of the presets."""
    head = tuple(PRESETS)
    sent = [
        (text, *(_judge(outcome, policy) for policy in PRESETS.values()))
        for text, outcome in OUTCOMES
    ]
    waits = [
        (f"{retry}", *(_interval(policy, retry) for policy in PRESETS.values()))
        for retry in range(1, 7)
    ]
    options = [
        (f"`{option.name}`", *(_value(getattr(p, option.name)) for p in PRESETS.values()))
        for option in fields(Policy)
        if option.name != "rules"
    ]
    rules = [
        (f"`{rule.name}`", *(_value(getattr(p.rules, rule.name)) for p in PRESETS.values()))
        for rule in fields(Rules)
    ]
    meanings = [(f"`{rule.name}`", rule.metadata["about"]) for rule in fields(Rules)]
    return page(
        "Presets",
        "What the official packages do, as options for the same engine, so that a team can move "
        "step by step and measure the difference. Each takes `max_retries`, 2 unless given; a "
        "`stripe.StripeClient` of Python that was given no `max_network_retries` makes 0.",
        table(("preset", "what it equals", "how that is known"), PACKAGES),
        "## What is sent again",
        "The first attempt of a POST with an idempotency key ends so; `true`, `false` and `True` "
        "are the values of `Stripe-Should-Retry`. `again`: another attempt follows. Otherwise the "
        "stop reason.",
        table(("outcome", *head), sent),
        "After a closed connection `stripe_node()` sends the first attempt again even with "
        "`max_retries=0`.",
        "## Waits",
        "Before retry *n*, in seconds; of `Policy()` after a server error.",
        table(("n", *head), waits),
        "## Options",
        table(("option", *head), options),
        "## Rules",
        "The option `rules` of a `Policy` is a `holdfast.engine.Rules`:",
        table(("rule", "what it says"), meanings),
        table(("rule", *head), rules),
        "## What differs from the packages",
        "`tests/fidelity` runs the packages for Node and Python and their presets against one "
        "scripted server, over every combination of status, header, error code, transport fault "
        "and retries, and compares attempts, keys and waits. All are equal but for these:",
        "\n".join(f"- {text}" for text in DIFFERENCES),
    )


def _judge(outcome: Outcome, policy: Policy) -> str:
    at = Situation(
        classify(outcome), outcome, 1, True, 0.0, policy.deadline, policy.throttled == "wait"
    )
    reason = decide(at, policy, lambda: 0.5).reason
    return "again" if reason is None else f"`{reason}`"


def _interval(policy: Policy, retry: int) -> str:
    low, high = (
        policy.backoff.wait(retry, itertools.repeat(chance).__next__) for chance in (0.0, 1.0)
    )
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def rate_limits() -> str:
    """The table of published limits."""
    rows = [
        (
            row.what,
            f"`{row.pattern}`" if row.pattern else "",
            "each object" if row.per == "resource" else "the account",
            _limit(row.live),
            _limit(row.sandbox),
        )
        for row in PUBLISHED
    ]
    return page(
        "Published rate limits",
        'What `Policy(rate_limit="stripe")` goes by: the numbers of '
        "[Stripe's page on rate limits](https://docs.stripe.com/rate-limits), as read on "
        "2026-04-30. Keys that begin with `sk_test_` or `rk_test_` have the sandbox's numbers, all "
        "others the live ones.",
        table(("what", "pattern", "counted for", "live", "sandbox"), rows),
        "1,000 updates an hour are taken as 500 at once and 500 more spread over the hour, so that "
        "no hour has more than 1,000. The limits of new invoices and of quantity updates of a "
        "subscription, and that of concurrent meter events of a customer, depend on the request's "
        "body; they are learned from refusals (`resource-specific`).",
    )


def _limit(limit: Limit) -> str:
    rate = limit.rate or 0.0
    parts = [f"{rate:g} a second" if rate >= 1 else f"{rate * 3600:g} an hour"]
    if limit.burst is not None:
        parts.append(f"{limit.burst:g} at once")
    if limit.concurrency is not None:
        parts.append(f"{limit.concurrency} under way")
    if limit.apart:
        parts.append("not counted for the account")
    return ", ".join(parts)


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


_LOOKS_AT = {
    "code": "code",
    "running": "running objects",
    "environment": "the environment",
    "server": "a server",
}


def doctor() -> str:
    """The table of the doctor's checks."""
    rows = [
        (
            f"`{check.name}`",
            str(check.severity),
            ", ".join(_LOOKS_AT[family] for family in check.looks_at),
            check.finds,
            check.why,
        )
        for check in TABLE
    ]
    return page(
        "Checks of `holdfast doctor`",
        "What [`holdfast doctor`](../how-to/doctor.md) looks for. A finding may weigh less than "
        "its check does at the most, and have a reason with its own figures. `error` and `warning` "
        "make the exit code 1, `advice` and `ok` do not.",
        table(("check", "at the most", "looks at", "what it finds", "why that matters"), rows),
    )


PAGES: dict[str, Callable[[], str]] = {
    "log-lines.md": log_lines,
    "redaction.md": redaction,
    "events.md": events,
    "metrics.md": metrics,
    "classification.md": classification,
    "doctor.md": doctor,
    "policy.md": policy,
    "presets.md": presets,
    "rate-limits.md": rate_limits,
    "spans.md": spans,
    "stop-reasons.md": stop_reasons,
}


def _value(value: object) -> str:
    if isinstance(value, Backoff):
        growth = f"factor {value.factor:g}"
        if value.growth is Growth.QUADRATIC:
            growth = "quadratic growth"
        floor = f", floor {value.floor:g} s" if value.floor else ""
        shape = f"base {value.base:g} s, cap {value.cap:g} s, {growth}"
        return f"`Backoff`: {shape}, {value.jitter} jitter{floor}"
    if isinstance(value, Budget):
        shape = f"share {value.share:g}, {value.per_second:g} a second, window {value.window:g} s"
        return f"`Budget`: {shape}"
    if isinstance(value, Rules):
        return "`Rules()`"
    if isinstance(value, tuple):
        return "; ".join(map(str, value))
    if value is None or isinstance(value, bool | str):
        return f"`{value!r}`"
    return f"{value:g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
