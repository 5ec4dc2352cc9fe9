"""Reading faults as `POST /_sandbox/faults` and scenario files write them."""

from collections.abc import Mapping
from random import Random
from typing import Any, TypedDict

from holdfast.sandbox.faults.fault import (
    FOR_EVER,
    UNSET,
    Alteration,
    Fault,
    Outage,
    ShouldRetry,
    Unset,
)
from holdfast.sandbox.faults.kinds import TRAITS, FaultKind, Moment, Traits
from holdfast.sandbox.holds import Fixed, Hold, LogNormal, Sampled, check_seconds
from holdfast.sandbox.limits import Reason
from holdfast.sandbox.patterns import ANY, METHODS, PathPattern

FaultFields = TypedDict(
    "FaultFields",
    {
        "seconds": float | Hold | list[float] | dict[str, float],
        "should_retry": bool | str | None,
        "after_execution": bool,
        "probability": float,
        "seed": int | None,
        "after": int,
        "from": float,
        "until": float | None,
        "status": int,
        "reason": str,
        "retry_after": float | str | None,
        "header_case": str | None,
    },
    total=False,
)
"""The fields of a fault beside `method`, `path`, `fault` and `count`."""

MOST_ANSWERS = 1_000_000
_MOST_SECONDS = 86_400.0
_FIELDS = ("method", "path", "fault", "count", *FaultFields.__annotations__)
_OF_OUTAGES = ("fault", "seconds", "from")
_ALTERING = ("should_retry", "retry_after", "header_case")
_REASONS = tuple(reason for reason in Reason if reason is not Reason.ACCOUNT_CREATION)
_CASES = ("lower", "upper")


def read_fault(fields: Mapping[str, object]) -> Fault | Outage:
    """Read a fault.

    Args:
        fields: `method`, `path` and `fault`, and perhaps those that
            docs/how-to/sandbox.md lists; of `refuse_connections`, `seconds` and perhaps `from`.

    Raises:
        ValueError: a field is missing, unknown or out of range; the message names it.
    """
    for name in fields:
        if name not in _FIELDS:
            raise ValueError(f"{name} is no field of a fault: the fields are {', '.join(_FIELDS)}")
    kind = _kind(fields.get("fault"))
    if kind is FaultKind.REFUSED:
        return _outage(fields)
    traits = TRAITS[kind]
    after_execution = _after_execution(kind, traits, fields.get("after_execution", False))
    begin, end = _window(fields)
    probability = _probability(fields.get("probability", 1.0))
    bounded = probability == 1 and (begin, end) == (0.0, FOR_EVER)
    seed = fields.get("seed")
    return Fault(
        method=_method(fields.get("method")),
        path=PathPattern.read(fields.get("path")),
        kind=kind,
        left=_count(fields.get("count", 1 if bounded else None)),
        seconds=_seconds(kind, traits, fields.get("seconds", 0.0)),
        after_execution=after_execution,
        alteration=_alteration(kind, traits, fields),
        probability=probability,
        random=None if seed is None else Random(_whole("seed", seed, 0)),
        skip=_whole("after", fields.get("after", 0), 0),
        window=(begin, end),
        status=_status(kind, traits, fields.get("status", traits.status)),
        reason=_reason(kind, traits, fields.get("reason", traits.reason)),
    )


def _outage(fields: Mapping[str, object]) -> Outage:
    for name in fields:
        if name not in _OF_OUTAGES:
            raise ValueError(
                f"{name} is given for {FaultKind.REFUSED}, which takes seconds and from alone"
            )
    seconds = check_seconds("seconds", fields.get("seconds"))
    if seconds == 0:
        raise ValueError(f"seconds is 0: give {FaultKind.REFUSED} a number above 0")
    return Outage(seconds, _moment("from", fields.get("from", 0.0)))


def _kind(value: object) -> FaultKind:
    try:
        return FaultKind(str(value))
    except ValueError:
        raise ValueError(f"fault is {value!r}: give one of {', '.join(FaultKind)}") from None


def _method(value: object) -> str:
    method = value.upper() if isinstance(value, str) else ""
    if method not in {*METHODS, ANY}:
        raise ValueError(f"method is {value!r}: give one of {', '.join(METHODS)}, or * for any")
    return method


def _count(value: object) -> float:
    return FOR_EVER if value is None else _whole("count", value, 1)


