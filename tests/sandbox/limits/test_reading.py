"""Limits as they are written: names, files, mappings, and what is wrong with them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.sandbox import Sandbox
from holdfast.sandbox.documents import DocumentError
from holdfast.sandbox.limits import read_limits
from holdfast.sandbox.limits.model import Rate

Write = Callable[[Any], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: Any) -> Path:
        path = tmp_path / "limits.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return to_file


def test_off_is_no_limit_at_all() -> None:
    assert not read_limits("off")
    assert not read_limits({})
    assert read_limits("test")


def test_a_file_is_read(write: Write) -> None:
    limits = read_limits(
        write({
            "global": {"rate": 25, "concurrency": 20},
            "endpoint": {"rate": "10/min", "burst": 3},
            "endpoints": {"POST /v1/customers/{customer}": {"rate": 5, "concurrency": 2}},
            "resources": {
                "refunds": {"rate": ["5/h", "9/day"], "endpoints": {"POST /v1/refunds": "charge"}}
            },
        })
    )  # fmt: skip
    assert limits.of_account.rates == (Rate(25),)
    assert limits.of_account.concurrency == 20
    assert limits.of_endpoint.rates == (Rate(10, 60, 3),)
    assert [str(one.pattern) for one in limits.endpoints] == ["POST /v1/customers/{customer}"]
    assert limits.resources[0].limit.rates == (Rate(5, 3600), Rate(9, 86400))


def test_a_file_can_stand_on_the_published_numbers() -> None:
    limits = read_limits(
        {"base": "test", "global": {"rate": 50}, "endpoints": {"POST /v1/payouts": {"rate": 1}}}
    )
    assert limits.of_account.rates == (Rate(50),)
    assert limits.of_account.concurrency == read_limits("test").of_account.concurrency
    assert limits.of_endpoint == read_limits("test").of_endpoint
    own = {str(one.pattern): one.limit for one in limits.endpoints}
    assert own["POST /v1/payouts"].rates == (Rate(1),)
    assert own["GET /v1/*/search"].rates == (Rate(20),)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is no JSON"),
        ("[]", "is []: give a JSON object"),
        ({"globl": {}}, "globl is no field here: the fields are base, global"),
        ({"base": "prod"}, "base is 'prod': give one of off, live, test"),
        ({"base": "live", "endpoints": 3}, "endpoints is 3: give a JSON object"),
        ({"should_retry": "yes"}, "should_retry is 'yes': give true, false or null"),
        ({"global": 25}, "global is 25: give a JSON object"),
        ({"global": {"rate": 0}}, "global: rate is 0: give requests a second"),
        ({"global": {"rate": True}}, "global: rate is True"),
        ({"global": {"rate": "25 a second"}}, "global: rate is '25 a second'"),
        ({"global": {"rate": "0/s"}}, "global: rate is '0/s'"),
        ({"global": {"rate": [1, 2], "burst": 5}}, "global: burst is given without one rate"),
        ({"global": {"concurrency": 0}}, "global: concurrency is 0: give a whole number"),
        ({"endpoint": {"burst": 1.5, "rate": 1}}, "endpoint: burst is 1.5"),
        ({"endpoints": {"/v1/refunds": {}}}, "endpoints: '/v1/refunds' is no endpoint"),
        ({"endpoints": {"GET /v1/a": {"rat": 1}}}, "GET /v1/a: rat is no field here"),
        ({"endpoints": {"GET /v1/a": {"answer": "no"}}}, "answer is 'no': give one of rate_limit"),
        ({"endpoints": {"GET /v1/a": {"counts_globally": 1}}}, "counts_globally is 1"),
        ({"resources": {"a": {"rate": 1}}}, "resources.a.endpoints is None"),
        ({"resources": {"a": {"rate": 1, "endpoints": {}}}}, "resources.a lacks endpoints"),
        (
            {"resources": {"a": {"endpoints": {"GET /v1/a": "b"}}}},
            "resources.a lacks a rate or concurrency",
        ),
        (
            {"resources": {"a": {"rate": 1, "endpoints": {"GET /v1/a": 5}}}},
            "resources.a.endpoints: GET /v1/a: object is 5: give names",
        ),
        (
            {"resources": {"a": {"rate": 1, "endpoints": {"GET /v1/a": {"object": []}}}}},
            "object is []",
        ),
        (
            {"resources": {"a": {"rate": 1, "endpoints": {"GET /a": {"object": "b", "if": 1}}}}},
            "GET /a: if is no field here: the fields are object, having",
        ),
    ],
)
def test_a_bad_file_is_told_by_file_and_field(write: Write, content: Any, says: str) -> None:
    path = write(content)
    with pytest.raises(DocumentError) as refused:
        read_limits(path)
    assert str(refused.value).startswith(str(path))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_told_with_the_names() -> None:
    with pytest.raises(ValueError, match=r"limits is 'tset'.*give off, live, test, or a JSON file"):
        Sandbox(limits="tset")
