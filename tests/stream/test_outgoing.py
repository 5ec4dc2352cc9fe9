"""Headers that observers add to an attempt."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from holdfast.stream.outgoing import Giver, add_giver, given_headers, headers_with_given


@contextmanager
def giving(giver: Giver) -> Iterator[None]:
    remove = add_giver(giver)
    try:
        yield
    finally:
        remove()
        remove()


def test_without_givers_the_headers_are_the_requests_own() -> None:
    headers = {"A": "1"}
    assert headers_with_given(headers) is headers
    assert given_headers() == {}


def test_what_is_given_takes_the_place_of_a_header_of_the_same_name() -> None:
    headers = {"A": "1", "TraceParent": "old"}
    with giving(lambda: {"traceparent": "new"}), giving(lambda: {"b": "2"}):
        assert headers_with_given(headers) == {"A": "1", "traceparent": "new", "b": "2"}
    assert headers == {"A": "1", "TraceParent": "old"}
    assert headers_with_given(headers) is headers


def test_a_giver_that_fails_is_logged_once_and_harms_no_attempt(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> dict[str, str]:
        raise KeyError("broken")

    with giving(fail), giving(lambda: {"b": "2"}), caplog.at_level(logging.ERROR):
        for _ in range(3):
            assert headers_with_given({"A": "1"}) == {"A": "1", "b": "2"}
    assert len(caplog.records) == 1
