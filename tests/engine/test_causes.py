"""What is behind an exception, also when nobody said `from`."""

import itertools

from holdfast.engine.causes import causes


def raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def test_the_exception_itself_comes_first_and_the_root_last() -> None:
    root = OSError("root")
    middle = raised_from(ValueError("middle"), root)
    outer = raised_from(KeyError("outer"), middle)
    assert list(causes(outer)) == [outer, middle, root]


def test_an_exception_alone_has_no_more() -> None:
    alone = ValueError()
    assert list(causes(alone)) == [alone]


def test_the_context_counts_where_there_is_no_cause() -> None:
    inner, outer = OSError("inner"), ValueError("outer")
    outer.__context__ = inner
    assert list(causes(outer)) == [outer, inner]


def test_what_is_wrapped_as_the_first_argument_goes_before_the_cause() -> None:
    wrapped, cause = TimeoutError("wrapped"), OSError("cause")
    outer = raised_from(ValueError(wrapped, "more"), cause)
    assert list(causes(outer)) == [outer, wrapped]


def test_a_ring_of_causes_comes_to_an_end() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    ring = list(itertools.islice(causes(one), 1000))
    assert ring == [one, two] * 10
