"""Who may look: whoever has the token, where one is asked for.

The token is given as a bearer header. A browser gives it once and gets a cookie for it, which is
made from the token and does not show it: a page that is open goes on after the server's restart.
"""

import hashlib
import hmac
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from http.cookies import CookieError, SimpleCookie

from starlette.requests import HTTPConnection

SHORTEST = 16
"""The fewest characters of a token."""
MOST_REFUSED = 10
"""Wrong tokens from one address in a window; then it has to wait for the next window."""
MOST_ADDRESSES = 1000
"""Addresses with wrong tokens in a window; further ones have to wait as well."""
WINDOW = 60.0
"""Seconds."""


class Admission(StrEnum):
    """What the door says of a request."""

    ADMITTED = "admitted"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    TOO_OFTEN = "too_often"


def checked_token(token: str) -> str:
    """The token, when it is one.

    Raises:
        ValueError: it is too short, or has characters that no header may have.
    """
    if len(token) < SHORTEST:
        raise ValueError(f"the token has {len(token)} characters: give at least {SHORTEST}")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("the token has spaces or characters beyond ASCII: give letters and digits")
    return token


class Door:
    """Lets in, or does not.

    Args:
        token: what is asked for; None lets everybody in.
        clock: seconds that only grow.
    """

    def __init__(self, token: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._token = None if token is None else checked_token(token).encode()
        self._pass = None if self._token is None else _pass_of(self._token)
        self._clock = clock
        self._refused: Counter[str] = Counter()
        self._window_ends = clock() + WINDOW

    @property
    def asks(self) -> bool:
        """Whether a token is asked for."""
        return self._token is not None

    def admission(self, request: HTTPConnection) -> Admission:
        """Whether a request may see what the page shows. A wrong token is counted."""
        if self._token is None:
            return Admission.ADMITTED
        given = _bearer(request), _cookie(request)
        if given == (None, None):
            return Admission.UNKNOWN
        address = "" if request.client is None else request.client.host
        if self._must_wait(address):
            return Admission.TOO_OFTEN
        if _equal(given[0], self._token) or _equal(given[1], self._pass):
            return Admission.ADMITTED
        self._refused[address] += 1
        return Admission.REFUSED

    def cookie(self, request: HTTPConnection) -> str | None:
        """The header `Set-Cookie` for whoever gave the token; None when none is asked for."""
        if self._pass is None:
            return None
        # Who ends TLS in front of the page says so; whoever lies about it hurts only himself.
        secure = "; Secure" if request.headers.get("x-forwarded-proto") == "https" else ""
        pair = f"{_cookie_name(request)}={self._pass.decode()}"
        return f"{pair}; Path=/; HttpOnly; SameSite=Strict{secure}"

    def _must_wait(self, address: str) -> bool:
        now = self._clock()
        if now >= self._window_ends:
            self._refused.clear()
            self._window_ends = now + WINDOW
        if address in self._refused:
            return self._refused[address] >= MOST_REFUSED
        return len(self._refused) >= MOST_ADDRESSES


def _pass_of(token: bytes) -> bytes:
    return hmac.new(token, b"holdfast watch", hashlib.sha256).hexdigest().encode()


def _equal(given: str | None, wanted: bytes | None) -> bool:
    return given is not None and wanted is not None and hmac.compare_digest(given.encode(), wanted)


def _bearer(request: HTTPConnection) -> str | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def _cookie(request: HTTPConnection) -> str | None:
    try:
        jar = SimpleCookie(request.headers.get("cookie", ""))
    except CookieError:
        return None
    found = jar.get(_cookie_name(request))
    return None if found is None else found.value


def _cookie_name(request: HTTPConnection) -> str:
    """A browser sends a host's cookies to all of its ports: each port has a name of its own."""
    port = request.headers.get("host", "").rpartition(":")[2]
    return f"holdfast-watch-{port}" if port.isascii() and port.isdigit() else "holdfast-watch"
