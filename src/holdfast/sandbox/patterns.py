"""Patterns of methods and paths: `POST /v1/customers/{customer}`, `GET /v1/*/search`, `* /v1/**`.

A name in braces and `*` stand for one segment, `**` at the end for any number of segments, also
none. Against a template a name in braces means a name in braces, whatever it is called there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

METHODS = ("GET", "POST", "DELETE")
ANY = "*"
_REST = "**"
_EXAMPLES = "POST /v1/customers/{customer} or GET /v1/*/search"


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A path with places for anything.

    Attributes:
        text: the pattern as it was written.
    """

    text: str
    _segments: tuple[str, ...]
    _open: bool

    @classmethod
    def read(cls, text: object) -> Self:
        """Read a pattern.

        Raises:
            ValueError: no path, or `**` elsewhere than at its end.
        """
        if not isinstance(text, str) or not text.startswith("/") or "?" in text:
            raise ValueError(
                f"path is {text!r}: give a path such as /v1/refunds or /v1/customers/*, "
                "without query"
            )
        segments = text.split("/")
        is_open = segments[-1] == _REST
        if is_open:
            segments.pop()
        if _REST in segments:
            raise ValueError(f"path is {text!r}: ** stands at the end of a path only")
        return cls(text, tuple(segments), is_open)

    def meets(self, path: str) -> bool:
        """Whether a request's path fits."""
        return self._fits(path, _same)

    def meets_template(self, template: str) -> bool:
        """Whether an operation's template fits: a name in braces fits names in braces only."""
        return self._fits(template, _same_in_template)

    def names(self, path: str) -> dict[str, str]:
        """What the names in braces stand for in a path that fits."""
        return {
            mine[1:-1]: theirs
            for mine, theirs in zip(self._segments, path.split("/"), strict=False)
            if _is_name(mine)
        }

    def _fits(self, path: str, same: Callable[[str, str], bool]) -> bool:
        segments = path.split("/")
        count = len(self._segments)
        if len(segments) < count or (len(segments) > count and not self._open):
            return False
        return all(map(same, self._segments, segments[:count]))


@dataclass(frozen=True, slots=True)
class EndpointPattern:
    """A method, or `*` for any, and a path pattern."""

    method: str
    path: PathPattern

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `METHOD /path`.

        Raises:
            ValueError: another form.
        """
        method, space, path = text.partition(" ")
        if not space or method not in {*METHODS, ANY}:
            raise ValueError(f"{text!r} is no endpoint: write METHOD and path, as in {_EXAMPLES}")
        return cls(method, PathPattern.read(path))

    def __str__(self) -> str:
        return f"{self.method} {self.path.text}"

    def meets_template(self, method: str, template: str) -> bool:
        """Whether an operation fits."""
        return self.method in {ANY, method} and self.path.meets_template(template)


def _is_name(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("}")


def _same(mine: str, theirs: str) -> bool:
    return mine in {theirs, ANY} or _is_name(mine)


def _same_in_template(mine: str, theirs: str) -> bool:
    return mine in {theirs, ANY} or (_is_name(mine) and _is_name(theirs))
