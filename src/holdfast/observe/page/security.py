"""What every request must be like, and what every answer says to the browser."""

from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    # What comes from a server or a file is text to the page, never code: no inline script or
    # style, no string made into markup, no other site to load from or to send to.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_OWN_SITE = (None, "same-origin", "none")


def is_loopback(host: str) -> bool:
    """Whether a host, as a name or an address, is this machine and no other."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Guard:
    """Stands before the application: only GET, only for hosts that are meant, headers on all.

    Args:
        app: the application behind.
        loopback_only: refuse every `Host` that does not name this machine. A web page whose own
            name was pointed at the loopback address (DNS rebinding) is refused by it.
    """

    def __init__(self, app: ASGIApp, *, loopback_only: bool) -> None:
        self._app = app
        self._loopback_only = loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it through."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send_with_headers)

    def _refusal(self, method: str, headers: Headers) -> JSONResponse | None:
        if method != "GET":
            return _refused(405, "the page only answers GET", {"Allow": "GET"})
        if self._loopback_only and not is_loopback(_host_of(headers.get("host", ""))):
            return _refused(
                403,
                "this page is for this machine alone, and the request names another host: "
                "open it as localhost, or serve it with a token",
            )
        if headers.get("sec-fetch-site") not in _OWN_SITE and (
            headers.get("sec-fetch-mode") != "navigate"
        ):
            return _refused(403, "the page answers no other web page")
        return None


def _host_of(header: str) -> str:
    """The host of a header `Host`, without its port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


def _refused(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": sentence}, status, headers)
