"""The bytes of a connection, read as requests, and answers written."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sandbox.http import (
    BODY_LIMIT,
    HEADER_LIMIT,
    Answer,
    BadRequest,
    Ending,
    HttpRequest,
    RequestReader,
    write,
)

TWO = (
    b"POST /v1/customers?expand[]=x HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n"
    b"X-Odd:  a:b \r\n\r\nemail=x"
    b"GET /v1/customers/cus_1 HTTP/1.1\r\nConnection: close\r\n\r\n"
)
FRAGMENTS = [
    b"GET / HTTP/1.1\r\n",
    b"POST /a?b HTTP/1.0\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"\r\n",
    b"3\r\n",
    b"0\r\n",
    b"abc",
]
CHUNKED = (
    b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\nA;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
    b"GET /b HTTP/1.0\r\n\r\n"
)


def read_all(data: bytes, cuts: list[int] | None = None) -> list[HttpRequest]:
    reader = RequestReader()
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    requests = []
    for begin, end in pairwise(places):
        reader.feed(data[begin:end])
        while (request := reader.next()) is not None:
            requests.append(request)
    assert len(reader) == 0
    return requests


@given(st.lists(st.integers(0, 500), max_size=20))
def test_requests_are_the_same_however_the_bytes_are_cut(cuts: list[int]) -> None:
    assert read_all(TWO, cuts) == [
        HttpRequest(
            "POST",
            "/v1/customers",
            "expand[]=x",
            {"host": "a", "content-length": "7", "x-odd": "a:b"},
            keep_alive=True,
            body=b"email=x",
        ),
        HttpRequest("GET", "/v1/customers/cus_1", "", {"connection": "close"}, keep_alive=False),
    ]


@given(st.lists(st.integers(0, 500), max_size=20))
def test_chunks_are_put_together_however_the_bytes_are_cut(cuts: list[int]) -> None:
    first, second = read_all(CHUNKED, cuts)
    assert first.body == b"abc0123456789"
    assert (second.path, second.keep_alive) == ("/b", False)


def test_http_1_0_stays_open_only_when_it_asks() -> None:
    asked = read_all(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
    assert asked[0].keep_alive


def test_empty_lines_before_a_request_are_skipped() -> None:
    assert read_all(b"\r\n\r\nGET /a HTTP/1.1\r\n\r\n")[0].path == "/a"


def test_a_target_may_name_the_host() -> None:
    assert read_all(b"GET http://api.test/v1/a?b=c HTTP/1.1\r\n\r\n")[0].path == "/v1/a"


def test_equal_headers_are_joined() -> None:
    assert read_all(b"GET / HTTP/1.1\r\nA: 1\r\na: 2\r\n\r\n")[0].headers == {"a": "1, 2"}


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET\r\n\r\n", 400),
        (b"G@T / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET no-path HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nName : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: x\ry\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: x\ny\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: \0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 5000, 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_LIMIT + 1), 413),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * HEADER_LIMIT, 431),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * HEADER_LIMIT + b"\r\n\r\n", 431),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
            b"A: " + b"x" * 4000 + b"\r\n" + (b"B: " + b"x" * 4000 + b"\r\n") * 8,
            431,
        ),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(data: bytes, status: int) -> None:
    reader = RequestReader()
    reader.feed(data)
    with pytest.raises(BadRequest) as caught:
        reader.next()
    assert caught.value.status == status


@given(st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=6), max_size=12))
def test_any_bytes_are_requests_or_refused(pieces: list[bytes]) -> None:
    assert all(request.path.startswith("/") for request in read_until_refused(pieces))


def read_until_refused(pieces: list[bytes]) -> list[HttpRequest]:
    reader = RequestReader()
    requests = []
    with suppress(BadRequest):
        for piece in pieces:
            reader.feed(piece)
            while (request := reader.next()) is not None:
                requests.append(request)
    return requests


def test_a_body_of_the_largest_size_is_read() -> None:
    body = b"x" * BODY_LIMIT
    request = read_all(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)[0]
    assert request.body == body


def test_a_client_that_asks_to_continue_is_told_once() -> None:
    reader = RequestReader()
    reader.feed(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n")
    assert reader.next() is None
    assert reader.asks_to_continue()
    assert not reader.asks_to_continue()
    reader.feed(b"x")
    request = reader.next()
    assert request is not None
    assert request.body == b"x"


def test_answers_are_written_whole_cut_or_without_body() -> None:
    answer = Answer(200, b"0123456789", {"Request-Id": "req_1"})
    head = (
        b"HTTP/1.1 200 OK\r\nDate: Fri, 15 Jan 2027 08:00:00 GMT\r\n"
        b"Content-Type: application/json\r\nContent-Length: 10\r\nRequest-Id: req_1\r\n"
    )

    def written(*, keep_alive: bool = True, head_only: bool = False) -> bytes:
        date = "Fri, 15 Jan 2027 08:00:00 GMT"
        return write(answer, date=date, keep_alive=keep_alive, head_only=head_only)

    assert written() == head + b"\r\n0123456789"
    assert written(keep_alive=False, head_only=True) == head + b"Connection: close\r\n\r\n"
    answer.ending = Ending.TRUNCATED
    assert written() == head + b"\r\n01234"