def _whole(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST_ANSWERS:
        raise ValueError(f"{name} is {value!r}: give a whole number from {least} to {MOST_ANSWERS}")
    return value


def _after_execution(kind: FaultKind, traits: Traits, value: object) -> bool:
    if value is False or (value is True and traits.movable):
        return value
    if value is True:
        raise ValueError(
            f"after_execution is given for {kind}, whose moment is settled: leave it out"
        )
    raise ValueError(f"after_execution is {value!r}: give true or false")


def _probability(value: object) -> float:
    match value:
        case bool():
            pass
        case int() | float() if 0 < value <= 1:
            return float(value)
    raise ValueError(f"probability is {value!r}: give a number above 0 and at most 1")


def _window(fields: Mapping[str, object]) -> tuple[float, float]:
    begin = _moment("from", fields.get("from", 0.0))
    until = fields.get("until")
    end = FOR_EVER if until is None else _moment("until", until)
    if end <= begin:
        raise ValueError(f"until is {until!r}: give seconds above those of from, {begin:g}")
    return begin, end


def _moment(name: str, value: object) -> float:
    match value:
        case bool():
            pass
        case int() | float() if 0 <= value <= _MOST_SECONDS:
            return float(value)
    raise ValueError(f"{name} is {value!r}: give seconds from 0 to {_MOST_SECONDS:g}")


def _seconds(kind: FaultKind, traits: Traits, value: object) -> Hold:
    hold = _hold(value)
    none = isinstance(hold, Fixed) and hold.seconds == 0
    if traits.needs_seconds and none:
        raise ValueError(f"seconds is 0: give {kind} a number above 0 and at most 3600")
    if not traits.takes_seconds and not none:
        takers = ", ".join(one for one, its in TRAITS.items() if its.takes_seconds)
        raise ValueError(f"seconds is {value!r}: only {takers} take seconds, {kind} does not")
    return hold


def _hold(value: object) -> Hold:
    """Seconds, a list of measured ones, or `{"median": 0.2, "sigma": 0.5}`."""
    if isinstance(value, Fixed | LogNormal | Sampled):
        return value
    if isinstance(value, list):
        return Sampled([check_seconds("seconds", one) for one in value])
    if isinstance(value, Mapping):
        if set(value) != {"median", "sigma"}:
            raise ValueError(f'seconds is {value!r}: write {{"median": 0.2, "sigma": 0.5}}')
        return LogNormal(value["median"], value["sigma"])
    return Fixed(check_seconds("seconds", value))


def _alteration(kind: FaultKind, traits: Traits, fields: Mapping[str, object]) -> Alteration:
    altering = [name for name in _ALTERING if not isinstance(fields.get(name, UNSET), Unset)]
    if altering and not traits.answers:
        raise ValueError(f"{altering[0]} is given for {kind}, which sends no header: leave it out")
    if not altering and traits.moment is Moment.ANSWER:
        raise ValueError(f"{kind} alters nothing: give {', '.join(_ALTERING)}, or one of them")
    header_case = fields.get("header_case")
    if header_case is not None and header_case not in _CASES:
        raise ValueError(f"header_case is {header_case!r}: give one of {', '.join(_CASES)}")
    return Alteration(
        _should_retry(fields.get("should_retry", UNSET)),
        _retry_after(fields.get("retry_after")),
        None if header_case is None else str(header_case),
    )


def _should_retry(value: object) -> ShouldRetry:
    if value is None or isinstance(value, bool | Unset):
        return value
    if isinstance(value, str) and _is_header_text(value):
        return value
    raise ValueError(
        f"should_retry is {value!r}: give true, false, null, or the header's text, such as TRUE"
    )


def _retry_after(value: object) -> str | None:
    match value:
        case None:
            return None
        case str() if _is_header_text(value):
            return value
        case bool() | str():
            pass
        case int() | float() if 0 <= value <= _MOST_SECONDS:
            return f"{value:g}"
    raise ValueError(f"retry_after is {value!r}: give seconds, or the header's text")


def _is_header_text(value: str) -> bool:
    return 0 < len(value) <= 100 and value.isascii() and value.isprintable()


def _status(kind: FaultKind, traits: Traits, value: Any) -> int | None:
    if traits.status is None:
        if value is not None:
            raise ValueError(f"status is given for {kind}, whose status is settled: leave it out")
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 400 <= value <= 599:
        raise ValueError(f"status is {value!r}: give one from 400 to 599")
    return value


def _reason(kind: FaultKind, traits: Traits, value: object) -> str | None:
    if traits.reason is None:
        if value is not None:
            raise ValueError(f"reason is given for {kind}, which has none: leave it out")
        return None
    if value not in _REASONS:
        raise ValueError(f"reason is {value!r}: give one of {', '.join(_REASONS)}")
    return str(value)
