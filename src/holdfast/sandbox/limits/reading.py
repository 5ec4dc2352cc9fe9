"""Reading limits: a name, a JSON file, or what such a file holds."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.sandbox.documents import DocumentError, load, mapping
from holdfast.sandbox.documents import fields as fields_of
from holdfast.sandbox.limits.model import (
    EndpointLimit,
    Limit,
    Limits,
    Rate,
    ResourceEndpoint,
    ResourceLimit,
)
from holdfast.sandbox.limits.published import with_base
from holdfast.sandbox.patterns import EndpointPattern

NAMES = ("off", "live", "test")
_SECTIONS = ("base", "global", "endpoint", "endpoints", "resources", "should_retry")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|min|h|day)")
_PERIODS = {"s": 1.0, "min": 60.0, "h": 3600.0, "day": 86400.0}
_MOST = 1_000_000
_ANSWERS = {"rate_limit": False, "accounts_too_quickly": True}


def read_limits(source: str | Path | Mapping[str, Any]) -> Limits:
    """Read the option `limits`.

    Args:
        source: `off`, `live` or `test`; or a JSON file, or what such a file holds:
            `{"base": "test", "global": {"rate": 25, "concurrency": 20}, "endpoint": {"rate": 25},
            "endpoints": {"POST /v1/refunds": {"rate": 5}}, "resources": {...}}`.

    Returns:
        The limits.

    Raises:
        DocumentError: something is wrong with the content; the message names the place.
        OSError: the file cannot be read.
    """
    if isinstance(source, Mapping):
        return _read("limits", source)
    if source == "off":
        return Limits()
    if source in {"live", "test"}:
        return _read("limits", {"base": source})
    path = Path(source)
    try:
        content = load(path)
    except FileNotFoundError:
        raise DocumentError(
            f"limits is {str(source)!r}, and there is no such file: give {', '.join(NAMES)}, or a "
            "JSON file"
        ) from None
    return _read(str(path), content)


def _read(place: str, content: object) -> Limits:
    fields: Mapping[str, Any] = fields_of(place, content, _SECTIONS)
    base = fields.get("base", "off")
    if base not in NAMES:
        raise DocumentError(f"{place}: base is {base!r}: give one of {', '.join(NAMES)}")
    if base in {"live", "test"}:
        fields = with_base(base, fields)
    should_retry = fields.get("should_retry")
    if should_retry is not None and not isinstance(should_retry, bool):
        raise DocumentError(f"{place}: should_retry is {should_retry!r}: give true, false or null")
    return Limits(
        of_account=_limit(f"{place}: global", fields.get("global", {})),
        of_endpoint=_limit(f"{place}: endpoint", fields.get("endpoint", {})),
        endpoints=tuple(
            _endpoint_limit(f"{place}: endpoints", name, value)
            for name, value in mapping(f"{place}: endpoints", fields.get("endpoints", {})).items()
        ),
        resources=tuple(
            _resource_limit(f"{place}: resources.{name}", name, value)
            for name, value in mapping(f"{place}: resources", fields.get("resources", {})).items()
        ),
        should_retry=should_retry,
    )


_LIMIT = ("rate", "burst", "concurrency")


def _limit(place: str, value: object, more: tuple[str, ...] = ()) -> Limit:
    fields = fields_of(place, value, (*_LIMIT, *more))
    given = fields.get("rate", [])
    rates = given if isinstance(given, list) else [given]
    burst = fields.get("burst")
    if burst is not None and len(rates) != 1:
        raise DocumentError(f"{place}: burst is given without one rate: give both, or leave it out")
    concurrency = fields.get("concurrency")
    return Limit(
        tuple(_rate(place, one, _burst(place, burst)) for one in rates),
        None if concurrency is None else _whole(place, "concurrency", concurrency),
    )


def _rate(place: str, value: object, burst: float) -> Rate:
    match value:
        case str():
            found = _RATE.fullmatch(value.strip())
            if found is not None and 0 < float(found[1]) <= _MOST:
                return Rate(float(found[1]), _PERIODS[found[2]], burst)
        case bool():
            pass
        case int() | float() if 0 < value <= _MOST:
            return Rate(float(value), burst=burst)
    raise DocumentError(
        f'{place}: rate is {value!r}: give requests a second, such as 25, or "1000/h" '
        f"(s, min, h, day), above 0 and at most {_MOST}"
    )


def _burst(place: str, value: object) -> float:
    return 0.0 if value is None else float(_whole(place, "burst", value))


def _endpoint_limit(place: str, name: str, value: object) -> EndpointLimit:
    pattern = _pattern(place, name)
    place = f"{place}: {name}"
    more = ("counts_globally", "answer")
    limit = _limit(place, value, more)
    fields = fields_of(place, value, (*_LIMIT, *more))
    counts_globally = fields.get("counts_globally", True)
    if not isinstance(counts_globally, bool):
        raise DocumentError(f"{place}: counts_globally is {counts_globally!r}: give true or false")
    answer = fields.get("answer", "rate_limit")
    if answer not in _ANSWERS:
        raise DocumentError(f"{place}: answer is {answer!r}: give one of {', '.join(_ANSWERS)}")
    return EndpointLimit(pattern, limit, counts_globally, _ANSWERS[answer])


def _resource_limit(place: str, name: str, value: object) -> ResourceLimit:
    limit = _limit(place, value, ("endpoints",))
    endpoints = mapping(f"{place}.endpoints", mapping(place, value).get("endpoints"))
    if not endpoints or not limit:
        raise DocumentError(
            f"{place} lacks {'a rate or concurrency' if endpoints else 'endpoints'}: write "
            '{"rate": "1000/h", "endpoints": {"POST /v1/payment_intents/{intent}": "intent"}}'
        )
    return ResourceLimit(
        name,
        tuple(_resource_endpoint(f"{place}.endpoints", key, one) for key, one in endpoints.items()),
        limit,
    )


def _resource_endpoint(place: str, name: str, value: object) -> ResourceEndpoint:
    pattern = _pattern(place, name)
    place = f"{place}: {name}"
    if not isinstance(value, Mapping):
        return ResourceEndpoint(pattern, _words(place, "object", value))
    fields = fields_of(place, value, ("object", "having"))
    having = fields.get("having")
    return ResourceEndpoint(
        pattern,
        _words(place, "object", fields.get("object")),
        () if having is None else _words(place, "having", having),
    )


def _words(place: str, field: str, value: object) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not words:
        words = [None]
    for word in words:
        if not isinstance(word, str) or not word:
            raise DocumentError(
                f"{place}: {field} is {value!r}: give names of the path or of parameters, such as "
                '"intent" or ["payload.stripe_customer_id", "event_name"]'
            )
    return tuple(words)


def _pattern(place: str, name: str) -> EndpointPattern:
    try:
        return EndpointPattern.read(name)
    except ValueError as error:
        raise DocumentError(f"{place}: {error}") from None


def _whole(place: str, field: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST:
        raise DocumentError(f"{place}: {field} is {value!r}: give a whole number from 1 to {_MOST}")
    return value
