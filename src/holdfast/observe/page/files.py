"""The files of the page, as they are in the package."""

from functools import lru_cache
from importlib.resources import files

from starlette.responses import Response

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
NAMES = frozenset(
    (
        "calls.js",
        "chart.js",
        "colours.css",
        "connection.js",
        "elements.js",
        "fewer.js",
        "figures.js",
        "icon.svg",
        "login.js",
        "main.js",
        "objects.js",
        "page.css",
        "runs.js",
        "theme.js",
        "unsure.js",
        "verdicts.js",
    )
)
"""What `page/NAME` may name."""


def file_answer(name: str, status: int = 200) -> Response:
    """A file of the page as an answer.

    Args:
        name: one of `NAMES`, or a page of HTML.
        status: of the answer.
    """
    return Response(_content(name), status, media_type=_TYPES[name.rpartition(".")[2]])


@lru_cache(maxsize=32)
def _content(name: str) -> bytes:
    return files("holdfast.observe.page").joinpath("static", name).read_bytes()
