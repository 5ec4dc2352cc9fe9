"""The files of the page, as they are in the package."""

from functools import lru_cache
from importlib.resources import files

from holdfast.sandbox.http import Answer

ROOT = "/_sandbox/"
"""Where the page is."""

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_NAMES = (
    "index.html",
    "actions.js",
    "connection.js",
    "elements.js",
    "icon.svg",
    "locks.js",
    "main.js",
    "objects.js",
    "page.css",
    "requests.js",
)
_PATHS = {ROOT: "index.html"} | {f"{ROOT}page/{name}": name for name in _NAMES[1:]}
_HEADERS = {
    # What the sandbox stores is text to the page, never code: no inline script or style, no
    # string made into markup, no other site to load from or to send to.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def file_at(path: str) -> Answer | None:
    """The file that a path of the page names; None when it names none.

    Args:
        path: of the request.
    """
    if path == ROOT.rstrip("/"):
        return Answer(308, b"", {"Location": ROOT}, "text/plain")
    name = _PATHS.get(path)
    if name is None:
        return None
    return Answer(200, _content(name), dict(_HEADERS), _TYPES[name.rpartition(".")[2]])


@lru_cache(maxsize=len(_NAMES))
def _content(name: str) -> bytes:
    return files("holdfast.sandbox.page").joinpath("static", name).read_bytes()
