"""The page that compares the presets."""

import itertools
from dataclasses import fields

from holdfast.engine.classify import classify
from holdfast.engine.outcome import Failure, Outcome, Phase, Response
from holdfast.engine.rules import Rules
from holdfast.engine.verdict import Situation, decide
from holdfast.policy import Policy
from reference.markdown import page, table
from reference.values import shown

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
        (f"`{option.name}`", *(shown(getattr(p, option.name)) for p in PRESETS.values()))
        for option in fields(Policy)
        if option.name != "rules"
    ]
    rules = [
        (f"`{rule.name}`", *(shown(getattr(p.rules, rule.name)) for p in PRESETS.values()))
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
