"""The retries of Stripe's official packages, as options of a `Policy`.

Node and Python: `tests/fidelity` runs the packages beside these. Ruby and Go: read in
`lib/stripe/api_requestor.rb` (`should_retry?`, `sleep_time`) and `stripe.go` (`shouldRetry`,
`sleepTime`).
"""

from typing import Any

from holdfast.engine.backoff import Backoff, Growth, Jitter
from holdfast.engine.rules import Answers, Rules

_CONFLICT = Answers(409, 409)
_SERVER_ERROR = Answers(500)
_LOCKED = Answers(429, 429, code="lock_timeout")
_FOREIGN = Answers(400, foreign=True)

# Half of it is sure, and never less than the first.
_BACKOFF = Backoff(0.5, 5.0, jitter=Jitter.EQUAL, floor=0.5)
# It computes the wait before it counts the retry, so the first is as if there were one before it.
_NODE_BACKOFF = Backoff(0.25, 5.0, jitter=Jitter.EQUAL, floor=0.5)
_GO_BACKOFF = Backoff(0.5, 5.0, jitter=Jitter.QUARTER, floor=0.5, growth=Growth.QUADRATIC)


def _preset(backoff: Backoff, rules: Rules) -> dict[str, Any]:
    return {
        "backoff": backoff,
        "locked_backoff": backoff,
        "key_in_use_backoff": backoff,
        "rules": rules,
        # None of the packages has any of these.
        "retry_after": "ignore",
        "retry_budget": None,
        "lanes": "off",
        "throttled": "raise",
        "deadline": 86_400.0,
    }


STRIPE_NODE = _preset(
    _NODE_BACKOFF,
    Rules(
        answers=(_CONFLICT, _SERVER_ERROR),
        word="exact",
        throttled_on_word=True,
        unread="head",
        stalled=False,
        certificates=True,
        closed_once=True,
    ),
)
STRIPE_PYTHON = _preset(
    _BACKOFF,
    Rules(
        answers=(_CONFLICT, _SERVER_ERROR),
        word="exact",
        throttled_on_word=True,
        unread="final",
    ),
)
STRIPE_RUBY = _preset(
    _BACKOFF,
    Rules(
        answers=(_CONFLICT, _SERVER_ERROR, _LOCKED),
        word="exact_in_errors",
        throttled_on_word=True,
        unread="head",
    ),
)
STRIPE_GO = _preset(
    _GO_BACKOFF,
    Rules(answers=(_LOCKED, _FOREIGN), word="ignored"),
)
