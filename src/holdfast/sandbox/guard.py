"""Who may use the administration: programs, and the sandbox's own page, but no other site's page.

A browser lets any page send requests to this machine. So a request to the administration must
name this machine as its host, which keeps out pages whose own name was made to lead here (DNS
rebinding). And what a browser sends to change something must come from the sandbox's own page, as
JSON. Programs, which send none of a browser's marks, need neither origin nor content type.
"""

import re
from collections.abc import Mapping

from holdfast.sandbox.http import HttpRequest

HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Go with every answer of the administration."""

_LOOPBACK = re.compile(
    r"(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE
)
_MARKS = ("origin", "sec-fetch-site", "referer")
_READS = {"GET", "HEAD", "OPTIONS"}


class Forbidden(Exception):
    """The request is answered with 403.

    Args:
        sentence: why, and what to do.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def check(request: HttpRequest, *, allow_remote: bool = False) -> None:
    """Check that a request to the administration is none that a foreign page has made.

    Args:
        request: the request.
        allow_remote: whether the sandbox serves other machines too, under any name.

    Raises:
        Forbidden: it may be.
    """
    headers = request.headers
    host = headers.get("host")  # only a program can leave it out
    if host is not None and not allow_remote and _LOOPBACK.fullmatch(host) is None:
        raise Forbidden(
            f"The host is {host[:80]!r}: the administration answers under 127.0.0.1, localhost "
            "and [::1] alone."
        )
    if request.method not in _READS and any(mark in headers for mark in _MARKS):
        _check_page(headers, host, sends_body=bool(request.body))


def _check_page(headers: Mapping[str, str], host: str | None, *, sends_body: bool) -> None:
    """Check what a browser sends to change something."""
    origin = headers.get("origin")
    site = headers.get("sec-fetch-site")
    if origin is None and site is None:
        raise Forbidden("A page must name its origin: use the sandbox's own, at /_sandbox/.")
    if origin is not None and (host is None or origin.lower() != f"http://{host.lower()}"):
        raise Forbidden(f"The page of {origin[:80]} is not the sandbox's own, at /_sandbox/.")
    if site not in {None, "same-origin"}:
        raise Forbidden("The page is not the sandbox's own, at /_sandbox/.")
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if sends_body and media_type != "application/json":
        raise Forbidden("A page must send JSON: set Content-Type to application/json.")
