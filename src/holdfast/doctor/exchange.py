"""One request to a server, with everything timed and no more than one answer read."""

import base64
import http.client
import importlib.util
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from holdfast._version import __version__

PATH = "/v1/balance"
_MOST_READ = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: the HTTP status.
        headers: the headers, by their names in lower case.
        connecting: how long connecting took, with TLS, in seconds.
        answering: how long the answer took after that, in seconds.
        sent_at: when the request was sent, in unix seconds of this machine.
        received_at: when the answer had come.
        tls: the version of TLS; "" without it.
        proxy: the host of the proxy that it went through; "" without one.
    """

    status: int
    headers: Mapping[str, str]
    connecting: float
    answering: float
    sent_at: float
    received_at: float
    tls: str
    proxy: str


def fetch(
    base: SplitResult,
    headers: Mapping[str, str],
    seconds: float,
    *,
    clock: Callable[[], float] = time.time,
    timer: Callable[[], float] = time.monotonic,
) -> Answer:
    """Send one GET and read its answer. Redirects are not followed.

    Args:
        base: the server's address.
        headers: headers of the request.
        seconds: how long it may take from connecting on; looking up the name is the system's.
        clock: wall clock, unix seconds.
        timer: monotonic clock, seconds.

    Raises:
        OSError: it did not work out; `ssl.SSLError` and `TimeoutError` are kinds of it.
        http.client.HTTPException: what came back is no HTTP.
    """
    began = timer()
    line = _Line(began + seconds, timer)
    proxy = _proxy_for(base)
    with line.ended():
        line.open(base, proxy)
        connected = timer()
        connection = http.client.HTTPConnection(base.hostname or "", timeout=line.left())
        connection.sock = line.socket
        path = f"{base.path.rstrip('/')}{PATH}"
        sent_at = clock()
        connection.request(
            "GET",
            path if proxy is None or base.scheme == "https" else f"http://{base.netloc}{path}",
            headers={
                "Host": base.netloc.rpartition("@")[2],
                "User-Agent": f"holdfast/{__version__} doctor",
                "Accept": "application/json",
                "Connection": "close",
                **headers,
                **(_credentials(proxy) if proxy is not None and base.scheme == "http" else {}),
            },
        )
        answer = connection.getresponse()
        received_at = clock()
        answered = timer()
        answer.read(_MOST_READ)
        return Answer(
            answer.status,
            {name.lower(): value for name, value in answer.getheaders()},
            connected - began,
            answered - connected,
            sent_at,
            received_at,
            line.tls,
            "" if proxy is None else proxy.hostname or "",
        )


class _Line:
    """A connection that is cut when its time is up, also while bytes are trickling in."""

    def __init__(self, ends: float, timer: Callable[[], float]) -> None:
        self._ends = ends
        self._timer = timer
        self._late = False
        self.socket: socket.socket | None = None
        self.tls = ""

    def left(self) -> float:
        """How much time is left, in seconds.

        Raises:
            TimeoutError: none.
        """
        left = self._ends - self._timer()
        if left <= 0:
            raise TimeoutError("the time is up")
        return left

    @contextmanager
    def ended(self) -> Iterator[None]:
        """Close the connection at the end, and when the time is up."""
        watch = threading.Timer(self.left(), self._cut)
        watch.daemon = True
        watch.start()
        try:
            yield
            # Headers that were cut off look like ones that came to an end.
            self.left()
        except (OSError, http.client.HTTPException) as error:
            if self._late:
                raise TimeoutError("the time is up") from error
            raise
        finally:
            watch.cancel()
            watch.join()
            if self.socket is not None:
                self.socket.close()

    def _cut(self) -> None:
        self._late = True
        if self.socket is not None:
            with suppress(OSError):  # it is closed already
                self.socket.shutdown(socket.SHUT_RDWR)

    def open(self, base: SplitResult, proxy: SplitResult | None) -> None:
        """Connect, through the proxy if there is one, and shake hands."""
        secure = base.scheme == "https"
        port = base.port or (443 if secure else 80)
        host = base.hostname or ""
        if proxy is None:
            self.socket = socket.create_connection((host, port), self.left())
        else:
            self._to_proxy(proxy, (host, port) if secure else None)
        if secure and self.socket is not None:
            wrapped = _trusting().wrap_socket(
                self.socket, server_hostname=host, do_handshake_on_connect=False
            )
            self.socket = wrapped
            wrapped.settimeout(self.left())
            wrapped.do_handshake()
            self.tls = wrapped.version() or ""

    def _to_proxy(self, proxy: SplitResult, target: tuple[str, int] | None) -> None:
        port = proxy.port or 80
        connection = http.client.HTTPConnection(proxy.hostname or "", port, timeout=self.left())
        if target is not None:
            connection.set_tunnel(*target, headers=_credentials(proxy))
        connection.connect()
        self.socket = connection.sock


def _trusting() -> ssl.SSLContext:
    """What the system trusts (and SSL_CERT_FILE), and the certificates that the SDK brings."""
    context = ssl.create_default_context()
    package = importlib.util.find_spec("stripe")
    for folder in (package.submodule_search_locations or ()) if package else ():
        bundle = Path(folder, "data", "ca-certificates.crt")
        if bundle.exists():
            context.load_verify_locations(bundle)
    return context


def _proxy_for(base: SplitResult) -> SplitResult | None:
    """The proxy that the environment names for a server."""
    if proxy_bypass(base.hostname or ""):
        return None
    proxies = getproxies()
    url = proxies.get(base.scheme) or proxies.get("all")
    if not url:
        return None
    return urlsplit(url if "://" in url else f"http://{url}")


def _credentials(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
