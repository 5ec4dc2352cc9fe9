"""What is behind an exception."""

from collections.abc import Iterator

_LONGEST = 20


def causes(error: BaseException) -> Iterator[BaseException]:
    """The exception itself, then what led to it, from the outermost to the root.

    A wrapper that was not raised `from` its cause often has it as its first argument.
    """
    seen: BaseException | None = error
    for _ in range(_LONGEST):  # a chain may be a ring
        if seen is None:
            return
        yield seen
        inner = seen.args[0] if seen.args else None
        seen = inner if isinstance(inner, BaseException) else seen.__cause__ or seen.__context__
