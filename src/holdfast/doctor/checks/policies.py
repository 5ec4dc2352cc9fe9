"""The numbers of a `Policy` and of `holdfast.deadline`, against each other and Stripe's."""

import ast
from collections.abc import Iterator

from holdfast.doctor import rules
from holdfast.doctor.code.clients import is_policy
from holdfast.doctor.code.names import argument, keyword
from holdfast.doctor.code.reader import Source
from holdfast.doctor.finding import Finding
from holdfast.doctor.secrets import KeyKind, kind_of, real_keys
from holdfast.policy import Policy

_LIMITS = frozenset({"holdfast.RateLimits", "holdfast.ratelimit.RateLimits"})
_LIMIT = frozenset({"holdfast.Limit", "holdfast.ratelimit.Limit"})


def check(source: Source) -> Iterator[Finding]:
    """Check the policies that a module makes."""
    for call, _ in source.calls:
        name = source.reading.names.dotted(call.func)
        found = None
        if is_policy(name):
            found = _deadline(call, source)
            rate = _rate(keyword(call, "rate_limit"), source)
            if rate is not None:
                yield rate
        elif name == "holdfast.deadline":
            found = _block(call, source)
        if found is not None:
            yield found


def _deadline(call: ast.Call, source: Source) -> Finding | None:
    given, attempt = keyword(call, "deadline"), keyword(call, "attempt_timeout")
    values = source.reading.values
    seconds = Policy().deadline if given is None else values.number(given)
    longest = Policy().attempt_timeout if attempt is None else values.number(attempt)
    if seconds is None or longest is None:
        return None
    return rules.deadline(
        source.reading.place(call),
        f"The deadline of {seconds:g} s",
        seconds,
        longest,
        told=attempt is not None,
    )


def _block(call: ast.Call, source: Source) -> Finding | None:
    seconds = source.reading.values.number(argument(call, 0, "seconds"))
    shortest = _shortest_attempt(source)
    if seconds is None or shortest is None:
        return None
    return rules.deadline(
        source.reading.place(call),
        f"holdfast.deadline({seconds:g})",
        seconds,
        shortest,
        told=shortest != Policy().attempt_timeout,
    )


def _shortest_attempt(source: Source) -> float | None:
    """The shortest attempt among the module's policies; None if one cannot be seen."""
    found: list[float | None] = []
    for call, _ in source.calls:
        if is_policy(source.reading.names.dotted(call.func)):
            given = keyword(call, "attempt_timeout")
            number = source.reading.values.number(given)
            found.append(Policy().attempt_timeout if given is None else number)
    if None in found:
        return None
    return min((one for one in found if one is not None), default=Policy().attempt_timeout)


def _rate(given: ast.expr | None, source: Source) -> Finding | None:
    names, values = source.reading.names, source.reading.values
    rate = given
    if isinstance(rate, ast.Call) and names.dotted(rate.func) in _LIMITS:
        rate = keyword(rate, "account")
        if isinstance(rate, ast.Call) and names.dotted(rate.func) in _LIMIT:
            rate = argument(rate, 0, "rate")
    number = values.number(rate)
    if given is None or number is None:
        return None
    return rules.rate(source.reading.place(given), number, _keys(source))


def _keys(source: Source) -> list[KeyKind]:
    """The types of the keys that the module writes out, placeholders among them."""
    found = []
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            kind = kind_of(node.value)
            if kind is not None and not kind.publishable and kind.prefix != "whsec_":
                found.append(kind)
            found.extend(real_keys(node.value))
    return found
