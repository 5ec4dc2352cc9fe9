"""One exchange on a handle of libcurl, whoever waits for it.

libcurl sends a request again by itself when a kept-alive connection breaks before any byte of the
answer has come, POST or not (`Curl_retry_request` in its source). Such an attempt would be in no
receipt and in no budget. So the handle is told of each sending beforehand
(`CURLOPT_PREREQFUNCTION`) and forbids the second one; the same callback tells, to the byte, whether
a failure came before the request was sent or after.
"""

import select
import ssl
from urllib.parse import urlsplit

import pycurl

from holdfast.engine import Failure, Outcome, Phase, Response
from holdfast.transports.exchange import ACCEPT_ENCODING, Exchange, Network
from holdfast.transports.headers import Headers
from holdfast.transports.proxies import proxy_for

if not (hasattr(select, "poll") and hasattr(pycurl, "PREREQFUNCTION")):
    raise ImportError("this system has no poll(), or its libcurl is older than 7.80")

# What no repetition mends, as long as nothing was sent: certificates, and addresses that are none.
_FINAL = frozenset(
    {
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_ISSUER_ERROR,
        pycurl.E_UNSUPPORTED_PROTOCOL,
        pycurl.E_URL_MALFORMAT,
    }
)


_EMPTY = (b"\r\n", b"\n")


class CurlError(OSError):
    """What libcurl says of a failed exchange, with its own code (`CURLE_...`)."""


class CurlTimeout(CurlError, TimeoutError):
    """The attempt's time was up."""


class CurlReset(CurlError, ConnectionResetError):
    """The other side closed the connection instead of answering."""


_KINDS: dict[int, type[CurlError]] = {
    pycurl.E_OPERATION_TIMEDOUT: CurlTimeout,
    pycurl.E_GOT_NOTHING: CurlReset,
    pycurl.E_RECV_ERROR: CurlReset,
    pycurl.E_SEND_ERROR: CurlReset,
}


