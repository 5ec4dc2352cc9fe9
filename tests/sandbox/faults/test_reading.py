"""Faults as they are written, and what is wrong with them."""

import pytest

from holdfast.sandbox.faults import Fault, FaultKind, Outage, read_fault
from holdfast.sandbox.holds import LogNormal, Sampled
from holdfast.sandbox.limits import Reason

BASE = {"method": "POST", "path": "/v1/refunds", "fault": "error_500"}
HEADERS = {"fault": "headers", "should_retry": None}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"fault": "explode"}, r"fault is 'explode': give one of latency, hang, .*409"),
        ({"method": "PUT"}, "method is 'PUT': give one of GET, POST, DELETE, or * for any"),
        ({"path": "v1/refunds"}, "path is 'v1/refunds': give a path"),
        ({"path": "/v1/**/x"}, "** stands at the end of a path only"),
        ({"count": 0}, "count is 0: give a whole number from 1 to"),
        ({"count": True}, "count is True"),
        ({"seconds": 1}, "only latency, hang, slow_body, refuse_connections take seconds"),
        ({"seconds": -1}, "seconds is -1"),
        ({"fault": "latency"}, "seconds is 0: give latency a number above 0"),
        ({"fault": "slow_body"}, "seconds is 0: give slow_body a number above 0"),
        ({"fault": "latency", "seconds": {"median": 1}}, "write {"),
        ({"fault": "latency", "seconds": {"median": 0, "sigma": 1}}, "median is 0"),
        ({"fault": "latency", "seconds": []}, "seconds is empty"),
        ({"should_retry": 1}, "should_retry is 1: give true, false, null, or the header's text"),
        ({"should_retry": "a\r\nB: c"}, "should_retry is 'a"),
        ({"fault": "reset_after", "should_retry": True}, "should_retry is given for reset_after"),
        ({"fault": "hang", "retry_after": 1}, "retry_after is given for hang, which sends no head"),
        ({"retry_after": -1}, "retry_after is -1: give seconds, or the header's text"),
        ({"retry_after": True}, "retry_after is True"),
        ({"header_case": "camel"}, "header_case is 'camel': give one of lower, upper"),
        ({"fault": "headers"}, "headers alters nothing: give should_retry, retry_after"),
        ({"often": 1}, "often is no field of a fault: the fields are method, path"),
        ({"probability": 0}, "probability is 0: give a number above 0 and at most 1"),
        ({"probability": True}, "probability is True"),
        ({"probability": "half"}, "probability is 'half'"),
        ({"seed": -1}, "seed is -1: give a whole number from 0"),
        ({"after": 1.5}, "after is 1.5: give a whole number from 0"),
        ({"from": -1}, "from is -1: give seconds from 0"),
        ({"from": 2, "until": 2}, "until is 2: give seconds above those of from, 2"),
        ({"until": "noon"}, "until is 'noon'"),
        ({"status": 500}, "status is given for error_500, whose status is settled"),
        ({"fault": "no_error_json", "status": 200}, "status is 200: give one from 400 to 599"),
        ({"reason": "global-rate"}, "reason is given for error_500, which has none"),
        ({"fault": "rate_limit", "reason": "x"}, "reason is 'x': give one of global-rate"),
        ({"after_execution": 1}, "after_execution is 1: give true or false"),
        (
            {"fault": "reset_before", "after_execution": True},
            "after_execution is given for reset_before, whose moment is settled",
        ),
    ],
)
def test_a_bad_fault_is_refused_by_field(fields: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError) as refused:
        read_fault(BASE | fields)
    text = str(refused.value)
    if ".*" in says:
        begin, end = says.split(".*")
        assert text.startswith(begin)
        assert end in text
    else:
        assert says in text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"seconds": 0}, "seconds is 0: give refuse_connections a number above 0"),
        ({}, "seconds is None"),
        ({"seconds": 1, "method": "GET"}, "method is given for refuse_connections"),
    ],
)
def test_a_bad_outage_is_refused_by_field(fields: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_fault({"fault": "refuse_connections"} | fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"count": 3},
        {"count": 2, "after_execution": True, "after": 4},
        {"count": None, "probability": 0.5},
        {"count": 1, "from": 1.0, "until": 2.5},
        {"fault": "rate_limit", "count": 1, "reason": "endpoint-concurrency"},
        {"fault": "no_error_json", "count": 1, "status": 429},
        {"count": 1, "should_retry": "TRUE", "retry_after": "3", "header_case": "lower"},
        {"fault": "latency", "count": 1, "seconds": 0.5},
        {"fault": "latency", "count": 1, "seconds": {"median": 0.2, "sigma": 0.5}},
        {"fault": "hang", "count": 1, "seconds": [0.1, 0.2]},
    ],
)
def test_a_fault_is_listed_as_it_was_written(fields: dict[str, object]) -> None:
    written: dict[str, object] = {**BASE, **fields}
    if written["fault"] == "rate_limit":
        written.setdefault("reason", "global-rate")
    assert read_fault(written).as_dict() == written


def test_an_outage_is_listed_as_it_was_written() -> None:
    written = {"fault": "refuse_connections", "seconds": 2.0, "from": 1.0}
    read = read_fault(written)
    assert isinstance(read, Outage)
    assert read.as_dict() == written


@pytest.mark.parametrize(
    ("fields", "count"),
    [({}, 1), ({"probability": 0.5}, None), ({"until": 5}, None), ({"from": 5}, None)],
)
def test_the_usual_count_is_one_unless_chance_or_time_bounds_it(
    fields: dict[str, object], count: int | None
) -> None:
    assert read_fault(BASE | fields).as_dict()["count"] == count


def test_seconds_may_be_a_distribution() -> None:
    read = read_fault({**BASE, "fault": "latency", "seconds": {"median": 0.2, "sigma": 0.5}})
    assert isinstance(read, Fault)
    assert read.seconds == LogNormal(0.2, 0.5)
    read = read_fault({**BASE, "fault": "latency", "seconds": Sampled([0.1])})
    assert isinstance(read, Fault)
    assert read.seconds == Sampled([0.1])


@pytest.mark.parametrize("reason", [one for one in Reason if one is not Reason.ACCOUNT_CREATION])
def test_every_reason_of_stripes_can_be_ordered(reason: Reason) -> None:
    read = read_fault({**BASE, "fault": "rate_limit", "reason": str(reason)})
    assert isinstance(read, Fault)
    assert read.reason == reason


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_kind_can_be_read(kind: FaultKind) -> None:
    extra: dict[str, object] = {"seconds": 1.0}
    fields: dict[str, object] = {**BASE, "fault": str(kind)}
    match kind:
        case FaultKind.REFUSED:
            fields = {"fault": str(kind), **extra}
        case FaultKind.HEADERS:
            fields |= HEADERS
        case FaultKind.LATENCY | FaultKind.SLOW_BODY:
            fields |= extra
    assert read_fault(fields).as_dict()["fault"] == str(kind)
