"""What the blocks have in common that set something for all calls inside: a context variable."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from contextvars import ContextVar, Token

T = TypeVar("T")


def check_not_entered(entered: object) -> None:
    """Raise RuntimeError if a block is entered: it has one place to remember what was around it."""
    if entered is not None:
        raise RuntimeError("this block was entered already: make one for each `with`")


class Ambient(ABC, Generic[T]):
    """A `with` block that sets a context variable and puts it back.

    Args:
        variable: is None outside of all blocks.
    """

    __slots__ = ("_token", "_variable")

    def __init__(self, variable: "ContextVar[T | None]") -> None:
        self._variable = variable
        self._token: Token[T | None] | None = None

    @abstractmethod
    def _inside(self, outer: T | None) -> T:
        """The value inside the block, given the one around it."""

    def __enter__(self) -> Self:
        check_not_entered(self._token)
        self._token = self._variable.set(self._inside(self._variable.get()))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            self._variable.reset(self._token)
            self._token = None
