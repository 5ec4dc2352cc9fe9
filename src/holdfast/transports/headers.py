"""The headers of an answer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar, overload

T = TypeVar("T")


class Headers(Mapping[str, str]):
    """Headers whose names are looked up without regard to case; doubles are joined by a comma.

    Args:
        lines: an answer's head, without its first line, as it came over the wire.
    """

    __slots__ = ("_values",)

    def __init__(self, lines: Sequence[bytes]) -> None:
        values: dict[str, tuple[str, str]] = {}
        for line in b"".join(lines).decode("latin-1").split("\n"):
            name, colon, value = line.partition(":")
            if not colon:
                continue
            value = value.strip()
            key = name.lower()
            if key in values:
                name, first = values[key]
                value = f"{first}, {value}"
            values[key] = (name, value)
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()][1]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, /, default: str | T) -> str | T: ...
    def get(self, name: str, /, default: object = None) -> object:
        """The header's value, or `default`."""
        found = self._values.get(name.lower())
        return default if found is None else found[1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._values.values())

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"
