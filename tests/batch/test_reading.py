"""Lines of a file: what is taken, and what is said about the others."""

import io
import json
from typing import Any

import pytest

from holdfast.batch.reading import (
    KEY_LIMIT,
    LINE_LIMIT,
    OPTION_NAMES,
    Line,
    Reader,
    fingerprint,
    parse,
)

GOOD = {"id": "r-1", "method": "POST", "path": "/v1/customers", "params": {"name": "x"}}


def lines(*raw: bytes) -> list[Line]:
    return list(Reader(io.BytesIO(b"\n".join(raw))))


def line(**changes: Any) -> Line:
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    [only] = lines(json.dumps(fields).encode())
    return only


def test_a_whole_request_is_read() -> None:
    read = line(idempotency_key="k-1", account="acct_1")
    assert read.problems == ()
    request = read.request
    assert request is not None
    assert (request.id, request.method, request.path) == ("r-1", "POST", "/v1/customers")
    assert request.params == {"name": "x"}
    assert (request.idempotency_key, request.account) == ("k-1", "acct_1")


@pytest.mark.parametrize(
    ("method", "path", "writes", "keyed"),
    [
        ("GET", "/v1/customers", False, False),
        ("POST", "/v1/customers", True, True),
        ("DELETE", "/v1/customers/cus_1", True, False),
        ("POST", "/v2/core/events", True, True),
        ("DELETE", "/v2/core/events", True, True),
    ],
)
def test_what_a_key_makes_safe(method: str, path: str, writes: bool, keyed: bool) -> None:
    request = line(method=method, path=path).request
    assert request is not None
    assert (request.writes, request.keyed) == (writes, keyed)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": ...}, '"id" is missing'),
        ({"method": ...}, '"method" is missing'),
        ({"path": ...}, '"path" is missing'),
        ({"id": 7}, '"id" is 7'),
        ({"id": ""}, "not empty"),
        ({"colour": "red"}, 'unknown field "colour": the fields are id, method'),
        ({"method": "PATCH"}, '"method" is "PATCH": it must be GET, POST or DELETE'),
        ({"method": ["GET"]}, '"method" is ["GET"]'),
        ({"path": "/customers"}, '"/customers": it must begin with /v1/ or /v2/'),
        ({"path": "https://api.stripe.com/v1/x"}, "must begin with /v1/"),
        ({"path": 3}, '"path" is 3'),
        ({"path": "/v1/customers/a b"}, "percent-encoded"),
        ({"path": "/v1/customers#x"}, "percent-encoded"),
        ({"path": "/v1/customers/\u00e9"}, "percent-encoded"),
        ({"params": [1]}, '"params" is [1]: it must be an object'),
        ({"params": None}, '"params" is null'),
        ({"idempotency_key": "k" * (KEY_LIMIT + 1)}, "has 256 characters: at most 255"),
        ({"idempotency_key": ""}, '"idempotency_key" is ""'),
        ({"idempotency_key": "a\nb"}, '"idempotency_key" is "a\\nb"'),
        ({"idempotency_key": "k", "method": "GET"}, "no effect on a GET"),
        ({"account": ""}, '"account" is ""'),
        ({"account": "acct_1\r\nX: y"}, '"account" is'),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], words: str) -> None:
    read = line(**changes)
    assert read.request is None
    assert len(read.problems) == 1
    assert words in read.problems[0]


@pytest.mark.parametrize("name", sorted(OPTION_NAMES))
def test_a_parameter_must_not_be_an_option_of_the_client(name: str) -> None:
    read = line(params={name: "x"})
    assert f'"{name}", which is an option of the client' in read.problems[0]


def test_a_nested_parameter_may_have_any_name() -> None:
    assert line(params={"metadata": {"api_key": "x", "usage": 1}}).request is not None


def test_all_problems_of_a_line_are_found() -> None:
    read = line(method="PUT", path="x", params=3, colour=1)
    assert len(read.problems) == 4


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"nonsense", "not JSON: Expecting value (column 1)"),
        (b'{"id": "a",', "not JSON"),
        (b"[1]", "not a JSON object but a list"),
        (b'"x"', "not a JSON object but a text"),
        (b"null", "not a JSON object but null"),
        (b'{"id": "\xff"}', "not UTF-8 (byte 9"),
        (b'{"id": "a", "id": "b"}', 'the name "id" stands twice'),
        (b'{"params": {"amount": NaN}}', "NaN is no JSON number"),
        (b'{"id": "\\ud800"}', "surrogate"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"id": ' + b"1" * 5000 + b"}", "not JSON"),
    ],
)
def test_what_is_no_json_object_is_named(raw: bytes, words: str) -> None:
    [read] = lines(raw)
    assert read.request is None
    assert words in read.problems[0]


def test_surrogate_pairs_are_text() -> None:
    [read] = lines(json.dumps({**GOOD, "params": {"name": "\U0001f600"}}).encode())
    assert read.request is not None
    assert read.request.params == {"name": "\U0001f600"}


def test_blank_lines_count_but_hold_nothing() -> None:
    good = json.dumps(GOOD).encode()
    assert [read.number for read in lines(b"\xef\xbb\xbf" + good, b"", b"  \r", good)] == [1, 4]


def test_a_line_that_is_too_long_is_skipped_whole() -> None:
    good = json.dumps(GOOD).encode()
    read = lines(b"x" * (3 * LINE_LIMIT), good)
    assert "longer than" in read[0].problems[0]
    assert read[1].number == 2
    assert read[1].request is not None


def test_the_fingerprint_is_of_every_byte() -> None:
    content = b"\n".join([b"x" * (2 * LINE_LIMIT), b"", json.dumps(GOOD).encode(), b"torn"])
    reader = Reader(io.BytesIO(content))
    assert sum(1 for _ in reader) == 3
    assert reader.fingerprint == fingerprint(io.BytesIO(content))
    assert reader.fingerprint != fingerprint(io.BytesIO(content + b"\n"))


def test_a_problem_quotes_no_secret() -> None:
    raw = json.dumps({"id": "a", "method": "sk_live_abc123", "path": "jenny@example.com"})
    problems = " ".join(parse(1, raw.encode()).problems)
    assert "abc123" not in problems
    assert "jenny" not in problems
    assert '"method" is "sk_live_[redacted]"' in problems
