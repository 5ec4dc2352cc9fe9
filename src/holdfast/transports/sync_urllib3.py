"""One attempt on a thread, through urllib3."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    LocationValueError,
    NewConnectionError,
    ProxyError,
    SSLError,
)

from holdfast.engine import Failure, Outcome, Phase, Response
from holdfast.transports.exchange import Exchange, Network, certificate_failed
from holdfast.transports.proxies import proxy_for

_NO_CONNECTION = (NewConnectionError, ConnectTimeoutError, ProxyError)
_NO_SUCH_PLACE = (LocationParseError, LocationValueError)
_CHUNK = 65_536


class Urllib3Transport:
    """Sends attempts through connection pools that all threads share.

    Args:
        network: how it gets to a server.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._begin()

    def _begin(self) -> None:
        self._mutex = threading.Lock()
        # By proxy URL; the empty one is the direct way.
        self._managers: dict[str, urllib3.PoolManager] = {}
        # By scheme, host and port: looking through the environment takes longer than an attempt.
        self._ways: dict[str, urllib3.ProxyManager | urllib3.HTTPConnectionPool] = {}
        self._process = os.getpid()

    def send(self, exchange: Exchange, timeout: float) -> Outcome:
        """Send one attempt.

        Args:
            exchange: the request.
            timeout: seconds for all of it, from connecting to the last byte of the answer (of a
                stream: to its headers).

        Returns:
            The answer with `(body, status, headers)` as its value, or the failure.
        """
        ends = time.monotonic() + timeout
        if self._process != os.getpid():
            self._begin()  # in a forked child the connections, and perhaps the mutex, are others'
        try:
            open_url, target = self._way(exchange.url)
            answer = open_url(
                exchange.method,
                target,
                body=exchange.body,
                headers=exchange.headers_to_send(),
                timeout=urllib3.Timeout(total=timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except HTTPError as error:
            return _failure_before_answer(error)
        if exchange.streaming and 200 <= answer.status < 300:
            value = (answer, answer.status, answer.headers)
            return Response.read(answer.status, answer.headers, None, value)
        try:
            body = _read(answer, ends)
        except HTTPError as error:
            answer.close()
            return Failure(Phase.BODY, error, head=Response(answer.status, answer.headers))
        except BaseException:
            answer.close()  # half read, so of no use to another attempt
            raise
        return Response.read(
            answer.status, answer.headers, body, (body, answer.status, answer.headers)
        )

    def close(self) -> None:
        """Close the idle connections. A later attempt opens new ones."""
        with self._mutex:
            managers = list(self._managers.values())
            self._managers.clear()
            self._ways.clear()
        for manager in managers:
            manager.clear()

    def _way(self, url: str) -> tuple[Callable[..., urllib3.BaseHTTPResponse], str]:
        """What opens a URL, and the form of the URL that it takes."""
        slash = url.find("/", url.find("://") + 3)
        place, target = (url[:slash], url[slash:]) if slash >= 0 else (url, "/")
        way = self._ways.get(place)
        if way is None:
            with self._mutex:
                way = self._ways[place] = self._find_way(place)
        # A proxy wants to be told the whole URL; straight to the pool takes a fifth less time.
        return (way.urlopen, url if isinstance(way, urllib3.ProxyManager) else target)

    def _find_way(self, place: str) -> urllib3.ProxyManager | urllib3.HTTPConnectionPool:
        parts = urlsplit(place)
        proxy = proxy_for(self._network.proxies, parts.scheme, parts.hostname or "")
        manager = self._managers.get(proxy)
        if manager is None:
            manager = self._managers[proxy] = self._make_manager(proxy)
        if isinstance(manager, urllib3.ProxyManager):
            return manager
        return manager.connection_from_url(place)

    def _make_manager(self, proxy: str) -> urllib3.PoolManager:
        tls: dict[str, Any] = {
            "cert_reqs": "CERT_REQUIRED" if self._network.verify else "CERT_NONE",
            "ca_certs": self._network.ca_bundle if self._network.verify else None,
            "maxsize": self._network.connections,
        }
        if not proxy:
            return urllib3.PoolManager(**tls)
        parts = urlsplit(proxy)
        headers = None
        if parts.username is not None:
            login = f"{parts.username}:{parts.password or ''}"
            headers = urllib3.make_headers(proxy_basic_auth=login)
        return urllib3.ProxyManager(proxy, proxy_headers=headers, **tls)


def _read(answer: urllib3.BaseHTTPResponse, ends: float) -> bytes:
    """Read the whole body, within the attempt's time even if it comes byte by byte."""
    chunks = []
    while chunk := answer.read1(_CHUNK, decode_content=True):
        chunks.append(chunk)
        if answer.length_remaining == 0:
            break
        if time.monotonic() >= ends:
            raise urllib3.exceptions.TimeoutError(
                "the answer's body took longer than the attempt may"
            )
    if not chunks and answer.status != 204 and not _says_its_length(answer):
        # http.client takes a head that broke off in its middle for a whole one with no body.
        raise urllib3.exceptions.ProtocolError("the answer broke off in its head")
    answer.release_conn()
    return b"".join(chunks)


def _says_its_length(answer: urllib3.BaseHTTPResponse) -> bool:
    return "content-length" in answer.headers or "transfer-encoding" in answer.headers


def _failure_before_answer(error: HTTPError) -> Failure:
    if isinstance(error, _NO_CONNECTION):
        return Failure(Phase.CONNECT, error, retryable=not certificate_failed(error))
    if isinstance(error, _NO_SUCH_PLACE):
        return Failure(Phase.CONNECT, error, retryable=False)
    if isinstance(error, SSLError) and certificate_failed(error):
        return Failure(Phase.CONNECT, error, retryable=False)
    return Failure(Phase.SENT, error)
