"""What a transport is given to send, and what every transport judges alike."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from holdfast.engine.causes import causes
from holdfast.stream.outgoing import headers_with_given

# What goes over the wire compressed when the whole body is read; a stream is handed on as it is.
ACCEPT_ENCODING = "gzip, deflate"


@dataclass(frozen=True, slots=True)
class Network:
    """How a transport gets to a server.

    Attributes:
        ca_bundle: path of the certificate authorities' file; None takes the system's.
        verify: whether to check certificates.
        proxies: proxy URL by scheme (`http`, `https`). None goes by the environment
            (`HTTPS_PROXY`, `NO_PROXY`), as requests does.
        connections: how many idle connections to keep to one host.
    """

    ca_bundle: str | None = None
    verify: bool = True
    proxies: Mapping[str, str | None] | None = None
    connections: int = 100


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request, as every attempt of a call sends it, but for `outgoing`.

    Attributes:
        method: the HTTP method, in capitals.
        url: the absolute URL.
        headers: the request's headers.
        body: the encoded body, or None.
        streaming: hand the body of a success back unread.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: str | bytes | None
    streaming: bool = False

    def outgoing(self) -> Self:
        """The request with the headers that observers add to the attempt that begins now."""
        headers = headers_with_given(self.headers)
        return self if headers is self.headers else replace(self, headers=headers)

    def headers_to_send(self) -> Mapping[str, str]:
        """The headers, and the encodings that the transport takes apart."""
        if self.streaming:
            return self.headers
        return {"Accept-Encoding": ACCEPT_ENCODING, **self.headers}


def certificate_failed(error: BaseException) -> bool:
    """Whether a certificate that does not verify is at the root of an error."""
    return any(isinstance(cause, ssl.CertificateError) for cause in causes(error))
