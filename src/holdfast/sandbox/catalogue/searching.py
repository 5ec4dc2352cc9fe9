"""Search queries: `status:'active' AND metadata['order']:'7' AND created>1700000000`.

The language is that of https://docs.stripe.com/search#search-query-language: clauses joined by AND
or by OR, not by both; `:` for equality, `~` for a part of a text, `>` `<` `>=` `<=` for numbers, a
minus sign before a clause for its opposite, `null` for what is absent.
"""

import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

from holdfast.sandbox.resources.listing import Predicate
from holdfast.sandbox.resources.params import invalid

_CLAUSE = re.compile(
    r"""\s*(?P<minus>-)?(?P<field>[A-Za-z_][\w.]*)(?:\[(?P<quote>["'])(?P<key>[^"']*)(?P=quote)\])?
    \s*(?P<sign>>=|<=|:|~|>|<)\s*
    (?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"']+)\s*""",
    re.VERBOSE,
)
_JOIN = re.compile(r"(AND|OR)\s+", re.IGNORECASE)
_NUMBERS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_SHORTEST_PART = 3


def matching(query: str) -> Predicate:
    """Return which objects a query finds.

    Raises:
        ApiError: 400, it is no query.
    """
    clauses: list[Predicate] = []
    joins: set[str] = set()
    at = 0
    while True:
        found = _CLAUSE.match(query, at)
        if found is None:
            raise _unreadable(query[at:].strip() or query)
        clauses.append(_clause(found))
        at = found.end()
        if at == len(query):
            break
        join = _JOIN.match(query, at)
        if join is None:
            raise _unreadable(query[at:])
        joins.add(join[1].upper())
        at = join.end()
    if len(joins) > 1:
        raise invalid("You can't combine AND and OR in one search query.", "query")
    combine = any if "OR" in joins else all
    return lambda obj: combine(clause(obj) for clause in clauses)


def _clause(found: re.Match[str]) -> Predicate:
    test = _test(found["sign"], found["value"])
    steps = [*found["field"].split("."), *([found["key"]] if found["key"] is not None else [])]
    negated = found["minus"] is not None
    return lambda obj: any(map(test, _values(obj, steps))) != negated


def _test(sign: str, written: str) -> Callable[[Any], bool]:
    quoted = written[0] in "\"'"
    value = re.sub(r"\\(.)", r"\1", written[1:-1]) if quoted else written
    if sign in _NUMBERS:
        compare, bound = _NUMBERS[sign], _number(value)
        return lambda held: _is_number(held) and compare(held, bound)
    if not quoted and value.lower() == "null":
        return lambda held: held is None
    if sign == "~":
        if len(value) < _SHORTEST_PART:
            raise invalid(f"A part of a text needs {_SHORTEST_PART} characters or more.", "query")
        return lambda held: isinstance(held, str) and value.lower() in held.lower()
    return lambda held: held is not None and _as_text(held) == value.lower()


def _values(obj: Any, steps: list[str]) -> Iterator[Any]:
    """What a path leads to; through a list, or a list object, it leads to several values."""
    if not steps:
        yield obj
    elif isinstance(obj, list):
        for element in obj:
            yield from _values(element, steps)
    elif isinstance(obj, dict) and obj.get("object") == "list" and "data" in obj:
        yield from _values(obj["data"], steps)
    elif isinstance(obj, dict):
        yield from _values(obj.get(steps[0]), steps[1:])
    else:
        yield None


def _as_text(held: Any) -> str:
    if isinstance(held, bool):
        return "true" if held else "false"
    return str(held).lower()


def _is_number(held: Any) -> bool:
    return isinstance(held, (int, float)) and not isinstance(held, bool)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise invalid(f"{text!r} is no number to compare with.", "query") from None


def _unreadable(rest: str) -> Exception:
    return invalid(
        f"We were unable to parse your search query at {rest[:100]!r}: write clauses such as "
        "field:'value', joined by AND or OR.",
        "query",
    )