class Handle:
    """A handle of libcurl and what its callbacks gather. It serves one exchange after another.

    Args:
        network: how it gets to a server.
    """

    __slots__ = ("_body", "_head", "_network", "_place", "_sendings", "_shape", "_socket", "curl")

    def __init__(self, network: Network) -> None:
        self._network = network
        self._head: list[bytes] = []
        self._body: list[bytes] = []
        self._sendings = 0
        self._socket: int | None = None
        self._place = " "  # no address begins so
        self._shape = ("", False)
        self.curl = curl = pycurl.Curl()
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        # What the SDK's own clients speak; several requests on one connection fail together.
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.PATH_AS_IS, 1)
        curl.setopt(pycurl.ACCEPT_ENCODING, ACCEPT_ENCODING)
        # The environment's exceptions are looked up with the environment's proxy.
        curl.setopt(pycurl.NOPROXY, "")
        curl.setopt(pycurl.HEADERFUNCTION, self._head.append)
        curl.setopt(pycurl.WRITEFUNCTION, self._body.append)
        curl.setopt(pycurl.PREREQFUNCTION, self._about_to_send)
        curl.setopt(pycurl.SOCKOPTFUNCTION, self._opened)
        _set_authorities(curl, network)

    def prepare(self, exchange: Exchange, timeout: float) -> None:
        """Make the next exchange ready to be sent.

        Args:
            exchange: the request; its body is read whole, whatever `streaming` says.
            timeout: seconds for all of it, from connecting to the last byte of the answer.

        Raises:
            ValueError: a header or the address cannot be written down in HTTP.
        """
        curl = self.curl
        self._head.clear()
        self._body.clear()
        self._sendings = 0
        self._set_address(exchange.url)
        self._set_request(exchange.method, exchange.body)
        curl.setopt(pycurl.HTTPHEADER, _header_lines(exchange))
        # 0 would mean no bound at all.
        curl.setopt(pycurl.TIMEOUT_MS, max(1, int(timeout * 1000)))

    def outcome(self, code: int, message: str) -> Outcome:
        """What became of the exchange.

        Args:
            code: libcurl's code; 0 for a success.
            message: libcurl's words for it.

        Returns:
            The answer with `(body, status, headers)` as its value, or the failure.
        """
        head = self._read_head()
        if code == pycurl.E_OK and head is not None:
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            return Response.read(*head, body, (body, *head))
        if code == pycurl.E_OK:
            code, message = pycurl.E_GOT_NOTHING, "the answer broke off in its head"
        elif self._sendings > 1:
            code, message = pycurl.E_GOT_NOTHING, "the connection was closed before an answer came"
        error = _KINDS.get(code, CurlError)(f"{message} (libcurl {code})")
        if not self._sendings:
            return Failure(Phase.CONNECT, error, retryable=code not in _FINAL)
        if head is None:
            return Failure(Phase.SENT, error)
        return Failure(Phase.BODY, error, head=Response(*head))

    def is_alive(self) -> bool:
        """Whether the connection made last is still there, with nothing to be read.

        libcurl itself looks only if it has not done so within a second (curl pull request 22169).
        """
        if self._socket is None:
            return True
        ready = select.poll()
        ready.register(self._socket, select.POLLIN)
        # No such socket any more: libcurl has closed it and will not use it.
        return all(events == select.POLLNVAL for _, events in ready.poll(0))

    def close(self) -> None:
        """Give the handle back to libcurl."""
        self.curl.close()

    def _opened(self, socket: int, _purpose: int) -> int:
        self._socket = socket
        return pycurl.SOCKOPT_OK

    def _about_to_send(self, *_: object) -> int:
        self._sendings += 1
        if self._sendings > 1:
            return pycurl.PREREQFUNC_ABORT
        self._head.clear()  # of what a proxy may have answered so far
        return pycurl.PREREQFUNC_OK

    def _set_address(self, url: str) -> None:
        self.curl.setopt(pycurl.URL, url.encode("ascii"))
        if url.startswith(self._place):
            return
        # Looking through the environment takes longer than an attempt.
        parts = urlsplit(url)
        proxy = proxy_for(self._network.proxies, parts.scheme, parts.hostname or "")
        self.curl.setopt(pycurl.PROXY, proxy)
        self._place = f"{parts.scheme}://{parts.netloc}/"

    def _set_request(self, verb: str, body: str | bytes | None) -> None:
        if body is None and verb == "POST":
            body = b""
        shape = (verb, body is not None)
        if shape != self._shape:
            self._set_shape(*shape)
        if body is not None:
            text = body.encode() if isinstance(body, str) else body
            self.curl.setopt(pycurl.POSTFIELDS, text)

    def _set_shape(self, verb: str, has_body: bool) -> None:
        curl = self.curl
        curl.setopt(pycurl.HTTPGET, 1)  # takes back what the last one was
        curl.unsetopt(pycurl.CUSTOMREQUEST)
        if verb == "HEAD":
            curl.setopt(pycurl.NOBODY, 1)
        elif verb != ("POST" if has_body else "GET"):
            curl.setopt(pycurl.CUSTOMREQUEST, verb)
        self._shape = (verb, has_body)

    def _read_head(self) -> tuple[int, Headers] | None:
        """Status and headers of the answer; None if they have not come to their end."""
        lines = self._head
        if not lines:
            return None
        # Interim answers (100, 103) come before the real one, and trailers after its empty line.
        start = end = len(lines) - 1
        while start and not lines[start].startswith(b"HTTP/"):
            start -= 1
            if lines[start + 1] in _EMPTY:
                end = start + 1
        if lines[end] not in _EMPTY:
            return None
        return int(lines[start].split(None, 2)[1]), Headers(lines[start + 1 : end])


def _header_lines(exchange: Exchange) -> list[str] | list[bytes]:
    headers = exchange.headers
    # libcurl leaves a header out that has nothing after its colon, and sends it with a semicolon.
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in headers.items()]
    text = "".join(lines)
    if "\n" in text or "\r" in text or "\0" in text:
        raise ValueError("a header has a line break in it, or a null")
    # What libcurl would add: a guess at the type, and a pause before a long body.
    lines.append("Expect:")
    if "Content-Type" not in headers and "content-type" not in map(str.lower, headers):
        lines.append("Content-Type:")
    return lines if text.isascii() else [line.encode("latin-1") for line in lines]


def _set_authorities(curl: pycurl.Curl, network: Network) -> None:
    if not network.verify:
        curl.setopt(pycurl.SSL_VERIFYPEER, 0)
        curl.setopt(pycurl.SSL_VERIFYHOST, 0)
        return
    if network.ca_bundle is not None:
        curl.setopt(pycurl.CAINFO, network.ca_bundle)
        return
    # Where Python looks: a libcurl that comes with pycurl may know of no authorities at all.
    paths = ssl.get_default_verify_paths()
    if paths.cafile is not None:
        curl.setopt(pycurl.CAINFO, paths.cafile)
    if paths.capath is not None:
        curl.setopt(pycurl.CAPATH, paths.capath)
