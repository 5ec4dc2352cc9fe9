"""The live page of this process."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from holdfast.observe.board import Board

if TYPE_CHECKING:
    from holdfast.observe.page import Page, Source


class _ServePage(Protocol):
    def __call__(
        self,
        source: "Source",
        host: str,
        port: int,
        token: str | None,
        *,
        on_close: Callable[[], object] = ...,
    ) -> "Page": ...


_EXTRA = ("starlette", "uvicorn", "h11")


def serve(host: str = "127.0.0.1", port: int = 0, token: str | None = None) -> "Page":
    """Serve a live page of what this process sends, from now on.

    It runs on a thread of its own, beside whatever the process does: threads, a running event
    loop, a worker of a web server. A forked child has none. It ends with `close()`, or with the
    process.

    Args:
        host: the address to listen at; one that other machines reach needs a token.
        port: 0 takes a free one; the page's `url` tells it.
        token: what whoever looks has to give; at least 16 characters.

    Returns:
        The page, with its `url` and `close()`; also a context manager.

    Raises:
        ValueError: the token is no good, or is missing where it is needed; or `host` is none.
        OSError: the address cannot be listened at.
        ModuleNotFoundError: the extra `watch` is not installed.
    """
    serve_page = page_server("holdfast.observe.serve")
    with ExitStack() as stack:
        board = stack.enter_context(Board())
        page = serve_page(board, host, port, token, on_close=board.close)
        stack.pop_all()
    return page


def page_server(who: str) -> "_ServePage":
    """What serves a page, `holdfast.observe.page.serve_source`.

    Args:
        who: asks for it, as a person calls it.

    Raises:
        ModuleNotFoundError: the extra `watch` is not installed.
    """
    try:
        from holdfast.observe.page.serving import serve_source
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _EXTRA:
            raise
        raise ModuleNotFoundError(
            f"{who} needs the package {error.name!r}: pip install 'holdfast[watch]'",
            name=error.name,
        ) from error
    return serve_source
