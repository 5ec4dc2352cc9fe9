"""The live page of a run, served by the run itself while it lasts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from holdfast.batch.errors import UsageError


@contextmanager
def live_page(port: int | None, say: Callable[[str], object]) -> Iterator[None]:
    """Serve the live page of this process inside the block, on this machine only.

    Args:
        port: where; 0 takes a free one; None serves none.
        say: is told the page's address.

    Raises:
        UsageError: the extra `watch` is not installed, or the port cannot be had.
    """
    if port is None:
        yield
        return
    from holdfast.observe import serve

    try:
        page = serve(port=port)
    except ModuleNotFoundError as error:
        raise UsageError(f"--watch: {error}") from error
    except OSError as error:
        raise UsageError(
            f"--watch: nothing can be served at port {port}: {error.strerror}; give another one, "
            "or none for a free one"
        ) from error
    with page:
        say(f"watch it at {page.url}")
        yield
