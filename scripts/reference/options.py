"""The pages on what can be set: the options of a policy, and the published rate limits."""

from dataclasses import fields

from holdfast.policy import Policy
from holdfast.ratelimit import PUBLISHED, Limit
from reference.markdown import page, table
from reference.values import shown


def policy() -> str:
    """The table of options."""
    rows = []
    for option in fields(Policy):
        meta = option.metadata
        bounds = meta["bounds"]
        numbers = [f"{bounds[0]:,} to {bounds[1]:,}"] if bounds else []
        reach = ", ".join([*numbers, *(f"`{word}`" for word in meta["words"])])
        rows.append((f"`{option.name}`", shown(option.default), meta["unit"], reach, meta["about"]))
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
